/* SPDX-License-Identifier: MIT */
/* Jobs that come from a queue, and the slots that they share with those that polls bring. A poll
 * under way has slots set aside for what it may bring, since what finds none is lost for a while; a
 * queue keeps what is not taken. So a take never uses a slot that is set aside, and who wants some
 * nevertheless reserves them: then polls are given less.
 *
 * A job that was taken stands in worker.taken until its timer, due at once, gives it a clean stack;
 * its target may go meanwhile, and then it is left. */
#include "aws/input.h"
#include "base/sized.h"
#include "client/work.h"

enum { ID_MAX = 512, NONCE_MAX = 50 };

/* --- slots --- */

static bool is_open(const struct pipepoll_worker *w)
{
    return !w->journal.is_well || w->journal.is_well(w->journal_self);
}

/* Resumed jobs may be more than max_jobs. */
static uint32_t free_slots(const struct pipepoll_worker *w)
{
    return w->count < w->max_jobs ? w->max_jobs - w->count : 0;
}

uint32_t job_worker_credit(const struct pipepoll_worker *w)
{
    uint32_t slots = free_slots(w);
    bool may_ask = !w->is_draining && slots > w->reserved && is_open(w);
    return may_ask ? slots - w->reserved : 0;
}

uint32_t pipepoll_worker_room(const struct pipepoll_worker *w)
{
    uint64_t on_order = w->poller->takers[0].jobs_on_order;
    uint32_t slots = free_slots(w);
    return w->is_draining || on_order >= slots || !is_open(w) ? 0 : slots - (uint32_t)on_order;
}

void pipepoll_worker_reserve(struct pipepoll_worker *w, uint32_t slots)
{
    bool frees = slots < w->reserved;
    w->reserved = slots;
    if (frees && !w->is_draining)
        pipepoll_wake(w->poller);
}

/* --- a job --- */

static int check(struct pipepoll_worker *w, const struct pipepoll_target *target,
                 const struct pipepoll_queued_job *job, struct pipepoll_error *why)
{
    bool is_custom = str_eq(target->action_type.owner, STR("Custom"));
    if (target->poller != w->poller)
        return explain(why, PIPEPOLL_EINVAL, "the target is another poller's");
    int r = input_check_text("job id", job->job_id, ID_MAX, why);
    if (!r && is_custom)
        r = input_check_text("nonce", job->nonce, NONCE_MAX, why);
    else if (!r)
        r = input_check_text("client id", job->client_id, ID_MAX, why);
    if (r)
        return r;
    if (w->is_draining)
        return explain(why, PIPEPOLL_ECLOSING, "the worker takes no more jobs");
    if (work_find(w, target->client, job->job_id))
        return explain(why, PIPEPOLL_EEXISTS, "job %.*s is in hand", STR_ARG(job->job_id));
    if (!pipepoll_worker_room(w))
        return explain(why, PIPEPOLL_EBUSY, "%s",
                       is_open(w) ? "no slot is free for another job"
                                  : "the journal cannot write now");
    return 0;
}

int pipepoll_worker_take(struct pipepoll_worker *w, struct pipepoll_target *target,
                         const struct pipepoll_queued_job *given, void *user,
                         struct pipepoll_error *why)
{
    struct pipepoll_queued_job queued;
    struct pipepoll_work *k;
    int r = sized_read(&queued, sizeof queued, given, "queued job", why);
    if (!r)
        r = check(w, target, &queued, why);
    if (r)
        return r;
    const struct pipepoll_job job = { queued.client_id, queued.job_id, queued.nonce, STR("") };
    r = work_new(&k, w, target, &job, &target->action_type);
    if (r)
        return explain(why, r, "out of memory");
    k->user = user;
    k->from = target;
    list_put_last(&w->taken, &k->noting_link);
    timer_set(&k->timer, timers_now_ns());
    w->reserved -= w->reserved > 0;
    w->stats.taken++;
    return 0;
}

void work_begin_taken(struct pipepoll_work *k)
{
    struct pipepoll_worker *w = k->worker;
    struct pipepoll_target *from = k->from;
    k->from = NULL;
    list_remove(&k->noting_link);
    if (k->life.state == WORK_OVER) { /* the worker drains, or the target is gone */
        work_run_step(k);
        return;
    }
    if (w->handler.found)
        w->handler.found(w->handler_self, k, from);
    work_begin(k, from);
}

void job_worker_leave_taken(struct pipepoll_worker *w, const struct pipepoll_target *from)
{
    for (struct list *next, *l = w->taken.next; l != &w->taken; l = next) {
        struct pipepoll_work *k = CONTAINER_OF(l, struct pipepoll_work, noting_link);
        next = l->next;
        if (k->from == from)
            work_let_go(k, false);
    }
}
