/* SPDX-License-Identifier: MIT */
/* What is in the way of a call: its region's trouble, and accidents of its own, each with the
 * plan's share. What arrives may have its effect although its answer says otherwise, or never
 * comes. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/life.h"

static const uint64_t ns_per_ms = 1000000;

static struct life *life_of(struct virtual_service *service)
{
    return CONTAINER_OF(service, struct life, service);
}

void life_region_name(uint32_t region, char text[32])
{
    snprintf(text, 32, "us-test-%u", region);
}

str life_member(str body, const char *name)
{
    char before[40];
    int len = snprintf(before, sizeof before, "\"%s\":", name);
    const char *at = body.len ? memmem(body.ptr, body.len, before, (size_t)len) : NULL;
    if (!at)
        return STR("");
    str rest = str_skip(body, (size_t)(at - body.ptr) + (size_t)len);
    if (rest.ptr[0] != '"')
        return rest; /* a number */
    rest = str_skip(rest, 1);
    return (str) { rest.ptr, str_find(rest, '"') };
}

/* "pipepoll/0.1.0 app/w2i7" */
static struct life_sender sender_of(struct life *life, const struct virtual_request *rq)
{
    static const char before[] = "app/w";
    str agent = virtual_header(rq, STR("User-Agent"));
    const char *at = memmem(agent.ptr, agent.len, before, sizeof before - 1);
    char *end = NULL;
    unsigned long index = at ? strtoul(at + sizeof before - 1, &end, 10) : LIFE_WORKERS;
    if (index >= LIFE_WORKERS)
        abort();
    return (struct life_sender) { &life->workers[index], (uint32_t)strtoul(end + 1, NULL, 10) };
}

static struct life_region *region_of(struct life *life, const struct virtual_request *rq)
{
    return &life->regions[rq->url.ptr[8] - '0']; /* "http://r0.test/" */
}

static bool happens(struct life *life)
{
    return !life->is_ending && dice(&life->rng) < life->plan.loss;
}

/* Acknowledgements and results: who sends one again must know that it may have had its effect. */
static void note_lost(struct life *life, const struct virtual_request *rq, const char *how)
{
    struct life_job *job = life_job_of(life, life_member(rq->body, "jobId"));
    if (!job || str_eq(str_skip(rq->target, 22), STR("GetThirdPartyJobDetails")))
        return;
    job->lost++;
    life->numbers.lost++;
    life_tell(job, "%.*s: %s", STR_ARG(str_skip(rq->target, 22)), how);
}

static uint64_t latency_ns(struct life *life)
{
    double ms = between(&life->rng, 5, 60);
    return (uint64_t)((one_in(&life->rng, 20) ? 8 * ms : ms) * 1e6);
}

/* --- troubles --- */

static void on_change(struct timer *timer)
{
    struct life_region *r = CONTAINER_OF(timer, struct life_region, change);
    struct rng *rng = &r->life->rng;
    if (r->life->is_ending)
        return;
    r->trouble = r->trouble == LIFE_CALM
                     ? (enum life_trouble)(1 + rng_next(rng) % (LIFE_TROUBLES - 1))
                     : LIFE_CALM;
    timer_set(timer, timers_now_ns() + gap_ns(rng, r->trouble == LIFE_CALM ? 60 : 12));
}

/* --- on its way --- */

static void depart(struct virtual_service *service, const struct virtual_request *rq,
                   struct virtual_way *way)
{
    struct life *life = life_of(service);
    const struct life_sender from = sender_of(life, rq);
    enum life_trouble trouble = region_of(life, rq)->trouble;
    life->numbers.calls++;
    life->hash = (life->hash ^ timers_now_ns()) * 1099511628211u; /* FNV-1a, a word at a time */
    life->hash = (life->hash ^ from.worker->index) * 1099511628211u;
    life_watch_depart(life, &from, rq);
    way->after_ns = latency_ns(life);
    if (trouble == LIFE_REFUSES || happens(life)) {
        way->fault = FAULT_UNREACHABLE;
    } else if (trouble == LIFE_RESETS || happens(life)) {
        way->fault = FAULT_UNREACHABLE;
        way->is_sent = true;
        note_lost(life, rq, "broken off on its way");
    } else if (trouble == LIFE_HANGS || happens(life)) {
        way->after_ns = VIRTUAL_NEVER;
        note_lost(life, rq, "hangs on its way");
    }
}

