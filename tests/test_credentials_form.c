/* SPDX-License-Identifier: MIT */
#include "credentials/credentials_form.h"

#include "base/buf.h"
#include "lib/check.h"

static const struct alloc plain = { 0 };

static const struct credentials_form form = {
    .access_key_id = "id",
    .secret_access_key = "secret",
    .session_token = "token",
    .expiration = "until",
    .account_id = "account",
};

static int read_as(const struct credentials_form *f, const char *text, str account,
                   struct credentials **out, struct pipepoll_error *why)
{
    char copy[512];
    struct json_token tokens[64];
    struct json j;
    struct buf b = BUF_ON(copy);
    buf_put(&b, str_of(text));
    assert_int_equal(json_parse(&j, copy, b.len, tokens, 64, NULL), JSON_OK);
    struct credentials_form_json from = { &j, JSON_ROOT, f, account, "the test" };
    return credentials_form_read(out, &plain, &from, why);
}

static void assert_expires(const struct credentials_form *f, const char *until, uint64_t want)
{
    char text[256];
    struct buf b = BUF_ON(text);
    struct credentials *credentials = NULL;
    struct pipepoll_error why = { .text = "" };
    buf_printf(&b, "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\",\"until\":%s}", until);
    if (read_as(f, text, STR(""), &credentials, &why))
        fail_msg("%s: %s", until, why.text);
    assert_int_equal(credentials->expires_s, want);
    credentials_unref(credentials);
}

static void assert_refused(const struct credentials_form *f, const char *text, const char *sentence)
{
    struct credentials *credentials = NULL;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(read_as(f, text, STR(""), &credentials, &why), PIPEPOLL_EPROTO);
    assert_null(credentials);
    assert_string_equal(why.text, sentence);
}

static void an_expiration_is_seconds_or_a_time(void **state)
{
    assert_expires(&form, "1632249686", 1632249686);
    assert_expires(&form, "1632249686.75", 1632249686);
    assert_expires(&form, "1.632249686E9", 1632249686);
    assert_expires(&form, "1.6322496865e+9", 1632249686);
    assert_expires(&form, "16322496860e-1", 1632249686);
    assert_expires(&form, "1632249686.123456789012345678901234567890", 1632249686);
    assert_expires(&form, "0", 0);
    assert_expires(&form, "0.9", 0);
    assert_expires(&form, "0e999999999999", 0);
    assert_expires(&form, "1e-999999999999", 0);
    assert_expires(&form, "\"2021-09-21T18:41:26Z\"", 1632249686);
}

static void milliseconds_are_told_by_the_form(void **state)
{
    struct credentials_form ms = form;
    ms.expires_in_ms = true;
    assert_expires(&ms, "1234567890999", 1234567890);
    assert_expires(&ms, "1.234567890999E12", 1234567890);
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = { "-1",           "true", "{}",
                                       "\"tomorrow\"", "1e30", "1234567890123456789012345" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        struct buf b = BUF_ON(text);
        buf_printf(&b, "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\",\"until\":%s}", bad[i]);
        assert_refused(&form, buf_cstr(&b), "the test gave an until that is not a time");
    }
}

static void each_missing_member_is_named(void **state)
{
    assert_refused(&form, "{}", "the test gave no id (as a text that is not empty)");
    assert_refused(&form, "{\"id\":\"a\",\"secret\":5}",
                   "the test gave no secret (as a text that is not empty)");
    assert_refused(&form, "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"\"}",
                   "the test gave no token (as a text that is not empty)");
    assert_refused(&form, "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\"}",
                   "the test gave no until");
    assert_refused(&form, "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\",\"until\":null}",
                   "the test gave no until");
    assert_refused(
        &form, "{\"id\":\"a\",\"secret\":\"b\\nc\",\"token\":\"c\",\"until\":1}",
        "the test gave credentials that are empty or hold a character that is not printable "
        "ASCII (a line end, perhaps)");
}

static void permanent_credentials_need_neither_token_nor_expiration(void **state)
{
    struct credentials_form permanent = form;
    struct credentials *credentials = NULL;
    permanent.may_be_permanent = true;
    assert_int_equal(read_as(&permanent, "{\"id\":\"a\",\"secret\":\"b\",\"until\":null}", STR(""),
                             &credentials, NULL),
                     0);
    assert_int_equal(credentials->expires_s, UINT64_MAX);
    assert_str_equal(credentials->session_token, "");
    credentials_unref(credentials);
}

static void the_account_said_beats_the_account_known(void **state)
{
    struct credentials *credentials = NULL;
    const char *said = "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\",\"until\":1,"
                       "\"account\":\"123456789012\"}";
    const char *silent = "{\"id\":\"a\",\"secret\":\"b\",\"token\":\"c\",\"until\":1}";
    assert_int_equal(read_as(&form, said, STR("210987654321"), &credentials, NULL), 0);
    assert_str_equal(credentials->account_id, "123456789012");
    credentials_unref(credentials);
    assert_int_equal(read_as(&form, silent, STR("210987654321"), &credentials, NULL), 0);
    assert_str_equal(credentials->account_id, "210987654321");
    credentials_unref(credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expiration_is_seconds_or_a_time),
        cmocka_unit_test(milliseconds_are_told_by_the_form),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(each_missing_member_is_named),
        cmocka_unit_test(permanent_credentials_need_neither_token_nor_expiration),
        cmocka_unit_test(the_account_said_beats_the_account_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
