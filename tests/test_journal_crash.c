/* SPDX-License-Identifier: MIT */
/* A crash, a power cut or an error at every single operation on the disk, from the first start to
 * the end: what was told as kept is in the file afterwards, and the file as a whole is one that
 * the script had at some point.
 *
 * The script notes and forgets a few jobs, some at a time. The writer takes them in their order,
 * so whatever it wrote by the crash is what a beginning of the script leaves, up to the last
 * ticket that was told or beyond it. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/faulty_disk.h"
#include "lib/journal_script.h"

/* --- the script --- */

enum { JOBS = 4, ENDED = 9 };

static const struct action {
    int job, state;
    bool waits; /* until it is told; only notes are */
} script[] = {
    { 0, PIPEPOLL_JOURNAL_CLAIMING, true },
    { 0, PIPEPOLL_JOURNAL_RUNNING, false },
    { 1, PIPEPOLL_JOURNAL_CLAIMING, true },
    { 1, PIPEPOLL_JOURNAL_RUNNING, false },
    { 2, PIPEPOLL_JOURNAL_CLAIMING, false },
    { 0, PIPEPOLL_JOURNAL_REPORTING, true },
    { 0, ENDED, false },
    { 1, PIPEPOLL_JOURNAL_REPORTING, true },
    { 3, PIPEPOLL_JOURNAL_CLAIMING, false },
    { 3, ENDED, false },
    { 2, PIPEPOLL_JOURNAL_RUNNING, true },
    { 1, ENDED, false },
    { 0, PIPEPOLL_JOURNAL_CLAIMING, true },
    { 2, PIPEPOLL_JOURNAL_REPORTING, true },
    { 2, ENDED, false },
    { 3, PIPEPOLL_JOURNAL_CLAIMING, true },
};
enum { ACTIONS = sizeof script / sizeof *script };

static const char *const ids[JOBS] = { "job-0", "job-1", "job-2", "job-3" };

/* Large enough that the journal needs several pages for it. */
static char big[3000];

static void do_action(struct noter *n, const struct action *a, uint64_t ticket)
{
    const struct pipepoll_job_failure failure = { .size = sizeof failure,
                                                  .message = { big, sizeof big } };
    if (a->state == ENDED) {
        forget_job(n, ids[a->job], "succeeded");
        return;
    }
    struct pipepoll_journal_entry e = entry_of(ids[a->job], (enum pipepoll_journal_state)a->state);
    e.failure = a->state == PIPEPOLL_JOURNAL_REPORTING ? &failure : NULL;
    journal_note(n->user, STR("deploy"), &e, ticket);
    if (a->waits)
        noter_wait(n, ticket);
}

static void act(struct noter *n, int i)
{
    do_action(n, &script[i], (uint64_t)i + 1);
}

/* --- what the file holds --- */

struct jobs {
    int states[JOBS]; /* 0: not there */
};

static void add_row(void *ctx, const struct journal_row *row)
{
    struct jobs *jobs = ctx;
    for (int i = 0; i < JOBS; i++)
        if (str_eq(row->entry->job_id, str_of(ids[i]))) {
            assert_int_equal(jobs->states[i], 0);
            jobs->states[i] = row->ended_ms ? ENDED : (int)row->entry->state;
            if (row->entry->state == PIPEPOLL_JOURNAL_REPORTING)
                assert_int_equal(row->entry->failure->message.len, sizeof big);
            return;
        }
    fail_msg("a job that was never noted: %.*s", STR_ARG(row->entry->job_id));
}

/* All jobs are being reported already, which the script never leaves so: nothing that is lost can
 * look as if it had been done. */
static bool has_before;

static bool is_left_by(const struct jobs *found, int actions)
{
    struct jobs jobs = { { 0 } };
    for (int i = 0; i < JOBS && has_before; i++)
        jobs.states[i] = PIPEPOLL_JOURNAL_REPORTING;
    for (int i = 0; i < actions; i++)
        jobs.states[script[i].job] = script[i].state;
    return memcmp(&jobs, found, sizeof jobs) == 0;
}

/* Is it what a beginning of the script leaves, with `told` tickets at least? */
static void check_jobs(const struct jobs *found, uint64_t told, int number)
{
    for (int actions = (int)told; actions <= ACTIONS; actions++)
        if (is_left_by(found, actions))
            return;
    fail_msg("operation %d, told %d: found states %d %d %d %d", number, (int)told, found->states[0],
             found->states[1], found->states[2], found->states[3]);
}

static struct jobs read_again(void)
{
    struct jobs jobs = { { 0 } };
    const struct journal_options o = options_on(&folder);
    struct journal *j = open_journal(&o);
    assert_int_equal(journal_read(folder.state, add_row, &jobs, NULL), 0);
    assert_true(journal_close(j, PATIENT_MS));
    return jobs;
}

/* --- a disk that does as planned, once or from then on --- */

struct plan {
    struct faulty_disk disk;
    int number;
    enum disk_act act;
    bool stays;
};

static enum disk_act follow(struct faulty_disk *self, int number)
{
    const struct plan *p = (struct plan *)self;
    bool hit = number == p->number || (p->stays && number > p->number);
    return hit ? p->act : DISK_WORKS;
}

static struct plan plan_of(enum disk_act act, int number, bool stays)
{
    return (struct plan) { { .ask = follow, .skips_sync = true }, number, act, stays };
}

/* --- crashes --- */

static void tell_parent(int fd, const struct noter *n)
{
    if (write(fd, &n->kept, sizeof n->kept) != sizeof n->kept)
        _exit(2);
}

