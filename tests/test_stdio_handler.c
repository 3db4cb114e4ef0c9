/* SPDX-License-Identifier: MIT */
#include "handler/stdio_handler.h"

#include <signal.h>

#include <uv.h>

#include "base/buf.h"
#include "lib/check.h"
#include "lib/program_file.h"

#define SECRET "canary/secret+of/the/job"

/* START_MS is what a program may take to start on a busy machine. */
enum { JOBS = 4, SHORT_MS = 100, START_MS = 500, LONG_MS = 60000 };

struct run;

struct job {
    struct run *run;
    struct handler_run *handler_run;
    struct handler_result result; /* its texts are copied to `texts` */
    unsigned dones, progresses;
    struct buf texts, progress, log;
    char texts_room[8192], progress_room[1024], log_room[4096];
};

struct run {
    uv_loop_t loop;
    struct handler *handler;
    struct stdio_handler_options options;
    struct job jobs[JOBS];
    struct buf log;
    unsigned dones, closeds;
    char *argv[2];
    char log_room[70000];
};

/* --- events, each of which ends a turn of the loop --- */

static str copy(struct job *job, str text)
{
    char *at = job->texts.at + job->texts.len;
    buf_put(&job->texts, text);
    return (str) { at, text.len };
}

static void on_progress(void *ctx, const struct report *p)
{
    struct job *job = ctx;
    job->progresses++;
    uv_stop(&job->run->loop);
    buf_printf(&job->progress, "[%u%s %.*s]", p->percent, p->has_percent ? "%" : "",
               STR_ARG(p->summary));
}

static void on_job_log(void *ctx, enum pipepoll_level level, str line)
{
    struct job *job = ctx;
    buf_put(&job->log, line);
    buf_put_char(&job->log, '\n');
    uv_stop(&job->run->loop);
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct run *r = ctx;
    buf_put(&r->log, line);
    buf_put_char(&r->log, '\n');
}

static void on_done(void *ctx, const struct handler_result *result)
{
    struct job *job = ctx;
    job->dones++;
    job->run->dones++;
    uv_stop(&job->run->loop);
    job->result = *result;
    job->result.report.summary = copy(job, result->report.summary);
    job->result.report.message = copy(job, result->report.message);
    job->result.report.continuation_token = copy(job, result->report.continuation_token);
}

static void on_closed(void *ctx)
{
    struct run *r = ctx;
    r->closeds++;
    uv_stop(&r->loop);
}

static const struct handler_events events = { on_progress, on_job_log, on_done };

/* --- the fixture --- */

static int set_up(void **state)
{
    struct run *r = calloc(1, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&r->loop);
    r->log = BUF_ON(r->log_room);
    for (unsigned i = 0; i < JOBS; i++) {
        struct job *job = &r->jobs[i];
        job->run = r;
        job->texts = BUF_ON(job->texts_room);
        job->progress = BUF_ON(job->progress_room);
        job->log = BUF_ON(job->log_room);
    }
    r->options = (struct stdio_handler_options) {
        .program = { .argv = r->argv, .timeout_ms = LONG_MS, .kill_after_ms = SHORT_MS },
        .start_within_ms = LONG_MS,
        .restart_base_ms = 1,
        .seed = 7,
        .log = { on_log, r }
    };
    unlink(program_path("again"));
    *state = r;
    return 0;
}

static void close_handler(struct run *r, uint32_t deadline_ms)
{
    r->handler->close(r->handler, deadline_ms, on_closed, r);
    while (!r->closeds)
        uv_run(&r->loop, UV_RUN_DEFAULT);
    r->handler = NULL;
}

static int tear_down(void **state)
{
    struct run *r = *state;
    if (r->handler)
        close_handler(r, LONG_MS);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(r->closeds, 1);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
    return 0;
}

static void open_program(struct run *r, const char *path)
{
    r->argv[0] = (char *)(uintptr_t)path;
    assert_int_equal(stdio_handler_open(&r->handler, &r->loop, &r->options), 0);
}

/* A script that has `job LINE`, which sets $id, `progress TEXT` and `succeed ID TEXT`, and in its
 * folder `again`, that the first process makes. */
