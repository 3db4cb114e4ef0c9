/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"
#include "lib/stage.h"

#define KEYS                                                                                       \
    "{\"Version\":1,\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"secret-" STAGE_CANARY           \
    "\",\"SessionToken\":\"token-" STAGE_CANARY "\",\"Expiration\":\"2021-09-21T23:41:25Z\"}"

static void run(struct stage *s, const char *line)
{
    const struct chain chain = {
        .source = SOURCE_PROCESS,
        .process = str_of(line),
        .account_id = STR("123456789012"),
    };
    assert_true(stage_run(s, &provider_process, &chain, NULL, NULL));
}

static void a_program_prints_credentials(void **state)
{
    struct stage *s = *state;
    run(s, "/bin/echo '" KEYS "'");
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->outcome.credentials->expires_s, 1632267685);
    assert_str_equal(s->outcome.credentials->account_id, "123456789012");
}

static void permanent_credentials_are_fine(void **state)
{
    struct stage *s = *state;
    run(s, "echo '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"B\", "
           "\"AccountId\": \"210987654321\"}'");
    stage_assert_credentials(s, "A", "B", "");
    assert_int_equal(s->outcome.credentials->expires_s, UINT64_MAX);
    assert_str_equal(s->outcome.credentials->account_id, "210987654321");
}

static void no_shell_reads_the_line(void **state)
{
    struct stage *s = *state;
    run(s, "/bin/echo '" KEYS "' ; touch /nonexistent/$HOME | false");
    stage_assert_failed(s, false, "printed something that is not one small JSON object");
}

static void each_failure_is_told_without_the_arguments(void **state)
{
    struct stage *s = *state;
    static const struct {
        const char *line, *sentence;
        bool lasting;
    } rows[] = {
        { "/nonexistent/tool " STAGE_CANARY,
          "credential_process /nonexistent/tool could not be started: No such file", true },
        { "/bin/sh -c 'exit 3' " STAGE_CANARY, "ended with exit status 3; run it by hand", false },
        { "/bin/sh -c 'echo \"no login:\" >&2; echo run aws sso login >&2; exit 255'",
          "status 255; run it by hand; on stderr it said: no login: run aws sso login", false },
        { "/bin/sh -c 'printf \"\\033[31mred\\007\" >&2; exit 1'", "said: ?[31mred?", false },
        { "/bin/sh -c 'echo password: " STAGE_CANARY " >&2; exit 1'",
          "on stderr it said: ********: *****", false },
        { "/bin/sh -c 'echo hint >&2; kill -9 $$'", "(Killed); on stderr it said: hint", false },
        { "/bin/sh -c 'kill -9 $$'", "was ended by signal 9 (Killed)", false },
        { "/bin/sh -c 'echo " STAGE_CANARY "; echo " STAGE_CANARY " >&2'",
          "printed something that is not one small JSON object", false },
        { "/bin/sh -c 'echo {}'", "printed JSON without \"Version\": 1", false },
        { "/bin/sh -c 'echo {\\\"Version\\\":2}'", "\"Version\": 2, and pipepoll reads", false },
        { "/bin/sh -c 'echo {\\\"Version\\\":1.0}'", "\"Version\": 1.0, and pipepoll reads",
          false },
        { "/bin/sh -c 'echo {\\\"Version\\\":1e0}'", "\"Version\": 1e0, and pipepoll", false },
        { "/bin/sh -c 'echo {\\\"Version\\\":true}'", "that is a boolean", false },
        { "/bin/sh -c 'echo {\\\"Version\\\":\\\"1\\\"}'",
          "a \"Version\" that is a string: it must be the number 1", false },
        { "/bin/sh -c 'echo {\\\"Version\\\":1}'", "gave no AccessKeyId", false },
        { "/bin/sh -c 'head -c 70000 /dev/zero'", "printed more than 65536 bytes", true },
        { "/bin/true", "printed something that is not", false },
        { "/bin/echo '" STAGE_CANARY, "has a quote that is not closed", true },
        { " ", "is empty", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run(s, rows[i].line);
        stage_assert_failed(s, rows[i].lasting, rows[i].sentence);
    }
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    struct stage *s = *state;
    static char line[5000];
    memset(line, 'x', sizeof line - 1);
    run(s, line);
    stage_assert_failed(s, true, "is longer than 4096 bytes");
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    const struct chain chain = { .process = STR("/bin/echo '" KEYS "'") };
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++)
        in_time = stage_run_and_stop(s, &provider_process, &chain, NULL, loop_stats);
    assert_non_null(s->outcome.credentials);
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    const struct chain chain = { .process = STR("/bin/echo '" KEYS "'") };
    stage_starve(s, &provider_process, &chain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_prints_credentials),
        cmocka_unit_test(permanent_credentials_are_fine),
        cmocka_unit_test(no_shell_reads_the_line),
        cmocka_unit_test(each_failure_is_told_without_the_arguments),
        cmocka_unit_test(a_line_that_is_too_long_is_refused),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
