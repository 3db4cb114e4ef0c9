/* SPDX-License-Identifier: MIT */
/* bench_job_life URL CA_BUNDLE STATE_DIR|- INTERVAL_MS SKIP JOBS: a worker that has nothing to do
 * but its own work. It takes each job of one target from the poll to the confirmed result, and
 * every run is a success at once; the journal is in STATE_DIR, or there is none. It ends when JOBS
 * jobs have ended after the first SKIP, which are not measured, and prints one JSON object:
 *
 *     jobs, seconds, cpu_us_per_job   user and system time of all threads, the journal's included
 *     polls, syncs, batches           of these jobs; syncs are fsync() and fdatasync()
 *     p50_us, p99_us                  from the answer of the poll to the confirmed result
 *     waited_s                        the loop could have run, and others had its core: the
 *                                     journal's thread for one, when both are kept to one
 *     start_kb                        resident memory before the first poll
 *     resident_kb                     the same after SKIP jobs, and after each tenth of JOBS
 *     failed                          jobs that ended otherwise than by their success */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <uv.h>

#include "base/list.h"
#include "base/str.h"
#include "store/journal.h"

enum { IN_HAND = 256, TENTHS = 10 };

/* What was used up to a moment. */
struct mark {
    uint64_t at_ns, cpu_us, polls, syncs, batches, waited_ns;
};

struct bench {
    struct pipepoll_handler handler;
    struct pipepoll_sink sink;
    struct pipepoll_journal notes;
    uv_loop_t *loop;
    struct pipepoll_worker *worker;
    struct journal *journal; /* NULL: none */
    struct journal_user *user;
    uint64_t skip, jobs, ended, failed;
    struct mark first, last;
    uint32_t *took_us; /* of each job that counts */
    long start_kb, resident_kb[TENTHS + 1];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_job_life: %s: %s\n", what, why);
    exit(1);
}

/* --- what it costs --- */

/* They stand before the C library's, for SQLite as well. */
__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

static atomic_uint_fast64_t syncs;

int fsync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

static uint64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* A number of a file of /proc, after as many others. 0: this kernel has no such file. */
static uint64_t proc_number(const char *path, int before)
{
    unsigned long long number = 0;
    FILE *f = fopen(path, "r");
    bool ok = f != NULL;
    for (int i = 0; ok && i <= before; i++)
        ok = fscanf(f, "%llu", &number) == 1;
    if (f)
        fclose(f);
    return ok ? number : 0;
}

static long resident_kb(void)
{
    return (long)proc_number("/proc/self/statm", 1) * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct mark mark_now(const struct bench *b)
{
    struct pipepoll_stats polls = PIPEPOLL_STATS_INIT;
    struct journal_stats journal = { 0 };
    pipepoll_stats(pipepoll_worker_poller(b->worker), &polls);
    if (b->journal)
        journal_stats(b->journal, &journal);
    return (struct mark) { .at_ns = uv_hrtime(),
                           .cpu_us = cpu_us(),
                           .polls = polls.polls,
                           .syncs = syncs,
                           .batches = journal.batches,
                           .waited_ns = proc_number("/proc/self/schedstat", 1) };
}

static int compare(const void *a, const void *b)
{
    const uint32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void print(struct bench *b)
{
    const struct mark *from = &b->first, *to = &b->last;
    qsort(b->took_us, b->jobs, sizeof *b->took_us, compare);
    printf("{\"jobs\": %llu, \"seconds\": %.6f, \"cpu_us_per_job\": %.3f, \"polls\": %llu, ",
           (unsigned long long)b->jobs, (double)(to->at_ns - from->at_ns) / 1e9,
           (double)(to->cpu_us - from->cpu_us) / (double)b->jobs,
           (unsigned long long)(to->polls - from->polls));
    printf("\"syncs\": %llu, \"batches\": %llu, \"p50_us\": %u, \"p99_us\": %u, \"failed\": %llu, ",
           (unsigned long long)(to->syncs - from->syncs),
           (unsigned long long)(to->batches - from->batches), b->took_us[b->jobs / 2],
           b->took_us[b->jobs * 99 / 100], (unsigned long long)b->failed);
    printf("\"waited_s\": %.6f, \"start_kb\": %ld, ",
           (double)(to->waited_ns - from->waited_ns) / 1e9, b->start_kb);
    for (int i = 0; i <= TENTHS; i++)
        printf("%s%ld", i ? ", " : "\"resident_kb\": [", b->resident_kb[i]);
    printf("]}\n");
}

static void on_closed(void *ctx)
{
    struct bench *b = ctx;
    if (b->user)
        journal_user_close(b->user, NULL, NULL);
}

/* --- the handler --- */

static struct bench *of(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct bench, handler);
}

static void on_found(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from)
{
    (void)self, (void)from;
    pipepoll_work_set_user(work, (void *)(uintptr_t)uv_hrtime());
}

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, struct pipepoll_str client_id)
{
    char token[128];
    (void)self, (void)from;
    snprintf(token, sizeof token, "token-%.*s", STR_ARG(client_id));
    pipepoll_work_token(work, str_of(token), NULL);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_error why;
    (void)self, (void)data;
    success.summary = STR("done");
    if (pipepoll_work_succeed(work, &success, &why))
        die("succeed", why.text);
}

