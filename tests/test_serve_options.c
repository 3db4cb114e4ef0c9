/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll sim`. */
#include "sim/serve_options.h"

#include "lib/check.h"

enum { ARGUMENTS_MAX = 16 };

/* Arguments end with NULL. */
static int read_line(struct serve_options *c, struct pipepoll_error *why,
                     const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 2] = { (char *)(uintptr_t) "sim" };
    int argc = 1;
    for (; *arguments; arguments++) {
        assert_true(argc <= ARGUMENTS_MAX);
        argv[argc++] = (char *)(uintptr_t)*arguments;
    }
    struct flags f = flags_of(&command_sim, argc, argv);
    return serve_options_read(c, &f, why);
}

#define READ(c, why, ...) read_line(c, why, (const char *const[]) { __VA_ARGS__, NULL })

static void what_is_given_is_read(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--listen=[::1]:8443", "--tls", "--jobs", "3", "--lease", "0.5",
                          "--region", "eu-west-1", "--action-type-id", "owner=Custom,version=2",
                          "--jobs-per-second=2.5", "--seed", "9", "--strict"),
                     FLAGS_END);
    assert_str_equal(c.options.listen, "[::1]:8443");
    assert_true(c.options.tls && c.options.strict_action_types);
    assert_int_equal(c.jobs, 3);
    assert_int_equal(c.options.lease_ms, 500);
    assert_int_equal(c.options.arrivals.seed, 9);
    assert_true(c.options.arrivals.jobs_per_s > 2.4);
    assert_str_equal(c.scope.region, "eu-west-1");
    assert_str_equal(c.scope.action_type.owner, "Custom");
    assert_str_equal(c.scope.action_type.version, "2");
    assert_str_equal(c.scope.action_type.category, "");
}

static void what_aws_does_not_document_is_an_option(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    const struct sim_undocumented *u = &c.options.undocumented;
    assert_int_equal(READ(&c, &why, "--jobs", "0"), FLAGS_END);
    assert_true(u->repeated_nonce == SIM_NONCE_ERROR && u->wrong_nonce == SIM_NONCE_ERROR &&
                !u->acknowledge_without_status && u->follow_up_delay_ms == 0);
    assert_int_equal(READ(&c, &why, "--job-timeout", "1.5", "--follow-up-delay=250", "--ledger",
                          "7", "--artifact-credentials-lifetime", "900", "--repeated-nonce",
                          "status", "--wrong-nonce=status", "--acknowledge-status", "no",
                          "--client-tokens", "/f"),
                     FLAGS_END);
    assert_int_equal(u->job_timeout_ms, 1500);
    assert_int_equal(u->follow_up_delay_ms, 250);
    assert_int_equal(c.options.ledger_max, 7);
    assert_int_equal(u->artifact_credentials_ms, 900000);
    assert_true(u->repeated_nonce == SIM_NONCE_STATUS && u->wrong_nonce == SIM_NONCE_STATUS);
    assert_true(u->acknowledge_without_status);
    assert_string_equal(c.client_tokens_file, "/f");
    assert_int_equal(READ(&c, &why, "--repeated-nonce", "error", "--acknowledge-status", "yes"),
                     FLAGS_END);
    assert_true(u->repeated_nonce == SIM_NONCE_ERROR && !u->acknowledge_without_status);
}

static void a_file_for_a_certificate_needs_one(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--ca-file", "x", "--tls"), FLAGS_END);
    assert_int_equal(READ(&c, &why, "--ca-file", "x"), SERVE_OPTIONS_WRONG);
    assert_non_null(strstr(why.text, "--tls"));
}

static void every_trouble_is_an_option(void **state)
{
    for (size_t i = 0; sim_faults_name(i); i++) {
        struct serve_options c;
        struct pipepoll_error why = { .text = "" };
        char option[64] = "--";
        struct sim_faults none = { 0 };
        memcpy(option + 2, sim_faults_name(i), strlen(sim_faults_name(i)) + 1);
        bool status = strcmp(option, "--error-status") == 0;
        assert_int_equal(READ(&c, &why, option, status ? "502" : "1"), FLAGS_END);
        assert_memory_not_equal(&c.options.faults, &none, sizeof none);
    }
}

static void faults_for_a_scope_are_kept_apart(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--latency", "5", "--fault", "region=eu-west-1,latency=200",
                          "--fault",
                          "provider=Acme,error-rate=0.1,error-status=503,operation=AcknowledgeJob"),
                     FLAGS_END);
    assert_int_equal(c.options.faults.latency_ms, 5);
    assert_int_equal(c.faults_count, 2);
    assert_str_equal(c.faults[0].where.region, "eu-west-1");
    assert_int_equal(c.faults[0].faults.latency_ms, 200);
    assert_str_equal(c.faults[1].faults.operation, "AcknowledgeJob");
    assert_str_equal(c.faults[1].where.action_type.provider, "Acme");
    assert_int_equal(c.faults[1].faults.error_status, 503);
}

static void help_comes_before_what_follows_it(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--help", "--bogus"), FLAGS_HELP);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *option, *value, *part;
    } cases[] = {
        { "--jobs", "-1", "--jobs is a whole number from 0 to 1000000000, not \"-1\"" },
        { "--jobs", "1.5", "not \"1.5\"" },
        { "--jobs", "3 ", "not \"3 \"" },
        { "--lease", "0", "--lease is a number from 0.001 to 86400, not \"0\"" },
        { "--lease", "nan", "not \"nan\"" },
        { "--ledger", "1.5", "--ledger is a whole number from 1 to 100000000, not \"1.5\"" },
        { "--default-batch", "1.5", "not \"1.5\"" },
        { "--seed", "1.5", "not \"1.5\"" },
        { "--seed", "0", "--seed is a whole number from 1 to 2^53, not \"0\"" },
        { "--jobs-per-second", "x", "--jobs-per-second is a number from 0 to 1000000, not \"x\"" },
        { "--error-rate", "1.5", "--error-rate is a number from 0 to 1, not \"1.5\"" },
        { "--latency", "soon", "--latency is a whole number from 0 to " },
        { "--latency", "soon", ", not \"soon\"" },
        { "--fault", "region", "--fault: \"region\" is not of the form name=value" },
        { "--fault", "region=a,colour=3", "--fault: \"colour\" is no kind of fault" },
        { "--fault", "operation=Poll,latency=1",
          "--fault: operation \"Poll\" is no job operation" },
        { "--repeated-nonce", "ok", "--repeated-nonce is error or status, not \"ok\"" },
        { "--acknowledge-status", "1", "--acknowledge-status is yes or no, not \"1\"" },
        { "--job-timeout", "0", "--job-timeout is a number from 0.001 to 86400, not \"0\"" },
        { "--follow-up-delay", "0.5", "--follow-up-delay is a whole number from 0 to 86400000" },
        { "--fault", "latency=x", "--fault: latency is a whole number from 0 to " },
        { "--action-type-id", "region=a", "--action-type-id: \"region\" is none of category" },
        { "--region", "us-eats-1", "--region: " },
        { "--region", "us-eats-1", "\"us-east-1\"?); --allow-unknown-region takes it" },
        { "--fault", "region=eu-wset-1,latency=1", "\"eu-west-1\"?)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct serve_options c;
        struct pipepoll_error why = { .text = "" };
        int r = READ(&c, &why, cases[i].option, cases[i].value);
        if (r != SERVE_OPTIONS_WRONG || !strstr(why.text, cases[i].part))
            fail_msg("%s %s: '%s'", cases[i].option, cases[i].value, why.text);
    }
}

static void what_looks_wrong_may_be_meant(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--region", "us-eats-1", "--allow-unknown-region"), FLAGS_END);
    assert_int_equal(READ(&c, &why, "--region", "nowhere-9"), FLAGS_END); /* like none there is */
    assert_int_equal(READ(&c, &why, "--jobs", "0"), FLAGS_END);
    assert_int_equal(c.jobs, 0);
}

/* By the parser of all commands, which says so itself. */
static void what_is_no_option_is_refused(void **state)
{
    struct serve_options c;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(READ(&c, &why, "--bogus"), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "--jobs"), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "--jobs", "--tls"), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "--secret-key", ""), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "--secret-key="), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "stray"), FLAGS_BAD);
    assert_int_equal(READ(&c, &why, "--latency-j", "5", "--stri"), FLAGS_END);
    assert_int_equal(READ(&c, &why, "--s"), FLAGS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_read),
        cmocka_unit_test(what_aws_does_not_document_is_an_option),
        cmocka_unit_test(a_file_for_a_certificate_needs_one),
        cmocka_unit_test(every_trouble_is_an_option),
        cmocka_unit_test(faults_for_a_scope_are_kept_apart),
        cmocka_unit_test(help_comes_before_what_follows_it),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_looks_wrong_may_be_meant),
        cmocka_unit_test(what_is_no_option_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
