/* SPDX-License-Identifier: MIT */
/* A poll to sign, with the key pair of AWS's examples: what the tests of the principal share. */
#ifndef TESTS_SIGNED_POLL_H
#define TESTS_SIGNED_POLL_H

#include "aws/sigv4.h"
#include "lib/check.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define BODY                                                                                       \
    "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"Acme\","    \
    "\"version\":\"1\"},\"maxBatchSize\":10}"

enum { AT_2015 = 1440938160 }; /* 2015-08-30T12:36:00Z */

static inline struct credentials *credentials(const char *secret)
{
    static const struct alloc libc;
    struct credentials *c = NULL;
    const struct credentials_text text = { .access_key_id = STR("AKIDEXAMPLE"),
                                           .secret_access_key = str_of(secret) };
    assert_int_equal(credentials_new(&c, &libc, &text, UINT64_MAX), 0);
    return c;
}

/* A poll as the program sends it: five headers at most, in memory of its own. */
struct poll {
    struct amz_date date;
    struct sigv4_header headers[5];
    struct sigv4_request rq;
};

static inline void poll_init(struct poll *p, int64_t unix_s, str host)
{
    *p = (struct poll) { 0 };
    amz_date_set(&p->date, unix_s);
    p->headers[0] =
        (struct sigv4_header) { STR("Content-Type"), STR("application/x-amz-json-1.1") };
    p->headers[1] = (struct sigv4_header) { STR("Host"), host };
    p->headers[2] = (struct sigv4_header) { STR("X-Amz-Date"), amz_date_str(&p->date) };
    p->headers[3] = (struct sigv4_header) { STR("X-Amz-Target"),
                                            STR("CodePipeline_20150709.PollForThirdPartyJobs") };
    p->rq = (struct sigv4_request) { .method = STR("POST"),
                                     .path = STR("/"),
                                     .headers = p->headers,
                                     .header_count = 4,
                                     .body = STR(BODY),
                                     .date = &p->date };
}

static inline void poll_init_us(struct poll *p, int64_t unix_s)
{
    poll_init(p, unix_s, STR("codepipeline.us-east-1.amazonaws.com"));
}

/* The Authorization value of p, NUL-terminated in text. */
static inline int sign(char text[1024], struct sigv4_key *k, struct credentials *c,
                       const struct poll *p)
{
    char memory[8192];
    struct buf out = { .at = text, .cap = 1024 }, scratch = BUF_ON(memory);
    int r = sigv4_sign(&out, &scratch, k, c, &p->rq);
    buf_cstr(&out);
    return r;
}

static inline void sign_afresh(char text[1024], const char *secret, const struct poll *p)
{
    struct sigv4_key k;
    struct credentials *c = credentials(secret);
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    assert_int_equal(sign(text, &k, c, p), 0);
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

#endif
