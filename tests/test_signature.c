/* SPDX-License-Identifier: MIT */
/* The verifier against requests that botocore signed, whole and with one thing changed. */
#include "sim/signature.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "lib/message.h"

#define ROWS TEST_DATA "/signatures.jsonl"

static const struct signature_credentials example = {
    STR_INIT("AKIDEXAMPLE"),
    STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    STR_INIT(""),
};

/* A poll as botocore signs it; the signature was made by botocore with a frozen clock. */
static const char known[] =
    "POST / HTTP/1.1\r\n"
    "Host: codepipeline.us-east-1.amazonaws.com\r\n"
    "Content-Type: application/x-amz-json-1.1\r\n"
    "X-Amz-Target: CodePipeline_20150709.PollForThirdPartyJobs\r\n"
    "X-Amz-Date: 20150830T123600Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 "
    "Credential=AKIDEXAMPLE/20150830/us-east-1/codepipeline/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
    "Signature=8f863b70221850cc2964abad282ae78d6d2bdeaa6733a6f1745b3171bd71330e\r\n"
    "User-Agent: somebody\r\n"
    "\r\n"
    "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"Acme\","
    "\"version\":\"1\"},\"maxBatchSize\":10}";

static const int64_t known_s = 1440938160; /* 2015-08-30 12:36:00 */

static void message_known(struct message *m)
{
    m->len = sizeof known - 1;
    memcpy(m->text, known, m->len);
    message_split(m);
}

static struct header *header_of(struct message *m, const char *name)
{
    for (size_t i = 0; i < m->rq.header_count; i++)
        if (str_eq_nocase(m->headers[i].name, str_of(name)))
            return &m->headers[i];
    fail_msg("no header %s", name);
    return NULL;
}

static void assert_refused(const struct message *m, int64_t unix_s, const char *code,
                           const char *text)
{
    struct refusal r = { 0 };
    assert_false(signature_verify(&r, &m->rq, &example, unix_s));
    assert_string_equal(r.code, code);
    assert_int_equal(r.status, 400);
    if (!strstr(r.message, text))
        fail_msg("'%s' is not in '%s'", text, r.message);
}

static bool accepted(const struct message *m)
{
    struct refusal r = { 0 };
    return signature_verify(&r, &m->rq, &example, known_s);
}

/* --- what is right ---------------------------------------------------------------------------- */

static str text_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    return (str) { json_string_value(value), json_string_length(value) };
}

static void verify_row(const json_t *row)
{
    struct header headers[HEADERS_MAX];
    struct request rq = {
        .method = STR("POST"), .target = STR("/"), .headers = headers, .body = text_of(row, "body")
    };
    struct signature_credentials credentials = { text_of(row, "access_key_id"),
                                                 text_of(row, "secret_access_key"),
                                                 text_of(row, "token") };
    struct message date = { .rq = { .headers = date.headers, .header_count = 1 } };
    struct refusal r = { 0 };
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(row, "headers"), i, pair)
    {
        const json_t *name = json_array_get(pair, 0), *value = json_array_get(pair, 1);
        headers[rq.header_count++] =
            (struct header) { { json_string_value(name), json_string_length(name) },
                              { json_string_value(value), json_string_length(value) } };
    }
    headers[rq.header_count++] = (struct header) { STR("X-Amz-Date"), text_of(row, "timestamp") };
    headers[rq.header_count++] =
        (struct header) { STR("Authorization"), text_of(row, "authorization") };
    if (credentials.session_token.len)
        headers[rq.header_count++] =
            (struct header) { STR("X-Amz-Security-Token"), credentials.session_token };
    date.headers[0] = (struct header) { STR("X-Amz-Date"), text_of(row, "timestamp") };
    if (!signature_verify(&r, &rq, &credentials, amz_date_of(&date)))
        fail_msg("vector %d: %s", (int)json_integer_value(json_object_get(row, "n")), r.message);
}

static void every_row_of_the_table_verifies(void **state)
{
    FILE *f = fopen(ROWS, "rb");
    unsigned count = 0;
    assert_non_null(f);
    for (json_t *row; (row = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)) != NULL; count++) {
        verify_row(row);
        json_decref(row);
    }
    fclose(f);
    assert_int_equal(count, 160);
}

