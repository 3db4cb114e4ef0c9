/* SPDX-License-Identifier: MIT */
/* One look over the figures, the worst first: what hangs, what does not poll, what fails. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/plural.h"
#include "status/status.h"

static const struct status_loop *hanging(const struct status *s)
{
    for (size_t i = 0; i < s->loop_count; i++)
        if (s->loops[i].silent_ms > STATUS_HANGS_MS)
            return &s->loops[i];
    return NULL;
}

/* --- the fleet --- */

static str trouble_of(const struct status_fleet *f)
{
    if (f->trouble[0])
        return str_of(f->trouble);
    return f->engine == STATUS_ENGINE_UNUSABLE
               ? STR("its servers are of no use as they are: the log says why")
               : STR("not connected to its servers yet");
}

/* Why we are no working member of it. false: we are. */
static bool find_away(const struct status_fleet *f, char *why, size_t size)
{
    if (!f->is_in)
        return false;
    if (f->is_duplicate)
        snprintf(why, size,
                 "fleet %.*s: another process is member %.*s as well: give each a `member` of its "
                 "own",
                 STR_ARG(f->name), STR_ARG(f->member));
    else if (f->engine != STATUS_ENGINE_READY)
        snprintf(why, size, "fleet %.*s: %.*s", STR_ARG(f->name), STR_ARG(trouble_of(f)));
    else if (f->is_fenced)
        snprintf(why, size,
                 "fleet %.*s: nothing is polled here, for its servers do not confirm that we are "
                 "there: look at them and at the network",
                 STR_ARG(f->name));
    else
        return false;
    return true;
}

static bool is_stuck(const struct status *s)
{
    return s->fleet.oldest_ms && s->now_ms - s->fleet.oldest_ms > STATUS_QUEUE_STUCK_MS;
}

/* What is wrong with the fleet though we work in it. false: nothing. */
static bool find_fleet_trouble(const struct status *s, char *why, size_t size)
{
    const struct status_fleet *f = &s->fleet;
    if (!f->is_in)
        return false;
    if (f->is_queue_full)
        snprintf(why, size,
                 "fleet %.*s: its queue is full, and %zu job%s wait here: add workers, or raise "
                 "queue-size",
                 STR_ARG(f->name), f->jobs_held, plural(f->jobs_held));
    else if (is_stuck(s))
        snprintf(why, size,
                 "fleet %.*s: %zu found job%s wait for a place in the queue, the first for %lld s: "
                 "the log says why",
                 STR_ARG(f->name), f->jobs_held, plural(f->jobs_held),
                 (long long)(s->now_ms - f->oldest_ms) / 1000);
    else if (f->jobs_unworked)
        snprintf(why, size,
                 "fleet %.*s: nobody works %" PRIu64 " job%s of its queue, such as %.90s: give a "
                 "member a handler for them",
                 STR_ARG(f->name), f->jobs_unworked, plural(f->jobs_unworked), f->unworked_type);
    else if (f->unheld && f->unheld_ms > f->takeover_ms)
        snprintf(why, size,
                 "fleet %.*s: %zu target%s polled by no member for %lld s: are all that have them "
                 "drained or away?",
                 STR_ARG(f->name), f->unheld, plural(f->unheld), (long long)f->unheld_ms / 1000);
    else
        return false;
    return true;
}

/* --- readiness --- */

/* Drained, and nobody else polls what we do not. */
static bool is_drained_alone(const struct status_fleet *f)
{
    return f->is_in && f->standing == STATUS_MEMBER_DRAINED && f->unheld &&
           (f->alive <= 1 || f->unheld_ms > f->takeover_ms);
}

/* Not ready. false: it is. */
static bool find_unready(const struct status *s, char *why, size_t size)
{
    size_t polled = s->states[STATUS_WELL] + s->states[STATUS_SLOWED];
    size_t bad = s->states[STATUS_FAILING] + s->states[STATUS_LATE], ours = status_ours(s->states);
    if (s->phase == STATUS_STARTING)
        snprintf(why, size, "starting");
    else if (s->phase == STATUS_ENDING)
        snprintf(why, size, "ending: %u s are left until drain-timeout", s->drain_left_s);
    else if (!s->target_count)
        snprintf(why, size, "no target is polled: the config file has none");
    else if (polled || (!ours && !s->fleet.is_in))
        return false;
    else if (!bad && find_away(&s->fleet, why, size))
        return true;
    else if (!ours && is_drained_alone(&s->fleet))
        snprintf(why, size,
                 "fleet %.*s: drained, as was asked for, and no other member polls its %zu "
                 "target%s: end that by `pipepoll fleet drain %.*s --end`",
                 STR_ARG(s->fleet.name), s->fleet.unheld, plural(s->fleet.unheld),
                 STR_ARG(s->fleet.member));
    else if (!ours && s->fleet.standing != STATUS_MEMBER_JOINING)
        return false;
    else if (!ours)
        snprintf(why, size, "fleet %.*s: joining: waits to see what the other members do",
                 STR_ARG(s->fleet.name));
    else if (!bad)
        snprintf(why, size, "no poll has been answered yet");
    else if (s->incident_count)
        snprintf(why, size, "none of %zu target%s is polled: %.*s", ours, plural(ours),
                 STR_ARG(s->incidents[0].words));
    else
        snprintf(why, size, "none of %zu target%s is polled: %zu failing, %zu late", ours,
                 plural(ours), s->states[STATUS_FAILING], s->states[STATUS_LATE]);
    return true;
}

