/* SPDX-License-Identifier: MIT */
/* How we name ourselves, and whom we work for. */
#include "aws/user_agent.h"

#include "lib/check.h"

#define PRODUCT "pipepoll/" PIPEPOLL_VERSION

static const char *named(char *text, str app_id)
{
    struct buf b = { .at = text, .cap = USER_AGENT_SIZE };
    user_agent_put(&b, app_id);
    assert_false(b.overflow);
    return buf_cstr(&b);
}

static void without_an_app_id_it_is_the_product(void **state)
{
    char text[USER_AGENT_SIZE];
    assert_string_equal(named(text, STR("")), PRODUCT);
}

static void an_app_id_follows_with_odd_bytes_as_dashes(void **state)
{
    static const char *const rows[][2] = {
        { "AcmeBuild", "AcmeBuild" },
        { "APN_1.1/Acme Build", "APN_1.1-Acme-Build" },
        { "!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~" },
        { "a\r\nX-Evil: 1", "a--X-Evil--1" },
        { "\xc3\xa9(x);", "---x--" },
    };
    char text[USER_AGENT_SIZE], want[USER_AGENT_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = BUF_ON(want);
        buf_printf(&b, PRODUCT " app/%s", rows[i][1]);
        assert_string_equal(named(text, str_of(rows[i][0])), want);
    }
}

static void the_longest_fits_and_one_more_byte_overflows(void **state)
{
    char text[USER_AGENT_SIZE], id[USER_AGENT_APP_ID_MAX + 1];
    struct buf b = BUF_ON(text);
    memset(id, 'a', sizeof id);
    named(text, (str) { id, USER_AGENT_APP_ID_MAX });
    user_agent_put(&b, (str) { id, sizeof id });
    assert_true(b.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_app_id_it_is_the_product),
        cmocka_unit_test(an_app_id_follows_with_odd_bytes_as_dashes),
        cmocka_unit_test(the_longest_fits_and_one_more_byte_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
