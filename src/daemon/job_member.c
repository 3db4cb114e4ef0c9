/* SPDX-License-Identifier: MIT */
/* A loop's jobs where many machines are a fleet: some come out of the queue instead of a poll, some
 * are for a handler that waits in another member, and a poll whose job nobody here has a slot for
 * is made for the queue. Results lie in the fleet's outbox until they are sent. */
#include <time.h>

#include "daemon/job.h"

static size_t room(const struct job_runner *r)
{
    return r->is_draining || !r->worker ? 0 : pipepoll_worker_room(r->worker);
}

/* Without its engine the queue takes nothing that others could work: then a job stays in the
 * service until there is a slot for it here. */
bool job_member_wants(const struct job_runner *r)
{
    if (!r->fleet)
        return true;
    if (fleet_is_drained(r->fleet))
        return false; /* it is polled for a run here, which has its job out of the queue */
    return fleet_may_poll(r->fleet) && (room(r) || !fleet_is_ready(r->fleet));
}

/* --- out of the queue --- */

bool job_member_is_drained(const struct job_runner *r)
{
    return r->fleet && fleet_is_drained(r->fleet);
}

/* While drained we finish what we have, with the follow-up jobs of runs here: where no other member
 * works nobody else would find them. */
static size_t free_slots(void *ctx)
{
    const struct job_runner *r = ctx;
    size_t slots = room(r);
    if (!job_member_is_drained(r))
        return slots;
    return slots && job_run_any_waits(r) ? 1 : 0;
}

static bool works(void *ctx)
{
    return !job_member_is_drained(ctx);
}

static int take(void *ctx, const struct job_message *m, struct queued_job *q,
                struct pipepoll_error *why)
{
    struct job_runner *r = ctx;
    struct target_set_entry *of = target_set_find(r->targets, m->target);
    const struct pipepoll_queued_job queued = {
        .size = sizeof queued, .job_id = m->job_id, .client_id = m->client_id, .nonce = m->nonce
    };
    if (!of || !of->live || !of->handler)
        return explain(why, PIPEPOLL_ENOTFOUND, "no target here is like its own");
    struct job *job = job_new(r, of);
    if (!job)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    job->queued = q;
    int result = pipepoll_worker_take(r->worker, of->live, &queued, job, why);
    if (result)
        job_free(job);
    else
        r->tally->in_hand++;
    return result;
}

/* While the engine was away a poll waited for a slot of ours: now the queue may have it. */
static void ask_wants(void *ctx, struct fleet_target *t)
{
    const struct job_runner *r = ctx;
    pipepoll_worker_ask_wants(r->worker, t->live);
}

static void on_engine(struct fleet_listener *self, enum engine_state state)
{
    struct job_runner *r = CONTAINER_OF(self, struct job_runner, listener);
    if (state != ENGINE_READY)
        return;
    job_queue_on_slots(r->queue);
    if (r->worker)
        fleet_each_target(r->fleet, ask_wants, r);
}

static bool on_written(struct fleet_listener *self, uint64_t ticket, enum engine_result result)
{
    return job_queue_on_written(CONTAINER_OF(self, struct job_runner, listener)->queue, ticket,
                                result);
}

static bool on_pulled(struct fleet_listener *self, struct engine_delivery *d, str key, str body,
                      unsigned delivered)
{
    job_queue_on_pulled(CONTAINER_OF(self, struct job_runner, listener)->queue, d, key, body,
                        delivered);
    return true;
}

int job_member_open(struct job_runner *r)
{
    const struct job_queue_options o = { .loop = r->loop,
                                         .engine = fleet_engine(r->fleet),
                                         .logger = r->logger,
                                         .owner = r->world->owner,
                                         .take = take,
                                         .free_slots = free_slots,
                                         .works = works,
                                         .ctx = r };
    r->listener =
        (struct fleet_listener) { .engine = on_engine, .written = on_written, .pulled = on_pulled };
    int result = job_queue_open(&r->queue, &o);
    if (!result)
        fleet_listen(r->fleet, &r->listener);
    return result;
}

void job_member_close(struct job_runner *r, void (*closed)(void *ctx), void *ctx)
{
    fleet_listen_no_more(r->fleet, &r->listener);
    job_queue_close(r->queue, closed, ctx);
}

static bool is_same_type(const struct pipepoll_action_type *a, const struct pipepoll_action_type *b)
{
    return str_eq(a->category, b->category) && str_eq(a->owner, b->owner) &&
           str_eq(a->provider, b->provider) && str_eq(a->version, b->version);
}

static size_t add_type(struct pipepoll_action_type *types, size_t count,
                       const struct pipepoll_action_type *type)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_type(&types[i], type))
            return count;
    types[count] = *type;
    return count + 1;
}

