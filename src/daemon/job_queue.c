/* SPDX-License-Identifier: MIT */
/* Each job that was pulled is a queued_job, in one of three lists: it waits for a slot, it is in
 * the worker's hands, or its dead letter is being written.
 *
 * The wish for jobs is a filter for each action type that has a handler here. The slots that are
 * free are dealt out to the filters one by one, beginning each second with the next filter, so that
 * none waits for ever where there are more filters than slots. A poll may take the slot that a job
 * was pulled for: such a job waits here for a while, and goes back then.
 *
 * A drained member whose run waits for its follow-up job looks at one job at a time. What it looked
 * at comes later with each look, else it would see the first ones of a long queue for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/wall_clock.h"
#include "daemon/job_queue_parts.h"

enum {
    DEAL_MS = 1000,
    HOLD_MS = 10000,     /* how often the engine is told that we are at it */
    SLOT_WAIT_MS = 5000, /* how long a job waits here for a slot */
    OWN_JOBS = 8         /* passed on to us, at once */
};

static struct job_filter *filter_at(const struct list *l)
{
    return CONTAINER_OF(l, struct job_filter, link);
}

/* --- settling --- */

static void job_free(struct queued_job *j)
{
    j->filter->held--;
    list_remove(&j->link);
    explicit_bzero(j->body, j->len); /* of a custom action: with its nonce */
    free(j);
}

void queued_job_settle(struct queued_job *j)
{
    struct engine *e = j->queue->o.engine;
    e->done(e, j->delivery);
    job_free(j);
}

void queued_job_give_back(struct queued_job *j, uint32_t after_ms)
{
    struct engine *e = j->queue->o.engine;
    e->give_back(e, j->delivery, after_ms);
    job_free(j);
}

/* --- the wish --- */

static void wish(struct job_queue *q, struct job_filter *f, unsigned count)
{
    if (count != f->wished && q->o.engine->pull(q->o.engine, str_of(f->text), count))
        f->wished = count; /* else soon again: those of the types before may still be there */
}

static void forget_filters(struct job_queue *q)
{
    struct list *next;
    for (struct list *l = q->filters.next; l != &q->filters; l = next) {
        struct job_filter *f = filter_at(l);
        next = l->next;
        if (f->is_wanted || f->held)
            continue;
        list_remove(l);
        q->filter_count--;
        free(f);
    }
}

static size_t count_of(const struct list *list)
{
    size_t count = 0;
    for (const struct list *l = list->next; l != list; l = l->next)
        count++;
    return count;
}

static size_t wanted_types(const struct job_queue *q)
{
    size_t count = 0;
    for (const struct list *l = q->filters.next; l != &q->filters; l = l->next)
        count += filter_at(l)->is_wanted && !filter_at(l)->is_own;
    return count;
}

/* In their order, from the first on. A run waits for what is passed on to us, and has had its
 * slot. */
static void deal(struct job_queue *q)
{
    size_t slots = q->is_draining ? 0 : q->o.free_slots(q->o.ctx), i = 0;
    size_t waiting = count_of(&q->waiting), types = wanted_types(q);
    slots -= waiting < slots ? waiting : slots;
    for (struct list *l = q->filters.next; l != &q->filters; l = l->next) {
        struct job_filter *f = filter_at(l);
        size_t share = OWN_JOBS;
        if (f->is_wanted && !f->is_own)
            share = slots / types + ((i++ + q->first) % types < slots % types);
        wish(q, f, f->is_wanted && !q->is_draining ? f->held + (unsigned)share : 0);
    }
}

static struct job_filter *filter_find(const struct job_queue *q, const char *text)
{
    for (struct list *l = q->filters.next; l != &q->filters; l = l->next)
        if (strcmp(filter_at(l)->text, text) == 0)
            return filter_at(l);
    return NULL;
}

static struct job_filter *filter_add(struct job_queue *q, const char *text)
{
    struct job_filter *f = filter_find(q, text);
    if (!f && (f = calloc(1, sizeof *f))) {
        snprintf(f->text, sizeof f->text, "%s", text);
        list_put_last(&q->filters, &f->link);
        q->filter_count++;
    }
    if (f)
        f->is_wanted = true;
    return f;
}

static int add_own_filter(struct job_queue *q)
{
    char text[ENGINE_KEY_MAX + 1];
    job_queue_put_own_key(text, q->o.owner);
    struct job_filter *f = filter_add(q, text);
    if (f)
        f->is_own = true;
    return f ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
}

int job_queue_set_types(struct job_queue *q, const struct pipepoll_action_type *types, size_t count)
{
    int result = PIPEPOLL_OK;
    for (struct list *l = q->filters.next; l != &q->filters; l = l->next)
        filter_at(l)->is_wanted = filter_at(l)->is_own;
    deal(q);
    forget_filters(q);
    for (size_t i = 0; i < count && !result; i++) {
        char text[ENGINE_KEY_MAX + 1];
        struct buf key = BUF_ON(text);
        if (!job_message_put_filter(&key, &types[i]))
            continue; /* the service knows no such type either */
        if (!filter_add(q, buf_cstr(&key)))
            result = PIPEPOLL_ENOMEM;
        else if (q->filter_count > ENGINE_PULLS)
            result = PIPEPOLL_EINVAL;
    }
    deal(q);
    return result;
}

