/* SPDX-License-Identifier: MIT */
#include "handler/exec.h"

#include <signal.h>

#include <uv.h>

#include "base/buf.h"
#include "lib/check.h"
#include "lib/program_file.h"

#define SECRET "canary/secret+of/the/job"

enum { SHORT_MS = 100, LONG_MS = 60000 };

struct run {
    uv_loop_t loop;
    struct handler *exec;
    struct handler_run *job;
    struct program_options options;
    char *argv[2];
    struct handler_input input;
    struct handler_result result; /* its texts are copied to `texts` */
    struct buf texts, log, progress;
    unsigned dones, closeds, log_lines;
    const char *stop_at; /* stop it once its log says this */
    bool close_at;       /* close all instead, with a short deadline */
    char texts_room[70000], log_room[100000], progress_room[4096];
};

static str copy(struct run *r, str text)
{
    char *at = r->texts.at + r->texts.len;
    buf_put(&r->texts, text);
    return (str) { at, text.len };
}

static void on_progress(void *ctx, const struct report *p)
{
    struct run *r = ctx;
    buf_printf(&r->progress, "[%u%s %.*s %.*s]", p->percent, p->has_percent ? "%" : "",
               STR_ARG(p->summary), STR_ARG(p->execution_id));
}

static void on_closed(void *ctx)
{
    struct run *r = ctx;
    r->closeds++;
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct run *r = ctx;
    r->log_lines++;
    buf_put(&r->log, line);
    buf_put_char(&r->log, '\n');
    if (!r->stop_at || !memmem(line.ptr, line.len, r->stop_at, strlen(r->stop_at)))
        return;
    r->stop_at = NULL;
    if (r->close_at)
        r->exec->close(r->exec, SHORT_MS, on_closed, r);
    else
        r->exec->stop(r->exec, r->job);
}

static void on_done(void *ctx, const struct handler_result *result)
{
    struct run *r = ctx;
    r->dones++;
    r->result = *result;
    r->result.report.summary = copy(r, result->report.summary);
    r->result.report.message = copy(r, result->report.message);
    r->result.report.execution_id = copy(r, result->report.execution_id);
    r->result.report.continuation_token = copy(r, result->report.continuation_token);
}

static const struct handler_events events = { on_progress, on_log, on_done };
static const str secrets[] = { STR_INIT(SECRET) };

