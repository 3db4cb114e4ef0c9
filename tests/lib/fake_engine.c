/* SPDX-License-Identifier: MIT */
/* One member's connection: what it asks for goes to the servers by a way that keeps the order, and
 * the answer comes back by another. Whatever is not answered in time is answered here, as UNKNOWN.
 * A watch reads the log at its own pace, one bundle of messages at a time. */
#include <assert.h>
#include <stdlib.h>

#include "lib/chance.h"
#include "lib/fake_time.h"

enum { QUEUE = 4096, WATCH_BUNDLE = 256 };
#define MS UINT64_C(1000000)

struct watch {
    bool is_on, is_behind; /* behind: has not brought yet what there was at its beginning */
    bool is_scheduled;
    uint64_t next, goal; /* sequences */
    uint64_t round;      /* counts beginnings */
    uint64_t stalled_until_ns;
    char prefix[ENGINE_KEY_MAX + 1];
};

struct member {
    struct engine engine;
    struct list link;
    struct fake *fake;
    struct fake_member plan;
    struct engine_events events;
    struct watch watches[FAKE_LOGS];
    struct engine_stats stats;
    size_t in_flight;
    uint64_t out_ns, in_ns; /* when the last of each way arrives */
    uint64_t connects;      /* counts changes of the connection, so that old plans are void */
    bool is_cut, is_closed;
};

/* A write on its way. */
struct request {
    struct list link; /* in the fake's, so that none is left when its owner was killed */
    struct member *member;
    struct engine_message message;
    enum engine_result result;
    unsigned users;
    bool is_answered;
    char text[];
};

static struct member *member_of(struct engine *e)
{
    return CONTAINER_OF(e, struct member, engine);
}

static uint64_t way_ns(struct member *m)
{
    double most = (double)m->plan.most_ns + 1;
    if (m->plan.hiccup_ns && one_in(&m->fake->rng, 300))
        most += (double)m->plan.hiccup_ns;
    return (uint64_t)between(&m->fake->rng, (double)m->plan.least_ns, most);
}

static bool is_lost(struct member *m)
{
    return m->plan.loss > 0 && dice(&m->fake->rng) < m->plan.loss;
}

static bool is_reachable(const struct member *m)
{
    return !m->is_cut && !m->fake->is_away && !m->is_closed;
}

/* The next arrival on a way that keeps the order. */
static uint64_t arrival(struct member *m, uint64_t *last_ns)
{
    uint64_t at_ns = m->fake->now_ns + way_ns(m);
    *last_ns = at_ns > *last_ns ? at_ns : *last_ns;
    return *last_ns;
}

void fake_change(struct engine *e, const struct fake_member *plan)
{
    struct fake_owner *owner = member_of(e)->plan.owner;
    member_of(e)->plan = *plan;
    member_of(e)->plan.owner = owner;
}

/* --- the state --- */

static void tell_state(void *ctx, const void *data)
{
    struct member *m = ctx;
    uint64_t connects;
    memcpy(&connects, data, sizeof connects);
    if (m->is_closed || connects != m->connects)
        return;
    enum engine_state state = is_reachable(m) ? ENGINE_READY : ENGINE_AWAY;
    if (state == m->stats.state)
        return;
    m->stats.state = state;
    m->stats.reconnects += state == ENGINE_READY;
    m->events.state(m->events.ctx, state,
                    state == ENGINE_READY ? STR("") : STR("the fake engine is away"));
}

static void schedule_pump(struct member *m, int log);

/* The member notices after a while; it watches again, perhaps late. */
static void connection_changed(struct member *m)
{
    uint64_t least = m->plan.most_ns ? 50 * MS : 0, most = m->plan.most_ns ? 1000 * MS : 0;
    uint64_t after_ns = (uint64_t)between(&m->fake->rng, (double)least, (double)most + 1);
    m->connects++;
    fake_at(m->fake, m->fake->now_ns + after_ns, m->plan.owner, tell_state, m, &m->connects,
            sizeof m->connects);
    for (int i = 0; i < FAKE_LOGS; i++) {
        struct watch *w = &m->watches[i];
        if (!w->is_on || !is_reachable(m))
            continue;
        w->stalled_until_ns = m->fake->now_ns + after_ns +
                              (uint64_t)between(&m->fake->rng, 0, (double)m->plan.lag_ns + 1);
        schedule_pump(m, i);
    }
}

