/* SPDX-License-Identifier: MIT */
/* Our own results in the fleet's outbox. They are gathered for a moment: most are confirmed by the
 * service before it is over, and never written; the others go together, which costs the servers a
 * fifth of each alone. In that moment a result is in the journal and on its way to the service.
 *
 * A write and a removal may pass each other on their way to the engine, so a result is removed only
 * when its write was answered, however that went. */
#include "daemon/job_outbox.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/job_outbox_parts.h"

/* Our tickets among those of all who write to the engine; above are others' alone. */
static const uint64_t TICKETS = (uint64_t)1 << 61, KINDS = (uint64_t)7 << 61;

enum { LOOK_MS = 1000, GATHER_MS = 50, AGAIN_MS = 5000 };

static struct job_outbox *of(struct fleet_listener *self)
{
    return CONTAINER_OF(self, struct job_outbox, listener);
}

/* --- entries --- */

static bool is_anothers(const struct outbox_entry *e)
{
    return e->state == OUTBOX_CLAIMING || e->state == OUTBOX_SENDING;
}

struct outbox_entry *outbox_entry_new(struct job_outbox *o, enum outbox_state state, str member,
                                      str job_id, str body)
{
    size_t size = job_id.len + body.len;
    struct outbox_entry *e = calloc(1, sizeof *e + size);
    if (!e)
        return NULL;
    char *at = e->texts;
    list_init(&e->gathered);
    e->outbox = o;
    e->state = state;
    e->size = size;
    str_copy(e->member, sizeof e->member, member);
    e->job_id = str_keep(&at, job_id);
    e->body = str_keep(&at, body);
    e->may_be_there = is_anothers(e);
    table_put(&o->by_id, &e->by_id, table_hash(o->by_id.seed, job_id));
    o->taken += is_anothers(e);
    o->taken_bytes += is_anothers(e) ? size : 0;
    return e;
}

void outbox_entry_free(struct outbox_entry *e)
{
    struct job_outbox *o = e->outbox;
    table_remove(&o->by_id, &e->by_id);
    table_remove(&o->by_ticket, &e->by_ticket);
    list_remove(&e->gathered);
    o->taken -= is_anothers(e);
    o->taken_bytes -= is_anothers(e) ? e->size : 0;
    explicit_bzero(e->texts, e->size); /* what a handler wrote may be secret */
    free(e);
}

struct outbox_entry *outbox_entry_find(const struct job_outbox *o, str job_id)
{
    struct table_node *n = table_first(&o->by_id, table_hash(o->by_id.seed, job_id));
    for (; n; n = table_next(n)) {
        struct outbox_entry *e = CONTAINER_OF(n, struct outbox_entry, by_id);
        if (str_eq(e->job_id, job_id))
            return e;
    }
    return NULL;
}

bool outbox_entry_write(struct outbox_entry *e, struct engine_message *m)
{
    struct job_outbox *o = e->outbox;
    m->ticket = TICKETS | ++o->last_ticket;
    if (!o->engine->write(o->engine, m))
        return false;
    table_put(&o->by_ticket, &e->by_ticket, m->ticket);
    return true;
}

void outbox_remove(struct job_outbox *o, const char *member, str job_id, bool may_be_claimed)
{
    char text[ENGINE_KEY_MAX + 2];
    struct buf key = BUF_ON(text);
    buf_printf(&key, "o.%s.%.*s", member, STR_ARG(job_id));
    if (key.overflow)
        return; /* and so it was never written */
    o->engine->remove(o->engine, ENGINE_OUTBOX, str_skip(buf_str(&key), strlen("o.")));
    if (!may_be_claimed)
        return;
    buf_put_char(&key, '.');
    o->engine->remove(o->engine, ENGINE_LEASES, buf_str(&key)); /* one too long removes nothing */
}

static void remove_from_engine(const struct outbox_entry *e)
{
    outbox_remove(e->outbox, e->member, e->job_id, e->may_be_claimed);
}

/* --- our own --- */

static void gather(struct outbox_entry *e, uint64_t after_ms);

static void write_own(struct outbox_entry *e)
{
    char text[ENGINE_KEY_MAX + 1];
    struct buf key = BUF_ON(text);
    buf_printf(&key, "%s.%.*s", e->member, STR_ARG(e->job_id));
    struct engine_message m = { .log = ENGINE_OUTBOX, .key = buf_str(&key), .body = e->body };
    list_remove(&e->gathered);
    e->state = OUTBOX_KEPT;
    if (key.overflow || !engine_can_write(&m))
        return;
    e->state = OUTBOX_WRITING;
    e->may_be_there = true;
    if (!outbox_entry_write(e, &m))
        gather(e, AGAIN_MS);
}

static void write_gathered(struct job_outbox *o)
{
    struct list now;
    list_init(&now);
    list_move_all(&now, &o->gathered);
    uv_timer_stop(&o->gather_timer);
    while (!list_empty(&now))
        write_own(CONTAINER_OF(now.next, struct outbox_entry, gathered));
}

static void on_gathered(uv_timer_t *timer)
{
    write_gathered(timer->data);
}

static void gather(struct outbox_entry *e, uint64_t after_ms)
{
    struct job_outbox *o = e->outbox;
    uint64_t by_ms = uv_now(o->o.loop) + after_ms;
    e->state = OUTBOX_GATHERED;
    list_put_last(&o->gathered, &e->gathered);
    if (uv_is_active((uv_handle_t *)&o->gather_timer) && o->gather_by_ms <= by_ms)
        return;
    o->gather_by_ms = by_ms;
    uv_timer_start(&o->gather_timer, on_gathered, after_ms, 0);
}

