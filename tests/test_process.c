/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "io/process.h"
#include "io/timers.h"
#include "io/worker.h"
#include "lib/check.h"
#include "lib/descriptors.h"

#define CANARY "canary/secret/that/must/not/stay"

enum { LONG_MS = 60000, SHORT_MS = 100, LIMIT_MS = 20000 };

struct ledger {
    size_t bytes;     /* not given back */
    unsigned calls;   /* that asked for memory */
    unsigned fail_at; /* which of them gets none; 0: all get it */
    unsigned unwiped; /* blocks given back with the canary in them */
};

static void *ledger_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct ledger *l = ctx;
    if (ptr && memmem(ptr, old_size, CANARY, strlen(CANARY)))
        l->unwiped++;
    if (new_size && ++l->calls == l->fail_at)
        return NULL;
    l->bytes += new_size - old_size;
    if (new_size)
        return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

/* --- a run and what came of it --- */

struct runner {
    struct process_run run;
    uv_loop_t loop;
    struct timers *timers;
    struct worker *worker;
    struct ledger ledger;
    struct alloc alloc;
    unsigned dones, restarts;
    enum process_end end;
    int code;
    size_t len;
    char output[256]; /* its beginning, NUL-terminated */
    size_t diagnostic_len;
    char diagnostic[PROCESS_DIAGNOSTIC_MAX];
};

static int start(struct runner *r, const char *script, uint32_t timeout_ms)
{
    char *argv[] = { (char[]) { "/bin/sh" }, (char[]) { "-c" }, (char *)(uintptr_t)script, NULL };
    return process_run_start(&r->run, r->worker, &r->alloc, argv, timeout_ms);
}

static void on_done(struct process_run *run, enum process_end end, int code, str output)
{
    struct runner *r = (struct runner *)run;
    r->dones++;
    r->end = end;
    r->code = code;
    r->len = output.len;
    size_t kept = output.len < sizeof r->output ? output.len : sizeof r->output - 1;
    memcpy(r->output, output.ptr, kept);
    r->output[kept] = '\0';
    r->diagnostic_len = run->diagnostic.len;
    memcpy(r->diagnostic, run->diagnostic.ptr, run->diagnostic.len);
    if (r->restarts && r->restarts--)
        assert_int_equal(start(r, "echo again", LONG_MS), 0);
}

static void open_runner(struct runner *r)
{
    memset(r, 0, sizeof *r);
    r->run.on_done = on_done;
    r->alloc = (struct alloc) { ledger_resize, &r->ledger };
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(timers_open(&r->timers, &r->loop, &(struct alloc) { 0 }), 0);
    assert_int_equal(worker_open(&r->worker, &r->loop, r->timers, &(struct alloc) { 0 }), 0);
}

static void run_until_done(struct runner *r, unsigned dones)
{
    while (r->dones < dones)
        uv_run(&r->loop, UV_RUN_ONCE);
}

/* It waits for no program, whether that has ended or not. */
static void close_runner(struct runner *r)
{
    worker_close(r->worker, NULL, NULL);
    timers_close(r->timers, NULL, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(r->ledger.bytes, 0);
    assert_int_equal(r->ledger.unwiped, 0);
}

static void run_script(struct runner *r, const char *script, uint32_t timeout_ms)
{
    open_runner(r);
    assert_int_equal(start(r, script, timeout_ms), 0);
    assert_int_equal(r->dones, 0);
    run_until_done(r, 1);
    close_runner(r);
    assert_int_equal(r->dones, 1);
}

/* A pipe with its write end left open on exec: it ends when all who inherited it have. */
struct witness {
    int in, out;
};

static struct witness witness_open(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    return (struct witness) { ends[0], ends[1] };
}

static void await(const struct witness *w)
{
    struct pollfd wait = { .fd = w->in, .events = POLLIN };
    assert_int_equal(poll(&wait, 1, LIMIT_MS), 1);
}

/* All who could write to it are gone. */
static void witness_close(struct witness *w)
{
    char rest[64];
    ssize_t got;
    close(w->out);
    do {
        await(w);
        got = read(w->in, rest, sizeof rest);
    } while (got > 0);
    assert_int_equal(got, 0);
    close(w->in);
}

/* --- ends --- */

static void output_and_exit_status_come_back(void **state)
{
    struct runner r;
    run_script(&r, "printf 'one\\ntwo'; echo complaint >&2; exit 3", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.code, 3);
    assert_string_equal(r.output, "one\ntwo");
    run_script(&r, "exit 0", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.len, 0);
}

static void arguments_arrive_as_they_are(void **state)
{
    struct runner r;
    char *argv[] = { (char[]) { "printf" }, (char[]) { "<%s>" }, (char[]) { "a b" },
                     (char[]) { "$HOME;'\"*" }, NULL };
    open_runner(&r);
    assert_int_equal(process_run_start(&r.run, r.worker, &r.alloc, argv, LONG_MS), 0);
    run_until_done(&r, 1);
    close_runner(&r);
    assert_string_equal(r.output, "<a b><$HOME;'\"*>");
}

static void a_signal_is_told_from_an_exit(void **state)
{
    struct runner r;
    run_script(&r, "kill -TERM $$", LONG_MS);
    assert_int_equal(r.end, PROCESS_SIGNALLED);
    assert_int_equal(r.code, SIGTERM);
}

static void a_program_that_is_not_there_is_told_from_the_loop(void **state)
{
    struct runner r;
    const struct {
        const char *path;
        int code;
    } cases[] = { { "/nonexistent/program", ENOENT }, { "/etc/passwd", EACCES }, { "/", EACCES } };
    descriptors_settle();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[] = { (char *)(uintptr_t)cases[i].path, NULL };
        open_runner(&r);
        assert_int_equal(process_run_start(&r.run, r.worker, &r.alloc, argv, LONG_MS), 0);
        assert_int_equal(r.dones, 0);
        run_until_done(&r, 1);
        close_runner(&r);
        assert_int_equal(r.dones, 1);
        assert_int_equal(r.end, PROCESS_NO_START);
        assert_int_equal(r.code, cases[i].code);
        assert_int_equal(r.len, 0);
    }
    descriptors_settle();
}

