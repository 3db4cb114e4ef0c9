/* SPDX-License-Identifier: MIT */
#include "handler/subprocess.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <uv.h>

#include "base/buf.h"
#include "lib/check.h"
#include "lib/program_file.h"

enum { LONG_MS = 60000, SHORT_MS = 100 };

struct run {
    uv_loop_t loop;
    struct background *background;
    struct subprocess *subprocess;
    struct subprocess_options options;
    struct subprocess_result result;
    struct buf out, err;
    unsigned ends, outputs, written, left, closed[3];
    const char *stop_at; /* stop it once its stdout says this */
    bool abandon_at;     /* abandon it instead */
    char out_room[300000], err_room[4096];
};

static char *const environment[] = { (char[]) { "PATH=/usr/bin:/bin" }, (char[]) { "GIVEN=x y" },
                                     NULL };

static void on_output(void *ctx, int fd, str bytes)
{
    struct run *r = ctx;
    r->outputs++;
    buf_put(fd == SUBPROCESS_STDOUT ? &r->out : &r->err, bytes);
    if (!r->stop_at || !memmem(r->out.at, r->out.len, r->stop_at, strlen(r->stop_at)))
        return;
    r->stop_at = NULL;
    if (r->abandon_at)
        subprocess_abandon(r->subprocess);
    else
        subprocess_stop(r->subprocess);
}

static void on_end(void *ctx, const struct subprocess_result *result)
{
    struct run *r = ctx;
    r->ends++;
    r->result = *result;
}

static void on_written(void *ctx, unsigned left)
{
    struct run *r = ctx;
    r->written++;
    r->left = left;
}

static void on_closed(void *ctx, int fd)
{
    struct run *r = ctx;
    r->closed[fd]++;
}

