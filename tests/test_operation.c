#include <stdio.h>

#include "aws/operation.h"

#include "lib/check.h"

static struct pipepoll_action_type acme(void)
{
    return (struct pipepoll_action_type) {
        STR("Build"),
        STR("ThirdParty"),
        STR("Acme"),
        STR("1"),
    };
}

static void assert_refused(const struct pipepoll_action_type *a, const char *sentence)
{
    struct pipepoll_error why;
    assert_int_equal(action_type_check(a, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, sentence);
    assert_int_equal(action_type_check(a, NULL), PIPEPOLL_EINVAL);
}

static void every_category_and_owner_of_the_model_is_taken(void **state)
{
    (void)state;
    static const char *const categories[] = { "Source", "Build",    "Deploy", "Test",
                                              "Invoke", "Approval", "Compute" };
    static const char *const owners[] = { "AWS", "ThirdParty", "Custom" };
    for (size_t c = 0; c < 7; c++) {
        for (size_t o = 0; o < 3; o++) {
            struct pipepoll_action_type a = acme();
            a.category = str_of(categories[c]);
            a.owner = str_of(owners[o]);
            assert_int_equal(action_type_check(&a, NULL), 0);
        }
    }
}

static void a_wrong_category_is_named_with_what_is_allowed_and_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *value, *hint;
    } cases[] = {
        { "Bild", " (did you mean \"Build\"?)" },
        { "build", " (did you mean \"Build\"?)" },
        { "DEPLOY", " (did you mean \"Deploy\"?)" },
        { "Tset", " (did you mean \"Test\"?)" },
        { "Approve", " (did you mean \"Approval\"?)" },
        { "Computer", " (did you mean \"Compute\"?)" },
        { "Frobnicate", "" },
        { "", "" },
        { "x", "" },
        { "Buil\n", " (did you mean \"Build\"?)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pipepoll_action_type a = acme();
        char text[256];
        struct buf sentence = BUF_ON(text);
        a.category = str_of(cases[i].value);
        buf_printf(&sentence,
                   "category \"%s\" is not one of Source, Build, Deploy, Test, Invoke, Approval, "
                   "Compute%s",
                   cases[i].value, cases[i].hint);
        for (char *c = text; c < text + sentence.len; c++)
            *c = *c == '\n' ? '?' : *c;
        assert_refused(&a, buf_cstr(&sentence));
    }
}

static void a_wrong_owner_is_named(void **state)
{
    (void)state;
    struct pipepoll_action_type a = acme();
    a.owner = STR("third-party");
    assert_refused(&a, "owner \"third-party\" is not one of AWS, ThirdParty, Custom "
                       "(did you mean \"ThirdParty\"?)");
    a.owner = STR("AB"); /* two letters off, of three */
    assert_refused(&a, "owner \"AB\" is not one of AWS, ThirdParty, Custom");
    a.owner = STR("Me");
    assert_refused(&a, "owner \"Me\" is not one of AWS, ThirdParty, Custom");
}

static void provider_and_version_have_a_length_and_an_alphabet(void **state)
{
    (void)state;
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvw_-";
    struct pipepoll_action_type a = acme();
    a.provider = (str) { letters, 35 };
    a.version = (str) { "v1_2-ZzAa", 9 };
    assert_int_equal(action_type_check(&a, NULL), 0);
    a.provider = (str) { "abcdefghijklmnopqrstuvwxyzabcdefghij", 36 };
    assert_refused(&a, "provider \"abcdefghijklmnopqrstuvwxyzabcdefghij\" is not 1 to 35 of a-z, "
                       "A-Z, 0-9, '_' and '-'");
    a = acme();
    a.version = STR("1234567890");
    assert_refused(&a, "version \"1234567890\" is not 1 to 9 of a-z, A-Z, 0-9, '_' and '-'");
    a.version = STR("");
    assert_refused(&a, "version \"\" is not 1 to 9 of a-z, A-Z, 0-9, '_' and '-'");
}

/* The encoder escapes nothing, so that nothing that needs escaping may come through. */
static void only_the_alphabet_comes_through(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || c == '-';
        struct pipepoll_action_type a = acme();
        a.provider = (str) { &c, 1 };
        assert_int_equal(action_type_check(&a, NULL), allowed ? 0 : PIPEPOLL_EINVAL);
        a = acme();
        a.version = (str) { &c, 1 };
        assert_int_equal(action_type_check(&a, NULL), allowed ? 0 : PIPEPOLL_EINVAL);
    }
}

