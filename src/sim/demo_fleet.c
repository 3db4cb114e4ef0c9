/* SPDX-License-Identifier: MIT */
/* A timer makes the jobs and looks at the service, which sees who polls what: when a wait is over,
 * the next step is taken. Each wait has an end, and so has the whole.
 *
 *   servers -> shared -> worked -> kill a member -> taken over -> it is back, shared
 *           -> kill a server -> worked -> all over -> members end -> servers end -> judge
 */
#include "sim/demo_fleet.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "config/quantity.h"
#include "daemon/signals.h"
#include "sim/demo_fleet_report.h"
#include "sim/demo_jobs.h"
#include "sim/demo_members.h"

enum { TICK_MS = 20, END_MS = 15000, WORK_MS = 2000, WITHOUT_MS = 3000 };
enum { POLLS_SEEN = 6 }; /* of a target: they tell who holds it */

/* Of a job that was found when a member died, and not claimed: then it comes back. */
enum { LEASE_MS = 2000 };

enum { SIGNAL_TERM, SIGNAL_INT, SIGNAL_HUP, SIGNAL_COUNT };

enum step { SERVERS, SHARED, WORKED, TAKEN_OVER, BACK, WITHOUT_SERVER, ALL_OVER, STEPS };

static const struct {
    uint32_t patience_ms;
    const char *late;
} waits[STEPS] = {
    [SERVERS] = { 15000, "the NATS servers do not listen" },
    [SHARED] = { 30000, "the members do not share the targets" },
    [WORKED] = { 20000, "no jobs are worked" },
    [TAKEN_OVER] = { 20000, "nobody takes over the targets of the dead member" },
    [BACK] = { 30000, "the member that is back gets no targets" },
    [WITHOUT_SERVER] = { 30000, "without one of the servers the work does not go on" },
    [ALL_OVER] = { 45000, "not all jobs end" },
};

struct play {
    const struct demo_options *options;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t signals[SIGNAL_COUNT];
    struct sim *sim;
    struct demo_folder folder;
    struct demo_servers servers;
    struct demo_members members;
    struct demo_seen seen;
    struct demo_jobs jobs;
    struct demo_fleet_report report;
    enum step step;
    uint64_t start_ns, step_ns; /* of the demo, of the wait */
    double made_ms;             /* jobs appeared for so long, up to made_until_ns */
    uint64_t made_until_ns;     /* 0: none appear now */
    uint64_t over_then;         /* jobs, when the server was killed */
    size_t victim;
    bool is_interrupted, is_ending, has_verdict;
    bool done, hangs;              /* nothing of ours is in the loop any more; but something is */
    struct pipepoll_error failure; /* the first; empty: none */
};

static double ms_since(uint64_t then_ns)
{
    return (double)(uv_hrtime() - then_ns) / 1e6;
}

static uint64_t count_over(const struct play *p, struct sim_stats *s)
{
    sim_stats(p->sim, s);
    return s->jobs_succeeded + s->jobs_failed + s->jobs_timed_out;
}

