/* SPDX-License-Identifier: MIT */
/* How a job comes into a worker's hands: found by a poll, or taken up from the journal of an
 * earlier run. Those that are taken up stand in line, without a timer, and a few at a time begin;
 * one that has to try again later goes to its end. Jobs are known by region and id. */
#include "client/work.h"

static uint64_t hash_of(const struct pipepoll_worker *w, const struct client *client, str job_id)
{
    return table_hash(table_hash(w->works.seed, client_name(client)), job_id);
}

struct pipepoll_work *work_find(struct pipepoll_worker *w, const struct client *client, str job_id)
{
    struct table_node *n = table_first(&w->works, hash_of(w, client, job_id));
    for (; n; n = table_next(n)) {
        struct pipepoll_work *k = CONTAINER_OF(n, struct pipepoll_work, node);
        if (str_eq(k->job_id, job_id) && str_eq(client_name(k->client), client_name(client)))
            return k;
    }
    return NULL;
}

int work_new(struct pipepoll_work **out, struct pipepoll_worker *w, struct pipepoll_target *from,
             const struct pipepoll_job *job, const struct pipepoll_action_type *a)
{
    size_t size = sizeof(struct pipepoll_work) + job->job_id.len + job->client_id.len +
                  a->category.len + a->owner.len + a->provider.len + a->version.len;
    struct pipepoll_work *k = alloc_new(&w->alloc, size);
    int r = k ? timer_init(&k->timer, w->poller->timers, work_on_timer) : PIPEPOLL_ENOMEM;
    if (r) {
        alloc_free(&w->alloc, k, size);
        return r;
    }
    char *at = k->text;
    k->worker = w;
    k->client = client_ref(from->client);
    k->size = size;
    k->job_id = str_keep(&at, job->job_id);
    k->client_id = str_keep(&at, job->client_id);
    k->action_type = (struct pipepoll_action_type) {
        .category = str_keep(&at, a->category),
        .owner = str_keep(&at, a->owner),
        .provider = str_keep(&at, a->provider),
        .version = str_keep(&at, a->version),
    };
    k->is_custom = str_eq(a->owner, STR("Custom"));
    if (k->is_custom && job->nonce.len)
        work_set_nonce(k, job->nonce);
    list_init(&k->noting_link);
    table_put(&w->works, &k->node, hash_of(w, k->client, k->job_id));
    list_put_last(&w->in_hand, &k->link);
    w->poller->holders++;
    poller_hold_loop(w->poller);
    w->count++;
    *out = k;
    return 0;
}

void work_resume(struct pipepoll_work *k, const struct pipepoll_journal_entry *e,
                 struct work_result *result)
{
    k->user = e->user;
    k->noted = e->state;
    k->result = result;
    k->life.resumed = result ? PIPEPOLL_JOURNAL_REPORTING : e->state;
    k->life.was_reported = e->state == PIPEPOLL_JOURNAL_REPORTING;
    k->life.is_anothers = e->is_anothers != 0;
    if (result)
        k->life.result = work_result_outcome(result);
    if (e->claim.len == sizeof k->noted_claim)
        memcpy(k->noted_claim, e->claim.ptr, sizeof k->noted_claim);
}

/* --- the line --- */

/* A journal may hold any number of jobs, and each that begins asks for a token and makes calls. */
enum { RESUMED_AT_ONCE = 64 };

static void begin_next(struct pipepoll_worker *w)
{
    uint32_t most = w->max_jobs < RESUMED_AT_ONCE ? w->max_jobs : RESUMED_AT_ONCE;
    while (w->beginning < most && !list_empty(&w->line)) {
        struct list *l = list_pop_first(&w->line);
        struct pipepoll_work *k = CONTAINER_OF(l, struct pipepoll_work, noting_link);
        k->is_beginning = true;
        w->beginning++;
        timer_set(&k->timer, k->life.due_ns);
    }
}

void work_begin_in_turn(struct pipepoll_work *k)
{
    k->step = WORK_ASK_TOKEN;
    list_put_last(&k->worker->line, &k->noting_link);
    begin_next(k->worker);
}

void work_has_begun(struct pipepoll_work *k)
{
    if (!k->is_beginning)
        return;
    k->is_beginning = false;
    k->worker->beginning--;
    begin_next(k->worker);
}

void work_let_others_begin(struct pipepoll_work *k)
{
    timer_set(&k->timer, TIMER_OFF);
    list_put_last(&k->worker->line, &k->noting_link);
    work_has_begun(k);
}

void work_let_go(struct pipepoll_work *k, bool closes)
{
    enum work_step step =
        closes ? work_on_close(&k->life, k->is_calling) : work_on_drain(&k->life, k->is_calling);
    if (step == WORK_WAIT)
        return;
    k->is_asked = false;
    list_remove(&k->noting_link);
    k->life.due_ns = 0;
    work_plan(k, step);
}
