/* SPDX-License-Identifier: MIT */
/* A signed request, read from the text that was sent. */
#ifndef TESTS_MESSAGE_H
#define TESTS_MESSAGE_H

#include <stdio.h>
#include <time.h>

#include "lib/check.h"
#include "sim/proof.h"
#include "sim/signature.h"

enum { HEADERS_MAX = 32, TEXT_MAX = 8192 };

/* A request with the text it was read from. */
struct message {
    char text[TEXT_MAX];
    size_t len;
    struct header headers[HEADERS_MAX];
    struct request rq;
};

/* Split what is in m->text; good enough for requests that were once accepted. */
static inline void message_split(struct message *m)
{
    str rest = { m->text, m->len }, line = http_message_cut(&rest, '\n');
    m->rq = (struct request) { .method = http_message_cut(&line, ' '), .headers = m->headers };
    m->rq.target = http_message_cut(&line, ' ');
    while (rest.len && *rest.ptr != '\r') {
        line = http_message_cut(&rest, '\n');
        assert_true(m->rq.header_count < HEADERS_MAX);
        str name = http_message_cut(&line, ':');
        m->headers[m->rq.header_count++] = (struct header) { name, str_trim(line) };
    }
    m->rq.body = str_skip(rest, 2);
}

static inline int64_t amz_date_of(const struct message *m)
{
    struct tm tm = { 0 };
    char text[32] = { 0 };
    str date = http_message_header(&m->rq, STR("x-amz-date"));
    memcpy(text, date.ptr, date.len < 31 ? date.len : 31);
    assert_non_null(strptime(text, "%Y%m%dT%H%M%SZ", &tm));
    return timegm(&tm);
}

#endif
