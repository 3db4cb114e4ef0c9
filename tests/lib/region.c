/* SPDX-License-Identifier: MIT */
/* A poll is decided on in two places, as in life: what is in its way when it leaves, what the
 * service thinks of it when it arrives. Jobs stay in the queue until the sink has them, so that an
 * answer that breaks off loses none. */
#include "lib/region.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/simulation.h"

static const uint64_t ns_per_ms = 1000000;
static struct simulation *served;

void region_names(const struct region *r, struct region_names *out)
{
    snprintf(out->name, sizeof out->name, "us-test-%u", r->index);
    snprintf(out->url, sizeof out->url, "http://r%u.test/", r->index);
    snprintf(out->role, sizeof out->role, "arn:aws:iam::%012u:role/R%u", r->index + 1, r->index);
}

void region_note(struct region *r, uint64_t what)
{
    r->hash = (r->hash ^ what) * 1099511628211u; /* FNV-1a, a word at a time */
}

static uint64_t latency_ns(struct region *r)
{
    double ms = r->plan.latency_ms * (0.75 + 0.5 * dice(&r->rng));
    return (uint64_t)((dice(&r->rng) < 0.05 ? 3 * ms : ms) * 1e6);
}

/* --- jobs --- */

static void site_on_arrival(struct timer *timer)
{
    struct site *s = CONTAINER_OF(timer, struct site, arrival);
    uint64_t now_ns = timers_now_ns();
    if (s->queued < REGION_QUEUE) {
        s->queued_ns[(s->first + s->queued++) % REGION_QUEUE] = now_ns;
        s->arrived++;
    }
    bool in_burst = --s->burst_left > 0;
    if (!in_burst)
        s->burst_left = s->plan.burst_jobs;
    double mean_s = in_burst ? s->plan.job_every_s : s->plan.burst_every_s;
    timer_set(timer, now_ns + gap_ns(&s->region->rng, mean_s));
}

void site_begin(struct site *s)
{
    s->burst_left = s->plan.burst_jobs;
    if (timer_init(&s->arrival, virtual_timers(), site_on_arrival))
        abort();
    if (s->plan.burst_every_s > 0)
        timer_set(&s->arrival, timers_now_ns() + gap_ns(&s->region->rng, s->plan.burst_every_s));
}

void site_end(struct site *s)
{
    timer_deinit(&s->arrival);
}

void site_take(struct site *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        simulation_keep_pickup(s->region->simulation, timers_now_ns() - s->queued_ns[s->first]);
        s->first = (s->first + 1) % REGION_QUEUE;
        s->queued--;
    }
    s->picked_up += count;
}

/* --- trouble --- */

static bool may_have(const struct region *r, enum trouble trouble)
{
    return trouble < KEYS_REFUSED || (trouble == KEYS_REFUSED && r->plan.keys != KEYS_NONE) ||
           r->plan.keys == KEYS_ROLE;
}

static enum trouble any_trouble(struct region *r)
{
    enum trouble trouble;
    do
        trouble = REFUSES + (enum trouble)(rng_next(&r->rng) % (TROUBLE_COUNT - REFUSES));
    while (!may_have(r, trouble));
    return trouble;
}

static void region_on_change(struct timer *timer)
{
    struct region *r = CONTAINER_OF(timer, struct region, change);
    struct region_names names;
    watch_trouble(r->simulation, r);
    r->trouble = r->trouble == CALM ? any_trouble(r) : CALM;
    region_names(r, &names);
    if (r->trouble == RESETS)
        virtual_break(str_of(names.url));
    if (r->trouble == KEYS_REVOKED)
        r->revoked = r->issued;
    timer_set(timer, timers_now_ns() + gap_ns(&r->rng, r->trouble == CALM ? 90 : 20));
}

void region_begin(struct region *r)
{
    r->rate = (struct token_rate) { .per_s = r->plan.limit_per_s,
                                    .most = r->plan.burst,
                                    .tokens = r->plan.burst,
                                    .as_of_ns = timers_now_ns() };
    if (timer_init(&r->change, virtual_timers(), region_on_change))
        abort();
    if (r->plan.has_trouble)
        timer_set(&r->change, timers_now_ns() + gap_ns(&r->rng, 60));
}

