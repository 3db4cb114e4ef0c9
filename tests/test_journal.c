/* SPDX-License-Identifier: MIT */
/* What is noted is in the file when it is told, comes out as it went in, and leaves when it should;
 * what the disk does holds up nobody but the writer. */
#include <pthread.h>

#include "lib/faulty_disk.h"
#include "lib/journal_script.h"

static int64_t now_ms = 1000000;

static int64_t test_clock(void)
{
    return now_ms;
}

static struct journal_options options(void)
{
    struct journal_options o = options_on(&folder);
    o.now_ms = test_clock;
    return o;
}

static void close_journal(struct journal *j)
{
    assert_true(journal_close(j, PATIENT_MS));
}

/* --- rows, copied to look at --- */

enum { ROWS_MAX = 64 };

struct rows {
    int count;
    char jobs[ROWS_MAX][40], outcomes[ROWS_MAX][40];
    int states[ROWS_MAX];
    int64_t first_ms[ROWS_MAX], last_ms[ROWS_MAX], ended_ms[ROWS_MAX];
    bool has_token[ROWS_MAX];
};

static void add_row(void *ctx, const struct journal_row *row)
{
    struct rows *r = ctx;
    int i = r->count++;
    assert_true(i < ROWS_MAX);
    snprintf(r->jobs[i], sizeof r->jobs[i], "%.*s", STR_ARG(row->entry->job_id));
    snprintf(r->outcomes[i], sizeof r->outcomes[i], "%.*s", STR_ARG(row->outcome));
    r->states[i] = (int)row->entry->state;
    r->first_ms[i] = row->first_noted_ms;
    r->last_ms[i] = row->last_noted_ms;
    r->ended_ms[i] = row->ended_ms;
    r->has_token[i] = row->entry->continuation_token.len > 0;
}

static struct rows read_rows(void)
{
    struct rows r = { 0 };
    struct pipepoll_error why;
    assert_int_equal(journal_read(folder.state, add_row, &r, &why), 0);
    return r;
}

static struct rows walk_rows(struct journal *j)
{
    struct rows r = { 0 };
    assert_int_equal(journal_walk(j, add_row, &r, NULL), 0);
    return r;
}

/* --- round trips --- */

struct wanted {
    str target;
    const struct pipepoll_journal_entry *entry;
    int count;
};

static void check_same(str got, str want)
{
    check_str(got, want, __FILE__, __LINE__);
}

static void check_success(const struct pipepoll_success *got, const struct pipepoll_success *want)
{
    assert_int_equal(got != NULL, want != NULL);
    if (!want)
        return;
    check_same(got->summary, want->summary);
    check_same(got->execution_id, want->execution_id);
    assert_int_equal(got->has_percent, want->has_percent);
    assert_int_equal(got->percent_complete, want->percent_complete);
    assert_int_equal(got->revision != NULL, want->revision != NULL);
    if (!want->revision)
        return;
    check_same(got->revision->revision, want->revision->revision);
    check_same(got->revision->change_identifier, want->revision->change_identifier);
    check_same(got->revision->summary, want->revision->summary);
    assert_int_equal(got->revision->created_s, want->revision->created_s);
}

static void check_failure(const struct pipepoll_job_failure *got,
                          const struct pipepoll_job_failure *want)
{
    assert_int_equal(got != NULL, want != NULL);
    if (!want)
        return;
    assert_int_equal(got->type, want->type);
    check_same(got->message, want->message);
    check_same(got->execution_id, want->execution_id);
}

static void check_row(void *ctx, const struct journal_row *row)
{
    struct wanted *w = ctx;
    const struct pipepoll_journal_entry *got = row->entry, *want = w->entry;
    w->count++;
    check_same(row->target, w->target);
    assert_int_equal(got->size, sizeof *got);
    assert_int_equal(got->state, want->state);
    check_same(got->region, want->region);
    check_same(got->job_id, want->job_id);
    check_same(got->client_id, want->client_id);
    check_same(got->claim, want->claim);
    check_same(got->action_type.category, want->action_type.category);
    check_same(got->action_type.owner, want->action_type.owner);
    check_same(got->action_type.provider, want->action_type.provider);
    check_same(got->action_type.version, want->action_type.version);
    check_same(got->continuation_token, want->continuation_token);
    check_success(got->success, want->success);
    check_failure(got->failure, want->failure);
    assert_null(got->work);
    assert_int_equal(row->ended_ms, 0);
}