void job_member_set_types(struct job_runner *r, const struct plan *plan)
{
    struct pipepoll_action_type types[ENGINE_PULLS];
    size_t count = 0, i = 0;
    for (; i < plan->count && count < ENGINE_PULLS; i++)
        if (plan->targets[i].handler)
            count = add_type(types, count, &plan->targets[i].options.action_type);
    int result = job_queue_set_types(r->queue, types, count);
    if (result || i < plan->count)
        logger_printf(r->logger, PIPEPOLL_WARNING, NULL,
                      "jobs of some action types are not taken out of the fleet's queue: %s",
                      result == PIPEPOLL_ENOMEM ? "out of memory" : "they are too many");
}

/* --- what becomes of a job --- */

void job_member_started(struct job *job)
{
    if (job->queued)
        job_queue_claimed(job->queued);
    job->queued = NULL;
}

bool job_member_passes(struct job *job, const struct continuation *c)
{
    bool is_elsewhere = job->runner->queue && c->kind == CONTINUATION_RUNNING &&
                        c->owner != job->runner->world->owner;
    if (is_elsewhere && (int64_t)time(NULL) < c->until_s)
        job->pass_to = c->owner;
    return job->pass_to;
}

static void pass(struct job *job)
{
    const struct job_message m = {
        .region = pipepoll_work_region(job->work),
        .action_type = pipepoll_target_action_type(job->found_at->live),
        .client_id = pipepoll_work_client_id(job->work),
        .job_id = pipepoll_work_job_id(job->work),
        .nonce = pipepoll_work_nonce(job->work),
        .target = job->found_at->lease.node.hash,
        .found_ms = job->found_at_ms,
    };
    job_log(job, PIPEPOLL_INFO, "its handler waits in another member: passed on to that");
    job_queue_pass(job->runner->queue, job->queued, &m, job->pass_to);
}

void job_member_ended(struct job *job, const struct pipepoll_work_end *end)
{
    if (job->pass_to && end->outcome == PIPEPOLL_WORK_LEFT && job->found_at->live)
        pass(job);
    else if (job->queued)
        job_queue_ended(job->queued, end->outcome, end->message);
    job->queued = NULL;
    if (job->runner->queue)
        job_queue_on_slots(job->runner->queue);
}

/* --- results --- */

static struct target_set_entry *target_of(const struct job_runner *r,
                                          const struct result_message *m)
{
    struct target_set_entry *of = target_set_find(r->targets, m->target);
    return of && of->live && of->handler ? of : NULL;
}

static bool can_send(void *ctx, const struct result_message *m)
{
    return target_of(ctx, m);
}

static bool send_result(void *ctx, const struct result_message *m, struct outbox_entry *e)
{
    struct job_runner *r = ctx;
    struct target_set_entry *of = target_of(r, m);
    struct pipepoll_journal_entry entry = m->entry;
    struct pipepoll_error why = { .text = "out of memory" };
    struct job *job = job_new(r, of);
    entry.user = job;
    entry.is_anothers = true;
    int result =
        job ? pipepoll_worker_resume(r->worker, of->live, &entry, NULL, &why) : PIPEPOLL_ENOMEM;
    logger_printf(r->logger, result ? PIPEPOLL_WARNING : PIPEPOLL_INFO,
                  &(struct subject) { .region = entry.region, .job_id = entry.job_id },
                  "job %.*s: its result, of member %.*s, is %s%s", STR_ARG(entry.job_id),
                  STR_ARG(m->member), result ? "not sent: " : "sent by this member",
                  result ? why.text : "");
    if (job && result)
        job_free(job);
    if (result)
        return false;
    job->has_result = true;
    job->outbox = e;
    str_copy(job->sent_for, sizeof job->sent_for, m->member);
    r->tally->in_hand++;
    return true;
}

int job_member_open_outbox(struct job_runner *r, bool takes)
{
    const struct job_outbox_options o = { .loop = r->loop,
                                          .fleet = r->fleet,
                                          .takes = takes,
                                          .can_send = can_send,
                                          .send = send_result,
                                          .ctx = r };
    return job_outbox_open(&r->outbox, &o);
}

void job_member_noted(struct job *job, const struct pipepoll_journal_entry *entry, bool is_recalled)
{
    struct job_outbox *outbox = job->runner->outbox;
    if (outbox && !job->outbox && entry->state == PIPEPOLL_JOURNAL_REPORTING)
        job->outbox = job_outbox_note(outbox, job->found_at->lease.node.hash, entry, is_recalled);
}

/* Where there is no client token for a result, another member may have it, or we may later. */
void job_member_sent(struct job *job, const struct pipepoll_work_end *end, bool is_over)
{
    bool is_left = end->outcome == PIPEPOLL_WORK_NO_TOKEN;
    if (job->outbox)
        job_outbox_ended(job->outbox, is_over && !is_left);
    job->outbox = NULL;
}