void fake_cut(struct engine *e, bool is_cut)
{
    struct member *m = member_of(e);
    if (m->is_cut == is_cut)
        return;
    m->is_cut = is_cut;
    connection_changed(m);
}

void fake_outage(struct fake *f, bool is_away)
{
    if (f->is_away == is_away)
        return;
    f->is_away = is_away;
    for (struct list *at = f->engines.next; at != &f->engines; at = at->next)
        connection_changed(CONTAINER_OF(at, struct member, link));
}

void fake_refuse(struct fake *f, enum engine_log log, enum engine_result result)
{
    f->logs[log].refusal = result;
}

/* --- watches --- */

/* The first message from this number on, or the head of all. */
static const struct list *next_of(const struct list *all, uint64_t sequence)
{
    const struct list *at = all->prev;
    while (at != all && CONTAINER_OF(at, struct fake_stored, link)->sequence >= sequence)
        at = at->prev;
    return at->next;
}

/* The messages that are due, in order; at its goal it has caught up. */
static void bring(struct member *m, int log)
{
    struct watch *w = &m->watches[log];
    const struct list *all = &m->fake->logs[log].messages;
    uint64_t round = w->round;
    unsigned brought = 0;
    const struct list *at = next_of(all, w->next);
    for (uint64_t erasures; at != all && brought < WATCH_BUNDLE;
         at = erasures == m->fake->erasures ? at->next : next_of(all, w->next)) {
        const struct fake_stored *s = CONTAINER_OF(at, struct fake_stored, link);
        w->next = s->sequence + 1;
        erasures = m->fake->erasures;
        if (!fake_key_begins(s->key, str_of(w->prefix)))
            continue;
        brought++;
        m->events.seen(m->events.ctx, (enum engine_log)log, s->key, s->body, s->sequence);
        if (!w->is_on || w->round != round)
            return;
    }
    if (at == all) /* the last ones may have been removed */
        w->next = m->fake->logs[log].sequence + 1;
    if (at == all && w->is_behind) {
        w->is_behind = false;
        m->events.caught_up(m->events.ctx, (enum engine_log)log);
    }
}

static bool has_more(const struct member *m, int log)
{
    const struct watch *w = &m->watches[log];
    return w->is_on && (w->is_behind || w->next <= m->fake->logs[log].sequence);
}

static void pump(void *ctx, const void *data)
{
    struct member *m = ctx;
    int log;
    memcpy(&log, data, sizeof log);
    struct watch *w = &m->watches[log];
    w->is_scheduled = false;
    if (!w->is_on || !is_reachable(m))
        return;
    if (m->fake->now_ns >= w->stalled_until_ns)
        bring(m, log);
    if (has_more(m, log))
        schedule_pump(m, log);
}

static void schedule_pump(struct member *m, int log)
{
    struct watch *w = &m->watches[log];
    uint64_t at_ns = m->fake->now_ns + way_ns(m);
    if (w->is_scheduled || !w->is_on)
        return;
    w->is_scheduled = true;
    if (at_ns < w->stalled_until_ns)
        at_ns = w->stalled_until_ns;
    fake_at(m->fake, at_ns, m->plan.owner, pump, m, &log, sizeof log);
}

static void wake_watches(struct fake *f, int log)
{
    for (struct list *at = f->engines.next; at != &f->engines; at = at->next)
        schedule_pump(CONTAINER_OF(at, struct member, link), log);
}

static void engine_watch(struct engine *self, enum engine_log log, str prefix)
{
    struct watch *w = &member_of(self)->watches[log];
    w->is_on = w->is_behind = true;
    w->next = 0;
    w->round++;
    str_copy(w->prefix, sizeof w->prefix, prefix);
    schedule_pump(member_of(self), (int)log);
}

static void engine_unwatch(struct engine *self, enum engine_log log)
{
    member_of(self)->watches[log].is_on = false;
}

/* --- writes --- */

static void release(struct request *r)
{
    if (--r->users)
        return;
    list_remove(&r->link);
    free(r);
}