/* --- a job for the worker --- */

static void log_job(const struct job_queue *q, enum pipepoll_level level,
                    const struct job_message *job, str what)
{
    logger_printf(q->o.logger, level,
                  &(struct subject) { .region = job->region, .job_id = job->job_id },
                  "job %.*s of the fleet's queue: %.*s", STR_ARG(job->job_id), STR_ARG(what));
}

static uint32_t again_ms(const struct queued_job *j)
{
    unsigned looks = j->delivered ? j->delivered - 1 : 0;
    if (j->queue->o.works(j->queue->o.ctx))
        return JOB_QUEUE_AGAIN_MS;
    uint32_t ms = looks < 8 ? (uint32_t)JOB_QUEUE_AGAIN_MS << looks : JOB_QUEUE_LOOK_MS;
    return ms < JOB_QUEUE_LOOK_MS ? ms : JOB_QUEUE_LOOK_MS;
}

/* Was it refused here before? It is from now on, unless its place is another's: that one is buried
 * when it comes again, or is elsewhere and forgotten. */
static bool refuse(const struct queued_job *j, struct refusal **place)
{
    struct job_queue *q = j->queue;
    uint64_t now_ms = uv_now(q->o.loop);
    uint64_t id = table_hash(q->seed, (str) { j->body, j->len }) | 1;
    struct refusal *r = *place = &q->refusals[(id >> 1) % JOB_QUEUE_REFUSALS];
    if (r->id == id)
        return true;
    if (!r->id || now_ms - r->since_ms > JOB_QUEUE_PATIENCE_MS)
        *r = (struct refusal) { id, now_ms };
    return false;
}

static void try_again(struct queued_job *j, const char *reason, str why)
{
    struct refusal *place;
    bool is_old = wall_clock_ms() - j->found_ms > JOB_QUEUE_PATIENCE_MS;
    bool is_known = j->queue->o.works(j->queue->o.ctx) && refuse(j, &place);
    if (!is_known || !is_old || j->delivered < JOB_QUEUE_TRIES) {
        queued_job_give_back(j, again_ms(j));
        return;
    }
    *place = (struct refusal) { 0 };
    queued_job_bury(j, reason, why);
}

/* What the worker says of one that it was given. */
static void on_taken(struct queued_job *j, const struct job_message *job, int result, str why)
{
    struct job_queue *q = j->queue;
    if (result == PIPEPOLL_EBUSY) {
        queued_job_move(j, &q->waiting);
    } else if (result == PIPEPOLL_EEXISTS) {
        queued_job_settle(j);
    } else if (result == PIPEPOLL_ENOTFOUND) {
        try_again(j, "no-target", why);
    } else if (result == PIPEPOLL_EINVAL) {
        queued_job_bury(j, "unreadable", why);
    } else if (result) {
        log_job(q, PIPEPOLL_INFO, job, why);
        queued_job_give_back(j, again_ms(j));
    }
}

/* false: there is no slot for it. */
static bool take(struct queued_job *j)
{
    struct job_message_text text;
    struct pipepoll_error why = { .text = "out of memory" };
    int result = PIPEPOLL_OK;
    switch (job_message_read(&text, (str) { j->body, j->len })) {
    case BEAT_OK:
        queued_job_move(j, &j->queue->taken);
        j->found_ms = text.job.found_ms;
        result = j->queue->o.take(j->queue->o.ctx, &text.job, j, &why);
        on_taken(j, &text.job, result, str_of(why.text));
        break;
    case BEAT_OTHER_VERSION: /* who knows it may be slow to pull it, but there may be one */
        queued_job_give_back(j, again_ms(j));
        break;
    case BEAT_MALFORMED:
        queued_job_bury(j, "unreadable", STR("it is no message of a job"));
        break;
    }
    job_message_wipe(&text);
    return result != PIPEPOLL_EBUSY;
}

void job_queue_on_slots(struct job_queue *q)
{
    while (!list_empty(&q->waiting) && !q->is_draining && q->o.free_slots(q->o.ctx))
        if (!take(queued_job_at(q->waiting.next)))
            break;
    deal(q);
}

/* Of which wish it comes: the action type's filter has a star for the region. */
static struct job_filter *filter_of(const struct job_queue *q, str key)
{
    char text[ENGINE_KEY_MAX + 1];
    const char *dot = memchr(key.ptr, '.', key.len);
    if (dot && !str_starts(key, STR("for."))) {
        str rest = { dot, key.len - (size_t)(dot - key.ptr) };
        snprintf(text, sizeof text, "*%.*s", STR_ARG(rest));
    } else {
        snprintf(text, sizeof text, "%.*s", STR_ARG(key));
    }
    return filter_find(q, text);
}