/* Note it, let everything that it points to go, and read it with another journal. */
static void check_round_trip(str target, const struct pipepoll_journal_entry *e)
{
    struct wanted w = { target, e, 0 };
    struct journal_options o = options();
    o.history_jobs = 0;
    struct noter n;
    struct journal *j = open_journal(&o);
    noter_open(&n, j);
    journal_note(n.user, target, e, 1);
    noter_wait(&n, 1);
    assert_int_equal(n.status, 0);
    assert_int_equal(journal_read(folder.state, check_row, &w, NULL), 0);
    noter_close(&n);
    close_journal(j);
    j = open_journal(&o);
    assert_int_equal(journal_walk(j, check_row, &w, NULL), 0);
    assert_int_equal(w.count, 2);
    noter_open(&n, j);
    journal_forget(n.user, target, e->region, e->job_id, STR("succeeded"));
    noter_close(&n);
    close_journal(j);
    assert_int_equal(read_rows().count, 0);
}

static void every_member_of_a_success_comes_out_again(void **state)
{
    const struct pipepoll_revision revision = { STR("abc123"), STR("change"), STR("what"), -5 };
    const struct pipepoll_success success = {
        .size = sizeof success,
        .summary = STR("done"),
        .execution_id = STR("run 7"),
        .revision = &revision,
        .has_percent = true,
        .percent_complete = 0,
    };
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    e.success = &success;
    e.continuation_token = STR("go on");
    check_round_trip(STR("deploy"), &e);
}

static void a_success_without_its_members_does_too(void **state)
{
    const struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    e.success = &success;
    check_round_trip(STR("deploy"), &e);
}

static void every_member_of_a_failure_comes_out_again(void **state)
{
    for (int type = PIPEPOLL_FAILURE_JOB; type <= PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE; type++) {
        char id[16];
        snprintf(id, sizeof id, "job-%d", type);
        const struct pipepoll_job_failure failure = {
            .size = sizeof failure,
            .type = (enum pipepoll_failure_type)type,
            .message = STR("broke"),
            .execution_id = STR("run 8"),
        };
        struct pipepoll_journal_entry e = entry_of(id, PIPEPOLL_JOURNAL_REPORTING);
        e.failure = &failure;
        check_round_trip(STR("deploy"), &e);
    }
}

static void hostile_texts_come_out_byte_for_byte(void **state)
{
    static const str hostile[] = {
        STR_INIT("'); DROP TABLE jobs; --"),
        STR_INIT("\"`[]%_?1 ?2 :a $b @c"),
        STR_INIT("two\nlines\r\n\t\x01\x7f"),
        STR_INIT("a\0b"),
        STR_INIT("\0"),
        STR_INIT("a"), /* not what it was cut to at the NUL */
        STR_INIT("\xff\xfe\xc3\x28\xed\xa0\x80\xf4\x90\x80\x80"),
        STR_INIT("\xef\xbb\xbf\xe2\x80\xae"),
        STR_INIT("123"),
        STR_INIT("0x1F"),
        STR_INIT("1e5"),
        STR_INIT("NULL"),
        STR_INIT(""),
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        str t = hostile[i];
        const struct pipepoll_revision revision = { t, t, t, INT64_MAX };
        const struct pipepoll_success success = {
            .size = sizeof success, .summary = t, .execution_id = t, .revision = &revision
        };
        const struct pipepoll_journal_entry e = {
            .size = sizeof e,
            .state = PIPEPOLL_JOURNAL_REPORTING,
            .region = t,
            .job_id = t,
            .client_id = t,
            .claim = t,
            .action_type = { t, t, t, t },
            .success = &success,
            .continuation_token = t,
        };
        check_round_trip(t, &e);
    }
}

static void values_of_a_megabyte_come_out_again(void **state)
{
    enum { SIZE = 1 << 20 };
    char *bytes = malloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    const struct pipepoll_job_failure failure = { .size = sizeof failure,
                                                  .message = { bytes, SIZE },
                                                  .execution_id = { bytes, SIZE / 2 } };
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    e.job_id = (str) { bytes + 7, SIZE - 7 };
    e.failure = &failure;
    check_round_trip((str) { bytes, SIZE }, &e);
    free(bytes);
}

