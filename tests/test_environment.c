#include "base/environment.h"

#include "lib/check.h"

#include <stdlib.h>

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
    (void)state;
    static const char *const blank[] = { NULL, "", " ", "\t \r\n" };
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
        assert_int_equal(value_of(blank[i]).len, 0);
    assert_str_equal(value_of(" a b "), " a b "); /* but its blanks are its own */
}

static void the_function_given_is_asked_by_name(void **state)
{
    (void)state;
    struct variable v = { "HERE", "yes" };
    const struct environment e = { get, &v };
    assert_str_equal(environment_get(&e, "HERE"), "yes");
    assert_int_equal(environment_get(&e, "THERE").len, 0);
}

static void only_the_word_true_is_true(void **state)
{
    (void)state;
    static const char *const no[] = { NULL, "", " ", "false", "1", "yes", "truely", "t" };
    assert_true(truth_of("true"));
    assert_true(truth_of("TRUE"));
    assert_true(truth_of(" True\n"));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(truth_of(no[i]));
}

static void without_a_function_the_process_is_asked(void **state)
{
    (void)state;
    const struct environment process = { 0 };
    assert_int_equal(setenv("PIPEPOLL_TEST_VARIABLE", "true", 1), 0);
    assert_str_equal(environment_get(&process, "PIPEPOLL_TEST_VARIABLE"), "true");
    assert_str_equal(environment_get(NULL, "PIPEPOLL_TEST_VARIABLE"), "true");
    assert_true(environment_is_true(NULL, "PIPEPOLL_TEST_VARIABLE"));
    assert_int_equal(unsetenv("PIPEPOLL_TEST_VARIABLE"), 0);
    assert_int_equal(environment_get(NULL, "PIPEPOLL_TEST_VARIABLE").len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_value_counts_as_unset),
        cmocka_unit_test(the_function_given_is_asked_by_name),
        cmocka_unit_test(only_the_word_true_is_true),
        cmocka_unit_test(without_a_function_the_process_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