static int set_up(void **state)
{
    struct run *r = calloc(1, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&r->loop);
    assert_int_equal(background_open(&r->background, &r->loop), 0);
    r->out = BUF_ON(r->out_room);
    r->err = BUF_ON(r->err_room);
    r->options = (struct subprocess_options) { .launch = { .environment = environment },
                                               .timeout_ms = LONG_MS,
                                               .kill_after_ms = LONG_MS,
                                               .grace_ms = LONG_MS,
                                               .on_output = on_output,
                                               .on_end = on_end,
                                               .ctx = r };
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct run *r = *state;
    background_close(r->background, NULL, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    free(r);
    return 0;
}

static void start(struct run *r, char *const *argv, str input)
{
    r->options.launch.argv = argv;
    assert_int_equal(subprocess_start(&r->subprocess, r->background, &r->options, input), 0);
    assert_int_equal(r->ends, 0);
}

static void start_script(struct run *r, const char *script)
{
    char *argv[] = { (char[]) { "sh" }, (char[]) { "-c" }, (char *)(uintptr_t)script, NULL };
    start(r, argv, STR(""));
}

static void run_to_end(struct run *r)
{
    while (!r->ends)
        uv_run(&r->loop, UV_RUN_ONCE);
}

static void run_script(struct run *r, const char *script)
{
    start_script(r, script);
    run_to_end(r);
}

static void check_end(const struct run *r, enum subprocess_end end, int code)
{
    assert_int_equal(r->ends, 1);
    assert_int_equal(r->result.end, end);
    assert_int_equal(r->result.code, code);
}

/* --- what it is given --- */

static void both_streams_and_the_exit_code_are_told(void **state)
{
    struct run *r = *state;
    run_script(r, "echo out; echo err >&2; exit 7");
    check_end(r, SUBPROCESS_EXITED, 7);
    assert_str_equal(buf_str(&r->out), "out\n");
    assert_str_equal(buf_str(&r->err), "err\n");
}

static void it_reads_its_whole_input_and_its_end(void **state)
{
    struct run *r = *state;
    char *argv[] = { (char[]) { "cat" }, NULL };
    static char input[200000];
    memset(input, 'x', sizeof input);
    start(r, argv, (str) { input, sizeof input });
    run_to_end(r);
    check_end(r, SUBPROCESS_EXITED, 0);
    assert_int_equal(r->out.len, sizeof input);
}

static void an_input_that_nobody_reads_is_no_trouble(void **state)
{
    struct run *r = *state;
    char *argv[] = { (char[]) { "true" }, NULL };
    static char input[200000];
    start(r, argv, (str) { input, sizeof input });
    run_to_end(r);
    check_end(r, SUBPROCESS_EXITED, 0);
}

static void it_has_three_descriptors_and_no_other(void **state)
{
    struct run *r = *state;
    int leak = open("/dev/null", O_RDONLY), high = dup2(leak, 200); /* neither closes on exec */
    run_script(r, "exec ls /proc/self/fd"); /* 3 is the folder that ls reads */
    assert_str_equal(buf_str(&r->out), "0\n1\n2\n3\n");
    close(leak);
    close(high);
}

static void its_streams_can_be_opened_by_name(void **state)
{
    struct run *r = *state;
    run_script(r, "echo one >/dev/stdout; echo two >/dev/stderr");
    assert_str_equal(buf_str(&r->out), "one\n");
    assert_str_equal(buf_str(&r->err), "two\n");
}

static void signals_are_as_a_login_gives_them(void **state)
{
    struct run *r = *state;
    sigset_t blocked, before;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGRTMIN + 3, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    run_script(r, "exec sed -n '/^Sig[BI]/p' /proc/self/status");
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGRTMIN + 3, SIG_DFL);
    assert_str_equal(buf_str(&r->out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void it_leads_a_session_and_a_group(void **state)
{
    struct run *r = *state;
    run_script(r, "set -- $(cat /proc/$$/stat); test $1 = $5 && test $1 = $6 && echo leads");
    assert_str_equal(buf_str(&r->out), "leads\n");
}

static void limits_are_set_and_a_core_is_never_written(void **state)
{
    struct run *r = *state;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    r->options.launch.limits = (struct launch_limits) { .open_files = 64, .cpu_seconds = 30 };
    run_script(r, "ulimit -c; ulimit -Hc; ulimit -n; ulimit -Hn; ulimit -t");
    assert_str_equal(buf_str(&r->out), "0\n0\n64\n64\n30\n");
    struct rlimit after;
    getrlimit(RLIMIT_NOFILE, &after);
    assert_true(before.rlim_cur == after.rlim_cur && before.rlim_max == after.rlim_max);
}

static void a_limit_above_ours_becomes_ours(void **state)
{
    struct run *r = *state;
    struct rlimit now;
    char want[64];
    getrlimit(RLIMIT_NOFILE, &now);
    r->options.launch.limits.open_files = UINT64_MAX - 1;
    run_script(r, "ulimit -Hn");
    snprintf(want, sizeof want, "%llu\n", (unsigned long long)now.rlim_max);
    assert_str_equal(buf_str(&r->out), want);
}

static void it_has_the_environment_it_is_given(void **state)
{
    struct run *r = *state;
    setenv("NOT_GIVEN", "canary", 1);
    char *argv[] = { (char[]) { "env" }, NULL };
    start(r, argv, STR(""));
    run_to_end(r);
    assert_str_equal(buf_str(&r->out), "PATH=/usr/bin:/bin\nGIVEN=x y\n");
}

static void it_runs_in_its_folder(void **state)
{
    struct run *r = *state;
    r->options.launch.directory = "/usr";
    run_script(r, "pwd -P");
    assert_str_equal(buf_str(&r->out), "/usr\n");
}

static void arguments_stay_as_they_are(void **state)
{
    struct run *r = *state;
    char *argv[] = { (char[]) { "printf" },
                     (char[]) { "[%s]" },
                     (char[]) { "a b" },
                     (char[]) { "$(touch x);`id`" },
                     (char[]) { "\n'\"" },
                     (char[]) { "" },
                     NULL };
    start(r, argv, STR(""));
    run_to_end(r);
    assert_str_equal(buf_str(&r->out), "[a b][$(touch x);`id`][\n'\"][]");
}

/* --- input that comes later --- */

static void start_open(struct run *r, const char *script)
{
    r->options.on_written = on_written;
    r->options.on_closed = on_closed;
    start_script(r, script);
}

static void run_until(struct run *r, const unsigned *count)
{
    for (unsigned before = *count; *count == before && !r->ends;)
        uv_run(&r->loop, UV_RUN_ONCE);
}

static void write_line(struct run *r, const char *line)
{
    assert_int_equal(subprocess_write(r->subprocess, str_of(line)), 0);
}

static void its_input_may_go_on(void **state)
{
    struct run *r = *state;
    start_open(r, "exec cat");
    write_line(r, "before it runs\n");
    run_until(r, &r->written);
    assert_int_equal(r->left + r->written, 2); /* the first was empty */
    write_line(r, "two\n");
    write_line(r, "three\n");
    while (r->written < 4)
        run_until(r, &r->written);
    assert_int_equal(r->left, 0);
    subprocess_end_input(r->subprocess);
    write_line(r, "too late\n");
    run_to_end(r);
    check_end(r, SUBPROCESS_EXITED, 0);
    assert_str_equal(buf_str(&r->out), "before it runs\ntwo\nthree\n");
    assert_int_equal(r->written, 4);
    assert_int_equal(r->closed[SUBPROCESS_STDIN], 0);
}

static void input_that_is_on_its_way_is_written_before_its_end(void **state)
{
    struct run *r = *state;
    static char input[200000];
    memset(input, 'x', sizeof input);
    start_open(r, "exec cat");
    assert_int_equal(subprocess_write(r->subprocess, (str) { input, sizeof input }), 0);
    subprocess_end_input(r->subprocess);
    run_to_end(r);
    assert_int_equal(r->out.len, sizeof input);
    assert_int_equal(r->written, 2);
    assert_int_equal(r->left, 0);
}

static void one_that_never_reads_keeps_nobody_waiting(void **state)
{
    struct run *r = *state;
    static char input[200000];
    start_open(r, "exec sleep 60");
    run_until(r, &r->written);
    assert_int_equal(subprocess_write(r->subprocess, (str) { input, sizeof input }), 0);
    subprocess_stop(r->subprocess);
    run_to_end(r);
    check_end(r, SUBPROCESS_SIGNALLED, SIGTERM);
    assert_int_equal(r->written, 1);
}

static void a_closed_stdin_is_told(void **state)
{
    struct run *r = *state;
    start_open(r, "exec <&-; echo closed; exec sleep 60");
    run_until(r, &r->outputs);
    write_line(r, "one\n");
    run_until(r, &r->closed[SUBPROCESS_STDIN]);
    assert_int_equal(r->closed[SUBPROCESS_STDIN], 1);
    write_line(r, "lost\n");
    subprocess_stop(r->subprocess);
    run_to_end(r);
    assert_int_equal(r->closed[SUBPROCESS_STDIN], 1);
}

static void a_closed_stdout_is_told(void **state)
{
    struct run *r = *state;
    start_open(r, "exec cat >/dev/null");
    run_until(r, &r->closed[SUBPROCESS_STDOUT]);
    assert_int_equal(r->closed[SUBPROCESS_STDOUT], 1);
    assert_int_equal(r->ends, 0);
    subprocess_end_input(r->subprocess);
    run_to_end(r);
    check_end(r, SUBPROCESS_EXITED, 0);
}

static void input_for_what_does_not_start_is_dropped(void **state)
{
    struct run *r = *state;
    char *argv[] = { (char[]) { "/no/such/program" }, NULL };
    r->options.on_written = on_written;
    start(r, argv, STR(""));
    write_line(r, "one\n");
    run_to_end(r);
    check_end(r, SUBPROCESS_NO_START, ENOENT);
    assert_int_equal(r->written, 0);
}

/* --- what does not start --- */

static void check_no_start(struct run *r, const char *program, int error, enum launch_stage stage)
{
    char *argv[] = { (char *)(uintptr_t)program, NULL };
    r->ends = 0;
    start(r, argv, STR("input"));
    run_to_end(r);
    check_end(r, SUBPROCESS_NO_START, error);
    assert_int_equal(r->result.stage, stage);
}

static void a_program_that_cannot_be_started_says_why(void **state)
{
    struct run *r = *state;
    check_no_start(r, "no-such-program-anywhere", ENOENT, LAUNCH_PROGRAM);
    check_no_start(r, "/no/such/program", ENOENT, LAUNCH_PROGRAM);
    check_no_start(r, "/dev/null", EACCES, LAUNCH_PROGRAM);
    check_no_start(r, program_write("plain", "echo no shell reads this\n"), ENOEXEC,
                   LAUNCH_PROGRAM);
    assert_int_equal(r->out.len, 0);
    r->options.launch.directory = "/no/such/folder";
    check_no_start(r, "true", ENOENT, LAUNCH_DIRECTORY);
}

static void without_descriptors_it_does_not_start(void **state)
{
    struct run *r = *state;
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    char *argv[] = { (char[]) { "true" }, NULL };
    start(r, argv, STR(""));
    setrlimit(RLIMIT_NOFILE, &before);
    run_to_end(r);
    check_end(r, SUBPROCESS_NO_START, EMFILE);
}

/* --- the end --- */

static void a_signal_is_told(void **state)
{
    struct run *r = *state;
    run_script(r, "kill -SEGV $$");
    check_end(r, SUBPROCESS_SIGNALLED, SIGSEGV);
    assert_false(r->result.timed_out || r->result.stopped);
}

static void it_is_ended_when_its_time_is_up(void **state)
{
    struct run *r = *state;
    r->options.timeout_ms = SHORT_MS;
    run_script(r, "exec sleep 60");
    check_end(r, SUBPROCESS_SIGNALLED, SIGTERM);
    assert_true(r->result.timed_out);
}

static void one_that_ignores_sigterm_is_killed_with_its_group(void **state)
{
    struct run *r = *state;
    int witness = witness_make("killed");
    char script[512];
    snprintf(script, sizeof script,
             "trap '' TERM; exec 9>'%s'; sleep 60 & echo ready; while :; do wait; sleep 60; done",
             program_path("killed"));
    r->options.kill_after_ms = SHORT_MS;
    r->stop_at = "ready";
    run_script(r, script);
    check_end(r, SUBPROCESS_SIGNALLED, SIGKILL);
    assert_true(r->result.stopped);
    assert_false(r->result.timed_out);
    witness_await_end(witness);
}

static void a_second_stop_kills_at_once(void **state)
{
    struct run *r = *state;
    r->stop_at = "ready";
    start_script(r, "trap '' TERM; echo ready; while :; do sleep 60; done");
    while (r->stop_at)
        uv_run(&r->loop, UV_RUN_ONCE);
    subprocess_stop(r->subprocess);
    run_to_end(r);
    check_end(r, SUBPROCESS_SIGNALLED, SIGKILL);
}

static void one_may_stop_it_before_it_runs(void **state)
{
    struct run *r = *state;
    start_script(r, "exec sleep 60");
    subprocess_stop(r->subprocess);
    run_to_end(r);
    assert_true(r->result.stopped);
    assert_false(r->result.timed_out);
}

static void what_it_leaves_in_its_group_is_killed(void **state)
{
    struct run *r = *state;
    int witness = witness_make("left");
    char script[512];
    snprintf(script, sizeof script, "exec 9>'%s'; sleep 60 & echo done", program_path("left"));
    run_script(r, script); /* the sleep has both streams, and no grace is spent on it */
    check_end(r, SUBPROCESS_EXITED, 0);
    assert_str_equal(buf_str(&r->out), "done\n");
    witness_await_end(witness);
}

static void one_that_left_its_group_is_not_waited_for(void **state)
{
    struct run *r = *state;
    r->options.grace_ms = SHORT_MS;
    run_script(r, "setsid sh -c 'echo $$; exec sleep 60' & read x </dev/null; "
                  "while ! grep -q sleep /proc/$!/comm; do :; done");
    check_end(r, SUBPROCESS_EXITED, 0);
    pid_t stray = (pid_t)strtol(buf_cstr(&r->out), NULL, 10);
    assert_true(stray > 1);
    assert_int_equal(kill(stray, SIGKILL), 0);
}

static void all_it_printed_is_read_however_much(void **state)
{
    struct run *r = *state;
    run_script(r, "head -c 250000 /dev/zero");
    check_end(r, SUBPROCESS_EXITED, 0);
    assert_int_equal(r->out.len, 250000);
}

static void nothing_is_told_of_what_is_abandoned(void **state)
{
    struct run *r = *state;
    int witness = witness_make("abandoned");
    char script[512];
    snprintf(script, sizeof script, "exec 9>'%s'; echo ready; echo more; exec sleep 60",
             program_path("abandoned"));
    r->stop_at = "ready";
    r->abandon_at = true;
    start_script(r, script);
    while (r->stop_at)
        uv_run(&r->loop, UV_RUN_ONCE);
    unsigned outputs = r->outputs;
    witness_await_end(witness);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    assert_int_equal(r->ends, 0);
    assert_int_equal(r->outputs, outputs);
}

static void one_may_abandon_it_before_it_runs(void **state)
{
    struct run *r = *state;
    start_script(r, "exec sleep 60");
    subprocess_abandon(r->subprocess);
    uv_run(&r->loop, UV_RUN_NOWAIT);
    assert_int_equal(r->ends, 0);
}

static void it_leaves_no_zombie(void **state)
{
    struct run *r = *state;
    run_script(r, "exit 0");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_leaves_no_zombie), /* first: others leave theirs to a thread */
        TEST(both_streams_and_the_exit_code_are_told),
        TEST(it_reads_its_whole_input_and_its_end),
        TEST(an_input_that_nobody_reads_is_no_trouble),
        TEST(it_has_three_descriptors_and_no_other),
        TEST(its_streams_can_be_opened_by_name),
        TEST(signals_are_as_a_login_gives_them),
        TEST(it_leads_a_session_and_a_group),
        TEST(limits_are_set_and_a_core_is_never_written),
        TEST(a_limit_above_ours_becomes_ours),
        TEST(it_has_the_environment_it_is_given),
        TEST(it_runs_in_its_folder),
        TEST(arguments_stay_as_they_are),
        TEST(its_input_may_go_on),
        TEST(input_that_is_on_its_way_is_written_before_its_end),
        TEST(one_that_never_reads_keeps_nobody_waiting),
        TEST(a_closed_stdin_is_told),
        TEST(a_closed_stdout_is_told),
        TEST(input_for_what_does_not_start_is_dropped),
        TEST(a_program_that_cannot_be_started_says_why),
        TEST(without_descriptors_it_does_not_start),
        TEST(a_signal_is_told),
        TEST(it_is_ended_when_its_time_is_up),
        TEST(one_that_ignores_sigterm_is_killed_with_its_group),
        TEST(a_second_stop_kills_at_once),
        TEST(one_may_stop_it_before_it_runs),
        TEST(what_it_leaves_in_its_group_is_killed),
        TEST(one_that_left_its_group_is_not_waited_for),
        TEST(all_it_printed_is_read_however_much),
        TEST(nothing_is_told_of_what_is_abandoned),
        TEST(one_may_abandon_it_before_it_runs),
    };
    return cmocka_run_group_tests(tests, program_folder_make, program_folder_remove);
}