static void parts_may_come_in_any_order_and_with_any_blanks(void **state)
{
    struct message m;
    message_known(&m);
    assert_true(accepted(&m));
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256   Signature="
            "8f863b70221850cc2964abad282ae78d6d2bdeaa6733a6f1745b3171bd71330e ,"
            "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"
            " Credential=AKIDEXAMPLE/20150830/us-east-1/codepipeline/aws4_request");
    assert_true(accepted(&m));
    header_of(&m, "content-type")->value = STR("  application/x-amz-json-1.1\t");
    assert_true(accepted(&m));
}

static void what_is_not_signed_may_change(void **state)
{
    struct message m;
    message_known(&m);
    header_of(&m, "user-agent")->value = STR("somebody else");
    assert_true(accepted(&m));
}

static void the_region_is_that_of_the_scope(void **state)
{
    struct message m;
    message_known(&m);
    assert_str_equal(proof_region(&m.rq), "us-east-1");
    header_of(&m, "authorization")->value = STR("Basic Zm9v");
    assert_str_equal(proof_region(&m.rq), "");
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static void any_changed_byte_of_the_body_is_refused(void **state)
{
    struct message m;
    for (size_t i = 0; i < 108; i++) {
        message_known(&m);
        m.text[m.len - 108 + i] ^= 1;
        assert_refused(&m, known_s, "InvalidSignatureException",
                       "The request signature we calculated does not match");
    }
    message_known(&m);
    m.rq.body.len--;
    assert_false(accepted(&m));
}

static void any_changed_byte_of_a_signed_header_is_refused(void **state)
{
    static const char *const names[] = { "host", "content-type", "x-amz-target", "x-amz-date",
                                         "authorization" };
    struct message m;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        message_known(&m);
        size_t len = header_of(&m, names[n])->value.len;
        for (size_t i = 0; i < len; i++) {
            message_known(&m);
            char *byte = &m.text[header_of(&m, names[n])->value.ptr - m.text + (ptrdiff_t)i];
            bool blank = *byte == ' ';
            *byte ^= 2;
            if (!blank && accepted(&m))
                fail_msg("%s, byte %zu", names[n], i);
        }
    }
}

static void a_changed_method_path_or_query_is_refused(void **state)
{
    static const char *const targets[] = { "/a", "/%2f", "/?", "/?a=b", "/a/.." };
    struct message m;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        message_known(&m);
        m.rq.target = str_of(targets[i]);
        /* An empty query is no query, and paths are normalised. */
        assert_int_equal(accepted(&m), i == 2 || i == 4);
    }
    message_known(&m);
    m.rq.method = STR("PUT");
    assert_false(accepted(&m));
}

/* botocore's canonical request and signature, with a frozen clock. */
static const char in_query[] =
    "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-"
    "east-1%2Fcodepipeline%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=9"
    "00&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-target&X-Amz-Signature=7916aa"
    "b7b1b677352166f2a481c26602ad683a23ad1bd1072a37ce8c0988a522";
static const char in_query_with_token[] =
    "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-"
    "east-1%2Fcodepipeline%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=6"
    "0&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-target&X-Amz-Security-Token=a%"
    "2Bb%2Fc%3D%3D&X-Amz-Signature=5aa3b4b55fa3211fa2c68f37462fad50e9223d019e33d7d515"
    "2a854f9e8645d3";

static void message_with_query(struct message *m, const char *target)
{
    message_known(m);
    m->rq.target = str_of(target);
    header_of(m, "authorization")->name = STR("X-Other");
    header_of(m, "x-amz-date")->name = STR("X-Other-Date");
}