/* Ready, but not well. false: it is. */
static bool find_unwell(const struct status *s, char *why, size_t size)
{
    size_t failing = s->states[STATUS_FAILING], late = s->states[STATUS_LATE];
    if (s->journal.is_open && !s->journal.is_well)
        snprintf(why, size,
                 "the journal's disk fails or hangs: no jobs are asked for until it is "
                 "well again");
    else if (find_away(&s->fleet, why, size) || find_fleet_trouble(s, why, size))
        return true;
    else if (failing && s->incident_count)
        snprintf(why, size, "%zu target%s failing: %.*s", failing, plural(failing),
                 STR_ARG(s->incidents[0].words));
    else if (failing)
        snprintf(why, size, "%zu target%s failing", failing, plural(failing));
    else if (late)
        snprintf(why, size, "%zu target%s without a good poll for too long", late, plural(late));
    else if (s->lost)
        snprintf(why, size, "%llu job%s lost on the way to where jobs go: the log names them",
                 (unsigned long long)s->lost, s->lost == 1 ? " was" : "s were");
    else if (s->config_refused)
        snprintf(why, size, "the config file was read again and refused: the log says why");
    else
        return false;
    return true;
}

static void tell_well(const struct status *s, char *why, size_t size)
{
    size_t all = s->target_count, ours = all - s->states[STATUS_ELSEWHERE];
    if (ours == all)
        snprintf(why, size, "polling %zu target%s", all, plural(all));
    else if (!ours && s->fleet.standing == STATUS_MEMBER_DRAINED && s->fleet.is_in)
        snprintf(why, size, "drained, as was asked for: its %zu target%s elsewhere in the fleet",
                 all, all == 1 ? " is" : "s are");
    else
        snprintf(why, size, "polling %zu of %zu target%s; the others are elsewhere in the fleet",
                 ours, all, plural(all));
}

void status_judge(const struct status *s, struct status_verdict *out)
{
    const struct status_loop *hangs = hanging(s);
    *out = (struct status_verdict) { .is_alive = !hangs };
    if (hangs)
        snprintf(out->why, sizeof out->why, "loop %zu has not turned for %llu s",
                 (size_t)(hangs - s->loops), (unsigned long long)hangs->silent_ms / 1000);
    else
        out->is_ready = !find_unready(s, out->why, sizeof out->why);
    if (out->is_ready)
        out->is_well = !find_unwell(s, out->why, sizeof out->why);
    if (out->is_well)
        tell_well(s, out->why, sizeof out->why);
}

size_t status_line(const struct status *s, char line[STATUS_LINE_MAX])
{
    static const enum status_state told[] = { STATUS_FAILING, STATUS_LATE, STATUS_SLOWED,
                                              STATUS_WAITING, STATUS_ELSEWHERE };
    struct status_verdict verdict;
    struct buf b = { .at = line, .cap = STATUS_LINE_MAX };
    status_judge(s, &verdict);
    if (!verdict.is_ready) {
        buf_printf(&b, "%s", verdict.why);
        return b.len;
    }
    buf_printf(&b, "%zu target%s", s->target_count, plural(s->target_count));
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (s->states[told[i]])
            buf_printf(&b, ", %zu %s", s->states[told[i]], status_state_name(told[i]));
    buf_printf(&b, "; %.1f polls/s, %llu job%s found", s->polls_per_s, (unsigned long long)s->found,
               plural((size_t)s->found));
    if (s->works_jobs)
        buf_printf(&b, "; %zu in hand, %zu running",
                   s->in_hand[STATUS_FOUND] + s->in_hand[STATUS_RUNNING] +
                       s->in_hand[STATUS_SENDING],
                   s->in_hand[STATUS_RUNNING]);
    bool is_counted = s->states[STATUS_FAILING] || s->states[STATUS_LATE];
    if (!verdict.is_well && (s->incident_count || !is_counted)) {
        buf_put(&b, STR("; "));
        buf_put(&b, str_cut(str_of(verdict.why), STATUS_LINE_MAX - b.len));
    }
    return b.len;
}