void region_end(struct region *r)
{
    timer_deinit(&r->change);
}

/* --- on the way --- */

/* "http://r12.test/" */
static struct region *region_of(str url)
{
    unsigned long index = url.len > 8 && url.ptr[7] == 'r' ? strtoul(url.ptr + 8, NULL, 10) : ~0ul;
    return index < served->region_count ? &served->regions[index] : NULL;
}

/* "provider":"P12" */
static struct site *site_of(str body)
{
    static const char before[] = "\"provider\":\"P";
    const char *at = memmem(body.ptr, body.len, before, sizeof before - 1);
    unsigned long index = at ? strtoul(at + sizeof before - 1, NULL, 10) : ~0ul;
    assert(index < served->site_count);
    return &served->sites[index];
}

/* Credential=AKIDR1S12/2026..., or 0 for those that never change. UINT32_MAX: unsigned. */
static uint32_t set_of(const struct virtual_request *rq)
{
    static const char before[] = "Credential=AKIDR";
    str signature = virtual_header(rq, STR("Authorization"));
    const char *at =
        signature.len ? memmem(signature.ptr, signature.len, before, sizeof before - 1) : NULL;
    at = at ? memchr(at, 'S', 32) : NULL;
    return at ? (uint32_t)strtoul(at + 1, NULL, 10) : UINT32_MAX;
}

static void depart_to_sts(struct virtual_way *way)
{
    way->after_ns = 5 * ns_per_ms;
}

static void depart(struct virtual_service *service, const struct virtual_request *rq,
                   struct virtual_way *way)
{
    struct region *r = region_of(rq->url);
    if (!r) {
        depart_to_sts(way);
        return;
    }
    struct site *s = site_of(rq->body);
    way->mark = s;
    watch_start(served, s, r->plan.keys == KEYS_NONE ? 0 : set_of(rq));
    region_note(r, timers_now_ns());
    region_note(r, (uint64_t)(s - served->sites));
    way->after_ns = latency_ns(r) / 2;
    switch (r->trouble) {
    case REFUSES:
        way->fault = FAULT_UNREACHABLE;
        break;
    case RESETS:
        way->after_ns = (uint64_t)((double)way->after_ns * 2 * dice(&r->rng));
        way->fault = FAULT_UNREACHABLE;
        way->is_sent = true;
        break;
    case HANGS:
        way->after_ns = VIRTUAL_NEVER;
        break;
    case LOOKS_UP:
        way->looks_up = true;
        break;
    case CALM:
    case FAILS:
    case THROTTLES:
    case KEYS_REFUSED:
    case KEYS_REVOKED:
    case KEYS_LATE:
    case KEYS_DOWN:
    case TROUBLE_COUNT:
        break;
    }
}

/* --- at the service --- */

static bool is_known(const struct region *r, uint32_t set)
{
    if (r->trouble == KEYS_REFUSED)
        return false;
    return r->plan.keys != KEYS_ROLE || set > r->revoked;
}

static void refuse(struct virtual_answer *answer, int status, const char *code)
{
    static char body[128];
    answer->status = status;
    answer->body.ptr = body;
    answer->body.len = (size_t)snprintf(body, sizeof body, "{\"__type\":\"%s\"}", code);
}

/* NULL: nothing is wrong with it. */
static const char *problem_of(struct region *r, const struct virtual_request *rq, int *status)
{
    *status = 400;
    if (r->trouble == FAILS || dice(&r->rng) < r->plan.error_share) {
        *status = 503;
        return "ServiceUnavailable";
    }
    if (r->trouble == THROTTLES || token_rate_throttles(&r->rate, timers_now_ns()))
        return "ThrottlingException";
    if (r->plan.keys == KEYS_NONE)
        return NULL;
    if (!is_signed_in_time(rq, r->plan.clock_ms))
        return "InvalidSignatureException";
    uint32_t set = set_of(rq);
    if (is_known(r, set))
        return NULL;
    watch_refused(rq->mark, set);
    return "UnrecognizedClientException";
}