static void nothing_borrowed_is_kept(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    char id[] = "job-1", target[] = "deploy";
    noter_open(&n, j);
    struct pipepoll_journal_entry e = entry_of(id, PIPEPOLL_JOURNAL_RUNNING);
    journal_note(n.user, str_of(target), &e, 1);
    memset(id, 'x', sizeof id - 1);
    memset(target, 'x', sizeof target - 1);
    noter_wait(&n, 1);
    assert_string_equal(read_rows().jobs[0], "job-1");
    noter_close(&n);
    close_journal(j);
}

/* --- one job's life --- */

static void the_latest_note_of_a_job_replaces_its_last_one(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    const struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    noter_open(&n, j);
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    e.success = &success;
    e.continuation_token = STR("go on");
    now_ms = 5000;
    journal_note(n.user, STR("deploy"), &e, 1);
    now_ms = 6000;
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 2);
    noter_wait(&n, 2);
    struct rows r = walk_rows(j);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.states[0], PIPEPOLL_JOURNAL_RUNNING);
    assert_false(r.has_token[0]);
    assert_int_equal(r.first_ms[0], 5000);
    assert_int_equal(r.last_ms[0], 6000);
    noter_close(&n);
    close_journal(j);
}

static void jobs_of_one_id_under_two_targets_are_two(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    const struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_CLAIMING);
    journal_note(n.user, STR("one"), &e, 1);
    journal_note(n.user, STR("two"), &e, 2);
    journal_forget(n.user, STR("one"), e.region, e.job_id, STR("lost race"));
    journal_note(n.user, STR("two"), &e, 3);
    noter_wait(&n, 3);
    assert_int_equal(walk_rows(j).count, 1);
    assert_int_equal(read_rows().count, 2);
    noter_close(&n);
    close_journal(j);
}

static void a_job_that_ended_is_history_and_its_token_is_gone(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    const struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    noter_open(&n, j);
    struct pipepoll_journal_entry e = entry_of("job-1", PIPEPOLL_JOURNAL_REPORTING);
    e.success = &success;
    e.continuation_token = STR("go on");
    now_ms = 5000;
    journal_note(n.user, STR("deploy"), &e, 1);
    now_ms = 7000;
    forget_job(&n, "job-1", "continued");
    forget_job(&n, "job-1", "too late");
    forget_job(&n, "nobody", "succeeded");
    note_state(&n, "job-2", PIPEPOLL_JOURNAL_CLAIMING, 2);
    noter_wait(&n, 2);
    struct rows r = read_rows();
    assert_int_equal(r.count, 2);
    assert_string_equal(r.outcomes[0], "continued");
    assert_int_equal(r.ended_ms[0], 7000);
    assert_false(r.has_token[0]);
    assert_int_equal(r.ended_ms[1], 0);
    noter_close(&n);
    close_journal(j);
}

static void a_job_that_comes_again_is_open_again(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    now_ms = 5000;
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_CLAIMING, 1);
    forget_job(&n, "job-1", "left");
    now_ms = 9000;
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_CLAIMING, 2);
    noter_wait(&n, 2);
    struct rows r = walk_rows(j);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.first_ms[0], 9000);
    assert_string_equal(r.outcomes[0], "");
    noter_close(&n);
    close_journal(j);
}

/* --- history --- */

/* Ends `count` jobs, a second apart, each written before the next. */
static void end_jobs(struct journal *j, int count)
{
    struct noter n;
    noter_open(&n, j);
    for (int i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof id, "job-%d", i);
        now_ms += 1000;
        forget_job(&n, id, "");
        note_state(&n, id, PIPEPOLL_JOURNAL_RUNNING, (uint64_t)i * 2 + 1);
        forget_job(&n, id, "succeeded");
        note_state(&n, "open", PIPEPOLL_JOURNAL_RUNNING, (uint64_t)i * 2 + 2);
        noter_wait(&n, (uint64_t)i * 2 + 2);
    }
    noter_close(&n);
}

static void history_is_bounded_by_count_the_newest_stay(void **state)
{
    struct journal_options o = options();
    o.history_jobs = 3;
    struct journal *j = open_journal(&o);
    end_jobs(j, 10);
    struct rows r = read_rows();
    assert_int_equal(r.count, 4);
    assert_string_equal(r.jobs[0], "open");
    assert_string_equal(r.jobs[1], "job-7");
    assert_string_equal(r.jobs[3], "job-9");
    close_journal(j);
}

