/* SPDX-License-Identifier: MIT */
/* Words and scales; what a status holds is in an arena, so all of it goes at once. */
#include "status/status.h"

#include <stdlib.h>
#include <string.h>

#include "pipepoll/error.h"

/* --- words --- */

enum status_outcome status_outcome_of(int pipepoll_status)
{
    switch (pipepoll_status) {
    case PIPEPOLL_ETHROTTLED:
        return STATUS_THROTTLED;
    case PIPEPOLL_ETRANSPORT:
        return STATUS_TRANSPORT;
    case PIPEPOLL_ETIMEDOUT:
        return STATUS_TIMED_OUT;
    case PIPEPOLL_ESERVICE:
        return STATUS_SERVICE;
    case PIPEPOLL_EPROTO:
        return STATUS_PROTOCOL;
    case PIPEPOLL_ECREDENTIALS:
        return STATUS_CREDENTIALS;
    case PIPEPOLL_EDENIED:
        return STATUS_DENIED;
    case PIPEPOLL_ENOTFOUND:
        return STATUS_NOT_FOUND;
    case PIPEPOLL_ENOTENABLED:
        return STATUS_NOT_ENABLED;
    case PIPEPOLL_EREFUSED:
        return STATUS_REFUSED;
    case PIPEPOLL_EUNTRUSTED:
        return STATUS_UNTRUSTED;
    }
    return STATUS_OTHER;
}

const char *status_outcome_name(enum status_outcome outcome)
{
    static const char *const names[STATUS_OUTCOMES] = {
        [STATUS_JOBS] = "jobs",
        [STATUS_EMPTY] = "empty",
        [STATUS_THROTTLED] = "throttled",
        [STATUS_TRANSPORT] = "transport",
        [STATUS_TIMED_OUT] = "timed-out",
        [STATUS_SERVICE] = "service",
        [STATUS_PROTOCOL] = "protocol",
        [STATUS_CREDENTIALS] = "credentials",
        [STATUS_DENIED] = "denied",
        [STATUS_NOT_FOUND] = "not-found",
        [STATUS_NOT_ENABLED] = "not-enabled",
        [STATUS_REFUSED] = "refused",
        [STATUS_UNTRUSTED] = "untrusted",
        [STATUS_OTHER] = "other",
    };
    return names[outcome];
}

uint64_t status_polls_sum(const uint64_t polls[STATUS_OUTCOMES])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STATUS_OUTCOMES; i++)
        sum += polls[i];
    return sum;
}

const char *status_state_name(enum status_state state)
{
    static const char *const names[STATUS_STATES] = {
        [STATUS_ELSEWHERE] = "elsewhere", [STATUS_WAITING] = "waiting", [STATUS_WELL] = "well",
        [STATUS_SLOWED] = "throttled",    [STATUS_LATE] = "late",       [STATUS_FAILING] = "failing"
    };
    return names[state];
}

size_t status_ours(const size_t states[STATUS_STATES])
{
    size_t sum = 0;
    for (size_t i = 0; i < STATUS_STATES; i++)
        sum += i == STATUS_ELSEWHERE ? 0 : states[i];
    return sum;
}

const char *status_engine_name(enum status_engine engine)
{
    static const char *const names[] = { [STATUS_ENGINE_AWAY] = "away",
                                         [STATUS_ENGINE_READY] = "ready",
                                         [STATUS_ENGINE_UNUSABLE] = "unusable" };
    return names[engine];
}

const char *status_standing_name(enum status_standing standing)
{
    static const char *const names[STATUS_STANDINGS] = { [STATUS_MEMBER_JOINING] = "joining",
                                                         [STATUS_MEMBER_ACTIVE] = "active",
                                                         [STATUS_MEMBER_LEAVING] = "leaving",
                                                         [STATUS_MEMBER_DRAINED] = "drained",
                                                         [STATUS_MEMBER_DEAD] = "dead" };
    return names[standing];
}

const char *status_step_name(enum status_step step)
{
    static const char *const names[STATUS_STEPS] = {
        [STATUS_FOUND] = "found", [STATUS_RUNNING] = "running", [STATUS_SENDING] = "sending"
    };
    return names[step];
}

const char *status_job_end_name(size_t end)
{
    static const char *const names[STATUS_JOB_ENDS] = { "succeeded",  "continued", "failed",
                                                        "lost-race",  "no-token",  "left",
                                                        "unresolved", "over",      "rejected",
                                                        "unreported" };
    return names[end];
}

const char *status_run_end_name(enum status_run_end end)
{
    static const char *const names[STATUS_RUN_ENDS] = { [STATUS_RUN_SUCCEEDED] = "succeeded",
                                                        [STATUS_RUN_FAILED] = "failed",
                                                        [STATUS_RUN_STOPPED] = "stopped" };
    return names[end];
}

/* --- durations --- */

const struct status_scale status_scale_poll = { 12,
                                                { 5000, 10000, 25000, 50000, 100000, 250000, 500000,
                                                  1000000, 2500000, 5000000, 10000000, 30000000 } };
const struct status_scale status_scale_turn = {
    10, { 100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000 }
};
#define S(seconds) ((uint64_t)(seconds)*1000000)
const struct status_scale status_scale_handler = {
    11, { S(1), S(5), S(15), S(30), S(60), S(300), S(900), S(1800), S(3600), S(7200), S(14400) }
};
#undef S

void status_durations_add(struct status_durations *d, const struct status_scale *scale, uint64_t us)
{
    size_t i = 0;
    while (i < scale->count && us > scale->bounds_us[i])
        i++;
    d->counts[i]++;
    d->count++;
    d->sum_us += us;
}

void status_durations_merge(struct status_durations *d, const struct status_durations *from)
{
    for (size_t i = 0; i < STATUS_BUCKETS; i++)
        d->counts[i] += from->counts[i];
    d->count += from->count;
    d->sum_us += from->sum_us;
}

int64_t status_stale_ms(uint32_t interval_ms)
{
    int64_t ms = (int64_t)interval_ms * STATUS_STALE_INTERVALS;
    return ms > STATUS_STALE_LEAST_MS ? ms : STATUS_STALE_LEAST_MS;
}

/* --- memory --- */

str status_text(struct status *s, str text)
{
    return arena_text(&s->arena, text);
}

void *status_array(struct status *s, size_t count, size_t size)
{
    return arena_array(&s->arena, count, size);
}

void status_adopt(struct status *s, struct status *other)
{
    arena_adopt(&s->arena, &other->arena);
    *other = (struct status) { .serial = 0 };
}

void status_deinit(struct status *s)
{
    arena_deinit(&s->arena);
    *s = (struct status) { .serial = 0 };
}