static void output_has_a_limit(void **state)
{
    struct runner r;
    run_script(&r, "head -c 65536 /dev/zero", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.len, PROCESS_OUTPUT_MAX);
    run_script(&r, "exec yes", LONG_MS);
    assert_int_equal(r.end, PROCESS_TOO_LONG);
    assert_int_equal(r.len, PROCESS_OUTPUT_MAX);
}

/* --- what is left behind --- */

static void a_deadline_ends_the_whole_process_group(void **state)
{
    struct runner r;
    struct witness w = witness_open();
    run_script(&r, "printf so\\ far; sleep 1000 & wait", SHORT_MS);
    assert_int_equal(r.end, PROCESS_TIMED_OUT);
    witness_close(&w);
}

static void forgetting_ends_the_whole_process_group(void **state)
{
    struct runner r;
    struct witness w = witness_open();
    char script[128];
    snprintf(script, sizeof script, "printf " CANARY "; (echo x >&%d; exec sleep 1000) & wait",
             w.out);
    open_runner(&r);
    assert_int_equal(start(&r, script, LONG_MS), 0);
    await(&w); /* the child of the child runs */
    uv_run(&r.loop, UV_RUN_ONCE);
    process_run_forget(&r.run);
    memset(&r.run, 0xdd, sizeof r.run); /* it may be freed at once */
    close_runner(&r);
    assert_int_equal(r.dones, 0);
    witness_close(&w);
}

/* The loop in the background ends when the shell has been reaped, and only then writes. */
static void output_is_whole_when_the_last_holder_lets_go(void **state)
{
    struct runner r;
    run_script(&r, "(while kill -0 $$; do :; done; echo late) & exit 7", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.code, 7);
    assert_string_equal(r.output, "late\n");
}

static void a_child_that_keeps_the_output_does_not_hold_us(void **state)
{
    struct runner r;
    struct witness w = witness_open();
    int hold[2];
    assert_int_equal(pipe(hold), 0); /* the child lives until we close its other end */
    fcntl(hold[1], F_SETFD, FD_CLOEXEC);
    char script[128];
    snprintf(script, sizeof script, "printf whole; cat <&%d & exit 0", hold[0]);
    uint32_t timeout_ms = SHORT_MS;
    do
        run_script(&r, script, timeout_ms); /* a busy machine may need more for the shell alone */
    while (r.end == PROCESS_TIMED_OUT && (timeout_ms *= 2) < LIMIT_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.output, "whole");
    close(hold[0]);
    close(hold[1]);
    witness_close(&w);
}

static void standard_output_can_be_opened_by_name(void **state)
{
    struct runner r;
    if (access("/dev/stdout", F_OK)) {
        print_message("skipped: no /dev/stdout\n");
        skip();
    }
    run_script(&r, "echo by name > /dev/stdout", LONG_MS);
    assert_string_equal(r.output, "by name\n");
}