static void open_sh(struct run *r, const char *script)
{
    char text[4096];
    int n = snprintf(
        text, sizeof text,
        "#!/bin/sh\n"
        "cd '%s'\n"
        "next() { read -r line || return; id=${line#*'\"jobId\":\"'}; id=${id%%%%'\"'*}; }\n"
        "say() { printf '{\"jobId\":\"%%s\",\"%%s\"}\\n' \"$1\" \"$2\"; }\n"
        "progress() { printf '{\"jobId\":\"%%s\",\"progress\":{\"summary\":\"%%s\"}}\\n' \"$id\" "
        "\"$1\"; }\n"
        "succeed() { printf '{\"jobId\":\"%%s\",\"result\":{\"status\":\"succeeded\",\"summary\":"
        "\"%%s\"}}\\n' \"$1\" \"$2\"; }\n"
        "is_first() { test ! -e again && : >again; }\n"
        "serve() { while next; do succeed \"$id\" served; done; }\n"
        "%s\n",
        program_folder, script);
    assert_true(n < (int)sizeof text);
    open_program(r, program_write("worker", text));
}

static void start_with(struct run *r, unsigned i, str document, char *const *environment)
{
    static const str secrets[] = { STR_INIT(SECRET) };
    char id[16];
    snprintf(id, sizeof id, "1-%u", i);
    struct handler_input in = { .job_id = str_of(id),
                                .document = document,
                                .secrets = secrets,
                                .secret_count = 1,
                                .environment = environment };
    struct job *job = &r->jobs[i];
    assert_int_equal(r->handler->start(r->handler, &job->handler_run, &in, &events, job), 0);
    assert_int_equal(job->dones, 0);
}

static void start(struct run *r, unsigned i)
{
    char document[64];
    snprintf(document, sizeof document, "{\"jobId\":\"1-%u\"}\n", i);
    start_with(r, i, str_of(document), NULL);
}

static void stop(struct run *r, unsigned i)
{
    r->handler->stop(r->handler, r->jobs[i].handler_run);
}

static void run_until(struct run *r, const unsigned *count, unsigned want)
{
    while (*count < want)
        uv_run(&r->loop, UV_RUN_DEFAULT);
}

static void run_jobs(struct run *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        start(r, i);
    run_until(r, &r->dones, count);
}

static void check_success(struct run *r, unsigned i, const char *summary)
{
    assert_int_equal(r->jobs[i].dones, 1);
    assert_str_equal(r->jobs[i].result.report.message, "");
    assert_int_equal(r->jobs[i].result.report.kind, REPORT_SUCCEEDED);
    assert_str_equal(r->jobs[i].result.report.summary, summary);
}

static void check_failure(struct run *r, unsigned i, enum pipepoll_failure_type failure,
                          const char *message)
{
    const struct handler_result *result = &r->jobs[i].result;
    assert_int_equal(r->jobs[i].dones, 1);
    assert_int_equal(result->report.kind, REPORT_FAILED);
    assert_str_equal(result->report.message, message);
    assert_int_equal(result->report.failure, failure);
}

static void check_unavailable(struct run *r, unsigned i, const char *message)
{
    check_failure(r, i, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, message);
}

static bool log_says(const struct run *r, const char *what)
{
    return memmem(r->log.at, r->log.len, what, strlen(what)) != NULL;
}

/* --- jobs --- */

static void many_jobs_go_through_one_process(void **state)
{
    struct run *r = *state;
    open_sh(r, "while next; do n=$((n + 1)); succeed \"$id\" $n; done");
    run_jobs(r, 3);
    check_success(r, 0, "1");
    check_success(r, 1, "2");
    check_success(r, 2, "3");
    assert_int_equal(r->log.len, 0);
}

static void answers_may_come_in_any_order(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 2;
    open_sh(r, "next; progress one; a=$id; next; progress two; succeed \"$id\" second\n"
               "id=$a; progress more; succeed \"$id\" first");
    run_jobs(r, 2);
    check_success(r, 0, "first");
    check_success(r, 1, "second");
    assert_str_equal(buf_str(&r->jobs[0].progress), "[0 one][0 more]");
    assert_str_equal(buf_str(&r->jobs[1].progress), "[0 two]");
}

static void more_than_its_concurrency_wait_here(void **state)
{
    struct run *r = *state;
    r->options.program.kill_after_ms = LONG_MS;
    open_sh(r, "next; progress begun; read -r stop; test \"$stop\" = '{\"jobId\":\"1-0\","
               "\"stop\":true}' && succeed 1-0 stopped");
    start(r, 0);
    start(r, 1);
    run_until(r, &r->jobs[0].progresses, 1);
    stop(r, 1); /* of which the program has not heard */
    run_until(r, &r->dones, 1);
    assert_true(r->jobs[1].result.stopped);
    check_unavailable(r, 1, "worker was stopped before it gave a result");
    stop(r, 0);
    run_until(r, &r->dones, 2);
    check_success(r, 0, "stopped");
    assert_false(r->jobs[0].result.stopped);
}