static int set_up(void **state)
{
    struct run *r = calloc(1, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&r->loop);
    r->texts = BUF_ON(r->texts_room);
    r->log = BUF_ON(r->log_room);
    r->progress = BUF_ON(r->progress_room);
    r->options.timeout_ms = r->options.kill_after_ms = LONG_MS;
    r->input = (struct handler_input) { .job_id = STR("1-2"),
                                        .document = STR("{\"jobId\":\"1-2\"}\n"),
                                        .secrets = secrets,
                                        .secret_count = 1 };
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct run *r = *state;
    if (!r->close_at)
        r->exec->close(r->exec, LONG_MS, on_closed, r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(r->closeds, 1);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
    return 0;
}

/* Its options are what the test has made of them. */
static void start_program(struct run *r, const char *path)
{
    r->argv[0] = (char *)(uintptr_t)path;
    r->options.argv = r->argv;
    if (!r->exec)
        assert_int_equal(exec_open(&r->exec, &r->loop, &r->options), 0);
    assert_int_equal(r->exec->start(r->exec, &r->job, &r->input, &events, r), 0);
}

static void start(struct run *r, const char *script)
{
    start_program(r, program_write("handler", script));
    assert_int_equal(r->dones, 0);
}

static void run_to_end(struct run *r)
{
    while (!r->dones)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_int_equal(r->dones, 1);
}

static void run_program(struct run *r, const char *script)
{
    start(r, script);
    run_to_end(r);
}

static void run_sh(struct run *r, const char *script)
{
    char text[4096];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    run_program(r, text);
}

static void check_failure(const struct run *r, enum pipepoll_failure_type failure,
                          const char *message)
{
    assert_int_equal(r->result.report.kind, REPORT_FAILED);
    assert_str_equal(r->result.report.message, message);
    assert_int_equal(r->result.report.failure, failure);
}

/* --- the exit code --- */

static void exit_code_0_is_success(void **state)
{
    struct run *r = *state;
    run_sh(r, "cat >/dev/null");
    assert_int_equal(r->result.report.kind, REPORT_SUCCEEDED);
    assert_int_equal(r->result.report.summary.len, 0);
    assert_int_equal(r->log_lines, 0);
}

static void the_last_line_of_stderr_is_the_message(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo first >&2; echo '  the disk is full  ' >&2; echo >&2; exit 3");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "the disk is full");
}

static void exit_codes_of_sysexits_have_their_types(void **state)
{
    static const struct {
        int code;
        enum pipepoll_failure_type failure;
    } codes[] = { { 1, PIPEPOLL_FAILURE_JOB },
                  { 75, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE },
                  { 77, PIPEPOLL_FAILURE_PERMISSION },
                  { 78, PIPEPOLL_FAILURE_CONFIGURATION },
                  { 255, PIPEPOLL_FAILURE_JOB } };
    struct run *r = *state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char script[64], message[64];
        snprintf(script, sizeof script, "exit %d", codes[i].code);
        snprintf(message, sizeof message, "handler ended with exit code %d", codes[i].code);
        r->dones = 0;
        run_sh(r, script);
        check_failure(r, codes[i].failure, message);
    }
}

static void a_death_by_a_signal_names_it(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo last words >&2; kill -SEGV $$");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "handler was killed by SIGSEGV (signal 11)");
}

static void a_time_out_fails_the_job(void **state)
{
    struct run *r = *state;
    r->options.timeout_ms = SHORT_MS;
    run_sh(r, "exec sleep 60");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "handler did not end within 0.100 s, and was stopped");
    assert_false(r->result.stopped);
}

static void a_program_that_is_not_there_is_a_configuration_error(void **state)
{
    struct run *r = *state;
    start_program(r, "/no/such/program");
    run_to_end(r);
    check_failure(r, PIPEPOLL_FAILURE_CONFIGURATION,
                  "program cannot be started: No such file or directory");
}

static void a_script_without_an_interpreter_is_told_so(void **state)
{
    struct run *r = *state;
    run_program(r, "echo hello\n");
    check_failure(r, PIPEPOLL_FAILURE_CONFIGURATION,
                  "handler cannot be started: it is no program, and begins with no #! line");
}

/* --- reports --- */

static void progress_is_told_as_it_comes(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo '{\"progress\": {\"percent\": 40, \"summary\": \"half\"}}'\n"
              "echo '{\"progress\": {\"externalExecutionId\": \"run-7\"}}'");
    assert_str_equal(buf_str(&r->progress), "[40% half ][0  run-7]");
    assert_int_equal(r->result.report.kind, REPORT_SUCCEEDED);
}

static void the_last_result_counts_whatever_the_exit_code(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo '{\"result\": {\"status\": \"failed\", \"message\": \"no\"}}'\n"
              "printf '{\"result\": {\"status\": \"succeeded\", \"summary\": \"yes\"}}'; exit 1");
    assert_int_equal(r->result.report.kind, REPORT_SUCCEEDED);
    assert_str_equal(r->result.report.summary, "yes");
}

static void a_continuation_has_its_token(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo '{\"result\": {\"status\": \"continue\", \"continuationToken\": \"t-1\"}}'");
    assert_int_equal(r->result.report.kind, REPORT_CONTINUE);
    assert_str_equal(r->result.report.continuation_token, "t-1");
}