/* Said at once: who watches sees it happen. stdout is the summary's alone when that is JSON. */
__attribute__((format(printf, 2, 3))) static void tell(const struct play *p, const char *format,
                                                       ...)
{
    va_list arguments;
    if (p->options->json)
        return;
    printf("%5.1f s  ", ms_since(p->start_ns) / 1000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* --- the end: members, servers, then all that they use --- */

static void note_failure(struct play *p, const struct pipepoll_error *why)
{
    if (!p->failure.text[0])
        p->failure = *why;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct play *p = timer->data;
    p->done = true;
}

static void on_sim_closed(void *ctx)
{
    struct play *p = ctx;
    p->sim = NULL;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void judge(struct play *p)
{
    struct pipepoll_error why;
    struct sim_stats s;
    count_over(p, &s); /* the ledger is up to date then */
    p->report.took_ms = ms_since(p->start_ns);
    p->has_verdict = !demo_verdict_make(&p->report.verdict, sim_ledger(p->sim), &why);
    if (!p->has_verdict)
        note_failure(p, &why);
    else if (!demo_verdict_is_good(&p->report.verdict))
        demo_fleet_name_jobs(sim_ledger(p->sim));
}

static void go_on_ending(struct play *p)
{
    if (demo_members_are_running(&p->members))
        return;
    demo_servers_kill_all(&p->servers);
    if (demo_servers_are_running(&p->servers) || uv_is_closing((uv_handle_t *)&p->timer))
        return;
    uv_timer_stop(&p->timer);
    if (!p->sim) {
        on_sim_closed(p);
        return;
    }
    judge(p);
    sim_close(p->sim, on_sim_closed, p);
}

static void on_deadline(uv_timer_t *timer)
{
    struct play *p = timer->data;
    struct pipepoll_error why;
    explain(&why, PIPEPOLL_ETIMEDOUT, "a member did not end in time, and was killed");
    note_failure(p, &why);
    demo_members_signal(&p->members, SIGKILL);
}

static void end(struct play *p)
{
    if (p->is_ending)
        return;
    p->is_ending = true;
    uv_timer_start(&p->timer, on_deadline, END_MS, 0);
    demo_members_signal(&p->members, SIGTERM);
    go_on_ending(p);
}

static void fail(struct play *p, const struct pipepoll_error *why)
{
    note_failure(p, why);
    end(p);
}

/* --- the children --- */

static void on_member_ended(void *ctx, const struct demo_member *which, int64_t code, int signal)
{
    struct play *p = ctx;
    struct pipepoll_error why;
    /* SIGTERM ends it by itself where it is not far enough yet to handle it. */
    bool by_us = which->is_killed || (p->is_ending && (signal == SIGTERM || (!code && !signal)));
    if (!by_us) {
        explain(&why, PIPEPOLL_ESYSTEM, "member %c ended with %s %d", which->letter,
                signal ? "signal" : "exit code", signal ? signal : (int)code);
        note_failure(p, &why);
    }
    if (p->is_ending)
        go_on_ending(p);
    else if (!by_us)
        end(p);
}

static void on_server_ended(void *ctx, const struct demo_server *which)
{
    struct play *p = ctx;
    struct pipepoll_error why;
    if (!which->is_killed) {
        explain(&why, PIPEPOLL_ESYSTEM, "a NATS server ended by itself");
        note_failure(p, &why);
    }
    if (p->is_ending)
        go_on_ending(p);
    else if (!which->is_killed)
        end(p);
}

static void start_member(struct play *p, size_t i)
{
    struct pipepoll_error why;
    if (demo_members_start(&p->members.at[i], &p->loop, &why))
        fail(p, &why);
}

/* --- step by step --- */

static void go_to(struct play *p, enum step step)
{
    p->step = step;
    p->step_ns = uv_hrtime();
}

static void make_jobs(struct play *p)
{
    uint64_t now_ns = uv_hrtime();
    if (!p->made_until_ns)
        return;
    p->made_ms += (double)(now_ns - p->made_until_ns) / 1e6;
    p->made_until_ns = now_ns;
    demo_jobs_make(&p->jobs, p->sim, p->made_ms, &p->failure);
}

static bool is_shared(const struct play *p, size_t shares[DEMO_MEMBERS])
{
    double seen_ms = (double)POLLS_SEEN * p->options->interval_ms;
    return ms_since(p->step_ns) > seen_ms &&
           demo_seen_shares(&p->seen, uv_hrtime() - (uint64_t)(seen_ms * 1e6), shares);
}

static void on_servers(struct play *p)
{
    if (!demo_servers_are_there(&p->servers))
        return;
    tell(p, "three NATS servers run, and three members are started");
    go_to(p, SHARED);
    for (size_t i = 0; i < DEMO_MEMBERS && !p->is_ending; i++)
        start_member(p, i);
}

static void on_shared(struct play *p)
{
    size_t shares[DEMO_MEMBERS];
    if (!is_shared(p, shares))
        return;
    tell(p, "they share %zu targets: a polls %zu, b %zu, c %zu; jobs begin to come",
         p->seen.targets, shares[0], shares[1], shares[2]);
    p->made_until_ns = uv_hrtime();
    go_to(p, WORKED);
}

/* The member with the most targets goes, in the middle of its work. */
static void on_worked(struct play *p)
{
    struct sim_stats s;
    size_t shares[DEMO_MEMBERS];
    uint64_t over = count_over(p, &s);
    if (ms_since(p->step_ns) < WORK_MS || !over || !s.jobs_in_progress || !is_shared(p, shares))
        return;
    for (size_t i = 0; i < DEMO_MEMBERS; i++)
        p->victim = shares[i] > shares[p->victim] ? i : p->victim;
    struct demo_member *m = &p->members.at[p->victim];
    tell(p, "kill -9 of member %c, with %zu targets; %llu job%s done so far, %llu in hand",
         m->letter, shares[p->victim], (unsigned long long)over, quantity_plural(over),
         (unsigned long long)s.jobs_in_progress);
    demo_members_kill(m);
    go_to(p, TAKEN_OVER);
}

static void on_taken_over(struct play *p)
{
    if (p->members.at[p->victim].run.is_running || demo_seen_left(&p->seen, p->step_ns, p->victim))
        return;
    p->report.takeover_ms = ms_since(p->step_ns);
    tell(p, "%.1f s later the others poll all its targets; it is started again, with its journal",
         p->report.takeover_ms / 1000);
    go_to(p, BACK);
    start_member(p, p->victim);
}

static void on_back(struct play *p)
{
    struct sim_stats s;
    size_t shares[DEMO_MEMBERS];
    if (!is_shared(p, shares))
        return;
    tell(p, "it has targets again: a polls %zu, b %zu, c %zu", shares[0], shares[1], shares[2]);
    p->over_then = count_over(p, &s);
    tell(p, "kill -9 of one NATS server, with %llu jobs done", (unsigned long long)p->over_then);
    demo_servers_kill(&p->servers.at[0]);
    go_to(p, WITHOUT_SERVER);
}

static void on_without_server(struct play *p)
{
    struct sim_stats s;
    double seen_ms = (double)POLLS_SEEN * p->options->interval_ms;
    uint64_t over = count_over(p, &s), since_ns = uv_hrtime() - (uint64_t)(seen_ms * 1e6);
    if (ms_since(p->step_ns) < WITHOUT_MS + seen_ms || over == p->over_then ||
        demo_seen_left(&p->seen, since_ns, DEMO_MEMBERS))
        return;
    tell(p, "the work goes on with two: all targets are polled, and %llu more job%s done",
         (unsigned long long)(over - p->over_then), quantity_plural(over - p->over_then));
    p->made_until_ns = 0;
    go_to(p, ALL_OVER);
}

static void on_all_over(struct play *p)
{
    struct sim_stats s;
    if (count_over(p, &s) < p->jobs.made)
        return;
    tell(p, "all %llu jobs are over", (unsigned long long)p->jobs.made);
    end(p);
}

static void (*const steps[STEPS])(struct play *p) = {
    [SERVERS] = on_servers,       [SHARED] = on_shared, [WORKED] = on_worked,
    [TAKEN_OVER] = on_taken_over, [BACK] = on_back,     [WITHOUT_SERVER] = on_without_server,
    [ALL_OVER] = on_all_over,
};

static void on_tick(uv_timer_t *timer)
{
    struct play *p = timer->data;
    struct pipepoll_error why;
    make_jobs(p);
    steps[p->step](p);
    double in_step_ms = ms_since(p->step_ns), in_all_ms = ms_since(p->start_ns);
    if (p->is_ending ||
        (in_step_ms < waits[p->step].patience_ms && in_all_ms < p->options->seconds_ms))
        return;
    explain(&why, PIPEPOLL_ETIMEDOUT, "%s: gave up after %.0f s, and %.0f s in all",
            waits[p->step].late, in_step_ms / 1000, in_all_ms / 1000);
    fail(p, &why);
}

static void on_served(void *ctx, const struct sim_served *what)
{
    struct play *p = ctx;
    demo_seen_note(&p->seen, what, uv_hrtime());
}

/* The second one waits for nobody, but for the death of those that it kills. */
static void leave_at_once(struct play *p, int number)
{
    demo_members_end(&p->members);
    demo_servers_end(&p->servers);
    demo_folder_remove(&p->folder);
    _exit(128 + number);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct play *p = handle->data;
    if (p->is_interrupted)
        leave_at_once(p, number);
    p->is_interrupted = true;
    end(p);
}

/* --- the beginning --- */

static void start_handles(struct play *p)
{
    static const int numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP };
    uv_timer_init(&p->loop, &p->timer);
    p->timer.data = p;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        signals_start(&p->signals[i], on_signal, numbers[i]);
    }
    signals_end_gracefully();
}

static int start_all(struct play *p, struct pipepoll_error *why)
{
    const struct sim_options so = { .tls = true,
                                    .arrivals.seed = p->options->seed,
                                    .lease_ms = LEASE_MS,
                                    .undocumented.repeated_nonce = SIM_NONCE_STATUS,
                                    .served = on_served,
                                    .ctx = p };
    int r = demo_servers_find(&p->servers, why);
    if (!r)
        r = demo_seen_init(&p->seen, p->options, why);
    if (!r)
        r = sim_open(&p->sim, &p->loop, &so, why);
    if (r)
        return r;
    const struct demo_at at = { sim_url(p->sim), sim_ca_pem(p->sim), "" };
    r = demo_folder_begin(&p->folder, &at, why);
    if (!r)
        r = demo_servers_start(&p->servers, &p->loop, &p->folder, why);
    if (!r)
        r = demo_members_write(&p->members, &p->folder, &p->servers, p->options, &at, why);
    return r;
}

static int play(struct play *p)
{
    struct pipepoll_error why;
    int r = uv_loop_init(&p->loop);
    if (r) {
        fprintf(stderr, "pipepoll demo: no event loop: %s\n", uv_strerror(r));
        return EXIT_OTHER;
    }
    start_handles(p);
    p->start_ns = p->step_ns = uv_hrtime();
    if (start_all(p, &why))
        fail(p, &why);
    else
        uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS);
    p->hangs = !leave_loop(&p->loop, &p->done);
    demo_folder_remove(&p->folder);
    if (p->has_verdict && p->jobs.made)
        return demo_fleet_report(&p->report, p->is_interrupted, p->failure.text);
    fprintf(stderr, "pipepoll demo: %s\n",
            p->failure.text[0]  ? p->failure.text
            : p->is_interrupted ? "interrupted"
                                : "no job was made");
    return p->failure.text[0] ? EXIT_OTHER : EXIT_FAILED;
}

int demo_fleet(const struct demo_options *o)
{
    struct play *p = calloc(1, sizeof *p);
    if (!p) {
        fprintf(stderr, "pipepoll demo: out of memory\n");
        return EXIT_OTHER;
    }
    p->options = p->report.options = o;
    p->report.takeover_ms = -1;
    p->jobs = (struct demo_jobs) { .options = o, .rng.state = o->seed };
    p->servers.ended = on_server_ended;
    p->servers.ctx = p->members.ctx = p;
    p->members.ended = on_member_ended;
    int code = play(p);
    demo_seen_deinit(&p->seen);
    if (!p->hangs)
        free(p);
    return code;
}