static void a_signature_may_stand_in_the_query_string(void **state)
{
    struct message m;
    struct refusal r;
    struct signature_credentials with_token = example;
    with_token.session_token = STR("a+b/c==");
    message_with_query(&m, in_query);
    assert_true(accepted(&m));
    assert_str_equal(proof_region(&m.rq), "us-east-1");
    assert_true(signature_verify(&r, &m.rq, &example, known_s + 900));
    assert_refused(&m, known_s + 901, "InvalidSignatureException",
                   "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                   "(20150830T125101Z - 15 min.)");
    message_with_query(&m, in_query_with_token);
    assert_true(signature_verify(&r, &m.rq, &with_token, known_s));
    assert_refused(&m, known_s, "UnrecognizedClientException", "");
    m.rq.target.len--;
    assert_false(signature_verify(&r, &m.rq, &with_token, known_s));
    message_with_query(&m, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20150830T123600Z");
    assert_refused(&m, known_s, "IncompleteSignatureException", "must include 'X-Amz-Credential'");
}

static void a_signature_in_both_places_is_refused(void **state)
{
    struct message m;
    message_known(&m);
    m.rq.target = str_of(in_query);
    assert_refused(&m, known_s, "InvalidSignatureException", "Found both");
}

static void the_date_may_stand_in_the_date_header(void **state)
{
    struct message m;
    message_known(&m);
    header_of(&m, "x-amz-date")->name = STR("Date");
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/codepipeline/aws4_request,"
            "SignedHeaders=content-type;date;host;x-amz-target,"
            "Signature=12826902a6166ee29ab22ff0cc2ba55b899e22a5c5fa0a849cfecdbbb5a044e8");
    assert_true(accepted(&m));
    header_of(&m, "date")->value = STR("Sun, 30 Aug 2015 12:36:00 GMT");
    assert_refused(&m, known_s, "InvalidSignatureException", "Date in Credential scope");
}

static void a_day_that_no_calendar_has_is_refused(void **state)
{
    struct message m;
    message_known(&m);
    header_of(&m, "x-amz-date")->value = STR("20150230T123600Z");
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150230/us-east-1/codepipeline/aws4_request,"
            "SignedHeaders=content-type;host;x-amz-date;x-amz-target,Signature=00");
    assert_refused(&m, known_s, "IncompleteSignatureException", "'20150230T123600Z'");
    header_of(&m, "x-amz-date")->value = STR("20150230T246060Z");
    assert_refused(&m, known_s, "IncompleteSignatureException", "'20150230T246060Z'");
}

static void a_doubled_or_missing_signed_header_is_refused(void **state)
{
    struct message m;
    message_known(&m);
    m.headers[m.rq.header_count++] = *header_of(&m, "x-amz-target");
    assert_false(accepted(&m));
    message_known(&m);
    header_of(&m, "x-amz-target")->name = STR("x-amz-targets");
    assert_false(accepted(&m));
}

static void another_secret_key_is_refused(void **state)
{
    struct message m;
    struct refusal r;
    char secret[40];
    message_known(&m);
    for (size_t i = 0; i < sizeof secret; i++) {
        memcpy(secret, example.secret_access_key.ptr, sizeof secret);
        secret[i] ^= 1;
        struct signature_credentials credentials = example;
        credentials.secret_access_key = (str) { secret, sizeof secret };
        assert_false(signature_verify(&r, &m.rq, &credentials, known_s));
        assert_string_equal(r.code, "InvalidSignatureException");
    }
}

static void an_unknown_key_or_a_wrong_token_is_not_recognised(void **state)
{
    struct message m;
    struct refusal r;
    struct signature_credentials credentials = example;
    const char *text = "The security token included in the request is invalid.";
    message_known(&m);
    credentials.access_key_id = STR("AKIDOTHER");
    assert_false(signature_verify(&r, &m.rq, &credentials, known_s));
    assert_string_equal(r.code, "UnrecognizedClientException");
    assert_string_equal(r.message, text);
    credentials = example;
    credentials.session_token = STR("token");
    assert_false(signature_verify(&r, &m.rq, &credentials, known_s));
    assert_string_equal(r.message, text);
    m.headers[m.rq.header_count++] = (struct header) { STR("X-Amz-Security-Token"), STR("token") };
    assert_true(signature_verify(&r, &m.rq, &credentials, known_s));
    assert_refused(&m, known_s, "UnrecognizedClientException", text);
}

static void a_wrong_content_hash_is_refused(void **state)
{
    struct message m;
    message_known(&m);
    m.headers[m.rq.header_count++] =
        (struct header) { STR("X-Amz-Content-Sha256"),
                          STR("e9c8c1336180f83f5a651ff984b03845c9de9b807d7fbca06a21d7447ff25d3b") };
    assert_true(accepted(&m));
    header_of(&m, "x-amz-content-sha256")->value = STR("UNSIGNED-PAYLOAD");
    assert_false(accepted(&m));
}

