/* SPDX-License-Identifier: MIT */
/* What the run itself knows of how things stand; the rest the taker gets from the loops. */
#include "base/wall_clock.h"
#include "cli/run.h"
#include "daemon/config_reader.h"

static enum status_phase phase_of(const struct run *r)
{
    if (r->ending)
        return STATUS_ENDING;
    return r->reload == RELOAD_STARTING || !shards_loops(&r->shards) ? STATUS_STARTING
                                                                     : STATUS_POLLING;
}

static void fill(void *ctx, struct status *s)
{
    struct run *r = ctx;
    s->phase = phase_of(r);
    s->drain_left_s = r->ending ? run_drain_left_s(r) : 0;
    s->config_file = str_of(config_name(r->options.config));
    s->config_read_ms = r->config_read_ms;
    s->config_refused = r->config_refused;
    run_fleet_fill_status(r, s);
    if (r->sink && r->sink->backlog)
        s->unwritten_bytes += r->sink->backlog(r->sink);
    if (r->ending) { /* the loops are not asked any more */
        const struct job_count n = shards_job_count(&r->shards);
        s->in_flight = shards_in_flight(&r->shards);
        s->in_hand[STATUS_RUNNING] = n.running;
        s->in_hand[STATUS_FOUND] = 0;
        s->in_hand[STATUS_SENDING] = n.in_hand > n.running ? n.in_hand - n.running : 0;
    }
}

void run_prepare_status(struct run *r)
{
    r->config_read_ms = wall_clock_ms();
    r->taker = (struct status_taker) {
        .shards = &r->shards, .fill = fill, .ctx = r, .started_ms = r->config_read_ms
    };
}

const struct status *run_status(struct run *r)
{
    return status_taker_take(&r->taker);
}
