/* SPDX-License-Identifier: MIT */
/* aws/operation_poll: what may be polled, and the body that asks. */
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

static void every_category_and_owner_that_has_jobs_is_taken(void **state)
{
    static const char *const categories[] = { "Source", "Build",    "Deploy", "Test",
                                              "Invoke", "Approval", "Compute" };
    static const char *const owners[] = { "ThirdParty", "Custom" };
    for (size_t c = 0; c < 7; c++) {
        for (size_t o = 0; o < 2; o++) {
            struct pipepoll_action_type a = acme();
            a.category = str_of(categories[c]);
            a.owner = str_of(owners[o]);
            assert_int_equal(action_type_check(&a, NULL), 0);
        }
    }
}

static void a_wrong_category_is_named_with_what_is_allowed_and_what_was_meant(void **state)
{
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
    struct pipepoll_action_type a = acme();
    a.owner = STR("third-party");
    assert_refused(&a, "owner \"third-party\" is not one of ThirdParty, Custom "
                       "(did you mean \"ThirdParty\"?)");
    a.owner = STR("AB"); /* two letters off, of three */
    assert_refused(&a, "owner \"AB\" is not one of ThirdParty, Custom");
    a.owner = STR("AWS");
    assert_refused(&a, "owner \"AWS\" has no jobs for others, as AWS works on its own actions "
                       "itself: it must be ThirdParty or Custom");
    a.owner = STR("Me");
    assert_refused(&a, "owner \"Me\" is not one of ThirdParty, Custom");
}

static void provider_and_version_have_a_length_and_an_alphabet(void **state)
{
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
    const struct poll_input input = { .action_type = a, .max_batch_size = batch };
    operation_poll_for_third_party_jobs.encode(out, &input);
}

static void a_poll_is_encoded_like_the_sdks_do_it(void **state)
{
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

static void a_query_is_encoded_after_all_else(void **state)
{
    struct pipepoll_action_type a = acme();
    struct poll_input input = { &a, 10, STR("ProjectName"), STR("P1") };
    char text[256];
    struct buf out = BUF_ON(text);
    a.owner = STR("Custom");
    operation_poll_for_jobs.encode(&out, &input);
    assert_string_equal(buf_cstr(&out),
                        "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"Custom\","
                        "\"provider\":\"Acme\",\"version\":\"1\"},\"maxBatchSize\":10,"
                        "\"queryParam\":{\"ProjectName\":\"P1\"}}");
    input = (struct poll_input) { &a, 0, STR("a\"\n"), STR("x") };
    buf_reset(&out);
    operation_poll_for_jobs.encode(&out, &input);
    assert_non_null(strstr(buf_cstr(&out), "\"1\"},\"queryParam\":{\"a\\\"\\u000a\":\"x\"}}"));
}

static void a_query_has_a_key_and_a_value_or_neither(void **state)
{
    static const char fifty[] = "0123456789_abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM";
    static const struct {
        struct pipepoll_str key, value;
        const char *sentence; /* NULL: it may be sent */
    } rows[] = {
        { STR_INIT(""), STR_INIT(""), NULL },
        { STR_INIT("k"), { fifty, 50 }, NULL },
        { { fifty, 50 }, STR_INIT("v"), NULL },
        { STR_INIT("\xc3\xa9\"{}"), STR_INIT("v"), NULL },
        { STR_INIT(""), STR_INIT("v"), "the key of queryParam has 0 characters, not 1 to 50" },
        { { fifty, 51 }, STR_INIT("v"), "the key of queryParam has 51 characters, not 1 to 50" },
        { STR_INIT("k"), STR_INIT(""),
          "the value of queryParam \"\" is not 1 to 50 of a-z, A-Z, 0-9, '_' and '-'" },
        { STR_INIT("k"), STR_INIT("a b"),
          "the value of queryParam \"a b\" is not 1 to 50 of a-z, A-Z, 0-9, '_' and '-'" },
        { STR_INIT("k"),
          { fifty, 51 },
          "the value of queryParam \"0123456789_abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ...\" is not "
          "1 "
          "to 50 of a-z, A-Z, 0-9, '_' and '-'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_error why;
        int r = query_param_check(rows[i].key, rows[i].value, &why);
        assert_int_equal(r, rows[i].sentence ? PIPEPOLL_EINVAL : 0);
        if (r)
            assert_string_equal(why.text, rows[i].sentence);
    }
}

static void a_body_that_does_not_fit_is_seen(void **state)
{
    struct pipepoll_action_type a = acme();
    for (size_t cap = 0; cap <= 108; cap++) {
        char text[108];
        struct buf out = { .at = text, .cap = cap };
        encode_poll(&out, &a, 10);
        assert_int_equal(out.overflow, cap < 108);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_category_and_owner_that_has_jobs_is_taken),
        cmocka_unit_test(a_wrong_category_is_named_with_what_is_allowed_and_what_was_meant),
        cmocka_unit_test(a_wrong_owner_is_named),
        cmocka_unit_test(provider_and_version_have_a_length_and_an_alphabet),
        cmocka_unit_test(only_the_alphabet_comes_through),
        cmocka_unit_test(a_long_value_is_quoted_in_part),
        cmocka_unit_test(a_batch_size_above_an_integer_of_the_model_is_refused),
        cmocka_unit_test(a_poll_is_encoded_like_the_sdks_do_it),
        cmocka_unit_test(a_query_is_encoded_after_all_else),
        cmocka_unit_test(a_query_has_a_key_and_a_value_or_neither),
        cmocka_unit_test(a_body_that_does_not_fit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
