/* SPDX-License-Identifier: MIT */
/* aws/operation_job: details and acknowledgement of one job: rules, bodies and secrets. */
#include "aws/operation.h"

#include "lib/check.h"

#define UUID "0123abcd-4567-89ef-0123-456789abcdef"

/* --- GetThirdPartyJobDetails, GetJobDetails --- */

static const struct operation *const details = &operation_get_third_party_job_details;

static void assert_job_encoded(str job_id, str client_token, const char *body)
{
    const struct job_input job = { job_id, client_token };
    char text[256];
    struct buf out = BUF_ON(text);
    assert_int_equal(details->check(&job, NULL), 0);
    details->encode(&out, &job);
    assert_string_equal(buf_cstr(&out), body);
}

static void the_input_of_job_details_may_hold_anything(void **state)
{
    assert_job_encoded(STR("aaaaaaaa"), STR("tok+/=1"),
                       "{\"jobId\":\"aaaaaaaa\",\"clientToken\":\"tok+/=1\"}");
    assert_job_encoded(STR("\"},\\"), STR("\n\0\xc3\xa9"),
                       "{\"jobId\":\"\\\"},\\\\\",\"clientToken\":\"\\u000a\\u0000\xc3\xa9\"}");
}

static void assert_job_refused(str job_id, str client_token, const char *sentence)
{
    const struct job_input job = { job_id, client_token };
    struct pipepoll_error why;
    assert_int_equal(details->check(&job, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, sentence);
}

static void the_limits_of_job_details_count_characters_and_quote_nothing(void **state)
{
    char id[2 * 513], token[257];
    for (size_t i = 0; i < sizeof id; i += 2)
        memcpy(id + i, "\xc3\xa9", 2);
    memset(token, 't', sizeof token);
    const struct job_input longest = { { id, 2 * 512 }, { token, 256 } };
    assert_int_equal(details->check(&longest, NULL), 0);
    assert_job_refused((str) { id, 2 * 513 }, STR("t"), "jobId has 513 characters, not 1 to 512");
    assert_job_refused(STR(""), STR("t"), "jobId has 0 characters, not 1 to 512");
    assert_job_refused(STR("j"), STR(""), "clientToken has 0 characters, not 1 to 256");
    assert_job_refused(STR("j"), (str) { token, 257 },
                       "clientToken has 257 characters, not 1 to 256");
    assert_job_refused(STR("j"),
                       STR("se\xff"
                           "cret"),
                       "clientToken is not UTF-8");
}

static void its_secret_is_the_client_token(void **state)
{
    const struct job_input job = { STR("j"), STR("token") };
    assert_true(details->has_secrets);
    assert_str_equal(details->secret(&job, 0), "token");
    assert_int_equal(details->secret(&job, 1).len, 0);
}

static void the_details_of_a_custom_job_are_asked_for_by_its_uuid_alone(void **state)
{
    const struct job_input job = { STR(UUID), STR("") }, with_token = { STR(UUID), STR("t") };
    const struct job_input bad = { STR("j"), STR("") };
    const struct operation *o = &operation_get_job_details;
    char text[256];
    struct buf out = BUF_ON(text);
    assert_int_equal(o->check(&job, NULL), 0);
    assert_int_equal(o->check(&with_token, NULL), PIPEPOLL_EINVAL);
    assert_int_equal(o->check(&bad, NULL), PIPEPOLL_EINVAL);
    o->encode(&out, &job);
    assert_string_equal(buf_cstr(&out), "{\"jobId\":\"" UUID "\"}");
    assert_true(o->has_secrets); /* of the answer */
    assert_int_equal(o->secret(&job, 0).len, 0);
}

/* --- AcknowledgeThirdPartyJob, AcknowledgeJob --- */

static const struct operation *const third_party = &operation_acknowledge_third_party_job;
static const struct operation *const custom = &operation_acknowledge_job;

static void assert_acknowledge(const struct operation *o, const struct acknowledge_input *a,
                               const char *body)
{
    char text[256];
    struct buf out = BUF_ON(text);
    assert_int_equal(o->check(a, NULL), 0);
    o->encode(&out, a);
    assert_string_equal(buf_cstr(&out), body);
}

static void an_acknowledgement_is_encoded_in_the_order_of_the_model(void **state)
{
    assert_acknowledge(third_party,
                       &(struct acknowledge_input) { STR("a b"), STR("tok+/=1"), STR("3\"") },
                       "{\"jobId\":\"a b\",\"nonce\":\"3\\\"\",\"clientToken\":\"tok+/=1\"}");
    assert_acknowledge(custom, &(struct acknowledge_input) { STR(UUID), STR(""), STR("3") },
                       "{\"jobId\":\"" UUID "\",\"nonce\":\"3\"}");
}

static void what_an_acknowledgement_may_not_hold_is_named_and_no_secret_quoted(void **state)
{
    static const char fifty[] = "12345678901234567890123456789012345678901234567890";
    static const struct {
        bool is_custom;
        struct acknowledge_input input;
        const char *sentence;
    } rows[] = {
        { false,
          { STR_INIT(""), STR_INIT("t"), STR_INIT("n") },
          "jobId has 0 characters, not 1 to 512" },
        { false,
          { STR_INIT("j"), STR_INIT(""), STR_INIT("n") },
          "clientToken has 0 characters, not 1 to 256" },
        { false,
          { STR_INIT("j"), STR_INIT("secret"), STR_INIT("") },
          "nonce has 0 characters, not 1 to 50" },
        { false,
          { STR_INIT("j"), STR_INIT("secret"),
            STR_INIT("123456789012345678901234567890123456789012345678901") },
          "nonce has 51 characters, not 1 to 50" },
        { false, { STR_INIT("j"), STR_INIT("secret"), STR_INIT("\xff") }, "nonce is not UTF-8" },
        { true,
          { STR_INIT("j"), STR_INIT(""), STR_INIT("n") },
          "jobId \"j\" is not a UUID: 8-4-4-4-12 of 0-9 and a-f" },
        { true,
          { STR_INIT(UUID), STR_INIT("secret"), STR_INIT("n") },
          "clientToken is no member of this operation" },
        { true,
          { STR_INIT(UUID), STR_INIT(""), STR_INIT("") },
          "nonce has 0 characters, not 1 to 50" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_error why;
        const struct operation *o = rows[i].is_custom ? custom : third_party;
        assert_int_equal(o->check(&rows[i].input, &why), PIPEPOLL_EINVAL);
        assert_string_equal(why.text, rows[i].sentence);
        assert_int_equal(o->check(&rows[i].input, NULL), PIPEPOLL_EINVAL);
    }
    assert_int_equal(
        custom->check(&(struct acknowledge_input) { STR(UUID), STR(""), { fifty, 50 } }, NULL), 0);
}

static void a_uuid_is_lower_case_and_whole(void **state)
{
    static const char *const bad[] = {
        "0123ABCD-4567-89ef-0123-456789abcdef",  "0123abcd-4567-89ef-0123-456789abcde",
        "0123abcd-4567-89ef-0123-456789abcdeff", "0123abcd04567-89ef-0123-456789abcdef",
        "0123abc--4567-89ef-0123-456789abcdef",  "0123abcg-4567-89ef-0123-456789abcdef",
        "{0123abcd-4567-89ef-0123-456789abcde",  ""
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct acknowledge_input a = { str_of(bad[i]), STR(""), STR("n") };
        assert_int_equal(custom->check(&a, NULL), PIPEPOLL_EINVAL);
    }
}

static void the_secrets_of_an_acknowledgement_are_token_and_nonce(void **state)
{
    const struct acknowledge_input a = { STR("j"), STR("token"), STR("nonce") };
    const struct acknowledge_input b = { STR(UUID), STR(""), STR("nonce") };
    assert_true(third_party->has_secrets && custom->has_secrets);
    assert_str_equal(third_party->secret(&a, 0), "nonce");
    assert_str_equal(third_party->secret(&a, 1), "token");
    assert_int_equal(third_party->secret(&a, 2).len, 0);
    assert_str_equal(custom->secret(&b, 0), "nonce");
    assert_int_equal(custom->secret(&b, 1).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_input_of_job_details_may_hold_anything),
        cmocka_unit_test(the_limits_of_job_details_count_characters_and_quote_nothing),
        cmocka_unit_test(its_secret_is_the_client_token),
        cmocka_unit_test(the_details_of_a_custom_job_are_asked_for_by_its_uuid_alone),
        cmocka_unit_test(an_acknowledgement_is_encoded_in_the_order_of_the_model),
        cmocka_unit_test(what_an_acknowledgement_may_not_hold_is_named_and_no_secret_quoted),
        cmocka_unit_test(a_uuid_is_lower_case_and_whole),
        cmocka_unit_test(the_secrets_of_an_acknowledgement_are_token_and_nonce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