static void history_is_bounded_by_age(void **state)
{
    struct journal_options o = options();
    o.history_s = 100;
    struct journal *j = open_journal(&o);
    end_jobs(j, 10);
    assert_int_equal(read_rows().count, 11);
    now_ms += 95000;
    end_jobs(j, 1);
    struct rows r = read_rows(); /* those that ended in the last 100 s, and the open one */
    for (int i = 0; i < r.count; i++)
        assert_true(r.ended_ms[i] == 0 || r.ended_ms[i] >= now_ms - 100000);
    assert_in_range(r.count, 2, 8);
    close_journal(j);
}

static void without_history_an_ended_job_leaves_at_once(void **state)
{
    struct journal_options o = options();
    o.history_jobs = 0;
    struct journal *j = open_journal(&o);
    end_jobs(j, 3);
    assert_int_equal(read_rows().count, 1);
    close_journal(j);
}

/* --- users and readers --- */

static void each_loop_is_told_of_its_own_tickets(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter a, b;
    noter_open(&a, j);
    noter_open(&b, j);
    note_state(&a, "job-a", PIPEPOLL_JOURNAL_RUNNING, 7);
    note_state(&b, "job-b", PIPEPOLL_JOURNAL_RUNNING, 1);
    noter_wait(&a, 7);
    noter_wait(&b, 1);
    assert_int_equal(a.kept, 7);
    assert_int_equal(b.kept, 1);
    noter_close(&a);
    noter_close(&b);
    close_journal(j);
}

static void what_a_closed_user_noted_is_still_written(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    noter_close(&n);
    assert_int_equal(n.calls, 0);
    close_journal(j);
    assert_int_equal(read_rows().count, 1);
}

static void a_reader_changes_nothing_and_needs_no_writer(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    end_jobs(j, 2);
    assert_int_equal(read_rows().count, 3);
    close_journal(j);
    assert_int_equal(read_rows().count, 3);
}

static void where_there_is_no_journal_a_reader_says_so(void **state)
{
    struct rows r = { 0 };
    struct pipepoll_error why;
    assert_int_equal(journal_read(folder.state, add_row, &r, &why), PIPEPOLL_ENOTFOUND);
    assert_non_null(strstr(why.text, folder.state));
    assert_int_not_equal(access(folder.state, F_OK), 0);
}

static void check_mode(const char *path, mode_t mode)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
}

static void others_may_not_look_into_its_files(void **state)
{
    const struct journal_options o = options();
    mode_t before = umask(0);
    struct journal *j = open_journal(&o);
    umask(before);
    char beside[120];
    check_mode(folder.state, 0700);
    check_mode(folder.file, 0600);
    snprintf(beside, sizeof beside, "%s-wal", folder.file);
    check_mode(beside, 0600);
    snprintf(beside, sizeof beside, "%s-shm", folder.file);
    check_mode(beside, 0600);
    snprintf(beside, sizeof beside, "%s/journal.lock", folder.state);
    check_mode(beside, 0600);
    close_journal(j);
}

/* --- a disk that hangs or fails --- */

struct gate {
    struct faulty_disk disk;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    enum disk_act act;
    bool shut, someone_waits;
};

static enum disk_act pass(struct faulty_disk *self, int number)
{
    struct gate *g = (struct gate *)self;
    pthread_mutex_lock(&g->mutex);
    for (; g->shut; pthread_cond_wait(&g->moved, &g->mutex)) {
        g->someone_waits = true;
        pthread_cond_broadcast(&g->moved);
    }
    enum disk_act act = g->act;
    pthread_mutex_unlock(&g->mutex);
    return act;
}

static struct gate gate = {
    .disk = { .ask = pass, .skips_sync = true },
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .moved = PTHREAD_COND_INITIALIZER,
};