static void nothing_of_ours_is_inherited(void **state)
{
    struct runner r;
    if (access("/proc/self/fd", R_OK)) {
        print_message("skipped: no /proc\n");
        skip();
    }
    /* What a test runner left open on exec is not what this is about. */
    for (int fd = 3; fd < 256; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    run_script(&r,
               "i=0; while [ $i -lt 64 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done;"
               "readlink /proc/$$/fd/0; readlink /proc/$$/fd/2 | sed 's/:.*//'",
               LONG_MS);
    assert_string_equal(r.output, "0\n1\n2\n/dev/null\npipe\n");
}

static void assert_diagnostic(const struct runner *r, const char *end)
{
    size_t len = strlen(end);
    assert_true(r->diagnostic_len >= len);
    assert_memory_equal(r->diagnostic + r->diagnostic_len - len, end, len);
}

static void the_end_of_its_diagnostic_is_kept(void **state)
{
    struct runner r;
    run_script(&r, "echo out; echo no login >&2; exit 3", LONG_MS);
    assert_string_equal(r.output, "out\n");
    assert_int_equal(r.code, 3);
    assert_int_equal(r.diagnostic_len, strlen("no login\n"));
    assert_diagnostic(&r, "no login\n");
    /* More than the pipe and we hold: it is not stopped by it, and the end is what is told. */
    run_script(&r, "head -c 1000000 /dev/zero >&2; echo " CANARY " the end >&2", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.diagnostic_len, PROCESS_DIAGNOSTIC_MAX);
    assert_diagnostic(&r, " the end\n");
    run_script(&r, "echo waits >&2; sleep 60", 5 * SHORT_MS);
    assert_int_equal(r.end, PROCESS_TIMED_OUT);
    assert_diagnostic(&r, "waits\n");
}

static void who_holds_its_stderr_is_not_waited_for(void **state)
{
    struct runner r;
    run_script(&r, "sleep 60 >/dev/null & echo started >&2", LONG_MS);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_diagnostic(&r, "started\n");
}

static void no_descriptor_and_no_secret_stays(void **state)
{
    struct runner r;
    descriptors_settle();
    run_script(&r, "echo " CANARY, LONG_MS);
    assert_string_equal(r.output, CANARY "\n");
    run_script(&r, "echo " CANARY "; exec yes", LONG_MS);
    descriptors_settle();
}

static void a_program_that_ignores_signals_holds_up_no_end(void **state)
{
    struct runner r;
    char script[160];
    descriptors_settle();
    struct witness w = witness_open();
    snprintf(
        script, sizeof script,
        "trap '' TERM INT HUP; echo x >&%d; setsid sh -c 'echo x >&%d; exec sleep 1000' & wait",
        w.out, w.out);
    open_runner(&r);
    assert_int_equal(start(&r, script, LONG_MS), 0);
    await(&w);
    process_run_forget(&r.run);
    close_runner(&r); /* although the sleep has left the group, and holds the output */
    assert_int_equal(r.dones, 0);
    close(w.in);
    close(w.out);
    descriptors_settle();
}

static void a_program_that_waits_for_a_thread_is_not_started_when_forgotten(void **state)
{
    enum { AT_ONCE = 40 }; /* more than there are threads for */
    struct runner r, more[AT_ONCE];
    char script[64];
    descriptors_settle();
    struct witness w = witness_open();
    snprintf(script, sizeof script, "echo x >&%d; sleep 1000", w.out);
    open_runner(&r);
    memset(more, 0, sizeof more);
    for (int i = 0; i < AT_ONCE; i++) {
        more[i] = r;
        assert_int_equal(start(&more[i], script, LONG_MS), 0);
    }
    await(&w);
    for (int i = 0; i < AT_ONCE; i++)
        process_run_forget(&more[i].run);
    close_runner(&r);
    witness_close(&w);
    descriptors_settle();
}

static int thread_error;

int __real_worker_start(struct worker *w, struct worker_job *j);
int __wrap_worker_start(struct worker *w, struct worker_job *j);

int __wrap_worker_start(struct worker *w, struct worker_job *j)
{
    return thread_error ? thread_error : __real_worker_start(w, j);
}

/* More programs than there are threads hang; who waits behind them is told, and in time. */
static void a_program_does_not_wait_for_a_thread_without_end(void **state)
{
    enum { HANGING = 40 };
    struct runner r;
    struct process_run hanging[HANGING] = { 0 };
    char *argv[] = { (char[]) { "sleep" }, (char[]) { "60" }, NULL };
    open_runner(&r);
    for (size_t i = 0; i < HANGING; i++) {
        hanging[i].on_done = on_done;
        assert_int_equal(process_run_start(&hanging[i], r.worker, &r.alloc, argv, LONG_MS), 0);
    }
    assert_int_equal(start(&r, "exit 0", 20), 0);
    run_until_done(&r, 1);
    assert_int_equal(r.end, PROCESS_NO_START);
    assert_int_equal(r.code, EAGAIN);
    for (size_t i = 0; i < HANGING; i++)
        process_run_forget(&hanging[i]);
    close_runner(&r);
}

static void what_the_machine_lacks_is_told_by_name(void **state)
{
    struct runner r;
    struct rlimit limit, few;
    descriptors_settle();
    thread_error = EAGAIN;
    run_script(&r, "exit 0", LONG_MS);
    thread_error = 0;
    assert_int_equal(r.end, PROCESS_NO_START);
    assert_int_equal(r.code, EAGAIN);
    open_runner(&r);
    getrlimit(RLIMIT_NOFILE, &limit);
    few = limit;
    few.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &few);
    assert_int_equal(start(&r, "exit 0", LONG_MS), 0);
    run_until_done(&r, 1);
    setrlimit(RLIMIT_NOFILE, &limit);
    close_runner(&r);
    assert_int_equal(r.end, PROCESS_NO_START);
    assert_int_equal(r.code, EMFILE);
    descriptors_settle();
}

