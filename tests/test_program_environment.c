/* SPDX-License-Identifier: MIT */
#include "handler/program_environment.h"

#include <stdlib.h>

#include "lib/check.h"

static bool has(char **list, const char *entry)
{
    for (; *list; list++)
        if (!strcmp(*list, entry))
            return true;
    return false;
}

static size_t count(char **list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

static int set_up(void **state)
{
    clearenv();
    setenv("PATH", "/bin", 1);
    setenv("HOME", "/nowhere", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "canary", 1);
    setenv("LD_PRELOAD_OF_OURS", "x", 1);
    return 0;
}

static void programs_get_what_they_need_and_nothing_else(void **state)
{
    char **e = program_environment(NULL, NULL);
    assert_int_equal(count(e), 2);
    assert_true(has(e, "PATH=/bin") && has(e, "HOME=/nowhere"));
    free(e);
}

static void what_is_given_later_overrides(void **state)
{
    char *first[] = { (char[]) { "A=1" }, (char[]) { "PATH=/x" }, (char[]) { "AB=1" }, NULL };
    char *second[] = { (char[]) { "A=2=3" }, (char[]) { "B=" }, NULL };
    char **e = program_environment(first, second);
    assert_int_equal(count(e), 5);
    assert_true(has(e, "A=2=3") && has(e, "PATH=/x") && has(e, "AB=1") && has(e, "B="));
    free(e);
}

static void without_a_path_there_is_the_usual_one(void **state)
{
    unsetenv("PATH");
    char **e = program_environment(NULL, NULL);
    assert_true(has(e, "PATH=/usr/local/bin:/usr/bin:/bin"));
    free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(programs_get_what_they_need_and_nothing_else, set_up),
        cmocka_unit_test_setup(what_is_given_later_overrides, set_up),
        cmocka_unit_test_setup(without_a_path_there_is_the_usual_one, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