static void gate_set(bool shut, enum disk_act act)
{
    pthread_mutex_lock(&gate.mutex);
    gate.shut = shut;
    gate.act = act;
    gate.someone_waits = false;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_wait(void)
{
    pthread_mutex_lock(&gate.mutex);
    while (!gate.someone_waits)
        pthread_cond_wait(&gate.moved, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static void what_gathers_during_a_sync_is_one_transaction(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct journal_stats stats;
    struct noter n;
    noter_open(&n, j);
    gate_set(true, DISK_WORKS);
    note_state(&n, "first", PIPEPOLL_JOURNAL_CLAIMING, 1);
    gate_wait();
    for (uint64_t ticket = 2; ticket <= 100; ticket++)
        note_state(&n, ticket % 2 ? "odd" : "even", PIPEPOLL_JOURNAL_RUNNING, ticket);
    journal_stats(j, &stats);
    assert_int_equal(stats.waiting, 100);
    gate_set(false, DISK_WORKS);
    noter_wait(&n, 100);
    journal_stats(j, &stats);
    assert_int_equal(stats.batches, 2);
    assert_int_equal(stats.changes, 100);
    assert_int_equal(stats.waiting, 0);
    assert_in_range(n.calls, 1, 2);
    noter_close(&n);
    close_journal(j);
}

static void a_note_beyond_the_bound_is_refused_and_told(void **state)
{
    struct journal_options o = options();
    o.max_jobs = 2; /* 8 notes, 10 ends */
    struct journal *j = open_journal(&o);
    struct journal_stats stats;
    struct noter n;
    noter_open(&n, j);
    gate_set(true, DISK_WORKS);
    note_state(&n, "first", PIPEPOLL_JOURNAL_CLAIMING, 1);
    gate_wait();
    assert_true(journal_is_well(j));
    for (uint64_t ticket = 2; ticket <= 5; ticket++)
        note_state(&n, "job", PIPEPOLL_JOURNAL_CLAIMING, ticket);
    assert_false(journal_is_well(j)); /* more than half full */
    for (uint64_t ticket = 6; ticket <= 9; ticket++)
        note_state(&n, "job", PIPEPOLL_JOURNAL_RUNNING, ticket);
    for (int i = 0; i < 11; i++)
        forget_job(&n, "job", "left");
    noter_wait(&n, 9);
    assert_int_equal(n.failed, 9);
    assert_int_equal(n.status, PIPEPOLL_ENOMEM);
    gate_set(false, DISK_WORKS);
    while (!n.recoveries)
        uv_run(&n.loop, UV_RUN_ONCE);
    assert_true(journal_is_well(j));
    journal_stats(j, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.dropped, 1);
    assert_int_equal(walk_rows(j).count, 1);
    noter_close(&n);
    close_journal(j);
}

static void a_note_larger_than_the_whole_queue_is_refused(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    struct pipepoll_journal_entry e = entry_of("job", PIPEPOLL_JOURNAL_CLAIMING);
    e.client_id.len = 64 << 20;
    e.client_id.ptr = calloc(1, e.client_id.len);
    journal_note(n.user, STR("deploy"), &e, 1);
    free((char *)e.client_id.ptr);
    noter_wait(&n, 1);
    assert_int_equal(n.status, PIPEPOLL_ENOMEM);
    noter_close(&n);
    close_journal(j);
}

static void what_a_full_disk_did_not_take_is_told_and_written_later(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    gate_set(false, DISK_FULL);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    forget_job(&n, "job-0", "left");
    noter_wait(&n, 1);
    assert_int_equal(n.failed, 1);
    assert_int_equal(n.status, PIPEPOLL_ESYSTEM);
    assert_false(journal_is_well(j));
    assert_int_equal(n.recoveries, 0);
    gate_set(false, DISK_WORKS);
    while (!n.recoveries)
        uv_run(&n.loop, UV_RUN_ONCE);
    assert_true(journal_is_well(j));
    assert_int_equal(walk_rows(j).count, 1);
    note_state(&n, "job-2", PIPEPOLL_JOURNAL_RUNNING, 2);
    noter_wait(&n, 2);
    assert_int_equal(n.kept, 2);
    noter_close(&n);
    close_journal(j);
}

static char logged[8][1024];
static _Atomic int lines;

static void keep_line(void *ctx, enum pipepoll_level level, struct pipepoll_str line)
{
    if (lines < 8)
        snprintf(logged[lines], sizeof logged[0], "%.*s", STR_ARG(line));
    lines++;
}

static void a_disk_that_fails_for_long_is_logged_twice(void **state)
{
    struct journal_options o = options();
    o.log.write = keep_line;
    lines = 0;
    struct journal *j = open_journal(&o);
    struct journal_stats stats;
    struct noter n;
    noter_open(&n, j);
    gate_set(false, DISK_FULL);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    do {
        journal_stats(j, &stats);
        uv_sleep(1);
    } while (stats.failures < 20);
    assert_int_equal(lines, 1);
    gate_set(false, DISK_WORKS);
    while (!n.recoveries)
        uv_run(&n.loop, UV_RUN_ONCE);
    noter_close(&n);
    close_journal(j);
    assert_int_equal(lines, 2);
    assert_non_null(strstr(logged[0], folder.state));
    assert_non_null(strstr(logged[0], "the disk is full"));
    assert_non_null(strstr(logged[1], "is written again"));
}

static void a_file_that_was_removed_keeps_nothing(void **state)
{
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    assert_int_equal(unlink(folder.file), 0);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    noter_wait(&n, 1);
    assert_int_equal(n.failed, 1);
    assert_false(journal_is_well(j));
    noter_close(&n);
    close_journal(j);
}

static void a_failing_disk_does_not_hold_up_the_end(void **state)
{
    struct journal_options o = options();
    o.retry_ms = 3600 * 1000;
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    gate_set(false, DISK_FAILS);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    noter_wait(&n, 1);
    noter_close(&n);
    close_journal(j);
    gate_set(false, DISK_WORKS);
}

static void a_hanging_disk_holds_up_neither_the_loop_nor_the_end(void **state)
{
    enum { SHORT_MS = 30 };
    const struct journal_options o = options();
    struct journal *j = open_journal(&o);
    struct noter n;
    noter_open(&n, j);
    gate_set(true, DISK_WORKS);
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_RUNNING, 1);
    gate_wait();
    note_state(&n, "job-1", PIPEPOLL_JOURNAL_REPORTING, 2);
    noter_close(&n);
    assert_int_equal(n.calls, 0);
    assert_false(journal_close(j, SHORT_MS));
    gate_set(false, DISK_WORKS);
    close_journal(j);
    assert_int_equal(read_rows().states[0], PIPEPOLL_JOURNAL_REPORTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(every_member_of_a_success_comes_out_again),
        FOLDER_TEST(a_success_without_its_members_does_too),
        FOLDER_TEST(every_member_of_a_failure_comes_out_again),
        FOLDER_TEST(hostile_texts_come_out_byte_for_byte),
        FOLDER_TEST(values_of_a_megabyte_come_out_again),
        FOLDER_TEST(nothing_borrowed_is_kept),
        FOLDER_TEST(the_latest_note_of_a_job_replaces_its_last_one),
        FOLDER_TEST(jobs_of_one_id_under_two_targets_are_two),
        FOLDER_TEST(a_job_that_ended_is_history_and_its_token_is_gone),
        FOLDER_TEST(a_job_that_comes_again_is_open_again),
        FOLDER_TEST(history_is_bounded_by_count_the_newest_stay),
        FOLDER_TEST(history_is_bounded_by_age),
        FOLDER_TEST(without_history_an_ended_job_leaves_at_once),
        FOLDER_TEST(each_loop_is_told_of_its_own_tickets),
        FOLDER_TEST(what_a_closed_user_noted_is_still_written),
        FOLDER_TEST(a_reader_changes_nothing_and_needs_no_writer),
        FOLDER_TEST(where_there_is_no_journal_a_reader_says_so),
        FOLDER_TEST(others_may_not_look_into_its_files),
        FOLDER_TEST(what_gathers_during_a_sync_is_one_transaction),
        FOLDER_TEST(a_note_beyond_the_bound_is_refused_and_told),
        FOLDER_TEST(a_note_larger_than_the_whole_queue_is_refused),
        FOLDER_TEST(what_a_full_disk_did_not_take_is_told_and_written_later),
        FOLDER_TEST(a_disk_that_fails_for_long_is_logged_twice),
        FOLDER_TEST(a_file_that_was_removed_keeps_nothing),
        FOLDER_TEST(a_failing_disk_does_not_hold_up_the_end),
        FOLDER_TEST(a_hanging_disk_holds_up_neither_the_loop_nor_the_end),
    };
    faulty_disk_install(&gate.disk);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
