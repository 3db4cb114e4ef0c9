/* SPDX-License-Identifier: MIT */
/* A timer makes the jobs and looks at the service, which sees who polls what: when a wait is over,
 * the next step is taken. Each wait has an end, and so has the whole.
 *
 *   servers -> shared -> worked -> kill a member -> taken over -> it is back, shared
 *           -> kill a server -> worked -> all over -> members end -> servers end -> judge
 */
#include "sim/demo_fleet.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "base/log.h"
#include "base/plural.h"
#include "sim/demo_members.h"
#include "sim/demo_report.h"

enum { TICK_MS = 20, WORK_MS = 2000, WITHOUT_MS = 3000 };
enum { POLLS_SEEN = 6 }; /* of a target: they tell who holds it */

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
    struct demo_stage stage;
    struct demo_servers servers;
    struct demo_members members;
    struct demo_seen seen;
    enum step step;
    uint64_t step_ns;       /* since when it waits */
    double made_ms;         /* jobs appeared for so long, up to made_until_ns */
    uint64_t made_until_ns; /* 0: none appear now */
    uint64_t over_then;     /* jobs, when the server was killed */
    size_t victim;
    double takeover_ms; /* a negative one: nothing was taken over */
};

/* --- the end: members, servers, then all that they use --- */

static void go_on_ending(struct play *p)
{
    if (demo_members_are_running(&p->members))
        return;
    demo_servers_kill_all(&p->servers);
    if (!demo_servers_are_running(&p->servers))
        demo_stage_close(&p->stage);
}

static void on_late(void *ctx)
{
    struct play *p = ctx;
    struct pipepoll_error why;
    explain(&why, PIPEPOLL_ETIMEDOUT, "a member did not end in time, and was killed");
    demo_stage_note_failure(&p->stage, &why);
    demo_members_signal(&p->members, SIGKILL);
}

static void end(struct play *p)
{
    if (!demo_stage_begin_end(&p->stage, on_late))
        return;
    demo_members_signal(&p->members, SIGTERM);
    go_on_ending(p);
}

static void fail(struct play *p, const struct pipepoll_error *why)
{
    demo_stage_note_failure(&p->stage, why);
    end(p);
}

/* --- the children --- */

static void on_member_ended(void *ctx, const struct demo_member *which, int64_t code, int signal)
{
    struct play *p = ctx;
    struct pipepoll_error why;
    /* SIGTERM ends it by itself where it is not far enough yet to handle it. */
    bool by_us =
        which->is_killed || (p->stage.is_ending && (signal == SIGTERM || (!code && !signal)));
    if (!by_us) {
        explain(&why, PIPEPOLL_ESYSTEM, "member %c ended with %s %d", which->letter,
                signal ? "signal" : "exit code", signal ? signal : (int)code);
        demo_stage_note_failure(&p->stage, &why);
    }
    if (p->stage.is_ending)
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
        demo_stage_note_failure(&p->stage, &why);
    }
    if (p->stage.is_ending)
        go_on_ending(p);
    else if (!which->is_killed)
        end(p);
}

static void start_member(struct play *p, size_t i)
{
    struct pipepoll_error why;
    if (demo_members_start(&p->members.at[i], &p->stage.home.loop, &why))
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
    demo_jobs_make(&p->stage.jobs, p->stage.sim, p->made_ms, &p->stage.failure);
}

static bool is_shared(const struct play *p, size_t shares[DEMO_MEMBERS])
{
    double seen_ms = (double)POLLS_SEEN * p->options->interval_ms;
    return demo_stage_ms_since(p->step_ns) > seen_ms &&
           demo_seen_shares(&p->seen, uv_hrtime() - (uint64_t)(seen_ms * 1e6), shares);
}