/* As many as it asks for at most, of those that are there. */
static uint32_t batch_of(const struct virtual_request *rq)
{
    static const char before[] = "\"maxBatchSize\":";
    const char *at = memmem(rq->body.ptr, rq->body.len, before, sizeof before - 1);
    unsigned long most = at ? strtoul(at + sizeof before - 1, NULL, 10) : REGION_BATCH;
    return most < REGION_BATCH ? (uint32_t)most : REGION_BATCH;
}

static str jobs_of(struct site *s, uint32_t most)
{
    static char text[64 * (REGION_BATCH + 1)];
    struct buf b = BUF_ON(text);
    s->shown = s->queued < most ? s->queued : most;
    buf_put(&b, STR("{\"jobs\":["));
    for (uint32_t i = 0; i < s->shown; i++)
        buf_printf(&b, "%s{\"clientId\":\"c\",\"jobId\":\"%u-%llu\"}", i ? "," : "",
                   (unsigned)(s - served->sites), (unsigned long long)s->picked_up + i);
    buf_put(&b, STR("]}"));
    assert(!b.overflow);
    return buf_str(&b);
}

static void answer_poll(struct region *r, const struct virtual_request *rq,
                        struct virtual_answer *answer)
{
    static char hint[16];
    int status;
    const char *problem = problem_of(r, rq, &status);
    answer->after_ns = latency_ns(r) / 2;
    answer->clock_ms = r->plan.clock_ms;
    answer->headers[0] = (struct virtual_header) { STR("x-amzn-requestid"), STR("simulated") };
    if (!problem) {
        answer->body = jobs_of(rq->mark, batch_of(rq));
        return;
    }
    refuse(answer, status, problem);
    snprintf(hint, sizeof hint, "%u", r->plan.hint_ms);
    if (r->plan.hint_ms)
        answer->headers[1] = (struct virtual_header) { STR("x-amz-retry-after"), str_of(hint) };
}

/* --- STS --- */

static void give_set(struct region *r, struct virtual_answer *answer)
{
    static char text[512];
    struct buf b = BUF_ON(text);
    uint32_t set = ++r->issued;
    int64_t expires_s = timers_wall_ms() / 1000 + REGION_ROLE_S;
    r->expires_ms[set % REGION_SETS] = expires_s * 1000;
    buf_printf(&b,
               "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"AssumedRoleUser\":{\"Arn\":"
               "\"arn:aws:sts::%012u:assumed-role/R%u/s\"},\"Credentials\":{"
               "\"AccessKeyId\":\"AKIDR%uS%u\",\"SecretAccessKey\":\"secret\","
               "\"SessionToken\":\"token\",\"Expiration\":%lld}}}}",
               r->index + 1, r->index, r->index, set, (long long)expires_s);
    assert(!b.overflow);
    answer->body = buf_str(&b);
}

static void answer_sts(const struct virtual_request *rq, struct virtual_answer *answer)
{
    static const char before[] = "role%2FR";
    const char *at = memmem(rq->body.ptr, rq->body.len, before, sizeof before - 1);
    unsigned long index = at ? strtoul(at + sizeof before - 1, NULL, 10) : ~0ul;
    assert(index < served->region_count);
    struct region *r = &served->regions[index];
    answer->headers[0] = (struct virtual_header) { STR("x-amzn-requestid"), STR("simulated") };
    answer->after_ns = (r->trouble == KEYS_LATE ? 9000 : 20) * ns_per_ms;
    if (r->trouble == KEYS_DOWN)
        refuse(answer, 503, "ServiceUnavailable");
    else
        give_set(r, answer);
}

static void answer_any(struct virtual_service *service, const struct virtual_request *rq,
                       struct virtual_answer *answer)
{
    struct region *r = region_of(rq->url);
    if (r)
        answer_poll(r, rq, answer);
    else
        answer_sts(rq, answer);
}

static void ended(struct virtual_service *service, void *mark)
{
    if (mark)
        watch_arrived(served, mark);
}

struct virtual_service region_service = { depart, answer_any, ended };

void region_service_of(struct simulation *sim)
{
    served = sim;
    virtual_serve(&region_service);
}
