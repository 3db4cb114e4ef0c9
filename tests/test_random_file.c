/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/random_file.h"
#include "lib/check.h"

static char folder[] = "/tmp/pipepoll-test-XXXXXX", path[64];
static struct pipepoll_error why;

static int load(unsigned char bytes[8])
{
    return random_file_load(bytes, 8, path, "the worker's id", &why);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

/* Is it foretold in the words in `why`? */
static void assert_same_refusal(void)
{
    struct pipepoll_error told = why;
    assert_int_equal(random_file_check(8, path, "the worker's id", &why), PIPEPOLL_ESYSTEM);
    assert_string_equal(why.text, told.text);
}

static int set_up(void **state)
{
    snprintf(path, sizeof path, "%s/id", folder);
    unlink(path);
    return 0;
}

static void the_first_start_makes_it_and_the_next_reads_it(void **state)
{
    unsigned char one[8], two[8], three[8];
    struct stat st;
    assert_int_equal(load(one), 0);
    assert_int_equal(load(two), 0);
    assert_memory_equal(one, two, 8);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 17);
    assert_int_equal(st.st_nlink, 1);
    unlink(path);
    assert_int_equal(load(three), 0);
    assert_memory_not_equal(one, three, 8);
}

static void it_is_what_its_file_says(void **state)
{
    static const unsigned char wanted[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
    unsigned char bytes[8];
    write_file("  0123456789ABcdef\n\n", 0600);
    assert_int_equal(load(bytes), 0);
    assert_memory_equal(bytes, wanted, 8);
}

static void what_is_wrong_with_it_is_told_and_it_is_left_alone(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *told;
    } cases[] = {
        { "", 0600, "it is not 16 hex digits" },
        { "0123456789abcde", 0600, "it is not 16 hex digits" },
        { "0123456789abcdef0", 0600, "it is not 16 hex digits" },
        { "0123456789abcdeg", 0600, "it is not 16 hex digits" },
        { "0123456789abcdef", 0640, "others may read it" },
    };
    unsigned char bytes[8];
    char wanted[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].text, cases[i].mode);
        assert_int_equal(load(bytes), PIPEPOLL_ESYSTEM);
        snprintf(wanted, sizeof wanted, "the worker's id %s: %s", path, cases[i].told);
        assert_int_equal(strncmp(why.text, wanted, strlen(wanted)), 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_same_refusal();
    }
}

static void a_folder_that_is_missing_is_told(void **state)
{
    unsigned char bytes[8];
    snprintf(path, sizeof path, "%s/none/id", folder);
    assert_int_equal(load(bytes), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, strerror(ENOENT)));
    assert_same_refusal();
}

static void a_check_makes_nothing_and_takes_what_is_right(void **state)
{
    unsigned char bytes[8];
    assert_int_equal(random_file_check(8, path, "x", &why), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(load(bytes), 0);
    assert_int_equal(random_file_check(8, path, "x", &why), 0);
}

static void without_a_path_each_load_is_another(void **state)
{
    unsigned char one[32], two[32];
    assert_int_equal(random_file_load(one, 32, NULL, "x", &why), 0);
    assert_int_equal(random_file_load(two, 32, NULL, "x", &why), 0);
    assert_memory_not_equal(one, two, 32);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    snprintf(path, sizeof path, "%s/id", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_start_makes_it_and_the_next_reads_it, set_up),
        cmocka_unit_test_setup(it_is_what_its_file_says, set_up),
        cmocka_unit_test_setup(what_is_wrong_with_it_is_told_and_it_is_left_alone, set_up),
        cmocka_unit_test_setup(a_folder_that_is_missing_is_told, set_up),
        cmocka_unit_test_setup(a_check_makes_nothing_and_takes_what_is_right, set_up),
        cmocka_unit_test_setup(without_a_path_each_load_is_another, set_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
