/* SPDX-License-Identifier: MIT */
/* A queue is one scope and the jobs that wait there, in the order in which they became available. A
 * job is in its queue, or has an instant at which time does something to it (its delay or lease
 * ends, it is in progress for too long, it is forgotten), never both: that is what keeps it from
 * being handed out twice within a lease. Ids are drawn from a generator of their own, so that the
 * n-th job has the same id however the polls fall. */
#include "sim/service.h"

#include <stdlib.h>

#include "base/log.h"
#include "sim/scope.h"
#include "sim/service_state.h"

#define JOBS_PER_S_MAX 1e6

int service_new(struct service **out, const struct service_options *o, struct pipepoll_error *why)
{
    double rate = o->arrivals.jobs_per_s;
    if (!(rate >= 0 && rate <= JOBS_PER_S_MAX))
        return explain(why, PIPEPOLL_EINVAL, "jobs per second must be from 0 to %.0f",
                       JOBS_PER_S_MAX);
    struct service *s = calloc(1, sizeof *s);
    if (!s)
        goto no_memory;
    s->options = *o;
    s->ids.state = o->arrivals.seed;
    s->chance.state = ~o->arrivals.seed;
    s->follow_up_ids.state = o->arrivals.seed ^ UINT64_C(0x666f6c6c);
    s->access_keys.state = o->arrivals.seed ^ UINT64_C(0x6b657973);
    queues_init(&s->queues, ~o->arrivals.seed);
    job_store_init(&s->jobs, o->over_max, ~o->arrivals.seed);
    if (ledger_init(&s->ledger, o->ledger_max))
        goto no_memory;
    *out = s;
    return 0;
no_memory:
    service_free(s);
    return explain(why, PIPEPOLL_ENOMEM, "out of memory");
}

static struct job *job_of(struct list *link)
{
    return CONTAINER_OF(link, struct job, link);
}

struct service *service_free(struct service *s)
{
    if (!s)
        return NULL;
    ledger_deinit(&s->ledger);
    job_store_deinit(&s->jobs);
    queues_deinit(&s->queues);
    free(s);
    return NULL;
}

struct ledger_entry service_entry(enum ledger_event event, const struct job *job, uint64_t at_ns,
                                  const struct uuid *request_id)
{
    struct ledger_entry entry = {
        .at_ns = at_ns,
        .available_ns = job->available_ns,
        .event = event,
        .scope = &job->queue->scope,
        .job_id = job->id,
        .client_id = job->client_id,
        .nonce = job->life.nonce,
    };
    if (request_id)
        entry.request_id = *request_id;
    return entry;
}

void service_record(struct service *s, enum ledger_event event, const struct job *job,
                    uint64_t at_ns, const struct uuid *request_id)
{
    struct ledger_entry entry = service_entry(event, job, at_ns, request_id);
    ledger_put(&s->ledger, &entry);
}

/* --- action types ---------------------------------------------------------------------------- */

bool service_knows(const struct service *s, const struct sim_scope *scope)
{
    return !s->options.strict_action_types || queues_know(&s->queues, scope);
}

str service_queryable(const struct service *s, const struct sim_scope *scope)
{
    return queues_queryable(&s->queues, scope);
}

