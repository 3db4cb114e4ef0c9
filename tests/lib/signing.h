/* SPDX-License-Identifier: MIT */
/* Everything that a signature is made with, and what came out at each stage. */
#ifndef TESTS_SIGNING_H
#define TESTS_SIGNING_H

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "aws/sigv4.h"
#include "lib/check.h"

/* A request as it was sent; slices into its text. */
struct sent {
    str method, path, body;
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    size_t header_count;
};

static inline void add_header(struct sent *s, str name, str value)
{
    assert_true(s->header_count < SIGV4_HEADERS_MAX);
    s->headers[s->header_count++] = (struct sigv4_header) { name, value };
}

static inline struct sigv4_request request_of(const struct sent *s, const struct amz_date *date)
{
    return (struct sigv4_request) { .method = s->method,
                                    .path = s->path,
                                    .headers = s->headers,
                                    .header_count = s->header_count,
                                    .body = s->body,
                                    .date = date };
}

/* From "2015-08-30T12:36:00Z" or "20150830T123600Z". */
static inline struct amz_date read_date(str text)
{
    char copy[32];
    struct buf b = BUF_ON(copy);
    buf_put(&b, text);
    struct tm tm = { 0 };
    const char *format = str_find(text, '-') < text.len ? "%Y-%m-%dT%H:%M:%SZ" : "%Y%m%dT%H%M%SZ";
    assert_non_null(strptime(buf_cstr(&b), format, &tm));
    struct amz_date d = { 0 };
    amz_date_set(&d, timegm(&tm));
    return d;
}

/* All that a signature is made with, and what came out at each stage. */
struct signing {
    const char *id, *secret, *region, *service;
    struct sigv4_request rq;
    char canonical[8192], to_sign[512], authorization[1024];
};

static inline void sign(struct signing *s)
{
    static const struct alloc libc;
    struct credentials *c;
    struct sigv4_key k;
    char memory[8192];
    struct buf scratch = BUF_ON(memory), out = BUF_ON(s->authorization);
    const struct credentials_text text = { .access_key_id = str_of(s->id),
                                           .secret_access_key = str_of(s->secret) };
    assert_int_equal(credentials_new(&c, &libc, &text, UINT64_MAX), 0);
    assert_int_equal(sigv4_key_init(&k, str_of(s->region), str_of(s->service)), 0);
    assert_int_equal(sigv4_sign(&out, &scratch, &k, c, &s->rq), 0);
    buf_cstr(&out);
    /* Scratch holds the two texts, one behind the other. */
    str names, scope = { k.scope, k.scope_len };
    struct buf canonical = BUF_ON(s->canonical), to_sign = BUF_ON(s->to_sign);
    assert_int_equal(sigv4_canonical_request(&canonical, &names, &s->rq), 0);
    str date = amz_date_str(s->rq.date);
    assert_int_equal(sigv4_string_to_sign(&to_sign, date, scope, buf_str(&canonical)), 0);
    assert_int_equal(scratch.len, canonical.len + to_sign.len);
    assert_memory_equal(memory, buf_cstr(&canonical), canonical.len);
    assert_memory_equal(memory + canonical.len, buf_cstr(&to_sign), to_sign.len);
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

static inline const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

#endif