static void answer(struct request *r, enum engine_result result)
{
    struct member *m = r->member;
    if (r->is_answered)
        return;
    r->is_answered = true;
    m->in_flight--;
    if (!m->is_closed)
        m->events.written(m->events.ctx, r->message.ticket, result);
}

static struct request *request_of(const void *data)
{
    struct request *r;
    memcpy(&r, data, sizeof r);
    return r;
}

static void answered(void *ctx, const void *data)
{
    struct request *r = request_of(data);
    answer(r, r->result);
    release(r);
}

static void timed_out(void *ctx, const void *data)
{
    answer(request_of(data), ENGINE_UNKNOWN);
    release(request_of(data));
}

struct once {
    struct table_node node;
    struct list link;
    uint64_t at_ns;
    str id;
    char text[];
};

static void once_forget(struct fake *f, uint64_t age_ns)
{
    while (!list_empty(&f->once_order)) {
        struct once *o = CONTAINER_OF(f->once_order.next, struct once, link);
        if (o->at_ns + age_ns > f->now_ns)
            return;
        table_remove(&f->once, &o->node);
        list_remove(&o->link);
        free(o);
    }
}

/* Was a message with this id written within the hour? Now one is. */
static bool once_was(struct fake *f, str id)
{
    uint64_t hash = table_hash(f->once.seed, id);
    once_forget(f, 3600000 * MS);
    for (struct table_node *node = table_first(&f->once, hash); node; node = table_next(node))
        if (str_eq(CONTAINER_OF(node, struct once, node)->id, id))
            return true;
    struct once *o = calloc(1, sizeof *o + id.len);
    assert(o);
    char *at = o->text;
    o->id = str_keep(&at, id);
    o->at_ns = f->now_ns;
    table_put(&f->once, &o->node, hash);
    list_put_last(&f->once_order, &o->link);
    return false;
}

static enum engine_result apply(struct fake *f, const struct engine_message *m)
{
    if (f->logs[m->log].refusal != ENGINE_DONE)
        return f->logs[m->log].refusal;
    if (m->absent && fake_has(f, m->log, m->key))
        return ENGINE_PRESENT;
    if (m->once.len && once_was(f, m->once))
        return ENGINE_DUPLICATE;
    fake_store(f, m->log, m->key, m->body);
    wake_watches(f, (int)m->log);
    return ENGINE_DONE;
}

/* At the servers. */
static void arrived(void *ctx, const void *data)
{
    struct request *r = request_of(data);
    struct member *m = r->member;
    if (m->fake->is_away || m->is_cut || is_lost(m)) {
        release(r);
        return;
    }
    r->result = apply(m->fake, &r->message);
    if (is_lost(m))
        release(r);
    else
        fake_at(m->fake, arrival(m, &m->in_ns), m->plan.owner, answered, NULL, &r, sizeof r);
}

static struct request *request_new(struct member *m, const struct engine_message *message)
{
    struct request *r =
        calloc(1, sizeof *r + message->key.len + message->body.len + message->once.len);
    assert(r);
    char *at = r->text;
    *r = (struct request) { .member = m, .message = *message, .users = 2 };
    list_put_last(&m->fake->requests, &r->link);
    r->message.key = str_keep(&at, message->key);
    r->message.body = str_keep(&at, message->body);
    r->message.once = str_keep(&at, message->once);
    return r;
}

static bool engine_write(struct engine *self, const struct engine_message *message)
{
    struct member *m = member_of(self);
    struct fake *f = m->fake;
    assert(message->key.len && message->key.len <= ENGINE_KEY_MAX);
    assert(message->body.len <= ENGINE_BODY_MAX && message->ticket);
    if (m->in_flight >= (m->plan.queue ? m->plan.queue : QUEUE) || m->is_closed)
        return false;
    struct request *r = request_new(m, message);
    m->in_flight++;
    fake_at(f, f->now_ns + ENGINE_ANSWER_MS * MS, m->plan.owner, timed_out, NULL, &r, sizeof r);
    fake_at(f, arrival(m, &m->out_ns), NULL, arrived, NULL, &r, sizeof r);
    return true;
}