static void a_long_value_is_quoted_in_part(void **state)
{
    (void)state;
    char value[5000];
    memset(value, 'a', sizeof value);
    struct pipepoll_action_type a = acme();
    struct pipepoll_error why;
    a.category = (str) { value, sizeof value };
    assert_int_equal(action_type_check(&a, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "aaa...\" is not one of Source, "));
    assert_non_null(strstr(why.text, "Compute"));
}

static void a_batch_size_above_an_integer_of_the_model_is_refused(void **state)
{
    (void)state;
    struct pipepoll_error why;
    assert_int_equal(max_batch_size_check(0, &why), 0);
    assert_int_equal(max_batch_size_check(1, &why), 0);
    assert_int_equal(max_batch_size_check(2147483647, &why), 0);
    assert_int_equal(max_batch_size_check(2147483648, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text,
                        "max batch size 2147483648 is not 1 to 2147483647, or 0 for not sent");
}

static void encode_poll(struct buf *out, const struct pipepoll_action_type *a, uint32_t batch)
{
    const struct poll_input input = { a, batch };
    operation_poll_for_third_party_jobs.encode(out, &input);
}

static void a_poll_is_encoded_like_the_sdks_do_it(void **state)
{
    (void)state;
    struct pipepoll_action_type a = acme();
    char text[256];
    struct buf out = BUF_ON(text);
    encode_poll(&out, &a, 10);
    assert_int_equal(out.len, 108);
    assert_string_equal(buf_cstr(&out),
                        "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\","
                        "\"provider\":\"Acme\",\"version\":\"1\"},\"maxBatchSize\":10}");
    buf_reset(&out);
    encode_poll(&out, &a, 0);
    assert_string_equal(buf_cstr(&out),
                        "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\","
                        "\"provider\":\"Acme\",\"version\":\"1\"}}");
}

static void a_body_that_does_not_fit_is_seen(void **state)
{
    (void)state;
    struct pipepoll_action_type a = acme();
    for (size_t cap = 0; cap <= 108; cap++) {
        char text[108];
        struct buf out = { .at = text, .cap = cap };
        encode_poll(&out, &a, 10);
        assert_int_equal(out.overflow, cap < 108);
    }
}

static void the_target_names_version_and_operation(void **state)
{
    (void)state;
    assert_true(str_eq(operation_poll_for_third_party_jobs.target,
                       STR("CodePipeline_20150709.PollForThirdPartyJobs")));
    assert_true(str_eq(operation_content_type, STR("application/x-amz-json-1.1")));
}

/* --- GetThirdPartyJobDetails --- */

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
    (void)state;
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
    (void)state;
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

static void the_errors_of_job_details_mean_what_a_worker_asks(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int meaning;
    } rows[] = {
        { "JobNotFoundException", JOB_UNKNOWN },
        { "InvalidJobException", JOB_UNKNOWN },
        { "InvalidClientTokenException", JOB_CLIENT_TOKEN_WRONG },
        { "ValidationException", JOB_NOT_REFUSED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[128];
        int len = snprintf(body, sizeof body, "{\"__type\":\"%s\"}", rows[i].code);
        struct answer a = { .codes = details->codes,
                            .code_count = details->code_count,
                            .http_status = 400 };
        struct answer_fault got;
        struct json_token tokens[8];
        answer_read(&got, &a, body, (size_t)len, tokens, 8);
        assert_int_equal(got.fault, FAULT_REFUSED);
        assert_int_equal(got.meaning, rows[i].meaning);
    }
}

static void its_secret_is_the_client_token(void **state)
{
    (void)state;
    const struct job_input job = { STR("j"), STR("token") };
    assert_true(details->has_secrets);
    assert_str_equal(details->secret(&job, 0), "token");
    assert_int_equal(details->secret(&job, 1).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_category_and_owner_of_the_model_is_taken),
        cmocka_unit_test(a_wrong_category_is_named_with_what_is_allowed_and_what_was_meant),
        cmocka_unit_test(a_wrong_owner_is_named),
        cmocka_unit_test(provider_and_version_have_a_length_and_an_alphabet),
        cmocka_unit_test(only_the_alphabet_comes_through),
        cmocka_unit_test(a_long_value_is_quoted_in_part),
        cmocka_unit_test(a_batch_size_above_an_integer_of_the_model_is_refused),
        cmocka_unit_test(a_poll_is_encoded_like_the_sdks_do_it),
        cmocka_unit_test(a_body_that_does_not_fit_is_seen),
        cmocka_unit_test(the_target_names_version_and_operation),
        cmocka_unit_test(the_input_of_job_details_may_hold_anything),
        cmocka_unit_test(the_limits_of_job_details_count_characters_and_quote_nothing),
        cmocka_unit_test(the_errors_of_job_details_mean_what_a_worker_asks),
        cmocka_unit_test(its_secret_is_the_client_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