static void the_environment_of_a_job_is_in_its_document(void **state)
{
    struct run *r = *state;
    char *pairs[] = { (char[]) { "TOKEN=a=b" }, NULL };
    char *ours[] = { (char[]) { "OURS=x" }, NULL };
    r->options.program.environment = ours;
    open_sh(r, "next; test \"$line\" = '{\"jobId\":\"1-0\",\"environment\":{\"TOKEN\":\"a=b\"}}' "
               "&& succeed \"$id\" \"$OURS\"");
    start_with(r, 0, STR("{\"jobId\":\"1-0\"}\n"), pairs);
    run_until(r, &r->dones, 1);
    check_success(r, 0, "x");
}

/* More than its pipe takes. */
static void start_large(struct run *r, unsigned i)
{
    static char document[200000];
    struct buf id = BUF_ON(document);
    memset(document, ' ', sizeof document);
    buf_printf(&id, "{\"jobId\":\"1-%u\"", i);
    document[id.len] = ' ';
    memcpy(document + sizeof document - 2, "}\n", 2);
    start_with(r, i, (str) { document, sizeof document }, NULL);
}

static void a_large_job_is_written_as_it_is_read(void **state)
{
    static char document[500000];
    struct run *r = *state;
    struct buf b = BUF_ON(document);
    buf_put(&b, STR("{\"jobId\":\"1-0\",\"x\":\""));
    memset(b.at + b.len, 'x', sizeof document - b.len - 3);
    memcpy(document + sizeof document - 3, "\"}\n", 3);
    open_sh(r, "succeed 1-0 $(head -n 1 | wc -c)");
    start_with(r, 0, (str) { document, sizeof document }, NULL);
    run_until(r, &r->dones, 1);
    check_success(r, 0, "500000");
}

static void a_result_may_come_before_the_job_is_read(void **state)
{
    static char document[80000];
    struct run *r = *state;
    memset(document, ' ', sizeof document);
    memcpy(document, "{\"jobId\":\"1-0\"", 14);
    document[sizeof document - 1] = '}';
    open_sh(r, "dd bs=1 count=14 of=begun status=none; succeed 1-0 early; read -r rest; serve");
    start_with(r, 0, (str) { document, sizeof document }, NULL);
    start(r, 1);
    run_until(r, &r->dones, 2);
    check_success(r, 0, "early");
    check_success(r, 1, "served");
}

/* --- its end --- */

static void jobs_that_it_had_fail_and_others_wait_for_the_next(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 2;
    open_sh(r, "is_first || serve; next; next; echo 'the disk is full' >&2; exit 3");
    run_jobs(r, 3);
    check_unavailable(r, 0, "worker ended with exit code 3: the disk is full");
    check_unavailable(r, 1, "worker ended with exit code 3: the disk is full");
    assert_false(r->jobs[0].result.stopped);
    check_success(r, 2, "served");
    assert_true(log_says(r, "worker ended with exit code 3: the disk is full "
                            "(it had 2 jobs)\n"));
}

static void a_result_counts_whatever_comes_after_it(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; printf '{\"jobId\":\"1-0\",\"result\":{\"status\":\"succeeded\"}}'\n"
               "kill -KILL $$");
    run_jobs(r, 1);
    check_success(r, 0, "");
}

static void a_death_by_a_signal_names_it(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; kill -SEGV $$");
    run_jobs(r, 1);
    check_unavailable(r, 0, "worker was killed by SIGSEGV (signal 11)");
}

static void one_that_ends_at_once_is_started_with_delays(void **state)
{
    struct run *r = *state;
    r->options.restart_base_ms = LONG_MS;
    r->options.start_within_ms = START_MS;
    open_sh(r, "next; printf x >>starts");
    run_jobs(r, 2);
    check_unavailable(r, 0, "worker ended with exit code 0");
    check_unavailable(r, 1, "worker took no job within 0.500 s: worker ended with exit code 0");
    struct stat starts;
    assert_int_equal(stat(program_path("starts"), &starts), 0);
    assert_int_equal(starts.st_size, 1);
}

