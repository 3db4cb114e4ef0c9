/* A queue is one scope and the jobs that wait there, in the order in which they became available. A
 * job is in its queue or on lease (in the heap of lease ends), never in both: that is what keeps it
 * from being handed out twice within a lease. Ids are drawn from a generator of their own, so that
 * the n-th job has the same id however the polls fall. */
#include "sim/service.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/table.h"
#include "sim/scope.h"

/* A bound on what clients can make us remember by polling ever new scopes. */
enum { QUEUES_MAX = 65536 };

#define JOBS_PER_S_MAX 1e6

struct queue {
    struct table_node node;
    struct sim_scope scope; /* in `text` */
    struct list waiting;
    bool known;      /* was added, and not only polled */
    char *queryable; /* the property that custom jobs are polled by; NULL: none */
    char text[];
};

struct job {
    struct list link;            /* in its queue's waiting */
    struct heap_node lease_node; /* or here */
    struct table_node id_node;
    struct queue *queue;
    uint64_t available_ns, nonce;
    struct uuid id, client_id;
    str query, configuration; /* in `text` */
    char text[];
};

struct service {
    struct service_options options;
    struct table queues, jobs;
    struct queue **seen; /* all queues: first those of no region, which only say what is known */
    size_t seen_count, seen_cap, regionless;
    struct heap leases; /* by the instant at which a lease ends */
    struct ledger ledger;
    struct rng ids, chance;
    uint64_t next_arrival_ns; /* 0: not drawn yet */
    struct sim_stats stats;
};

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
    heap_init(&s->leases, (struct alloc) { 0 });
    table_init(&s->queues, (struct alloc) { 0 }, ~o->arrivals.seed);
    table_init(&s->jobs, (struct alloc) { 0 }, ~o->arrivals.seed);
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

/* A job that is in no queue and on no lease any more. */
static void job_free(struct service *s, struct job *job)
{
    table_remove(&s->jobs, &job->id_node);
    heap_unreserve(&s->leases);
    free(job);
}

static void queue_free(struct service *s, struct queue *q)
{
    for (struct list *l; (l = list_pop_first(&q->waiting)) != NULL;)
        job_free(s, job_of(l));
    free(q->queryable);
    free(q);
}

struct service *service_free(struct service *s)
{
    if (!s)
        return NULL;
    for (struct heap_node *n; (n = heap_pop(&s->leases)) != NULL;)
        job_free(s, CONTAINER_OF(n, struct job, lease_node));
    for (size_t i = 0; i < s->seen_count; i++)
        queue_free(s, s->seen[i]);
    free(s->seen);
    ledger_deinit(&s->ledger);
    heap_deinit(&s->leases);
    table_deinit(&s->jobs);
    table_deinit(&s->queues);
    free(s);
    return NULL;
}

static void record(struct service *s, enum ledger_event event, const struct job *job,
                   uint64_t at_ns, const struct uuid *request_id)
{
    struct ledger_entry entry = {
        .at_ns = at_ns,
        .available_ns = job->available_ns,
        .event = event,
        .scope = &job->queue->scope,
        .job_id = job->id,
        .client_id = job->client_id,
    };
    if (request_id)
        entry.request_id = *request_id;
    ledger_put(&s->ledger, &entry);
}

/* --- queues ---------------------------------------------------------------------------------- */

static struct queue *queue_find(const struct service *s, const struct sim_scope *scope)
{
    struct table_node *n = table_first(&s->queues, scope_hash(s->queues.seed, scope));
    for (; n; n = table_next(n)) {
        struct queue *q = CONTAINER_OF(n, struct queue, node);
        if (scope_eq(&q->scope, scope))
            return q;
    }
    return NULL;
}

static bool seen_reserve(struct service *s)
{
    if (s->seen_count == QUEUES_MAX)
        return false;
    if (s->seen_count < s->seen_cap)
        return true;
    size_t cap = s->seen_cap ? 2 * s->seen_cap : 64;
    struct queue **seen = realloc(s->seen, cap * sizeof(struct queue *));
    if (!seen)
        return false;
    s->seen = seen;
    s->seen_cap = cap;
    return true;
}

/* The queue of a scope, made if there is none. NULL: no memory, or QUEUES_MAX. */
static struct queue *queue_at(struct service *s, const struct sim_scope *scope)
{
    struct queue *q = queue_find(s, scope);
    if (q)
        return q;
    if (!seen_reserve(s) || !(q = calloc(1, sizeof *q + scope_size(scope))))
        return NULL;
    q->scope = scope_copy(scope, q->text);
    list_init(&q->waiting);
    table_put(&s->queues, &q->node, scope_hash(s->queues.seed, scope));
    s->seen[s->seen_count++] = q;
    if (scope->region.len == 0) {
        s->seen[s->seen_count - 1] = s->seen[s->regionless];
        s->seen[s->regionless++] = q;
    }
    return q;
}

bool service_knows(const struct service *s, const struct sim_scope *scope)
{
    if (!s->options.strict_action_types)
        return true;
    struct sim_scope anywhere = *scope;
    anywhere.region.len = 0;
    const struct queue *here = queue_find(s, scope), *everywhere = queue_find(s, &anywhere);
    return (here && here->known) || (everywhere && everywhere->known);
}

str service_queryable(const struct service *s, const struct sim_scope *scope)
{
    struct sim_scope anywhere = *scope;
    anywhere.region.len = 0;
    const struct queue *here = queue_find(s, scope), *everywhere = queue_find(s, &anywhere);
    const struct queue *q = here && here->queryable ? here : everywhere;
    return q && q->queryable ? str_of(q->queryable) : (str) { 0 };
}

