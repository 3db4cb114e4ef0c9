/* SPDX-License-Identifier: MIT */
#include "handler/secrets.h"

#include "lib/check.h"

static const str list[] = { STR_INIT("canary/secret/1"),
                            STR_INIT("short"),
                            STR_INIT("first line of two\nsecond line of two\n"),
                            { NULL, 0 } };

static void check(const char *text, bool cut, const char *want)
{
    struct secrets s;
    char room[128];
    size_t len = strlen(text);
    memcpy(room, text, len);
    assert_int_equal(secrets_init(&s, list, sizeof list / sizeof *list), 0);
    secrets_mask(&s, room, len, cut);
    secrets_deinit(&s);
    assert_str_equal(((str) { room, len }), want);
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    check("canary/secret/1", false, "***************");
    check("<canary/secret/1canary/secret/1>", false, "<******************************>");
    check("canary/secret/2", false, "canary/secret/2");
    check("", false, "");
}

static void what_is_short_is_let_stand(void **state)
{
    check("in short", false, "in short");
}

static void each_line_of_a_secret_is_one(void **state)
{
    check("x second line of two", false, "x ******************");
}

static void the_beginning_of_a_secret_at_a_cut_is_masked(void **state)
{
    check("key: canary/secr", true, "key: ***********");
    check("key: canary/secr", false, "key: canary/secr");
    check("fir", true, "fir");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(what_is_short_is_let_stand),
        cmocka_unit_test(each_line_of_a_secret_is_one),
        cmocka_unit_test(the_beginning_of_a_secret_at_a_cut_is_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