static void a_result_that_is_not_understood_is_no_success(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo '{\"result\": {\"status\": \"done\"}}'");
    check_failure(r, PIPEPOLL_FAILURE_JOB,
                  "the result of handler is not understood: status is \"done\": there are "
                  "succeeded, failed and continue");
}

static void a_result_that_is_too_long_is_no_success(void **state)
{
    struct run *r = *state;
    run_sh(r, "printf '{\"result\": {\"status\": \"failed\", \"message\": \"'\n"
              "head -c 70000 /dev/zero | tr '\\0' x; echo '\"}}'");
    check_failure(r, PIPEPOLL_FAILURE_JOB,
                  "the result of handler is not understood: its line has more than 65536 bytes");
}

static void a_failure_always_has_a_message(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo '{\"result\": {\"status\": \"failed\"}}'");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "handler reported a failure without a message");
}

static void other_lines_are_counted_and_told_once(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo hello; echo; echo '{\"a\": 1}'; echo '{\"progress\": 3}'");
    assert_int_equal(r->result.other_lines, 3);
    assert_str_equal(buf_str(&r->log),
                     "job 1-2: 3 lines of stdout are neither progress nor a result\n");
}

static void one_other_line_is_told_in_the_singular(void **state)
{
    struct run *r = *state;
    r->options.log_lines_max = 1;
    run_sh(r, "echo hello; echo one >&2; echo two >&2");
    assert_str_equal(
        buf_str(&r->log),
        "job 1-2: one\njob 1-2: 1 line of stderr left out; 1 line of stdout is neither "
        "progress nor a result\n");
}

/* --- stderr --- */

static void lines_of_stderr_are_logged_with_the_job(void **state)
{
    struct run *r = *state;
    run_sh(r, "printf 'one\\ntwo\\033[31m\\tred\\302\\240\\nbad\\377\\nlast' >&2");
    assert_str_equal(buf_str(&r->log), "job 1-2: one\njob 1-2: two?[31m red\xc2\xa0\n"
                                       "job 1-2: bad?\njob 1-2: last\n");
}

static void no_more_of_stderr_is_logged_than_its_bounds(void **state)
{
    struct run *r = *state;
    r->options.log_lines_max = 3;
    run_sh(r, "for i in 1 2 3 4 5 6; do echo $i >&2; done; exit 1");
    assert_str_equal(buf_str(&r->log), "job 1-2: 1\njob 1-2: 2\njob 1-2: 3\n"
                                       "job 1-2: 3 lines of stderr left out\n");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "6");
}

static void a_flood_on_both_streams_is_bounded(void **state)
{
    struct run *r = *state;
    r->options.log_bytes_max = 1000;
    run_sh(r, "yes | head -c 3000000 >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2\n"
              "yes | head -c 3000000; exit 1");
    assert_true(r->log.len > 1000 * 10 && r->log.len < 1000 * 12 && !r->log.overflow);
    assert_int_equal(r->result.left_out, 1500000 - 1000 + 1);
    assert_int_equal(r->result.other_lines, 1500000);
    assert_int_equal(r->result.report.message.len, 5000);
}

static void secrets_are_masked_in_logs_and_messages(void **state)
{
    struct run *r = *state;
    run_sh(r, "echo 'key " SECRET "!' >&2; exit 1");
    assert_null(memmem(r->log.at, r->log.len, SECRET, strlen(SECRET)));
    check_failure(r, PIPEPOLL_FAILURE_JOB, "key ************************!");
    r->dones = 0;
    run_sh(r, "echo '{\"result\": {\"status\": \"failed\", \"message\": \"" SECRET "\"}}'");
    check_failure(r, PIPEPOLL_FAILURE_JOB, "************************");
}

static void a_secret_at_the_end_of_a_cut_line_is_masked(void **state)
{
    struct run *r = *state;
    run_sh(r, "head -c 8180 /dev/zero | tr '\\0' x >&2; echo '" SECRET "' >&2");
    assert_null(memmem(r->log.at, r->log.len, SECRET, 6));
    assert_non_null(memmem(r->log.at, r->log.len, "x************", 13));
}