void outbox_write_again(struct job_outbox *o)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&o->by_id, &walk));) {
        struct outbox_entry *e = CONTAINER_OF(n, struct outbox_entry, by_id);
        if (e->state == OUTBOX_KEPT)
            gather(e, GATHER_MS);
    }
}

struct outbox_entry *job_outbox_note(struct job_outbox *o, uint64_t target,
                                     const struct pipepoll_journal_entry *entry, bool is_recalled)
{
    const struct result_message m = { .target = target,
                                      .member = fleet_member(o->o.fleet),
                                      .entry = *entry };
    size_t cap = result_message_size(&m);
    char *at = malloc(cap);
    if (!at)
        return NULL;
    struct buf body = { .at = at, .cap = cap };
    result_message_put(&body, &m);
    struct outbox_entry *e = body.overflow ? NULL
                                           : outbox_entry_new(o, OUTBOX_GATHERED, m.member,
                                                              entry->job_id, buf_str(&body));
    explicit_bzero(at, cap);
    free(at);
    if (!e)
        return NULL;
    e->may_be_there = e->may_be_claimed = is_recalled;
    gather(e, o->is_draining ? 0 : GATHER_MS);
    return e;
}

void job_outbox_ended(struct outbox_entry *e, bool is_settled)
{
    e->is_settled = is_settled;
    if (is_settled && e->state == OUTBOX_WRITING)
        return;
    if (is_settled && e->may_be_there)
        remove_from_engine(e);
    else if (!is_settled && e->state == OUTBOX_GATHERED)
        write_own(e); /* nobody waits for the answer */
    outbox_entry_free(e);
}

/* --- events --- */

static void on_own_written(struct outbox_entry *e, enum engine_result result)
{
    e->state = OUTBOX_KEPT;
    if (e->is_settled)
        job_outbox_ended(e, true);
    else if (result != ENGINE_DONE)
        gather(e, AGAIN_MS);
}

static bool on_written(struct fleet_listener *self, uint64_t ticket, enum engine_result result)
{
    struct job_outbox *o = of(self);
    if ((ticket & KINDS) != TICKETS)
        return false;
    struct table_node *n = table_first(&o->by_ticket, ticket);
    if (!n)
        return true;
    struct outbox_entry *e = CONTAINER_OF(n, struct outbox_entry, by_ticket);
    table_remove(&o->by_ticket, n);
    if (e->state == OUTBOX_CLAIMING)
        outbox_on_claim(e, result);
    else
        on_own_written(e, result);
    return true;
}

static void on_engine(struct fleet_listener *self, enum engine_state state)
{
    outbox_on_engine(of(self), state);
}

static void on_seen(struct fleet_listener *self, enum engine_log log, str key, str body)
{
    if (log == ENGINE_OUTBOX)
        outbox_on_seen(of(self), key, body);
    else if (log == ENGINE_LEASES)
        outbox_on_lease_seen(of(self), key);
}

static void on_caught_up(struct fleet_listener *self, enum engine_log log)
{
    if (log == ENGINE_OUTBOX)
        outbox_on_caught_up(of(self));
}

/* --- beginning and end --- */

int job_outbox_open(struct job_outbox **out, const struct job_outbox_options *options)
{
    struct job_outbox *o = *out = calloc(1, sizeof *o);
    if (!o)
        return PIPEPOLL_ENOMEM;
    o->o = *options;
    o->engine = fleet_engine(options->fleet);
    o->listener = (struct fleet_listener) {
        .engine = on_engine, .written = on_written, .seen = on_seen, .caught_up = on_caught_up
    };
    table_init(&o->by_id, (struct alloc) { 0 }, uv_hrtime());
    uv_timer_init(options->loop, &o->timer);
    uv_timer_init(options->loop, &o->gather_timer);
    o->timer.data = o->gather_timer.data = o;
    list_init(&o->gathered);
    o->all_at_ms = uv_now(options->loop) + OUTBOX_ALL_AFTER_MS;
    if (options->takes)
        uv_timer_start(&o->timer, outbox_on_timer, LOOK_MS, LOOK_MS);
    fleet_listen(options->fleet, &o->listener);
    return PIPEPOLL_OK;
}

void job_outbox_drain(struct job_outbox *o)
{
    o->is_draining = true;
    uv_timer_stop(&o->timer);
    write_gathered(o);
    if (o->looked_at || o->is_at_all)
        o->engine->unwatch(o->engine, ENGINE_OUTBOX);
    o->looked_at = NULL;
    o->is_at_all = false;
}

/* Of a result that is settled and whose write is not answered, the removal goes out all the same:
 * if it passes the write, one result is sent once more. */
static void on_closed(uv_handle_t *timer)
{
    struct job_outbox *o = timer->data;
    void (*closed)(void *ctx) = o->closed;
    void *ctx = o->closed_ctx;
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&o->by_id, &walk));) {
        struct outbox_entry *e = CONTAINER_OF(n, struct outbox_entry, by_id);
        if (e->is_settled)
            remove_from_engine(e);
        outbox_entry_free(e);
    }
    table_deinit(&o->by_id);
    table_deinit(&o->by_ticket);
    free(o);
    closed(ctx);
}

static void on_gather_closed(uv_handle_t *timer)
{
    struct job_outbox *o = timer->data;
    uv_close((uv_handle_t *)&o->timer, on_closed);
}

void job_outbox_close(struct job_outbox *o, void (*closed)(void *ctx), void *ctx)
{
    o->closed = closed;
    o->closed_ctx = ctx;
    job_outbox_drain(o);
    fleet_listen_no_more(o->o.fleet, &o->listener);
    uv_close((uv_handle_t *)&o->gather_timer, on_gather_closed);
}