static void a_date_five_minutes_off_is_told_with_both_limits(void **state)
{
    struct message m;
    message_known(&m);
    assert_refused(&m, known_s + 301, "InvalidSignatureException",
                   "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
                   "(20150830T124101Z - 5 min.)");
    assert_refused(&m, known_s - 301, "InvalidSignatureException",
                   "Signature not yet current: 20150830T123600Z is still later than "
                   "20150830T123559Z (20150830T123059Z + 5 min.)");
    struct refusal r;
    assert_true(signature_verify(&r, &m.rq, &example, known_s + 300));
    assert_true(signature_verify(&r, &m.rq, &example, known_s - 300));
}

static void an_incomplete_header_is_told_what_it_lacks(void **state)
{
    struct message m;
    message_known(&m);
    header_of(&m, "authorization")->value = STR("");
    assert_refused(&m, known_s, "MissingAuthenticationTokenException",
                   "Missing Authentication Token");
    header_of(&m, "authorization")->value = STR("Basic Zm9v");
    assert_refused(&m, known_s, "IncompleteSignatureException", "'Basic'");
    header_of(&m, "authorization")->value = STR("AWS4-HMAC-SHA256 Credential=a/b/c/d/e");
    assert_refused(&m, known_s, "IncompleteSignatureException",
                   "requires 'Signature' parameter. Authorization header requires 'SignedHeaders'");
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1");
    assert_refused(&m, known_s, "IncompleteSignatureException", "got 'a/b/c'");
}

static void a_scope_that_is_not_ours_is_told_what_it_should_be(void **state)
{
    static const struct {
        const char *scope, *text;
    } cases[] = {
        { "20150830/us-east-1/s3/aws4_request",
          "Credential should be scoped to correct service: 'codepipeline'." },
        { "20150830/us-east-1/codepipeline/aws5_request", "valid terminator: 'aws4_request'" },
        { "20150830/US East/codepipeline/aws4_request", "valid region" },
        { "20150831/us-east-1/codepipeline/aws4_request", "'20150831' != '20150830'" },
    };
    struct message m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct buf b = BUF_ON(text);
        buf_printf(&b,
                   "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%s, "
                   "SignedHeaders=host;x-amz-date, Signature=1",
                   cases[i].scope);
        message_known(&m);
        header_of(&m, "authorization")->value = buf_str(&b);
        assert_refused(&m, known_s, "InvalidSignatureException", cases[i].text);
    }
}

static void host_and_date_must_be_signed(void **state)
{
    struct message m;
    message_known(&m);
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/codepipeline/aws4_request,"
            "SignedHeaders=content-type;x-amz-date, Signature=1");
    assert_refused(&m, known_s, "InvalidSignatureException", "'Host' must be");
    header_of(&m, "authorization")->value =
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/codepipeline/aws4_request,"
            "SignedHeaders=content-type;host, Signature=1");
    assert_refused(&m, known_s, "InvalidSignatureException", "'X-Amz-Date' must be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_verifies),
        cmocka_unit_test(parts_may_come_in_any_order_and_with_any_blanks),
        cmocka_unit_test(what_is_not_signed_may_change),
        cmocka_unit_test(the_region_is_that_of_the_scope),
        cmocka_unit_test(any_changed_byte_of_the_body_is_refused),
        cmocka_unit_test(any_changed_byte_of_a_signed_header_is_refused),
        cmocka_unit_test(a_changed_method_path_or_query_is_refused),
        cmocka_unit_test(a_signature_may_stand_in_the_query_string),
        cmocka_unit_test(a_signature_in_both_places_is_refused),
        cmocka_unit_test(the_date_may_stand_in_the_date_header),
        cmocka_unit_test(a_day_that_no_calendar_has_is_refused),
        cmocka_unit_test(a_doubled_or_missing_signed_header_is_refused),
        cmocka_unit_test(another_secret_key_is_refused),
        cmocka_unit_test(an_unknown_key_or_a_wrong_token_is_not_recognised),
        cmocka_unit_test(a_wrong_content_hash_is_refused),
        cmocka_unit_test(a_date_five_minutes_off_is_told_with_both_limits),
        cmocka_unit_test(an_incomplete_header_is_told_what_it_lacks),
        cmocka_unit_test(a_scope_that_is_not_ours_is_told_what_it_should_be),
        cmocka_unit_test(host_and_date_must_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
