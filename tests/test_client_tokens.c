/* SPDX-License-Identifier: MIT */
/* Which token belongs to which client. */
#include "sim/client_tokens.h"

#include "lib/check.h"

static void a_client_has_token_and_its_id_unless_it_is_named(void **state)
{
    struct client_tokens t = { 0 };
    assert_true(client_tokens_match(&t, STR("c-1"), STR("token-c-1")));
    assert_false(client_tokens_match(&t, STR("c-1"), STR("token-c-2")));
    assert_false(client_tokens_match(&t, STR("c-1"), STR("")));
    const str text = STR("# clients\n\n  c-1 \t secret \r\nc-2 other");
    assert_int_equal(client_tokens_read(&t, text, NULL), 0);
    assert_true(client_tokens_match(&t, STR("c-1"), STR("secret")));
    assert_false(client_tokens_match(&t, STR("c-1"), STR("token-c-1")));
    assert_true(client_tokens_match(&t, STR("c-2"), STR("other")));
    assert_true(client_tokens_match(&t, STR("c-3"), STR("token-c-3")));
    assert_int_equal(client_tokens_read(&t, STR("c-2 new\n"), NULL), 0);
    assert_true(client_tokens_match(&t, STR("c-1"), STR("token-c-1")));
    assert_true(client_tokens_match(&t, STR("c-2"), STR("new")));
    client_tokens_deinit(&t);
}

static void a_text_that_is_wrong_changes_nothing_and_no_message_shows_a_token(void **state)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "c-1 new\nc-2\n", "line 2 is not a client id and a token" },
        { "c-1 new\n\nc-2 new more\n", "line 3 is not" },
        { "c-1 new\nc-1 new\n", "the client of line 2 has a token already" },
    };
    struct client_tokens t = { 0 };
    assert_int_equal(client_tokens_read(&t, STR("c-1 old"), NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pipepoll_error why = { .text = "" };
        assert_int_equal(client_tokens_read(&t, str_of(cases[i].text), &why), PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, cases[i].part));
        assert_null(strstr(why.text, "new"));
        assert_true(client_tokens_match(&t, STR("c-1"), STR("old")));
    }
    char text[400] = "c-1 ";
    memset(text + 4, 'x', 257);
    assert_int_equal(client_tokens_read(&t, str_of(text), NULL), PIPEPOLL_EINVAL);
    text[4 + 256] = '\0';
    assert_int_equal(client_tokens_read(&t, str_of(text), NULL), 0);
    client_tokens_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_token_and_its_id_unless_it_is_named),
        cmocka_unit_test(a_text_that_is_wrong_changes_nothing_and_no_message_shows_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
