/* SPDX-License-Identifier: MIT */
#include "base/environment.h"

#include "lib/check.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* One variable and what it holds. */
struct variable {
    const char *name, *value;
};

static const char *get(void *ctx, const char *name)
{
    const struct variable *v = ctx;
    return strcmp(v->name, name) == 0 ? v->value : NULL;
}

static str value_of(const char *value)
{
    struct variable v = { "V", value };
    return environment_get(&(struct environment) { get, &v }, "V");
}

static bool truth_of(const char *value)
{
    struct variable v = { "V", value };
    return environment_is_true(&(struct environment) { get, &v }, "V");
}

static void a_blank_value_counts_as_unset(void **state)
{
    static const char *const blank[] = { NULL, "", " ", "\t \r\n" };
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
        assert_int_equal(value_of(blank[i]).len, 0);
    assert_str_equal(value_of(" a b "), " a b "); /* but its blanks are its own */
}

static void the_function_given_is_asked_by_name(void **state)
{
    struct variable v = { "HERE", "yes" };
    const struct environment e = { get, &v };
    assert_str_equal(environment_get(&e, "HERE"), "yes");
    assert_int_equal(environment_get(&e, "THERE").len, 0);
}

static void only_the_word_true_is_true(void **state)
{
    static const char *const no[] = { NULL, "", " ", "false", "1", "yes", "truely", "t" };
    assert_true(truth_of("true"));
    assert_true(truth_of("TRUE"));
    assert_true(truth_of(" True\n"));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(truth_of(no[i]));
}

static void without_a_function_the_process_is_asked(void **state)
{
    const struct environment process = { 0 };
    assert_int_equal(setenv("PIPEPOLL_TEST_VARIABLE", "true", 1), 0);
    assert_str_equal(environment_get(&process, "PIPEPOLL_TEST_VARIABLE"), "true");
    assert_str_equal(environment_get(NULL, "PIPEPOLL_TEST_VARIABLE"), "true");
    assert_true(environment_is_true(NULL, "PIPEPOLL_TEST_VARIABLE"));
    assert_int_equal(unsetenv("PIPEPOLL_TEST_VARIABLE"), 0);
    assert_int_equal(environment_get(NULL, "PIPEPOLL_TEST_VARIABLE").len, 0);
}

/* --- paths --- */

static const char *get_several(void *ctx, const char *name)
{
    for (const struct variable *v = ctx; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

static void a_path_s_variables_and_tilde_are_replaced(void **state)
{
    struct variable variables[] = { { "HOME", "/h/" }, { "A", "x" },   { "A_1", "y" },
                                    { "EMPTY", "" },   { "T", "~/t" }, { NULL } };
    const struct environment e = { get_several, variables };
    static const char *const rows[][2] = {
        { "", "" },
        { "/p/$A/q", "/p/x/q" },
        { "${A}b$A_1-$EMPTY", "xby-" },
        { "$NONE/${NONE}/$/${A", "$NONE/${NONE}/$/${A" },
        { "~", "/h" },
        { "~/.aws/config", "/h/.aws/config" },
        { "$T", "/h/t" },
        { "/a/~/b", "/a/~/b" },
        { "~nobody-of-that-name/x", "~nobody-of-that-name/x" },
        { "~root/x", "/root/x" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        struct buf b = BUF_ON(text);
        environment_put_path(&e, &b, str_of(rows[i][0]));
        assert_string_equal(buf_cstr(&b), rows[i][1]);
    }
    char small[3];
    struct buf b = BUF_ON(small);
    environment_put_path(&e, &b, STR("/p/$A"));
    assert_true(b.overflow);
}

static void who_has_no_home_has_the_one_of_the_user_database(void **state)
{
    struct variable none = { "V", NULL }, root = { "HOME", "/" };
    char text[256];
    struct buf b = BUF_ON(text);
    assert_true(environment_put_home(&(struct environment) { get, &none }, &b));
    str home = str_of(getpwuid(geteuid())->pw_dir);
    assert_true(str_eq(buf_str(&b), str_eq(home, STR("/")) ? STR("") : home));
    buf_reset(&b);
    environment_put_path(&(struct environment) { get, &root }, &b, STR("~"));
    assert_string_equal(buf_cstr(&b), "/");
    buf_reset(&b);
    environment_put_path(&(struct environment) { get, &root }, &b, STR("~/x"));
    assert_string_equal(buf_cstr(&b), "/x");
}

static void a_variable_may_be_set_to_nothing(void **state)
{
    struct variable v = { "V", "" };
    assert_true(environment_has(&(struct environment) { get, &v }, "V"));
    assert_false(environment_has(&(struct environment) { get, &v }, "W"));
}

static void the_first_variable_that_is_not_set_is_found(void **state)
{
    static const char *const rows[][2] = {
        { "/p/$NOT_SET/x", "NOT_SET" },
        { "${NOT_SET}$OTHER", "NOT_SET" },
        { "/p/$A/x", "" },
        { "/p", "" },
        { "$", "" },
        { "${NOT_SET", "" },
    };
    struct variable a = { "A", "/a" };
    const struct environment e = { get, &a };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(str_eq(environment_unset_in(&e, str_of(rows[i][0])), str_of(rows[i][1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_value_counts_as_unset),
        cmocka_unit_test(the_first_variable_that_is_not_set_is_found),
        cmocka_unit_test(the_function_given_is_asked_by_name),
        cmocka_unit_test(only_the_word_true_is_true),
        cmocka_unit_test(without_a_function_the_process_is_asked),
        cmocka_unit_test(a_path_s_variables_and_tilde_are_replaced),
        cmocka_unit_test(who_has_no_home_has_the_one_of_the_user_database),
        cmocka_unit_test(a_variable_may_be_set_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