int service_action_type_add(struct service *s, const struct sim_scope *scope, str queryable,
                            struct pipepoll_error *why)
{
    return queues_add(&s->queues, scope, queryable, why);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static uint64_t jobs_live(const struct service *s)
{
    return s->stats.jobs_waiting + s->stats.jobs_leased + s->stats.jobs_in_progress;
}

static const struct service_job_data no_data = { .configuration = STR_INIT("{}") };

void service_wait(struct service *s, struct job *job, uint64_t at_ns)
{
    job->available_ns = at_ns;
    list_put_last(&job->queue->waiting, &job->link);
}

static int job_add(struct service *s, struct queue *q, const struct service_job_data *data,
                   uint64_t now_ns)
{
    struct job_store_new new = {
        .queue = q,
        .id = uuid_next(&s->ids),
        .client_id = uuid_next(&s->ids),
        .query = data->query,
        .configuration = data->configuration,
    };
    new.execution_id = new.id;
    if (data->client_id.len == sizeof new.client_id.text)
        memcpy(new.client_id.text, data->client_id.ptr, sizeof new.client_id.text);
    struct job *job = job_store_add(&s->jobs, &new);
    if (!job)
        return PIPEPOLL_ENOMEM;
    job_life_due(&job->life);
    service_wait(s, job, now_ns);
    s->stats.jobs_added++;
    s->stats.jobs_waiting++;
    service_record(s, LEDGER_ADDED, job, now_ns, NULL);
    return 0;
}

int service_jobs_add(struct service *s, const struct service_jobs *jobs, uint64_t now_ns,
                     struct pipepoll_error *why)
{
    const struct service_job_data *data = jobs->data ? jobs->data : &no_data;
    size_t n = jobs->count;
    service_tick(s, now_ns);
    struct sim_scope full = scope_default(jobs->scope);
    int r = scope_check(&full, false, why);
    if (r)
        return r;
    if (n > s->options.queue_max - jobs_live(s))
        return explain(why, PIPEPOLL_EINVAL, "the queues take %llu more jobs, not %zu",
                       (unsigned long long)(s->options.queue_max - jobs_live(s)), n);
    struct queue *q = queues_at(&s->queues, &full);
    if (!q)
        return explain(why, PIPEPOLL_ENOMEM, "no room for one more action type");
    q->known = true;
    while (n-- && !r)
        r = job_add(s, q, data, now_ns);
    return r ? explain(why, r, "out of memory") : 0;
}

/* All NUL: there is none. */
static str uuid_or_none(const struct uuid *id)
{
    return id->text[0] ? uuid_str(id) : (str) { 0 };
}

static struct service_job seen_from_outside(const struct job *job)
{
    return (struct service_job) {
        .id = uuid_str(&job->id),
        .client_id = uuid_str(&job->client_id),
        .configuration = job->configuration,
        .state = job->life.state,
        .nonce = job->life.nonce,
        .available_ns = job->available_ns,
        .execution_id = uuid_str(&job->execution_id),
        .continuation_token = job->continuation_token,
        .follows = uuid_or_none(&job->follows),
        .followed_by = uuid_or_none(&job->followed_by),
        .result = str_of(job->result),
        .access_key = { job->access_key, job->access_key[0] ? sizeof job->access_key : 0 },
        .credentials_end_ns = job->credentials_end_ns,
    };
}

bool service_job(struct service *s, str job_id, struct service_job *job, struct sim_scope *scope,
                 uint64_t now_ns)
{
    service_tick(s, now_ns);
    const struct job *found = job_store_find(&s->jobs, job_id);
    if (!found)
        return false;
    *job = seen_from_outside(found);
    *scope = found->queue->scope;
    return true;
}

bool service_scope(const struct service *s, str job_id, struct sim_scope *scope)
{
    const struct job *job = job_id.len ? job_store_find(&s->jobs, job_id) : NULL;
    if (job)
        *scope = job->queue->scope;
    return job != NULL;
}

static void hand_out(struct service *s, struct job *job, const struct service_poll *poll,
                     uint64_t now_ns)
{
    job_life_handed_out(&job->life);
    job_store_set_due(&s->jobs, job, now_ns + s->options.lease_ns);
    s->stats.jobs_waiting--;
    s->stats.jobs_leased++;
    if (job->life.nonce > 1)
        s->stats.jobs_handed_out_again++;
    else
        s->stats.jobs_handed_out++;
    service_record(s, LEDGER_HANDED_OUT, job, now_ns, &poll->request_id);
    const struct service_job seen = seen_from_outside(job);
    if (poll->visit)
        poll->visit(poll->ctx, &seen);
}

/* The longest-waiting one that the query is for. What visit() has just added waits for the next. */
static struct job *job_waiting(const struct queue *q, str query, uint64_t now_ns)
{
    for (struct list *l = q->waiting.next; l != &q->waiting; l = l->next) {
        struct job *job = job_of(l);
        if (job->available_ns > now_ns)
            return NULL;
        if (!query.len || str_eq(job->query, query))
            return job;
    }
    return NULL;
}

void service_poll(struct service *s, const struct service_poll *poll, uint64_t now_ns)
{
    struct queue *q = queues_at(&s->queues, poll->scope);
    service_tick(s, now_ns);
    if (!q)
        return; /* nothing waits at a scope that there is no room to remember */
    uint32_t left = poll->max_batch ? poll->max_batch : s->options.default_batch;
    struct job *job;
    while (left-- && (job = job_waiting(q, poll->query, now_ns)) != NULL) {
        list_remove(&job->link);
        hand_out(s, job, poll, now_ns);
    }
}

/* --- time ------------------------------------------------------------------------------------ */

static void lease_end(struct service *s, struct job *job, uint64_t at_ns)
{
    job_life_lease_ended(&job->life);
    service_wait(s, job, at_ns);
    s->stats.jobs_leased--;
    s->stats.jobs_waiting++;
    service_record(s, LEDGER_RETURNED, job, at_ns, NULL);
}

/* What time does to the job whose instant it is. */
static void job_due(struct service *s, uint64_t at_ns)
{
    struct job *job = job_store_pop_due(&s->jobs);
    switch (job->life.state) {
    case JOB_CREATED:
        job_life_due(&job->life);
        service_wait(s, job, at_ns);
        return;
    case JOB_LEASED:
        lease_end(s, job, at_ns);
        return;
    case JOB_IN_PROGRESS:
        service_time_out(s, job, at_ns);
        return;
    case JOB_SUCCEEDED:
    case JOB_FAILED:
    case JOB_TIMED_OUT:
        job_store_remove(&s->jobs, job);
        return;
    case JOB_QUEUED:
        return; /* a poll alone takes it from its queue */
    }
}

/* Gaps are even between nothing and twice the mean: irregular enough, and without logarithms. */
static uint64_t arrival_gap_ns(struct service *s)
{
    double share = (double)(rng_next(&s->chance) >> 11) / (double)(UINT64_C(1) << 53);
    double gap = 2e9 * share / s->options.arrivals.jobs_per_s;
    return gap < 1 ? 1 : gap < 1e18 ? (uint64_t)gap : (uint64_t)1e18;
}

/* What arrives at a full service is turned away, and with it all that would have come until now:
 * catching up with a long sleep must end. */
static void arrive(struct service *s, uint64_t at_ns, uint64_t now_ns)
{
    bool full = jobs_live(s) >= s->options.queue_max;
    size_t roll = (size_t)(rng_next(&s->chance) % queues_count(&s->queues));
    if (full || job_add(s, queues_nth(&s->queues, roll), &no_data, at_ns))
        at_ns = now_ns;
    s->next_arrival_ns = at_ns + arrival_gap_ns(s);
}

static uint64_t next_arrival_ns(struct service *s, uint64_t now_ns)
{
    if (s->options.arrivals.jobs_per_s <= 0 || queues_count(&s->queues) == 0)
        return UINT64_MAX;
    if (s->next_arrival_ns == 0)
        s->next_arrival_ns = now_ns + arrival_gap_ns(s);
    return s->next_arrival_ns;
}

void service_tick(struct service *s, uint64_t now_ns)
{
    for (;;) {
        uint64_t due_ns = job_store_next_due(&s->jobs), arrival_ns = next_arrival_ns(s, now_ns);
        if (due_ns > now_ns && arrival_ns > now_ns)
            return;
        if (due_ns <= arrival_ns)
            job_due(s, due_ns);
        else
            arrive(s, arrival_ns, now_ns);
    }
}

const struct ledger *service_ledger(const struct service *s)
{
    return &s->ledger;
}

void service_stats(const struct service *s, struct sim_stats *out)
{
    *out = s->stats;
}