static void engine_remove(struct engine *self, enum engine_log log, str key)
{
    if (is_reachable(member_of(self)))
        fake_erase(member_of(self)->fake, log, key);
}

static void engine_stats(struct engine *self, struct engine_stats *out)
{
    *out = member_of(self)->stats;
}

/* --- life --- */

static bool nothing_pulled(struct engine *self, str filter, unsigned count)
{
    (void)self, (void)filter, (void)count;
    return true;
}

static void closed(void *ctx, const void *data)
{
    void (*fn)(void *);
    memcpy(&fn, data, sizeof fn);
    memcpy(&ctx, (const char *)data + sizeof fn, sizeof ctx);
    fn(ctx);
}

static void engine_close(struct engine *self, uint32_t most_ms, void (*fn)(void *ctx), void *ctx)
{
    struct member *m = member_of(self);
    char data[sizeof fn + sizeof ctx];
    memcpy(data, &fn, sizeof fn);
    memcpy(data + sizeof fn, &ctx, sizeof ctx);
    m->is_closed = true;
    for (int i = 0; i < FAKE_LOGS; i++)
        m->watches[i].is_on = false;
    fake_at(m->fake, m->fake->now_ns, m->plan.owner, closed, NULL, data, sizeof data);
}

struct engine *fake_join(struct fake *f, const struct fake_member *plan,
                         const struct engine_events *events)
{
    struct member *m = calloc(1, sizeof *m);
    assert(m);
    *m = (struct member) { .fake = f, .plan = *plan, .events = *events };
    m->engine = (struct engine) { .write = engine_write,
                                  .watch = engine_watch,
                                  .unwatch = engine_unwatch,
                                  .remove = engine_remove,
                                  .pull = nothing_pulled,
                                  .stats = engine_stats,
                                  .close = engine_close };
    str_copy(m->stats.server, sizeof m->stats.server, STR("memory"));
    m->stats.state = ENGINE_CLOSED; /* so that the first is told whatever it is */
    list_put_last(&f->engines, &m->link);
    connection_changed(m);
    return &m->engine;
}

void fake_kill(struct fake *f, struct fake_owner *o)
{
    for (struct list *at = f->engines.next; at != &f->engines; at = at->next) {
        struct member *m = CONTAINER_OF(at, struct member, link);
        if (m->plan.owner != o)
            continue;
        m->is_closed = true;
        for (int i = 0; i < FAKE_LOGS; i++)
            m->watches[i].is_on = false;
    }
    fake_kill_owner(f, o);
}

static void watch_anew(struct member *m, int log)
{
    struct watch *w = &m->watches[log];
    w->next = 0;
    w->is_behind = true;
    w->stalled_until_ns = m->fake->now_ns + (uint64_t)between(&m->fake->rng, 0, 4000) * MS;
    schedule_pump(m, log);
}

void fake_lose(struct fake *f)
{
    once_forget(f, 0);
    for (int log = 0; log < FAKE_LOGS; log++) {
        fake_erase(f, (enum engine_log)log, STR(""));
        f->logs[log].sequence = 0;
        for (struct list *at = f->engines.next; at != &f->engines; at = at->next)
            watch_anew(CONTAINER_OF(at, struct member, link), log);
    }
}

void fake_put(struct fake *f, enum engine_log log, str key, str body)
{
    fake_store(f, log, key, body);
    wake_watches(f, (int)log);
}

struct fake *fake_open(uint64_t seed)
{
    struct fake *f = calloc(1, sizeof *f);
    assert(f);
    f->rng.state = seed;
    f->now_ns = 1000000 * MS;
    list_init(&f->free_events);
    list_init(&f->owners);
    list_init(&f->engines);
    list_init(&f->once_order);
    list_init(&f->requests);
    fake_logs_open(f);
    return f;
}

void fake_close(struct fake *f)
{
    struct list *link;
    fake_time_close(f);
    fake_logs_close(f);
    once_forget(f, 0);
    table_deinit(&f->once);
    while ((link = list_pop_first(&f->requests)))
        free(CONTAINER_OF(link, struct request, link));
    while ((link = list_pop_first(&f->engines)))
        free(CONTAINER_OF(link, struct member, link));
    free(f);
}
