/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll bench`: what is not given follows from what is. */
#include "cli/bench_options.h"

#include "lib/check.h"

enum { ARGUMENTS_MAX = 16 };

/* Arguments end with NULL; the endpoint, which is required, is added. */
static int read_line(struct bench_options *o, const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 3] = { (char *)(uintptr_t) "bench",
                                      (char *)(uintptr_t) "--endpoint-url=http://127.0.0.1:1" };
    int argc = 2, code = EXIT_OTHER;
    for (; *arguments; arguments++) {
        assert_true(argc < ARGUMENTS_MAX + 2);
        argv[argc++] = (char *)(uintptr_t)*arguments;
    }
    struct flags f = flags_of(&command_bench, argc, argv);
    return bench_options_read(o, &f, &code) ? EXIT_FINE : code;
}

#define READ(o, ...) read_line(o, (const char *const[]) { __VA_ARGS__, NULL })

static void an_end_that_is_given_is_the_only_one(void **state)
{
    struct bench_options o;
    assert_int_equal(READ(&o, "--warm-up=1s"), EXIT_FINE);
    assert_int_equal(o.duration_ms, 10000);
    assert_int_equal(o.polls, 0);
    assert_int_equal(READ(&o, "--duration=0.1"), EXIT_FINE);
    assert_int_equal(o.duration_ms, 100);
    assert_int_equal(READ(&o, "--polls=7"), EXIT_FINE);
    assert_int_equal(o.duration_ms, 0);
    assert_int_equal(o.polls, 7);
    assert_int_equal(READ(&o, "--polls=7", "--duration=1"), EXIT_USAGE);
}

static void targets_and_regions_are_enough_for_the_loops(void **state)
{
    struct bench_options o;
    assert_int_equal(READ(&o, "--loops=2", "--in-flight=8"), EXIT_FINE);
    assert_int_equal(o.regions, 2);
    assert_true(o.targets > 8);
    assert_int_equal(READ(&o, "--loops=4", "--in-flight=4", "--regions=4", "--targets=4"),
                     EXIT_FINE);
    assert_int_equal(READ(&o, "--loops=5", "--in-flight=4"), EXIT_USAGE);
    assert_int_equal(READ(&o, "--loops=5", "--in-flight=5", "--regions=4"), EXIT_USAGE);
}

/* A later --endpoint-url overrides the one that every line begins with. */
static void hosts_of_aws_are_loaded_on_purpose_only(void **state)
{
    static const char *const aws[] = {
        "--endpoint-url=https://codepipeline.us-east-1.amazonaws.com",
        "--endpoint-url=https://amazonaws.com", "--endpoint-url=https://AMAZONAWS.com.:443/x",
        "--endpoint-url=https://x.api.aws"
    };
    static const char *const others[] = { "--endpoint-url=https://notamazonaws.com",
                                          "--endpoint-url=https://amazonaws.com.example",
                                          "--endpoint-url=https://aws" };
    struct bench_options o;
    for (size_t i = 0; i < sizeof aws / sizeof *aws; i++) {
        assert_int_equal(READ(&o, aws[i]), EXIT_USAGE);
        assert_int_equal(READ(&o, aws[i], "--i-know"), EXIT_FINE);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(READ(&o, others[i]), EXIT_FINE);
}

/* It signs with the credentials of the machine where there are any. */
static void its_process_is_hardened(void **state)
{
    assert_true(command_bench.holds_credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_that_is_given_is_the_only_one),
        cmocka_unit_test(hosts_of_aws_are_loaded_on_purpose_only),
        cmocka_unit_test(its_process_is_hardened),
        cmocka_unit_test(targets_and_regions_are_enough_for_the_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