int service_action_type_add(struct service *s, const struct sim_scope *scope, str queryable,
                            struct pipepoll_error *why)
{
    struct sim_scope full = scope_default(scope);
    int r = scope_check(&full, false, why);
    if (r)
        return r;
    full.region = scope->region;
    struct queue *q = queue_at(s, &full);
    if (!q)
        return explain(why, PIPEPOLL_ENOMEM, "no room for one more action type");
    q->known = true;
    free(q->queryable);
    q->queryable = queryable.len ? strndup(queryable.ptr, queryable.len) : NULL;
    return queryable.len && !q->queryable ? explain(why, PIPEPOLL_ENOMEM, "out of memory") : 0;
}

/* --- jobs ------------------------------------------------------------------------------------ */

static uint64_t jobs_live(const struct service *s)
{
    return s->stats.jobs_waiting + s->stats.jobs_leased;
}

static const struct service_job_data no_data = { .configuration = STR_INIT("{}") };

static int job_add(struct service *s, struct queue *q, const struct service_job_data *data,
                   uint64_t now_ns)
{
    struct job *job = calloc(1, sizeof *job + data->query.len + data->configuration.len);
    if (!job || heap_reserve(&s->leases)) {
        free(job);
        return PIPEPOLL_ENOMEM;
    }
    job->query = (str) { job->text, data->query.len };
    job->configuration = (str) { job->text + data->query.len, data->configuration.len };
    if (data->query.len)
        memcpy(job->text, data->query.ptr, data->query.len);
    memcpy(job->text + data->query.len, data->configuration.ptr, data->configuration.len);
    job->queue = q;
    job->available_ns = now_ns;
    job->id = uuid_next(&s->ids);
    job->client_id = uuid_next(&s->ids);
    list_put_last(&q->waiting, &job->link);
    table_put(&s->jobs, &job->id_node, table_hash(s->jobs.seed, uuid_str(&job->id)));
    s->stats.jobs_added++;
    s->stats.jobs_waiting++;
    record(s, LEDGER_ADDED, job, now_ns, NULL);
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
    struct queue *q = queue_at(s, &full);
    if (!q)
        return explain(why, PIPEPOLL_ENOMEM, "no room for one more action type");
    q->known = true;
    while (n-- && !r)
        r = job_add(s, q, data, now_ns);
    return r ? explain(why, r, "out of memory") : 0;
}

static struct job *job_find(const struct service *s, str id)
{
    struct table_node *n = table_first(&s->jobs, table_hash(s->jobs.seed, id));
    for (; n; n = table_next(n)) {
        struct job *job = CONTAINER_OF(n, struct job, id_node);
        if (str_eq(uuid_str(&job->id), id))
            return job;
    }
    return NULL;
}

static struct service_job seen_from_outside(const struct job *job)
{
    return (struct service_job) { .id = uuid_str(&job->id),
                                  .client_id = uuid_str(&job->client_id),
                                  .configuration = job->configuration,
                                  .nonce = job->nonce,
                                  .available_ns = job->available_ns };
}

bool service_job(struct service *s, str job_id, struct service_job *job, struct sim_scope *scope,
                 uint64_t now_ns)
{
    service_tick(s, now_ns);
    const struct job *found = job_find(s, job_id);
    if (!found)
        return false;
    *job = seen_from_outside(found);
    *scope = found->queue->scope;
    return true;
}

bool service_acknowledge(struct service *s, str job_id, uint64_t now_ns)
{
    service_tick(s, now_ns);
    struct job *job = job_find(s, job_id);
    if (!job || !heap_contains(&job->lease_node))
        return false;
    heap_remove(&s->leases, &job->lease_node);
    s->stats.jobs_leased--;
    s->stats.jobs_acknowledged++;
    record(s, LEDGER_ACKNOWLEDGED, job, now_ns, NULL);
    job_free(s, job);
    return true;
}

static void hand_out(struct service *s, struct job *job, const struct service_poll *poll,
                     uint64_t now_ns)
{
    heap_put(&s->leases, &job->lease_node, now_ns + s->options.lease_ns);
    s->stats.jobs_waiting--;
    s->stats.jobs_leased++;
    if (job->nonce++)
        s->stats.jobs_handed_out_again++;
    else
        s->stats.jobs_handed_out++;
    record(s, LEDGER_HANDED_OUT, job, now_ns, &poll->request_id);
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
    struct queue *q = queue_at(s, poll->scope);
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

static void lease_end(struct service *s, uint64_t at_ns)
{
    struct job *job = CONTAINER_OF(heap_pop(&s->leases), struct job, lease_node);
    job->available_ns = at_ns;
    list_put_last(&job->queue->waiting, &job->link);
    s->stats.jobs_leased--;
    s->stats.jobs_waiting++;
    record(s, LEDGER_RETURNED, job, at_ns, NULL);
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
    size_t roll = (size_t)(rng_next(&s->chance) % (s->seen_count - s->regionless));
    if (full || job_add(s, s->seen[s->regionless + roll], &no_data, at_ns))
        at_ns = now_ns;
    s->next_arrival_ns = at_ns + arrival_gap_ns(s);
}

static uint64_t next_arrival_ns(struct service *s, uint64_t now_ns)
{
    if (s->options.arrivals.jobs_per_s <= 0 || s->seen_count == s->regionless)
        return UINT64_MAX;
    if (s->next_arrival_ns == 0)
        s->next_arrival_ns = now_ns + arrival_gap_ns(s);
    return s->next_arrival_ns;
}

void service_tick(struct service *s, uint64_t now_ns)
{
    for (;;) {
        uint64_t lease_ns = heap_min_key(&s->leases), arrival_ns = next_arrival_ns(s, now_ns);
        if (lease_ns > now_ns && arrival_ns > now_ns)
            return;
        if (lease_ns <= arrival_ns)
            lease_end(s, lease_ns);
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