/* --- at the service --- */

/* false: it is refused before anybody looks at what it asks for. */
static bool is_let_in(struct life *life, const struct virtual_request *rq,
                      struct virtual_answer *answer)
{
    struct life_region *r = region_of(life, rq);
    if (r->trouble == LIFE_FAILS || happens(life))
        life_refuse(answer, 503, "ServiceUnavailable", STR("this load"));
    else if (r->trouble == LIFE_THROTTLES || token_rate_throttles(&r->rate, timers_now_ns()))
        life_refuse(answer, 400, "ThrottlingException", STR("this load"));
    else if (!is_signed_in_time(rq, life->plan.clock_ms))
        life_refuse(answer, 400, "InvalidSignatureException", STR("this time"));
    else if (r->trouble == LIFE_DENIES)
        life_refuse(answer, 400, "UnrecognizedClientException", STR("these credentials"));
    else
        return true;
    return false;
}

/* What may happen to an answer, its effect done. */
static void spoil(struct life *life, const struct virtual_request *rq,
                  struct virtual_answer *answer)
{
    if (happens(life)) {
        note_lost(life, rq, "its answer breaks off");
        answer->breaks = true;
    } else if (happens(life)) {
        note_lost(life, rq, "its answer never comes");
        answer->after_ns = VIRTUAL_NEVER;
    } else if (happens(life)) {
        note_lost(life, rq, "it is answered with an error of the service");
        life_refuse(answer, 500, "InternalFailure", STR("this answer"));
    } else if (happens(life)) {
        answer->after_ns = (uint64_t)(between(&life->rng, 0.5, 6) * 1e9);
        if (answer->after_ns > LIFE_TIMEOUT_MS * ns_per_ms / 2)
            note_lost(life, rq, "its answer is late");
    }
}

static void answer(struct virtual_service *service, const struct virtual_request *rq,
                   struct virtual_answer *out)
{
    struct life *life = life_of(service);
    const struct life_sender from = sender_of(life, rq);
    out->after_ns = latency_ns(life);
    out->clock_ms = life->plan.clock_ms;
    out->headers[0] = (struct virtual_header) { STR("x-amzn-requestid"), STR("simulated") };
    if (!is_let_in(life, rq, out)) {
        if (out->status >= 500)
            note_lost(life, rq, "unavailable");
        return;
    }
    life_serve(life, &from, rq, out);
    spoil(life, rq, out);
}

void life_network_begin(struct life *life)
{
    for (uint32_t i = 0; i < LIFE_REGIONS; i++) {
        struct life_region *r = &life->regions[i];
        r->life = life;
        r->rate = (struct token_rate) { .per_s = life->plan.limit_per_s,
                                        .most = 2 * life->plan.limit_per_s,
                                        .as_of_ns = timers_now_ns() };
        for (uint32_t k = 0; k < LIFE_PROVIDERS; k++)
            list_init(&r->queues[k]);
        if (timer_init(&r->change, virtual_timers(), on_change))
            abort();
        if (!life->plan.is_calm)
            timer_set(&r->change, timers_now_ns() + gap_ns(&life->rng, 60));
    }
    life->service = (struct virtual_service) { depart, answer, NULL };
    virtual_serve(&life->service);
}

void life_network_end(struct life *life)
{
    for (uint32_t i = 0; i < LIFE_REGIONS; i++)
        timer_deinit(&life->regions[i].change);
}
