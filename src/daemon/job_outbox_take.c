/* SPDX-License-Identifier: MIT */
/* What dead members left in the outbox. A member that is dead writes nothing, so its results are
 * read by a watch that lasts until it has told all; then it is over, and nothing is remembered but
 * the few results that are ours now. It is read again after growing pauses until nothing is left:
 * results that another member claimed may still be there when that has died, too.
 *
 * Ourselves are read once in a while the same way: results that an earlier run of ours left without
 * a journal, and ours whose removal was lost. So are, for their names alone, all that are there: of
 * a member that died and never came back the others forget the name in time, and one that was not
 * there has never heard it. */
#include <inttypes.h>
#include <string.h>

#include "daemon/job_outbox_parts.h"

enum {
    AGAIN_MS = 60000, /* doubled after each look */
    DOUBLINGS = 6,    /* at most */
    FULL_AGAIN_MS = 5000,
    LOOKS_IN_VAIN = 2, /* then nothing is left */
    LOOKS_MOST = 164,  /* a week, with the pauses above: no job lasts so long */
    SELF_AFTER_MS = 60000,
    ALL_AGAIN_MS = 3600000,
    TAKEN_MOST = 64,
    TAKEN_BYTES_MOST = 4 << 20 /* of others at once */
};

/* --- who is dead --- */

static bool is_alive(const struct job_outbox *o, str member)
{
    return lease_is_alive(fleet_lease(o->o.fleet), member);
}

static struct outbox_mark *find_mark(struct job_outbox *o, str member)
{
    for (size_t i = 0; i < OUTBOX_MARKS; i++)
        if (str_eq(str_of(o->marks[i].member), member))
            return &o->marks[i];
    return NULL;
}

/* A free one, or of a member of whom nothing is left; NULL: later. */
static struct outbox_mark *place_for_mark(struct job_outbox *o)
{
    struct outbox_mark *free_one = find_mark(o, STR(""));
    for (size_t i = 0; !free_one && i < OUTBOX_MARKS; i++)
        if (!o->marks[i].is_self && o->marks[i].empty >= LOOKS_IN_VAIN)
            free_one = &o->marks[i];
    return free_one;
}

static bool mark(struct job_outbox *o, const struct lease_member *m)
{
    struct outbox_mark *at = place_for_mark(o);
    if (!at)
        return false;
    *at = (struct outbox_mark) { .incarnation = m->incarnation, .is_self = m->is_self };
    str_copy(at->member, sizeof at->member, m->id);
    at->at_ms = uv_now(o->o.loop) + (m->is_self ? SELF_AFTER_MS : 0);
    return true;
}

static void mark_stray(struct job_outbox *o, str member)
{
    bool is_known = str_eq(member, fleet_member(o->o.fleet)) || find_mark(o, member);
    struct outbox_mark *at = NULL;
    if (beat_is_member(member) && !is_known && !is_alive(o, member))
        at = place_for_mark(o);
    if (!at)
        return;
    *at = (struct outbox_mark) { .at_ms = uv_now(o->o.loop), .is_stray = true };
    str_copy(at->member, sizeof at->member, member);
}

static bool is_stray_still(const struct job_outbox *o, const struct outbox_mark *m)
{
    return m->is_stray && m->empty < LOOKS_IN_VAIN && !is_alive(o, str_of(m->member));
}

static bool is_to_mark(const struct job_outbox *o, const struct lease_member *m)
{
    str self = fleet_member(o->o.fleet);
    return m->is_self || (m->is_dead && !str_eq(m->id, self) && !is_alive(o, m->id));
}

/* Those that live again are forgotten, and begin anew when they are dead again. When the places
 * do not do for all, members have one in turn. */
