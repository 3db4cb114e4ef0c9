/* SPDX-License-Identifier: MIT */
/* An increment here and there for each poll. How long a job can have waited at most is known where
 * an earlier poll of its target left none behind: since that began. One that brought fewer jobs
 * than it asked for did. */
#include "daemon/tally.h"

#include <stdlib.h>

void tally_init(struct tally *t)
{
    *t = (struct tally) { .late_us_max = 0 };
    list_init(&t->targets);
    list_init(&t->regions);
}

void tally_deinit(struct tally *t)
{
    struct list *l;
    while (t->regions.next && (l = list_pop_first(&t->regions)) != NULL)
        free(CONTAINER_OF(l, struct tally_region, link));
    table_deinit(&t->by_name);
}

static struct tally_region *find(const struct tally *t, uint64_t hash, str identity, str region)
{
    for (struct table_node *n = table_first(&t->by_name, hash); n; n = table_next(n)) {
        struct tally_region *r = CONTAINER_OF(n, struct tally_region, node);
        if (str_eq(region, str_of(r->region)) && str_eq(identity, str_of(r->identity)))
            return r;
    }
    return NULL;
}

static struct tally_region *region_of(struct tally *t, str identity, str region)
{
    uint64_t hash = table_hash(table_hash(t->by_name.seed, identity), region);
    struct tally_region *r = find(t, hash, identity, region);
    if (r)
        return r;
    r = calloc(1, sizeof *r + identity.len + region.len + 2);
    if (!r)
        return NULL;
    r->identity = r->texts;
    r->region = r->texts + identity.len + 1;
    memcpy(r->identity, identity.ptr, identity.len);
    memcpy(r->region, region.ptr, region.len);
    list_put_last(&t->regions, &r->link);
    table_put(&t->by_name, &r->node, hash);
    return r;
}

int tally_add(struct tally *t, struct tally_target *target, struct pipepoll_target *live,
              str region, const struct identity_config *identity, int64_t now_ms)
{
    char text[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf name = BUF_ON(text);
    identity_config_put(&name, identity);
    *target = (struct tally_target) { .live = live, .added_ms = now_ms, .changed_ms = now_ms };
    target->region = region_of(t, buf_str(&name), region);
    if (!target->region)
        return PIPEPOLL_ENOMEM;
    list_put_last(&t->targets, &target->link);
    return PIPEPOLL_OK;
}

void tally_remove(struct tally_target *target)
{
    if (target->link.next)
        list_remove(&target->link);
    target->link.next = NULL;
}

static void count_pickup(struct tally *t, const struct tally_target *target, uint32_t jobs,
                         int64_t now_ms)
{
    int64_t waited_ms = now_ms - target->drained_ms;
    if (!target->drained_ms || waited_ms < 0)
        return; /* nothing is known, or the clock was set */
    for (uint32_t i = 0; i < jobs; i++) {
        histogram_add(&t->pickup, (uint64_t)waited_ms * 1000);
        status_durations_add(&t->pickup_time, &status_scale_poll, (uint64_t)waited_ms * 1000);
    }
}

static void count_answer(struct tally *t, struct tally_target *target,
                         const struct pipepoll_poll *poll, int64_t now_ms)
{
    target->good_ms = now_ms;
    target->jobs += poll->jobs;
    target->region->jobs += poll->jobs;
    status_durations_add(&target->region->poll_time, &status_scale_poll, poll->latency_us);
    if (poll->jobs) {
        target->job_ms = now_ms;
        count_pickup(t, target, poll->jobs, now_ms);
    }
    if (!poll->jobs || poll->jobs < poll->asked)
        target->drained_ms = now_ms - (int64_t)(poll->latency_us / 1000);
}

void tally_poll(struct tally *t, struct tally_target *target, const struct pipepoll_poll *poll,
                int64_t now_ms)
{
    enum status_outcome outcome = poll->status ? status_outcome_of(poll->status)
                                  : poll->jobs ? STATUS_JOBS
                                               : STATUS_EMPTY;
    t->late_us_sum += poll->late_us;
    if (poll->late_us > t->late_us_max)
        t->late_us_max = poll->late_us;
    if (!target->region)
        return;
    target->polls[outcome]++;
    target->region->polls[outcome]++;
    if (!poll->status)
        count_answer(t, target, poll, now_ms);
}