static void count(struct bench *b, uint64_t took_ns)
{
    uint64_t done = b->ended - b->skip;
    b->took_us[done - 1] = (uint32_t)(took_ns / 1000);
    if (done * TENTHS / b->jobs != (done - 1) * TENTHS / b->jobs)
        b->resident_kb[done * TENTHS / b->jobs] = resident_kb();
    if (done < b->jobs)
        return;
    b->last = mark_now(b);
    pipepoll_worker_close(b->worker, on_closed, b);
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct bench *b = of(self);
    if (b->ended == b->skip + b->jobs) /* it closes */
        return;
    b->failed += end->outcome != PIPEPOLL_WORK_SUCCEEDED;
    b->ended++;
    if (b->ended > b->skip)
        count(b, uv_hrtime() - (uintptr_t)pipepoll_work_user(work));
    else if (b->ended == b->skip) {
        b->first = mark_now(b);
        b->resident_kb[0] = resident_kb();
    }
}

static void on_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_failure *failure)
{
    (void)self, (void)from;
    fprintf(stderr, "bench_job_life: %.*s\n", STR_ARG(failure->message));
}

/* --- the journal --- */

static void on_note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *entry,
                    uint64_t ticket)
{
    journal_note(CONTAINER_OF(self, struct bench, notes)->user, entry->region, entry, ticket);
}

static void on_forget(struct pipepoll_journal *self, struct pipepoll_str region,
                      struct pipepoll_str job_id)
{
    journal_forget(CONTAINER_OF(self, struct bench, notes)->user, region, region, job_id,
                   STR("succeeded"));
}

static void on_committed(void *ctx, uint64_t up_to_ticket, int status)
{
    pipepoll_worker_noted(((struct bench *)ctx)->worker, up_to_ticket, status);
}

static void open_journal(struct bench *b, const char *state_dir)
{
    struct pipepoll_error why;
    const struct journal_options o = { .state_dir = state_dir,
                                       .max_jobs = IN_HAND,
                                       .history_jobs = JOURNAL_HISTORY_JOBS,
                                       .history_s = JOURNAL_HISTORY_S,
                                       .retry_ms = JOURNAL_RETRY_MS };
    const struct journal_events events = { .committed = on_committed, .ctx = b };
    if (journal_open(&b->journal, &o, &why))
        die("journal", why.text);
    if (journal_user_open(&b->user, b->journal, b->loop, &events))
        die("journal", "no user");
}

/* --- the beginning --- */

static void open_worker(struct bench *b, const char *ca_bundle)
{
    struct pipepoll_error why;
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options w = PIPEPOLL_WORKER_OPTIONS_INIT;
    b->handler = (struct pipepoll_handler) { .size = sizeof b->handler,
                                             .found = on_found,
                                             .token = on_token,
                                             .start = on_start,
                                             .ended = on_ended };
    b->sink = (struct pipepoll_sink) { .size = sizeof b->sink, .failed = on_failed };
    b->notes =
        (struct pipepoll_journal) { .size = sizeof b->notes, .note = on_note, .forget = on_forget };
    o.sink = &b->sink;
    o.ca_bundle = str_of(ca_bundle);
    w.handler = &b->handler;
    w.journal = b->journal ? &b->notes : NULL;
    w.max_jobs = IN_HAND;
    if (pipepoll_worker_open(&b->worker, b->loop, &o, &w, &why))
        die("worker", why.text);
}

static void add_target(struct bench *b, const char *url, const char *interval_ms)
{
    struct pipepoll_error why;
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Bench"), STR("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = str_of(url);
    t.interval_ms = (uint32_t)strtoul(interval_ms, NULL, 10);
    t.max_batch_size = 10; /* as the program asks */
    if (pipepoll_target_add(pipepoll_worker_poller(b->worker), &t, NULL, &why))
        die("target", why.text);
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc != 7)
        die("usage", "bench_job_life URL CA_BUNDLE STATE_DIR|- INTERVAL_MS SKIP JOBS");
    signal(SIGPIPE, SIG_IGN);
    b.loop = uv_default_loop();
    b.skip = strtoull(argv[5], NULL, 10);
    b.jobs = strtoull(argv[6], NULL, 10);
    if (b.skip < 1 || b.jobs < TENTHS || !(b.took_us = malloc(b.jobs * sizeof *b.took_us)))
        die("usage", "SKIP from 1, JOBS from 10");
    memset(b.took_us, 1, b.jobs * sizeof *b.took_us); /* resident from the beginning */
    if (strcmp(argv[3], "-") != 0)
        open_journal(&b, argv[3]);
    open_worker(&b, argv[2]);
    add_target(&b, argv[1], argv[4]);
    b.start_kb = resident_kb();
    uv_run(b.loop, UV_RUN_DEFAULT);
    if (b.journal)
        journal_close(b.journal, 5000);
    print(&b);
    free(b.took_us);
    return 0;
}