static void one_that_cannot_be_started_says_why(void **state)
{
    struct run *r = *state;
    r->options.start_within_ms = START_MS;
    open_program(r, "/no/such/worker");
    run_jobs(r, 2);
    for (unsigned i = 0; i < 2; i++)
        check_unavailable(r, i,
                          "worker took no job within 0.500 s: worker cannot be started: "
                          "No such file or directory");
}

static void one_that_closes_its_stdin_loses_no_job(void **state)
{
    struct run *r = *state;
    open_sh(r, "is_first || serve; next; exec <&-; succeed \"$id\" last");
    run_jobs(r, 3);
    check_success(r, 0, "last");
    check_success(r, 1, "served");
    check_success(r, 2, "served");
}

static void one_that_closes_its_stdin_and_stays_is_ended(void **state)
{
    struct run *r = *state;
    open_sh(r, "is_first || serve; next; exec <&-; succeed \"$id\" last; exec sleep 60");
    run_jobs(r, 1);
    start(r, 1);
    run_until(r, &r->dones, 2);
    check_success(r, 1, "served");
}

static void one_that_closes_its_stdout_is_ended(void **state)
{
    struct run *r = *state;
    open_sh(r, "is_first || serve; next; exec sleep 60 >/dev/null");
    run_jobs(r, 2);
    check_unavailable(r, 0, "worker closed its stdout, and was ended");
    check_success(r, 1, "served");
}

static void one_that_never_reads_is_ended(void **state)
{
    struct run *r = *state;
    r->options.start_within_ms = START_MS;
    open_sh(r, "exec sleep 60");
    start_large(r, 0);
    run_until(r, &r->dones, 1);
    check_unavailable(r, 0,
                      "worker took no job within 0.500 s: worker did not read its stdin, and "
                      "was ended");
}

/* --- stopping --- */

static void a_job_whose_time_is_up_is_told_to_stop(void **state)
{
    struct run *r = *state;
    r->options.program.timeout_ms = SHORT_MS;
    r->options.program.kill_after_ms = LONG_MS;
    open_sh(r, "next; next; printf '{\"jobId\":\"%s\",\"result\":{\"status\":\"continue\","
               "\"continuationToken\":\"later\"}}\\n' \"$id\"");
    run_jobs(r, 1);
    assert_int_equal(r->jobs[0].result.report.kind, REPORT_CONTINUE);
    assert_str_equal(r->jobs[0].result.report.continuation_token, "later");
}

static void one_that_does_not_stop_is_ended(void **state)
{
    struct run *r = *state;
    int witness = witness_make("hung");
    r->options.program.timeout_ms = START_MS;
    open_sh(r, "is_first || serve; exec 9>hung; next; exec sleep 60");
    run_jobs(r, 2);
    check_failure(r, 0, PIPEPOLL_FAILURE_JOB,
                  "worker gave no result within 0.500 s, nor when it was told to stop");
    assert_false(r->jobs[0].result.stopped);
    check_success(r, 1, "served");
    witness_await_end(witness);
    assert_true(log_says(r, "worker did not stop a job, and was ended\n"));
}

static void a_hung_job_takes_no_other_with_it(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 2;
    open_sh(r, "is_first || serve; next; next; progress begun; next\n"
               "while next; do :; done; succeed 1-0 late; succeed 1-1 unharmed; exec sleep 60");
    start(r, 0);
    start(r, 1);
    start(r, 2);
    run_until(r, &r->jobs[1].progresses, 1);
    stop(r, 0);
    stop(r, 0);
    run_until(r, &r->dones, 1);
    assert_true(r->jobs[0].result.stopped);
    check_unavailable(r, 0, "worker was stopped before it gave a result");
    run_until(r, &r->dones, 3);
    check_success(r, 1, "unharmed");
    check_success(r, 2, "served");
    assert_true(log_says(r, "worker: a line of stdout is about a job that it does not have: "
                            "{\"jobId\":\"1-0\",\"result\""));
}

/* Of which it has no more than the beginning. */
static void a_job_that_a_hung_one_did_not_read_goes_to_the_next(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 2;
    open_sh(r, "is_first || serve; next; progress begun; exec sleep 60");
    start(r, 0);
    run_until(r, &r->jobs[0].progresses, 1);
    start_large(r, 1);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    stop(r, 0);
    stop(r, 0);
    run_until(r, &r->dones, 2);
    assert_true(r->jobs[0].result.stopped);
    check_success(r, 1, "served");
}

