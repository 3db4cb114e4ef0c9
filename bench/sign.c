/* SPDX-License-Identifier: MIT */
/* bench_sign: what signing one poll costs, beside the three hashes that no signer can do without:
 * of the body, of the canonical request, and the keyed one of the string to sign. */
#include "aws/operation.h"
#include "aws/sigv4.h"
#include "gauge.h"

enum { TOKEN_LEN = 800 }; /* such as STS gives for an assumed role */

struct signing {
    struct sigv4_key key;
    struct credentials *credentials;
    struct amz_date date;
    struct sigv4_header headers[5];
    struct sigv4_request request;
    char token[TOKEN_LEN], body[256], authorization[512], scratch_text[4096];
    struct buf out, scratch;
    str canonical, to_sign; /* what the signer hashed */
};

static void sign(struct signing *s)
{
    buf_reset(&s->out);
    gauge_require(!sigv4_sign(&s->out, &s->scratch, &s->key, s->credentials, &s->request), "sign");
}

static void run_sign(void *ctx, size_t times)
{
    while (times--)
        sign(ctx);
}

/* The first poll of a day, or after the credentials changed. */
static void run_sign_anew(void *ctx, size_t times)
{
    struct signing *s = ctx;
    while (times--) {
        s->key.credentials = credentials_unref(s->key.credentials);
        sign(s);
    }
}

static void run_hashes(void *ctx, size_t times)
{
    struct signing *s = ctx;
    struct sha256 sum;
    while (times--) {
        sha256(&sum, s->request.body);
        sha256(&sum, s->canonical);
        hmac_key_sign(&s->key.hmac, &sum, s->to_sign);
    }
}

static void set_body(struct signing *s)
{
    struct buf body = BUF_ON(s->body);
    const struct pipepoll_action_type action_type = {
        STR_INIT("Build"),
        STR_INIT("ThirdParty"),
        STR_INIT("Bench000001"),
        STR_INIT("1"),
    };
    const struct poll_input input = { .action_type = &action_type };
    operation_poll_for_third_party_jobs.encode(&body, &input);
    s->request.body = buf_str(&body);
}

static void set_request(struct signing *s)
{
    const struct sigv4_header headers[] = {
        { STR("Content-Type"), operation_content_type },
        { STR("Host"), STR("codepipeline.us-east-1.amazonaws.com") },
        { STR("X-Amz-Date"), amz_date_str(&s->date) },
        { STR("X-Amz-Target"), operation_poll_for_third_party_jobs.target },
        { STR("X-Amz-Security-Token"), s->credentials->session_token },
    };
    memcpy(s->headers, headers, sizeof headers);
    amz_date_set(&s->date, 1440938160);
    s->request = (struct sigv4_request) {
        .method = STR("POST"),
        .path = STR("/"),
        .headers = s->headers,
        .header_count = s->credentials->session_token.len ? 5 : 4,
        .date = &s->date,
    };
    set_body(s);
}

static void signing_init(struct signing *s, size_t token_len)
{
    const struct alloc alloc = { NULL, NULL };
    memset(s->token, 'T', sizeof s->token);
    s->out = BUF_ON(s->authorization);
    s->scratch = BUF_ON(s->scratch_text);
    const struct credentials_text credentials = {
        .access_key_id = STR("AKIDEXAMPLE"),
        .secret_access_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        .session_token = { s->token, token_len },
    };
    gauge_require(!credentials_new(&s->credentials, &alloc, &credentials, UINT64_MAX),
                  "credentials");
    gauge_require(!sigv4_key_init(&s->key, STR("us-east-1"), STR("codepipeline")), "key");
    set_request(s);
    sign(s);

    /* The scratch now holds both texts, the string to sign last, from the algorithm's name on. */
    str both = buf_str(&s->scratch);
    const char *second = memmem(both.ptr, both.len, "AWS4-HMAC-SHA256", 16);
    gauge_require(second, "the string to sign is in the scratch");
    s->canonical = (str) { both.ptr, (size_t)(second - both.ptr) };
    s->to_sign = str_skip(both, s->canonical.len);
}

static void signing_deinit(struct signing *s)
{
    sigv4_key_deinit(&s->key);
    credentials_unref(s->credentials);
}

int main(int argc, char **argv)
{
    struct signing plain = { 0 }, token = { 0 };
    signing_init(&plain, 0);
    signing_init(&token, TOKEN_LEN);
    struct gauge_case cases[] = {
        { .name = "three hashes", .run = run_hashes, .ctx = &plain },
        { .name = "sign", .run = run_sign, .ctx = &plain, .against = &cases[0] },
        { .name = "three hashes with token", .run = run_hashes, .ctx = &token },
        { .name = "sign with token", .run = run_sign, .ctx = &token, .against = &cases[2] },
        { .name = "sign with a new key",
          .run = run_sign_anew,
          .ctx = &plain,
          .against = &cases[0] },
    };
    int r = gauge_main(argc, argv, "signing", "request", cases, sizeof cases / sizeof *cases);
    signing_deinit(&plain);
    signing_deinit(&token);
    return r;
}