/* The child: a start, the script and an end. 1: the journal could not be opened. */
static int run_script(int fd)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct noter n;
    if (journal_open(&j, &o, NULL))
        return 1;
    noter_open(&n, j);
    for (int i = 0; i < ACTIONS; i++) {
        act(&n, i);
        tell_parent(fd, &n);
    }
    noter_close(&n);
    return journal_close(j, PATIENT_MS) ? 0 : 2;
}

/* The last ticket that the child was told as kept; its exit status in *status. */
static uint64_t run_child(struct plan *p, int *status)
{
    int ends[2];
    uint64_t told, last = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        faulty_disk_install(&p->disk);
        _exit(run_script(ends[1]));
    }
    close(ends[1]);
    while (read(ends[0], &told, sizeof told) == sizeof told)
        last = told;
    close(ends[0]);
    assert_int_equal(waitpid(pid, status, 0), pid);
    return last;
}

/* By a process that ends without closing the file: all it wrote is in the log. */
static void run_before(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        const struct journal_options o = options_on(&folder);
        struct journal *j;
        struct noter n;
        if (journal_open(&j, &o, NULL))
            _exit(1);
        noter_open(&n, j);
        for (int i = 0; i < JOBS; i++) {
            const struct action a = { i, PIPEPOLL_JOURNAL_REPORTING, true };
            do_action(&n, &a, (uint64_t)i + 1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* At each operation in its turn, until the script gets through. */
static void crash_everywhere(enum disk_act act)
{
    int status = -1, number = 0;
    for (; status != 0; number++) {
        struct plan p = plan_of(act, number, false);
        folder_make(&folder);
        if (has_before)
            run_before();
        uint64_t told = run_child(&p, &status);
        assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        struct jobs found = read_again();
        check_jobs(&found, told, number);
        if (status == 0)
            assert_true(is_left_by(&found, ACTIONS));
        folder_remove(&folder);
    }
    assert_true(number > (has_before ? 40 : 60)); /* of some 100: it did get through the whole */
}

static int start_anew(void **state)
{
    has_before = false;
    return 0;
}

static int restart(void **state)
{
    has_before = true;
    return 0;
}

static void killed_at_any_operation_it_keeps_what_was_told(void **state)
{
    crash_everywhere(DISK_TEARS);
}

static void without_power_from_any_operation_on_it_keeps_what_was_told(void **state)
{
    crash_everywhere(DISK_CUT);
}

static void killed_while_it_takes_up_a_log_it_keeps_what_was_told(void **state)
{
    crash_everywhere(DISK_TEARS);
}

static void without_power_while_it_takes_up_a_log_it_keeps_it_too(void **state)
{
    crash_everywhere(DISK_CUT);
}

/* --- errors --- */

static void wait_for_retries(struct journal *j)
{
    struct journal_stats stats;
    for (journal_stats(j, &stats); stats.waiting; journal_stats(j, &stats))
        uv_sleep(1);
}

/* The same in this process; what is told may be a failure. false: it did not open. */
static bool run_with(struct plan *p, uint64_t *told)
{
    const struct journal_options o = options_on(&folder);
    struct journal *j;
    struct noter n;
    struct pipepoll_error why = { .text = "" };
    faulty_disk_install(&p->disk);
    int r = journal_open(&j, &o, &why);
    *told = 0;
    if (!r) {
        noter_open(&n, j);
        for (int i = 0; i < ACTIONS; i++)
            act(&n, i);
        *told = n.kept;
        if (!p->stays)
            wait_for_retries(j);
        noter_close(&n);
        assert_true(journal_close(j, PATIENT_MS));
    } else {
        assert_true(r == PIPEPOLL_ESYSTEM || r == PIPEPOLL_ENOMEM);
        assert_non_null(strstr(why.text, folder.file));
    }
    faulty_disk_remove();
    return r == PIPEPOLL_OK;
}

static void fail_everywhere(enum disk_act act, bool stays)
{
    uint64_t told;
    for (int number = 0;; number++) {
        struct plan p = plan_of(act, number, stays);
        folder_make(&folder);
        bool opened = run_with(&p, &told);
        bool is_past = p.disk.count <= number;
        struct jobs found = read_again();
        check_jobs(&found, told, number);
        if (opened && !stays) /* what failed once was written later */
            assert_true(is_left_by(&found, ACTIONS));
        folder_remove(&folder);
        if (is_past)
            return;
    }
}

static void an_error_at_any_operation_loses_nothing(void **state)
{
    fail_everywhere(DISK_FAILS, false);
}

static void a_moment_without_space_at_any_operation_loses_nothing(void **state)
{
    fail_everywhere(DISK_FULL, false);
}

static void a_disk_that_breaks_at_any_operation_keeps_what_was_told(void **state)
{
    fail_everywhere(DISK_FAILS, true);
}

static void a_disk_that_fills_up_at_any_operation_keeps_what_was_told(void **state)
{
    fail_everywhere(DISK_FULL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_operation_it_keeps_what_was_told),
        cmocka_unit_test(without_power_from_any_operation_on_it_keeps_what_was_told),
        cmocka_unit_test_setup_teardown(killed_while_it_takes_up_a_log_it_keeps_what_was_told,
                                        restart, start_anew),
        cmocka_unit_test_setup_teardown(without_power_while_it_takes_up_a_log_it_keeps_it_too,
                                        restart, start_anew),
        cmocka_unit_test(an_error_at_any_operation_loses_nothing),
        cmocka_unit_test(a_moment_without_space_at_any_operation_loses_nothing),
        cmocka_unit_test(a_disk_that_breaks_at_any_operation_keeps_what_was_told),
        cmocka_unit_test(a_disk_that_fills_up_at_any_operation_keeps_what_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