static void let_go_on(const char *name)
{
    int fd = open(program_path(name), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
}

static void a_job_that_is_read_once_no_more_come_is_not_run_twice(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 3;
    assert_int_equal(mkfifo(program_path("go"), 0600), 0);
    open_sh(r, "is_first || serve; next; next; progress begun; : <go; next; exit 3");
    start(r, 0);
    start(r, 1);
    run_until(r, &r->jobs[1].progresses, 1);
    start_large(r, 2);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    stop(r, 0);
    stop(r, 0);
    run_until(r, &r->dones, 1);
    let_go_on("go");
    run_until(r, &r->dones, 3);
    check_unavailable(r, 1, "worker ended with exit code 3");
    check_unavailable(r, 2, "worker ended with exit code 3");
}

static void closing_lets_it_finish(void **state)
{
    struct run *r = *state;
    r->options.program.kill_after_ms = LONG_MS;
    open_sh(r, "next; a=$id; progress begun; while next; do :; done; succeed \"$a\" finished");
    start(r, 0);
    start(r, 1);
    run_until(r, &r->jobs[0].progresses, 1);
    close_handler(r, LONG_MS);
    check_success(r, 0, "finished");
    assert_true(r->jobs[1].result.stopped);
    check_unavailable(r, 1, "worker was stopped before it gave a result");
}

static void closing_has_a_deadline(void **state)
{
    struct run *r = *state;
    int witness = witness_make("closed");
    r->options.program.kill_after_ms = LONG_MS;
    open_sh(r, "trap '' TERM; exec 9>closed; next; progress begun; while :; do sleep 60; done");
    start(r, 0);
    run_until(r, &r->jobs[0].progresses, 1);
    close_handler(r, SHORT_MS);
    assert_true(r->jobs[0].result.stopped);
    check_unavailable(r, 0, "worker was stopped before it gave a result");
    witness_await_end(witness);
}

static void closing_before_it_runs_is_fine(void **state)
{
    struct run *r = *state;
    open_sh(r, "serve");
    start(r, 0);
    close_handler(r, LONG_MS);
    assert_true(r->jobs[0].result.stopped);
}

/* --- what it says --- */

static void lines_for_nobody_are_logged(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; echo hello; say 9-9 x; succeed 9-9 other; echo; succeed \"$id\" one\n"
               "succeed \"$id\" " SECRET "; serve");
    run_jobs(r, 2);
    check_success(r, 0, "one");
    check_success(r, 1, "served");
    assert_str_equal(
        buf_str(&r->log),
        "worker: a line of stdout is about no job: hello\n"
        "worker: a line of stdout is about a job that it does not have: {\"jobId\":\"9-9\",\"x\"}\n"
        "worker: a line of stdout is about a job that it does not have: "
        "{\"jobId\":\"9-9\",\"result\":{\"status\":\"succeeded\",\"summary\":\"other\"}}\n"
        "worker: a line of stdout is about a job that it does not have: "
        "{\"jobId\":\"1-0\",\"result\":{\"status\":\"succeeded\",\"summary\":"
        "\"************************\"}}\n");
}

static void a_result_that_is_not_understood_fails_its_job(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; printf '{\"jobId\":\"1-0\",\"result\":{\"status\":\"done\"}}\\n'\n"
               "next; printf '{\"jobId\":\"1-1\",\"result\":{\"status\":\\n'\n"
               "next; printf '{\"jobId\":\"1-2\",\"result\":{\"x\":\"%070000d\"}}\\n' 1\n"
               "next; printf '{\"jobId\":\"1-3\",\"result\":{\"status\":\"failed\"}}\\n'");
    run_jobs(r, 4);
    check_failure(r, 0, PIPEPOLL_FAILURE_JOB,
                  "the result of worker is not understood: status is \"done\": there are "
                  "succeeded, failed and continue");
    assert_int_equal(r->jobs[1].result.report.kind, REPORT_FAILED);
    check_failure(r, 2, PIPEPOLL_FAILURE_JOB,
                  "the result of worker is not understood: its line has more than 65536 bytes");
    check_failure(r, 3, PIPEPOLL_FAILURE_JOB, "worker reported a failure without a message");
}

static void other_lines_of_a_job_are_counted(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; echo '{\"jobId\":\"1-0\",\"progress\":4}'; echo '{\"jobId\":\"1-0\"}'\n"
               "succeed \"$id\" x; serve");
    run_jobs(r, 1);
    assert_int_equal(r->jobs[0].result.other_lines, 2);
    assert_int_equal(r->log.len, 0);
}