static void on_servers(struct play *p)
{
    if (!demo_servers_are_there(&p->servers))
        return;
    demo_stage_tell(&p->stage, "three NATS servers run, and three members are started");
    go_to(p, SHARED);
    for (size_t i = 0; i < DEMO_MEMBERS && !p->stage.is_ending; i++)
        start_member(p, i);
}

static void on_shared(struct play *p)
{
    size_t shares[DEMO_MEMBERS];
    if (!is_shared(p, shares))
        return;
    demo_stage_tell(&p->stage,
                    "they share %zu targets: a polls %zu, b %zu, c %zu; jobs begin to come",
                    p->seen.targets, shares[0], shares[1], shares[2]);
    p->made_until_ns = uv_hrtime();
    go_to(p, WORKED);
}

/* The member with the most targets goes, in the middle of its work. */
static void on_worked(struct play *p)
{
    struct sim_stats s;
    size_t shares[DEMO_MEMBERS];
    uint64_t over = demo_stage_count_over(&p->stage, &s);
    if (demo_stage_ms_since(p->step_ns) < WORK_MS || !over || !s.jobs_in_progress ||
        !is_shared(p, shares))
        return;
    for (size_t i = 0; i < DEMO_MEMBERS; i++)
        p->victim = shares[i] > shares[p->victim] ? i : p->victim;
    struct demo_member *m = &p->members.at[p->victim];
    demo_stage_tell(&p->stage,
                    "kill -9 of member %c, with %zu targets; %llu job%s done so far, %llu in hand",
                    m->letter, shares[p->victim], (unsigned long long)over, plural(over),
                    (unsigned long long)s.jobs_in_progress);
    demo_members_kill(m);
    go_to(p, TAKEN_OVER);
}

static void on_taken_over(struct play *p)
{
    if (p->members.at[p->victim].run.is_running || demo_seen_left(&p->seen, p->step_ns, p->victim))
        return;
    p->takeover_ms = demo_stage_ms_since(p->step_ns);
    demo_stage_tell(
        &p->stage,
        "%.1f s later the others poll all its targets; it is started again, with its journal",
        p->takeover_ms / 1000);
    go_to(p, BACK);
    start_member(p, p->victim);
}

static void on_back(struct play *p)
{
    struct sim_stats s;
    size_t shares[DEMO_MEMBERS];
    if (!is_shared(p, shares))
        return;
    demo_stage_tell(&p->stage, "it has targets again: a polls %zu, b %zu, c %zu", shares[0],
                    shares[1], shares[2]);
    p->over_then = demo_stage_count_over(&p->stage, &s);
    demo_stage_tell(&p->stage, "kill -9 of one NATS server, with %llu jobs done",
                    (unsigned long long)p->over_then);
    demo_servers_kill(&p->servers.at[0]);
    go_to(p, WITHOUT_SERVER);
}

static void on_without_server(struct play *p)
{
    struct sim_stats s;
    double seen_ms = (double)POLLS_SEEN * p->options->interval_ms;
    uint64_t over = demo_stage_count_over(&p->stage, &s),
             since_ns = uv_hrtime() - (uint64_t)(seen_ms * 1e6);
    if (demo_stage_ms_since(p->step_ns) < WITHOUT_MS + seen_ms || over == p->over_then ||
        demo_seen_left(&p->seen, since_ns, DEMO_MEMBERS))
        return;
    demo_stage_tell(&p->stage,
                    "the work goes on with two: all targets are polled, and %llu more job%s done",
                    (unsigned long long)(over - p->over_then), plural(over - p->over_then));
    p->made_until_ns = 0;
    go_to(p, ALL_OVER);
}

static void on_all_over(struct play *p)
{
    struct sim_stats s;
    if (demo_stage_count_over(&p->stage, &s) < p->stage.jobs.made)
        return;
    demo_stage_tell(&p->stage, "all %llu jobs are over", (unsigned long long)p->stage.jobs.made);
    end(p);
}