/* --- the job --- */

static void the_job_is_on_stdin_and_nowhere_else(void **state)
{
    struct run *r = *state;
    r->input.document = STR("{\"jobId\":\"1-2\",\"secret\":\"" SECRET "\"}\n");
    run_sh(r, "read -r document; test \"$document\" = '{\"jobId\":\"1-2\",\"secret\":\"" SECRET
              "\"}' || exit 1\n"
              "read -r more && exit 2\n"
              "test $# = 0 || exit 3\n"
              "! grep -q canary /proc/$$/cmdline /proc/$$/environ || exit 4");
    assert_int_equal(r->result.report.kind, REPORT_SUCCEEDED);
}

static void a_job_may_add_to_the_environment(void **state)
{
    struct run *r = *state;
    char *ours[] = { (char[]) { "A=handler" }, (char[]) { "B=handler" }, NULL };
    char *its[] = { (char[]) { "B=job; touch x" }, NULL };
    r->options.environment = ours;
    r->input.environment = its;
    run_sh(r, "echo \"$A,$B\" >&2");
    assert_str_equal(buf_str(&r->log), "job 1-2: handler,job; touch x\n");
}

/* --- stopping --- */

static void a_job_that_is_stopped_says_so(void **state)
{
    struct run *r = *state;
    r->stop_at = "ready";
    run_sh(r, "echo ready >&2; exec sleep 60");
    check_failure(r, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "handler was stopped before it ended");
    assert_true(r->result.stopped);
}

static void a_job_may_give_its_result_when_it_is_stopped(void **state)
{
    struct run *r = *state;
    r->stop_at = "ready";
    run_sh(r, "trap 'echo \"{\\\"result\\\": {\\\"status\\\": \\\"continue\\\", "
              "\\\"continuationToken\\\": \\\"later\\\"}}\"; exit' TERM\n"
              "echo ready >&2; sleep 60 >/dev/null 2>&1 & wait");
    assert_int_equal(r->result.report.kind, REPORT_CONTINUE);
    assert_str_equal(r->result.report.continuation_token, "later");
    assert_false(r->result.stopped);
}

static void closing_stops_all_and_has_a_deadline(void **state)
{
    struct run *r = *state;
    int witness = witness_make("closed");
    char script[256];
    snprintf(script, sizeof script,
             "trap '' TERM; exec 9>'%s'; echo ready >&2; while :; do sleep 60; done",
             program_path("closed"));
    r->stop_at = "ready";
    r->close_at = true;
    run_sh(r, script);
    assert_true(r->result.stopped);
    check_failure(r, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "handler was stopped before it ended");
    witness_await_end(witness);
}

/* --- the examples of README --- */

static const char example_sh[] =
    "#!/bin/sh\n"
    "job=$(cat)\n"
    "bucket=$(printf '%s' \"$job\" | sed -n 's/.*\"bucketName\":\"\\([^\"]*\\)\".*/\\1/p')\n"
    "echo \"working on $bucket\" >&2\n"
    "echo '{\"progress\": {\"percent\": 50, \"summary\": \"half done\"}}'\n"
    "if [ -z \"$bucket\" ]; then\n"
    "    echo 'the job has no artifact' >&2\n"
    "    exit 78\n"
    "fi\n"
    "echo '{\"result\": {\"status\": \"succeeded\", \"summary\": \"deployed\"}}'\n";

static const char example_python[] =
    "#!/usr/bin/env python3\n"
    "import json, sys\n"
    "job = json.load(sys.stdin)\n"
    "def tell(**line):\n"
    "    print(json.dumps(line), flush=True)\n"
    "tell(progress={\"percent\": 50, \"summary\": \"half done\"})\n"
    "artifacts = job[\"inputArtifacts\"]\n"
    "if not artifacts:\n"
    "    sys.exit(\"the job has no artifact\")\n"
    "tell(result={\"status\": \"succeeded\", \"summary\": \"deployed\"})\n";

