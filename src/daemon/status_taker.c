/* SPDX-License-Identifier: MIT */
/* Each loop fills a status of its own, all at once, and these are joined. Rates come from the
 * difference to the status before. */
#include "daemon/status_taker.h"

#include <stdlib.h>

#include "base/wall_clock.h"
#include "daemon/event.h"
#include "daemon/process_figures.h"
#include "daemon/shard_status.h"
#include "status/status_join.h"

/* --- what is not of the shards --- */

struct incident_order {
    size_t place; /* in the board's list */
    int64_t since_ms;
};

static int by_age(const void *a, const void *b)
{
    const struct incident_order *x = a, *y = b;
    return (x->since_ms > y->since_ms) - (x->since_ms < y->since_ms);
}

/* Those that some target is in now, the oldest first. */
static size_t sort_incidents(struct incident_order out[INCIDENTS_MAX], const struct incidents *all)
{
    size_t count = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (all->list[i].status && all->list[i].targets)
            out[count++] = (struct incident_order) { i, all->list[i].since_ms };
    qsort(out, count, sizeof *out, by_age);
    return count;
}

static struct status_incident describe(struct status *s, const struct incident *i,
                                       int64_t unix_offset_ms)
{
    return (struct status_incident) { .status = str_of(event_status(i->status)),
                                      .cause = str_of(pipepoll_cause_name(i->cause)),
                                      .code = status_text(s, str_of(i->code)),
                                      .identity = status_text(s, str_of(i->identity)),
                                      .words = status_text(s, str_of(i->words)),
                                      .target = status_text(s, str_of(i->name)),
                                      .region = status_text(s, str_of(i->region)),
                                      .targets = i->targets,
                                      .since_ms = i->since_ms + unix_offset_ms };
}

/* Targets refer to them by their place in the board's list until then. */
static void fill_incidents(struct status *s, struct health_board *board)
{
    struct incident_order order[INCIDENTS_MAX];
    int64_t now_at[INCIDENTS_MAX];
    memset(now_at, -1, sizeof now_at);
    uv_mutex_lock(&board->mutex);
    size_t count = sort_incidents(order, &board->incidents);
    s->incidents = status_array(s, count, sizeof *s->incidents);
    for (size_t i = 0; s->incidents && i < count; i++) {
        now_at[order[i].place] = (int64_t)i;
        s->incidents[i] =
            describe(s, &board->incidents.list[order[i].place], board->incidents.unix_offset_ms);
        s->incident_count++;
    }
    uv_mutex_unlock(&board->mutex);
    for (size_t i = 0; i < s->target_count; i++)
        if (s->targets[i].incident_index >= 0)
            s->targets[i].incident_index = now_at[s->targets[i].incident_index];
}

static void fill_journal(struct status *s, const struct job_world *world)
{
    struct journal_stats stats;
    if (!world || !world->journal)
        return;
    journal_stats(world->journal, &stats);
    s->journal = (struct status_journal) { .is_open = true,
                                           .is_well = journal_is_well(world->journal),
                                           .waiting = stats.waiting,
                                           .lag_us = stats.lag_ms * 1000,
                                           .file_bytes = stats.file_bytes,
                                           .batches = stats.batches,
                                           .changes = stats.changes,
                                           .failures = stats.failures,
                                           .refused = stats.refused };
}

static void fill_versions(struct status *s)
{
    struct pipepoll_versions v = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&v);
    s->version = v.pipepoll;
    s->libcurl = v.libcurl;
    s->tls = v.tls;
    s->libuv = v.libuv;
}

/* Not of the shards, and available at any time. */
static void fill_rest(struct status_taker *t, struct status *s)
{
    const struct shards_unsettled unsettled = shards_unsettled(t->shards);
    s->started_ms = t->started_ms;
    s->unwritten_jobs = unsettled.jobs;
    s->unwritten_bytes = unsettled.bytes;
    s->lost = shards_lost(t->shards);
    fill_versions(s);
    fill_journal(s, t->world);
    process_figures_fill(s);
    if (t->fill)
        t->fill(t->ctx, s);
}

/* --- taking --- */

struct parts {
    int64_t now_ms;
    struct status *each, *whole;
};

static void fill_loop(struct status *s, uint32_t i, const struct loop_stats *stats)
{
    if (i >= s->loop_count)
        return;
    s->loops[i].turns = stats->count;
    s->loops[i].busy_us = stats->busy_ns / 1000;
    s->loops[i].longest_us = stats->longest_ns / 1000;
    s->loops[i].turn_time = stats->turn_time;
}

static void fill_part(void *ctx, uint32_t i, struct shard *shard)
{
    struct parts *parts = ctx;
    parts->each[i].now_ms = parts->now_ms;
    shard_fill_status(shard, &parts->each[i]);
    fill_loop(parts->whole, i, &shard->loop_stats);
}

static bool take_shards(struct status_taker *t, struct status *s)
{
    uint32_t loops = shards_loops(t->shards);
    struct parts parts = { s->now_ms, loops ? calloc(loops, sizeof *parts.each) : NULL, s };
    if (!parts.each)
        return false;
    s->loops = status_array(s, loops, sizeof *s->loops);
    s->loop_count = s->loops ? loops : 0;
    bool taken = shards_each(t->shards, fill_part, &parts);
    if (taken)
        status_join(s, parts.each, loops);
    for (uint32_t i = 0; i < loops; i++) /* some were asked in vain */
        status_deinit(&parts.each[i]);
    free(parts.each);
    return taken;
}

static void take_anew(struct status_taker *t, uint64_t now_ns)
{
    struct status *old = &t->current, *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->now_ms = wall_clock_ms();
    uint64_t passed_ns = t->taken_ns ? now_ns - t->taken_ns : 0;
    if (take_shards(t, s)) {
        status_settle(s);
        fill_incidents(s, &t->shards->board);
        double passed_s =
            t->taken_ns ? (double)passed_ns / 1e9 : (double)(s->now_ms - t->started_ms) / 1e3;
        if (passed_s > 0)
            status_rate(s, old, passed_s);
        status_deinit(old);
        *old = *s;
        t->taken_ns = now_ns;
    } else {
        status_deinit(s);
    }
    free(s);
}

/* Also when no status was taken yet: it is what shows that a loop hangs. */
static void note_silence(struct status_taker *t)
{
    struct status *s = &t->current;
    uint32_t loops = shards_loops(t->shards);
    if (!s->loop_count && loops) {
        s->loops = status_array(s, loops, sizeof *s->loops);
        s->loop_count = s->loops ? loops : 0;
    }
    for (uint32_t i = 0; i < s->loop_count; i++)
        s->loops[i].silent_ms = shards_silent_ms(t->shards, i);
}

const struct status *status_taker_take(struct status_taker *t)
{
    uint64_t now_ns = uv_hrtime();
    if (t->tried_ns && now_ns - t->tried_ns < (uint64_t)STATUS_TAKER_FRESH_MS * 1000000)
        return &t->current;
    t->tried_ns = now_ns;
    take_anew(t, now_ns);
    t->current.serial = ++t->serial;
    t->current.now_ms = wall_clock_ms();
    note_silence(t);
    fill_rest(t, &t->current);
    return &t->current;
}

void status_taker_expire(struct status_taker *t)
{
    t->tried_ns = 0;
}

void status_taker_deinit(struct status_taker *t)
{
    status_deinit(&t->current);
}