static void mark_dead(struct job_outbox *o)
{
    const struct lease *l = fleet_lease(o->o.fleet);
    struct outbox_mark *found;
    struct lease_member m;
    for (size_t i = 0; i < OUTBOX_MARKS; i++)
        o->marks[i].is_there = is_stray_still(o, &o->marks[i]);
    for (size_t at = 0; lease_next_member(l, &at, 0, &m);)
        if ((found = find_mark(o, m.id)) && is_to_mark(o, &m))
            found->is_there = true;
    for (size_t i = 0; i < OUTBOX_MARKS; i++)
        if (!o->marks[i].is_there)
            o->marks[i] = (struct outbox_mark) { .member = "" };
    while (lease_next_member(l, &o->mark_from, 0, &m))
        if (!find_mark(o, m.id) && is_to_mark(o, &m) && !mark(o, &m)) {
            o->mark_from--; /* when there is a place */
            return;
        }
    o->mark_from = 0;
}

static struct outbox_mark *choose(struct job_outbox *o)
{
    struct outbox_mark *best = NULL;
    for (size_t i = 0; i < OUTBOX_MARKS; i++) {
        struct outbox_mark *m = &o->marks[i];
        bool is_open = m->member[0] && (m->is_self || m->empty < LOOKS_IN_VAIN);
        if (is_open && m->at_ms <= uv_now(o->o.loop) && (!best || m->at_ms < best->at_ms))
            best = m;
    }
    return best;
}

/* Do we know who is alive? */
static bool sees_others(const struct job_outbox *o)
{
    const struct lease *l = fleet_lease(o->o.fleet);
    struct lease_member m;
    for (size_t at = 0; lease_next_member(l, &at, 0, &m);)
        if (m.is_self)
            return m.state == BEAT_HI || m.state == BEAT_DRAINED;
    return false;
}

static void end_all(struct job_outbox *o, uint64_t after_ms)
{
    o->is_at_all = false;
    o->all_at_ms = uv_now(o->o.loop) + after_ms;
    o->engine->unwatch(o->engine, ENGINE_OUTBOX);
}

/* --- a look at one member's results --- */

void outbox_on_timer(uv_timer_t *timer)
{
    struct job_outbox *o = timer->data;
    if (o->looked_at || o->is_at_all || o->is_draining || !fleet_is_ready(o->o.fleet))
        return;
    mark_dead(o);
    if (uv_now(o->o.loop) >= o->all_at_ms && sees_others(o)) {
        o->is_at_all = true;
        o->engine->watch(o->engine, ENGINE_OUTBOX, STR(""));
        return;
    }
    o->looked_at = choose(o);
    o->is_any = o->is_full = false;
    if (o->looked_at)
        o->engine->watch(o->engine, ENGINE_OUTBOX, str_of(o->looked_at->member));
}

static struct outbox_mark *end_look(struct job_outbox *o, uint64_t after_ms)
{
    struct outbox_mark *m = o->looked_at;
    o->looked_at = NULL;
    o->engine->unwatch(o->engine, ENGINE_OUTBOX);
    m->at_ms = uv_now(o->o.loop) + after_ms;
    return m;
}

void outbox_on_engine(struct job_outbox *o, enum engine_state state)
{
    if (state == ENGINE_READY)
        outbox_write_again(o);
    if (state != ENGINE_READY && o->looked_at)
        end_look(o, FULL_AGAIN_MS);
    if (state != ENGINE_READY && o->is_at_all)
        end_all(o, FULL_AGAIN_MS);
}

/* Nothing is there that could be claimed. */
static void remove_claims(struct job_outbox *o, const char *member)
{
    char text[BEAT_MEMBER_MAX + 8];
    struct buf key = BUF_ON(text);
    buf_printf(&key, "o.%s.", member);
    o->engine->remove(o->engine, ENGINE_LEASES, buf_str(&key));
}

void outbox_on_caught_up(struct job_outbox *o)
{
    if (o->is_at_all)
        end_all(o, ALL_AGAIN_MS);
    if (!o->looked_at)
        return;
    if (!o->is_any)
        remove_claims(o, o->looked_at->member);
    unsigned looks = o->looked_at->looks;
    uint64_t pause_ms = (uint64_t)AGAIN_MS << (looks < DOUBLINGS ? looks : DOUBLINGS);
    struct outbox_mark *m = end_look(o, o->is_full ? FULL_AGAIN_MS : pause_ms);
    m->empty = o->is_any ? 0 : m->empty + 1;
    m->looks += !o->is_full;
}

