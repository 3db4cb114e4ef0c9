/* SPDX-License-Identifier: MIT */
/* Which stderr is the journal, and what it is told of a line. */
#include "daemon/priority.h"

#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_variable_names_a_file_by_device_and_inode(void **state)
{
    assert_true(priority_names(STR("8:1234"), 8, 1234));
    assert_false(priority_names(STR("8:1235"), 8, 1234));
    assert_false(priority_names(STR("9:1234"), 8, 1234));
    assert_false(priority_names(STR("8:12345"), 8, 1234));
    assert_false(priority_names(STR("8"), 8, 1234));
    assert_false(priority_names(STR(""), 8, 1234));
}

static void another_stderr_is_not_the_journal(void **state)
{
    int fds[2], others[2];
    struct stat s;
    char text[64];
    assert_int_equal(pipe(fds) | pipe(others), 0);
    assert_int_equal(fstat(fds[1], &s), 0);
    snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)s.st_dev,
             (unsigned long long)s.st_ino);
    setenv("JOURNAL_STREAM", text, 1);
    assert_true(priority_is_wanted(fds[1]));
    assert_false(priority_is_wanted(others[1]));
    unsetenv("JOURNAL_STREAM");
    assert_false(priority_is_wanted(fds[1]));
    close(fds[0]), close(fds[1]), close(others[0]), close(others[1]);
    setenv("JOURNAL_STREAM", text, 1);
    assert_false(priority_is_wanted(fds[1])); /* it is closed */
}

static void levels_are_those_of_syslog(void **state)
{
    assert_int_equal(priority_of(PIPEPOLL_ERROR), 3);
    assert_int_equal(priority_of(PIPEPOLL_WARNING), 4);
    assert_int_equal(priority_of(PIPEPOLL_INFO), 6);
    assert_int_equal(priority_of(PIPEPOLL_DEBUG), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_variable_names_a_file_by_device_and_inode),
        cmocka_unit_test(another_stderr_is_not_the_journal),
        cmocka_unit_test(levels_are_those_of_syslog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