static void a_flood_without_a_line_end_is_one_line(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; head -c 3000000 /dev/zero | tr '\\0' x; echo; succeed \"$id\" x; serve");
    run_jobs(r, 1);
    check_success(r, 0, "x");
    assert_true(r->log.len < 300 && log_says(r, "about no job: xxxx"));
}

static void stderr_of_a_single_job_goes_to_its_log(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; printf 'key %s!\\033\\n' " SECRET " >&2; next; exit 1");
    start(r, 0);
    while (!r->jobs[0].log.len)
        uv_run(&r->loop, UV_RUN_DEFAULT);
    close_handler(r, LONG_MS);
    assert_str_equal(buf_str(&r->jobs[0].log), "job 1-0: key ************************!?\n");
    assert_null(memmem(r->log.at, r->log.len, SECRET, strlen(SECRET)));
}

static void what_is_logged_is_bounded(void **state)
{
    struct run *r = *state;
    r->options.concurrency = 2;
    r->options.program.log_lines_max = 2;
    open_sh(r, "next; next; for i in 1 2 " SECRET " 4; do echo $i; echo $i >&2; done; exit 1");
    run_jobs(r, 2);
    check_unavailable(r, 0, "worker ended with exit code 1: 4");
    assert_true(log_says(r, "worker: 6 lines left out\n"));
    assert_null(memmem(r->log.at, r->log.len, SECRET, strlen(SECRET)));
}

static void secrets_are_masked_in_what_is_reported(void **state)
{
    struct run *r = *state;
    open_sh(r, "next; progress " SECRET "; succeed \"$id\" 'of " SECRET "'");
    run_jobs(r, 1);
    check_success(r, 0, "of ************************");
    assert_str_equal(buf_str(&r->jobs[0].progress), "[0 ************************]");
}

/* --- the examples of README --- */

static void check_example(struct run *r, const char *path)
{
    r->options.program.kill_after_ms = LONG_MS;
    open_program(r, path);
    run_jobs(r, 2);
    for (unsigned i = 0; i < 2; i++) {
        check_success(r, i, "deployed");
        assert_str_equal(buf_str(&r->jobs[i].progress), "[50% half done]");
    }
    close_handler(r, LONG_MS);
    assert_true(log_says(r, " ended with exit code 0\n"));
}

static void the_example_in_python_works(void **state)
{
    check_example(*state, EXAMPLES "/stdio_handler.py");
}

static void the_example_in_node_works(void **state)
{
    if (system("node --version >/dev/null 2>&1")) /* NOLINT */
        skip();
    check_example(*state, EXAMPLES "/stdio_handler.js");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_jobs_go_through_one_process),
        TEST(answers_may_come_in_any_order),
        TEST(more_than_its_concurrency_wait_here),
        TEST(the_environment_of_a_job_is_in_its_document),
        TEST(a_large_job_is_written_as_it_is_read),
        TEST(a_result_may_come_before_the_job_is_read),
        TEST(jobs_that_it_had_fail_and_others_wait_for_the_next),
        TEST(a_result_counts_whatever_comes_after_it),
        TEST(a_death_by_a_signal_names_it),
        TEST(one_that_ends_at_once_is_started_with_delays),
        TEST(one_that_cannot_be_started_says_why),
        TEST(one_that_closes_its_stdin_loses_no_job),
        TEST(one_that_closes_its_stdin_and_stays_is_ended),
        TEST(one_that_closes_its_stdout_is_ended),
        TEST(one_that_never_reads_is_ended),
        TEST(a_job_whose_time_is_up_is_told_to_stop),
        TEST(one_that_does_not_stop_is_ended),
        TEST(a_hung_job_takes_no_other_with_it),
        TEST(a_job_that_a_hung_one_did_not_read_goes_to_the_next),
        TEST(a_job_that_is_read_once_no_more_come_is_not_run_twice),
        TEST(closing_lets_it_finish),
        TEST(closing_has_a_deadline),
        TEST(closing_before_it_runs_is_fine),
        TEST(lines_for_nobody_are_logged),
        TEST(a_result_that_is_not_understood_fails_its_job),
        TEST(other_lines_of_a_job_are_counted),
        TEST(a_flood_without_a_line_end_is_one_line),
        TEST(stderr_of_a_single_job_goes_to_its_log),
        TEST(what_is_logged_is_bounded),
        TEST(secrets_are_masked_in_what_is_reported),
        TEST(the_example_in_python_works),
        TEST(the_example_in_node_works),
    };
    return cmocka_run_group_tests(tests, program_folder_make, program_folder_remove);
}
