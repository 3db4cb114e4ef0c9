/* SPDX-License-Identifier: MIT */
/* Lists the shard's regions first, then its targets, which refer to them. A target whose polls are
 * answered is well; one without a good poll for too long is late, unless it fails. In a fleet none
 * of that is told of a target that another member holds. */
#include "daemon/shard_status.h"

#include "base/list.h"

static struct tally_region *region_at(struct list *l)
{
    return CONTAINER_OF(l, struct tally_region, link);
}

static void fill_regions(struct shard *shard, struct status *out)
{
    struct list *regions = &shard->polls.regions;
    size_t count = 0;
    for (struct list *l = regions->next; l != regions; l = l->next) {
        region_at(l)->index = count++;
        region_at(l)->is_described = false;
    }
    out->regions = status_array(out, count, sizeof *out->regions);
    for (struct list *l = regions->next; out->regions && l != regions; l = l->next) {
        const struct tally_region *r = region_at(l);
        struct status_region *to = &out->regions[out->region_count++];
        to->region = status_text(out, str_of(r->region));
        to->identity = status_text(out, str_of(r->identity));
        memcpy(to->polls, r->polls, sizeof to->polls);
        to->jobs = r->jobs;
        to->poll_time = r->poll_time;
    }
}

/* --- credentials --- */

/* There is room for one of each region. */
static void note_credentials(struct status *out, const struct pipepoll_identity *id)
{
    out->credentials[out->credentials_count++] = (struct status_credentials) {
        .source = status_text(out, id->source),
        .reason = status_text(out, id->reason),
        .usable = id->usable,
        .degraded = id->degraded,
        .expires_ms = id->expires_s == INT64_MAX ? 0 : id->expires_s * 1000,
    };
}

/* --- targets --- */

/* Since when it has been without a good poll for too long, if it has; else in the future. */
static int64_t late_ms(const struct target_set_entry *e, uint32_t interval_ms)
{
    int64_t since_ms = e->tally.good_ms ? e->tally.good_ms : e->tally.added_ms;
    if (since_ms < e->lease.changed_ms)
        since_ms = e->lease.changed_ms; /* it was not ours until then */
    return since_ms + status_stale_ms(interval_ms);
}

static bool is_elsewhere(const struct target_set_entry *e)
{
    return e->lease.live && !e->lease.is_held;
}

static enum status_state state_of(const struct target_set_entry *e, bool is_late)
{
    if (is_elsewhere(e))
        return STATUS_ELSEWHERE;
    if (e->health == HEALTH_ILL)
        return STATUS_FAILING;
    if (is_late)
        return STATUS_LATE;
    if (e->health == HEALTH_THROTTLED)
        return STATUS_SLOWED;
    return e->tally.good_ms ? STATUS_WELL : STATUS_WAITING;
}

static int64_t since_ms(const struct target_set_entry *e, enum status_state state,
                        int64_t late_since_ms)
{
    if (state == STATUS_LATE)
        return late_since_ms;
    return e->tally.changed_ms > e->lease.changed_ms && state != STATUS_ELSEWHERE
               ? e->tally.changed_ms
               : e->lease.changed_ms;
}

/* A shard's targets enter and leave incidents on its own thread. */
static int64_t incident_of(const struct shard *shard, const struct target_set_entry *e)
{
    return e->incident && !is_elsewhere(e) ? e->incident - shard->board->incidents.list : -1;
}

/* What is known of the way of one target holds for all of the region; of another endpoint there it
 * may not be known. */
static void fill_region(struct status *out, struct tally_region *region,
                        const struct pipepoll_report *report)
{
    struct status_region *to = &out->regions[region->index];
    if (to->allowed_per_s <= 0)
        to->allowed_per_s = report->polls_per_s;
    if (!to->clock_skew_ms)
        to->clock_skew_ms = report->clock_skew_ms;
    if (report->identity && !region->is_described)
        note_credentials(out, report->identity);
    region->is_described = true;
}

static void fill_target(struct shard *shard, struct status *out, const struct target_set_entry *e)
{
    const struct pipepoll_target *live = e->tally.live;
    struct pipepoll_report report = PIPEPOLL_REPORT_INIT;
    struct status_target *to = &out->targets[out->target_count++];
    const struct pipepoll_action_type type = pipepoll_target_action_type(live);
    pipepoll_target_report(live, &report);
    int64_t late_since_ms = late_ms(e, report.interval_ms);
    enum status_state state = state_of(e, out->now_ms > late_since_ms);
    *to = (struct status_target) {
        .name = status_text(out, str_of(e->name)),
        .region = out->regions[e->tally.region->index].region,
        .category = status_text(out, type.category),
        .owner = status_text(out, type.owner),
        .provider = status_text(out, type.provider),
        .version = status_text(out, type.version),
        .section = e->plan->section,
        .region_index = e->tally.region->index,
        .state = state,
        .since_ms = since_ms(e, state, late_since_ms),
        .failing = status_outcome_of(e->status),
        .incident_index = incident_of(shard, e),
        .jobs = e->tally.jobs,
        .added_ms = e->tally.added_ms,
        .last_good_ms = e->tally.good_ms,
        .last_job_ms = e->tally.job_ms,
        .interval_ms = report.interval_ms,
    };
    memcpy(to->polls, e->tally.polls, sizeof to->polls);
    fill_region(out, e->tally.region, &report);
}

static void fill_targets(struct shard *shard, struct status *out)
{
    const struct target_set *set = &shard->target_set;
    size_t count = set->count[HEALTH_WELL] + set->count[HEALTH_THROTTLED] + set->count[HEALTH_ILL];
    struct list *targets = &shard->polls.targets;
    out->targets = status_array(out, count, sizeof *out->targets);
    out->credentials = status_array(out, out->region_count, sizeof *out->credentials);
    if (!out->targets || !out->credentials)
        return;
    for (struct list *l = targets->next; l != targets && out->target_count < count; l = l->next)
        fill_target(shard, out, CONTAINER_OF(l, struct target_set_entry, tally.link));
}

/* --- the rest --- */

static void fill_polls(struct shard *shard, struct status *out)
{
    const struct pipepoll_stats *s = &shard->last;
    shard_note(shard);
    out->polls_started = s->polls;
    out->found = s->jobs;
    out->in_flight = s->in_flight;
    out->parked = s->parked;
    out->connections = s->connections_open;
    out->connections_opened = s->connections;
    out->handshakes = s->handshakes;
    out->handshakes_resumed = s->resumed;
    out->late_us_sum = shard->polls.late_us_sum;
    out->late_us_max = shard->polls.late_us_max;
    out->pickup = shard->polls.pickup;
    out->pickup_time = shard->polls.pickup_time;
}

void shard_fill_status(struct shard *shard, struct status *out)
{
    if (!shard->target_set.poller)
        return;
    fill_polls(shard, out);
    fill_regions(shard, out);
    fill_targets(shard, out);
    if (shard->runner)
        job_runner_fill_status(shard->runner, out);
}