static void (*const steps[STEPS])(struct play *p) = {
    [SERVERS] = on_servers,       [SHARED] = on_shared, [WORKED] = on_worked,
    [TAKEN_OVER] = on_taken_over, [BACK] = on_back,     [WITHOUT_SERVER] = on_without_server,
    [ALL_OVER] = on_all_over,
};

static void on_tick(void *ctx)
{
    struct play *p = ctx;
    struct pipepoll_error why;
    make_jobs(p);
    steps[p->step](p);
    double in_step_ms = demo_stage_ms_since(p->step_ns),
           in_all_ms = demo_stage_ms_since(p->stage.start_ns);
    if (p->stage.is_ending ||
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
    demo_folder_remove(&p->stage.folder);
    _exit(128 + number);
}

static void on_signal(void *ctx, int number)
{
    struct play *p = ctx;
    if (p->stage.is_interrupted)
        leave_at_once(p, number);
    p->stage.is_interrupted = true;
    end(p);
}

/* --- the beginning --- */

static int start_all(struct play *p, struct pipepoll_error *why)
{
    int r = demo_servers_find(&p->servers, why);
    if (!r)
        r = demo_seen_init(&p->seen, p->options, why);
    if (!r)
        r = demo_stage_start_sim(&p->stage, on_served, p, why);
    if (r)
        return r;
    const struct demo_at at = { sim_url(p->stage.sim), sim_ca_pem(p->stage.sim), "" };
    r = demo_folder_begin(&p->stage.folder, &at, why);
    if (!r)
        r = demo_servers_start(&p->servers, &p->stage.home.loop, &p->stage.folder, why);
    if (!r)
        r = demo_members_write(&p->members, &p->stage.folder, &p->servers, p->options, &at, why);
    return r;
}

static void start(struct play *p)
{
    struct pipepoll_error why;
    p->step_ns = p->stage.start_ns;
    if (start_all(p, &why))
        fail(p, &why);
    else
        main_loop_start_timer(&p->stage.home, on_tick, TICK_MS, TICK_MS);
}

/* --- the summary --- */

static void print_text(const struct play *p)
{
    putchar('\n');
    demo_report_rows(&p->stage);
    if (p->stage.verdict.jobs && demo_verdict_is_good(&p->stage.verdict))
        puts("\nEvery job was claimed once and has one result, by the service's own ledger.\n\n"
             "Next: pipepoll fleet --help    (status and drain of a fleet)\n"
             "      pipepoll check --help    (what a config file with a [fleet] will do)");
}

static void put_json(struct buf *out, const struct play *p)
{
    buf_put_char(out, '{');
    demo_report_options(out, p->options, p->stage.took_ms / 1000);
    if (p->takeover_ms >= 0)
        jsontext_count(out, "takeoverMs", (uint64_t)p->takeover_ms);
    demo_report_verdict(out, &p->stage.verdict);
    buf_put_char(out, '}');
}

static int summarize(const struct play *p)
{
    struct buf out = BUF_GROWING;
    if (p->options->json)
        put_json(&out, p);
    else
        print_text(p);
    return command_print(&out, demo_report_went_well(&p->stage) ? EXIT_FINE : EXIT_FAILED);
}

int demo_fleet(const struct demo_options *o)
{
    int code = EXIT_OTHER;
    struct play *p = calloc(1, sizeof *p);
    if (!p) {
        fprintf(stderr, "pipepoll demo: out of memory\n");
        return code;
    }
    p->options = o;
    p->takeover_ms = -1;
    p->servers.ended = on_server_ended;
    p->servers.ctx = p->members.ctx = p;
    p->members.ended = on_member_ended;
    if (demo_stage_open(&p->stage, o, on_signal, p, &code)) {
        start(p);
        if (demo_stage_run(&p->stage, &code))
            code = summarize(p);
    }
    demo_seen_deinit(&p->seen);
    if (!p->stage.home.hangs)
        free(p);
    return code;
}