void job_queue_on_pulled(struct job_queue *q, struct engine_delivery *d, str key, str body,
                         unsigned delivered)
{
    struct job_filter *f = filter_of(q, key);
    struct queued_job *j = f && !q->is_draining ? malloc(sizeof *j + body.len) : NULL;
    if (!j) {
        q->o.engine->give_back(q->o.engine, d, q->is_draining ? 0 : JOB_QUEUE_AGAIN_MS);
        return;
    }
    *j = (struct queued_job) { .queue = q,
                               .delivery = d,
                               .filter = f,
                               .delivered = delivered,
                               .since_ms = uv_now(q->o.loop),
                               .len = body.len };
    memcpy(j->body, body.ptr, body.len);
    list_put_last(&q->waiting, &j->link);
    f->held++;
    if (q->o.free_slots(q->o.ctx) || f->is_own)
        take(j);
    deal(q);
}

/* --- what became of it --- */

void job_queue_claimed(struct queued_job *j)
{
    queued_job_settle(j);
}

void job_queue_ended(struct queued_job *j, enum pipepoll_work_outcome outcome, str why)
{
    switch (outcome) {
    case PIPEPOLL_WORK_SUCCEEDED:
    case PIPEPOLL_WORK_CONTINUED:
    case PIPEPOLL_WORK_FAILED:
    case PIPEPOLL_WORK_LOST_RACE:
    case PIPEPOLL_WORK_OVER:
        queued_job_settle(j);
        break;
    case PIPEPOLL_WORK_NO_TOKEN:
        try_again(j, "no-client-token", why);
        break;
    case PIPEPOLL_WORK_LEFT:
    case PIPEPOLL_WORK_UNREPORTED:
        if (!j->queue->o.free_slots(j->queue->o.ctx)) /* we drain: its own slot is free */
            queued_job_give_back(j, 0);
        else
            try_again(j, "not-claimed", why);
        break;
    case PIPEPOLL_WORK_UNRESOLVED:
        queued_job_bury(j, "unresolved", why);
        break;
    case PIPEPOLL_WORK_REJECTED:
        queued_job_bury(j, "rejected", why);
        break;
    }
}

/* --- time, beginning and end --- */

static void give_back_all(struct list *list)
{
    while (!list_empty(list))
        queued_job_give_back(queued_job_at(list->next), 0);
}

static void hold_each(struct list *list)
{
    for (struct list *l = list->next; l != list; l = l->next) {
        struct engine *e = queued_job_at(l)->queue->o.engine;
        e->hold(e, queued_job_at(l)->delivery);
    }
}

static void give_back_waiting(struct job_queue *q, uint64_t now_ms)
{
    while (!list_empty(&q->waiting) &&
           now_ms - queued_job_at(q->waiting.next)->since_ms >= SLOT_WAIT_MS)
        queued_job_give_back(queued_job_at(q->waiting.next), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct job_queue *q = timer->data;
    uint64_t now_ms = uv_now(q->o.loop);
    give_back_waiting(q, now_ms);
    if (now_ms - q->held_ms >= HOLD_MS) {
        q->held_ms = now_ms;
        hold_each(&q->waiting);
        hold_each(&q->taken);
        hold_each(&q->leaving);
    }
    q->first++;
    forget_filters(q);
    deal(q);
}

int job_queue_open(struct job_queue **out, const struct job_queue_options *o)
{
    struct job_queue *q = *out = calloc(1, sizeof *q);
    if (!q)
        return PIPEPOLL_ENOMEM;
    q->o = *o;
    q->seed = uv_hrtime();
    list_init(&q->filters);
    list_init(&q->waiting);
    list_init(&q->taken);
    list_init(&q->leaving);
    uv_timer_init(o->loop, &q->timer);
    q->timer.data = q;
    uv_timer_start(&q->timer, on_timer, DEAL_MS, DEAL_MS);
    return add_own_filter(q);
}

void job_queue_drain(struct job_queue *q)
{
    q->is_draining = true;
    give_back_all(&q->waiting);
    deal(q);
}

static void on_closed(uv_handle_t *timer)
{
    struct job_queue *q = timer->data;
    void (*closed)(void *ctx) = q->closed;
    void *ctx = q->closed_ctx;
    while (!list_empty(&q->filters)) {
        struct job_filter *f = filter_at(q->filters.next);
        list_remove(&f->link);
        free(f);
    }
    free(q);
    closed(ctx);
}

void job_queue_close(struct job_queue *q, void (*closed)(void *ctx), void *ctx)
{
    q->closed = closed;
    q->closed_ctx = ctx;
    job_queue_drain(q);
    give_back_all(&q->taken);
    give_back_all(&q->leaving);
    uv_close((uv_handle_t *)&q->timer, on_closed);
}