/* As an embedder has it who never waits for its children. */
static void a_status_that_somebody_else_took_is_no_failure(void **state)
{
    struct runner r;
    signal(SIGCHLD, SIG_IGN);
    run_script(&r, "echo fine", LONG_MS);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.output, "fine\n");
}

static void signals_that_we_ignore_or_block_are_the_programs_again(void **state)
{
    struct runner r;
    signal(SIGPIPE, SIG_IGN);
    run_script(&r, "kill -PIPE $$; echo lives", LONG_MS);
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(r.end, PROCESS_SIGNALLED);
    assert_int_equal(r.code, SIGPIPE);
}

/* --- again, never, too little memory --- */

static void a_run_may_start_again_from_on_done(void **state)
{
    struct runner r;
    open_runner(&r);
    r.restarts = 2;
    assert_int_equal(start(&r, "echo first", LONG_MS), 0);
    run_until_done(&r, 3);
    close_runner(&r);
    assert_int_equal(r.dones, 3);
    assert_string_equal(r.output, "again\n");
}

static void without_memory_nothing_starts(void **state)
{
    struct runner r;
    open_runner(&r);
    r.ledger.fail_at = 1;
    assert_int_equal(start(&r, "exit 0", LONG_MS), PIPEPOLL_ENOMEM);
    close_runner(&r);
    assert_int_equal(r.dones, 0);
}

static void an_idle_one_can_be_forgotten(void **state)
{
    struct process_run idle = { 0 };
    process_run_forget(&idle);
    struct runner r;
    run_script(&r, "exit 0", LONG_MS);
    process_run_forget(&r.run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_status_come_back),
        cmocka_unit_test(arguments_arrive_as_they_are),
        cmocka_unit_test(a_signal_is_told_from_an_exit),
        cmocka_unit_test(a_program_that_is_not_there_is_told_from_the_loop),
        cmocka_unit_test(output_has_a_limit),
        cmocka_unit_test(a_deadline_ends_the_whole_process_group),
        cmocka_unit_test(forgetting_ends_the_whole_process_group),
        cmocka_unit_test(output_is_whole_when_the_last_holder_lets_go),
        cmocka_unit_test(a_child_that_keeps_the_output_does_not_hold_us),
        cmocka_unit_test(standard_output_can_be_opened_by_name),
        cmocka_unit_test(nothing_of_ours_is_inherited),
        cmocka_unit_test(the_end_of_its_diagnostic_is_kept),
        cmocka_unit_test(who_holds_its_stderr_is_not_waited_for),
        cmocka_unit_test(no_descriptor_and_no_secret_stays),
        cmocka_unit_test(a_program_that_ignores_signals_holds_up_no_end),
        cmocka_unit_test(a_program_that_waits_for_a_thread_is_not_started_when_forgotten),
        cmocka_unit_test(a_program_does_not_wait_for_a_thread_without_end),
        cmocka_unit_test(what_the_machine_lacks_is_told_by_name),
        cmocka_unit_test(a_status_that_somebody_else_took_is_no_failure),
        cmocka_unit_test(signals_that_we_ignore_or_block_are_the_programs_again),
        cmocka_unit_test(a_run_may_start_again_from_on_done),
        cmocka_unit_test(without_memory_nothing_starts),
        cmocka_unit_test(an_idle_one_can_be_forgotten),
    };
    return cmocka_run_group_tests(tests, descriptors_note, NULL);
}