static const char example_node[] =
    "#!/usr/bin/env node\n"
    "const job = JSON.parse(require('fs').readFileSync(0));\n"
    "const tell = line => console.log(JSON.stringify(line));\n"
    "tell({ progress: { percent: 50, summary: 'half done' } });\n"
    "if (!job.inputArtifacts.length)\n"
    "    tell({ result: { status: 'failed', failureType: 'ConfigurationError',\n"
    "                     message: 'the job has no artifact' } });\n"
    "else\n"
    "    tell({ result: { status: 'succeeded', summary: 'deployed' } });\n";

#define JOB_WITHOUT "{\"jobId\":\"1-2\",\"inputArtifacts\":[]}\n"
#define JOB_WITH                                                                                   \
    "{\"jobId\":\"1-2\",\"inputArtifacts\":[{\"name\":\"a\",\"location\":{\"type\":\"S3\","        \
    "\"s3Location\":{\"bucketName\":\"bucket\",\"objectKey\":\"k\"}}}]}\n"

static void check_example(struct run *r, const char *example, enum pipepoll_failure_type failure)
{
    r->input.document = STR(JOB_WITH);
    run_program(r, example);
    assert_int_equal(r->result.report.kind, REPORT_SUCCEEDED);
    assert_str_equal(r->result.report.summary, "deployed");
    assert_str_equal(buf_str(&r->progress), "[50% half done ]");
    r->dones = 0;
    r->input.document = STR(JOB_WITHOUT);
    run_program(r, example);
    check_failure(r, failure, "the job has no artifact");
}

static void the_example_in_sh_works(void **state)
{
    check_example(*state, example_sh, PIPEPOLL_FAILURE_CONFIGURATION);
}

static void the_example_in_python_works(void **state)
{
    check_example(*state, example_python, PIPEPOLL_FAILURE_JOB);
}

static void the_example_in_node_works(void **state)
{
    if (system("node --version >/dev/null 2>&1")) /* NOLINT */
        skip();
    check_example(*state, example_node, PIPEPOLL_FAILURE_CONFIGURATION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_code_0_is_success),
        TEST(the_last_line_of_stderr_is_the_message),
        TEST(exit_codes_of_sysexits_have_their_types),
        TEST(a_death_by_a_signal_names_it),
        TEST(a_time_out_fails_the_job),
        TEST(a_program_that_is_not_there_is_a_configuration_error),
        TEST(a_script_without_an_interpreter_is_told_so),
        TEST(progress_is_told_as_it_comes),
        TEST(the_last_result_counts_whatever_the_exit_code),
        TEST(a_continuation_has_its_token),
        TEST(a_result_that_is_not_understood_is_no_success),
        TEST(a_result_that_is_too_long_is_no_success),
        TEST(a_failure_always_has_a_message),
        TEST(other_lines_are_counted_and_told_once),
        TEST(one_other_line_is_told_in_the_singular),
        TEST(lines_of_stderr_are_logged_with_the_job),
        TEST(no_more_of_stderr_is_logged_than_its_bounds),
        TEST(a_flood_on_both_streams_is_bounded),
        TEST(secrets_are_masked_in_logs_and_messages),
        TEST(a_secret_at_the_end_of_a_cut_line_is_masked),
        TEST(the_job_is_on_stdin_and_nowhere_else),
        TEST(a_job_may_add_to_the_environment),
        TEST(a_job_that_is_stopped_says_so),
        TEST(a_job_may_give_its_result_when_it_is_stopped),
        TEST(closing_stops_all_and_has_a_deadline),
        TEST(the_example_in_sh_works),
        TEST(the_example_in_python_works),
        TEST(the_example_in_node_works),
    };
    return cmocka_run_group_tests(tests, program_folder_make, program_folder_remove);
}