/* --- one result --- */

static bool claim(struct outbox_entry *e, const struct outbox_mark *of)
{
    char text[ENGINE_KEY_MAX + 1];
    struct buf key = BUF_ON(text);
    buf_printf(&key, "o.%s.%.*s.%016" PRIx64 ".%u", e->member, STR_ARG(e->job_id), of->incarnation,
               of->looks);
    struct engine_message m = { .log = ENGINE_LEASES, .body = STR("{\"v\":1}"), .absent = true };
    m.key = buf_str(&key);
    e->may_be_claimed = true;
    return !key.overflow && outbox_entry_write(e, &m);
}

/* Of the body that is kept, or told; NULL: it is not what its key says, or of no use here. */
static struct result_message *read_result(const struct job_outbox *o, str body, str job_id)
{
    static const struct alloc alloc = { 0 };
    enum beat_read how;
    struct result_message *m = result_message_read(&alloc, body, &how);
    if (m && str_eq(m->entry.job_id, job_id) && o->o.can_send(o->o.ctx, m))
        return m;
    result_message_free(m, &alloc);
    return NULL;
}

static void free_result(struct result_message *m)
{
    static const struct alloc alloc = { 0 };
    result_message_free(m, &alloc);
}

static bool has_room(const struct job_outbox *o, size_t bytes)
{
    return !o->taken || (o->taken < TAKEN_MOST && o->taken_bytes + bytes <= TAKEN_BYTES_MOST);
}

static void take(struct job_outbox *o, str job_id, str body)
{
    struct outbox_entry *e =
        outbox_entry_new(o, OUTBOX_CLAIMING, str_of(o->looked_at->member), job_id, body);
    if (e && claim(e, o->looked_at))
        return;
    o->is_full = true;
    if (e)
        outbox_entry_free(e);
}

/* To what is behind "WORD."; false: it begins otherwise, or nothing is. */
static bool skip_word(str *key, str word)
{
    if (!str_starts(*key, word) || key->len <= word.len + 1 || key->ptr[word.len] != '.')
        return false;
    *key = str_skip(*key, word.len + 1);
    return true;
}

void outbox_on_seen(struct job_outbox *o, str key, str body)
{
    str member = str_of(o->looked_at ? o->looked_at->member : "");
    if (o->is_at_all)
        mark_stray(o, (str) { key.ptr, str_find(key, '.') });
    str job_id = key;
    if (!member.len || !skip_word(&job_id, member))
        return; /* of a look before */
    o->is_any = true;
    if (outbox_entry_find(o, job_id))
        return;
    if (o->looked_at->looks >= LOOKS_MOST) {
        outbox_remove(o, o->looked_at->member, job_id, true);
        return;
    }
    if (!has_room(o, body.len)) {
        o->is_full = true;
        return;
    }
    struct result_message *m = read_result(o, body, job_id);
    if (m)
        take(o, job_id, body);
    free_result(m);
}

/* Somebody takes us for dead, and claims what we have in hand: o.MEMBER.JOB-ID.INCARNATION.ATTEMPT.
 * The claim goes with the result. */
void outbox_on_lease_seen(struct job_outbox *o, str key)
{
    if (!skip_word(&key, STR("o")) || !skip_word(&key, fleet_member(o->o.fleet)))
        return;
    struct outbox_entry *e = outbox_entry_find(o, (str) { key.ptr, str_find(key, '.') });
    if (e)
        e->may_be_claimed = true;
}

/* Also where a claim may have succeeded it is the next attempt's. */
void outbox_on_claim(struct outbox_entry *e, enum engine_result result)
{
    struct job_outbox *o = e->outbox;
    struct result_message *m = NULL;
    if (result == ENGINE_DONE && !o->is_draining)
        m = read_result(o, e->body, e->job_id);
    e->state = OUTBOX_SENDING;
    if (!m || !o->o.send(o->o.ctx, m, e))
        outbox_entry_free(e);
    free_result(m);
}
