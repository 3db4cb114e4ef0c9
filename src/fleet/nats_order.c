/* SPDX-License-Identifier: MIT */
/* Orders: each is judged and copied on the loop, and lies on the desk then. Nothing of what is
 * asked for is quoted or sent before it was found to be made of harmless characters. */
#include "fleet/nats_order.h"

#include <stdlib.h>

#include "fleet/nats_log.h"

static struct nats_write *new_write(const char *fleet, const struct engine_message *m)
{
    size_t subject_size = NATS_SUBJECT_MAX + 1, once_size = m->once.len + 1;
    size_t size = sizeof(struct nats_write) + subject_size + once_size + m->body.len;
    struct nats_write *w = calloc(1, size);
    if (!w)
        return NULL;
    w->size = size;
    char *at = (char *)(w + 1);
    struct buf subject = { .at = at, .cap = subject_size };
    nats_log_subject(&subject, str_of(fleet), m->log, m->key);
    buf_cstr(&subject);
    w->subject = at;
    at += subject_size;
    w->once = m->once.len ? at : NULL;
    str_keep(&at, m->once);
    at++;
    w->body = str_keep(&at, m->body);
    w->event.kind = NATS_WRITTEN;
    w->event.bytes = m->body.len + subject_size;
    w->log = m->log;
    w->absent = m->absent;
    w->ticket = m->ticket;
    w->asked_ms = nats_now_ms();
    return w;
}

/* Under the mutex. */
static bool has_room(const struct nats_desk *d, size_t bytes)
{
    return d->write_count < NATS_WRITES_MAX && bytes <= NATS_WRITE_BYTES - d->write_bytes;
}

static bool put_write(struct nats_desk *d, struct nats_write *w)
{
    uv_mutex_lock(&d->mutex);
    bool room = has_room(d, w->event.bytes);
    if (room) {
        d->write_count++;
        d->write_bytes += w->event.bytes;
        w->order = ++d->last_order;
        list_put_last(&d->writes, &w->event.link);
    }
    uv_mutex_unlock(&d->mutex);
    return room;
}

bool nats_order_write(struct nats_desk *d, const char *fleet, const struct engine_message *m)
{
    struct nats_write *w = engine_can_write(m) ? new_write(fleet, m) : NULL;
    if (!w)
        return false;
    if (!put_write(d, w)) {
        nats_write_free(w);
        return false;
    }
    nats_desk_wake(d);
    return true;
}

void nats_order_watch(struct nats_desk *d, enum engine_log log, bool is_wanted, str prefix)
{
    struct nats_wish *w = &d->watches[log];
    uv_mutex_lock(&d->mutex);
    w->generation++;
    w->is_wanted = is_wanted;
    str_copy(w->prefix, sizeof w->prefix, prefix);
    uv_mutex_unlock(&d->mutex);
    nats_desk_wake(d);
}

static bool is_to_all_below(str key)
{
    return !key.len || key.ptr[key.len - 1] == '.';
}

static struct nats_remove *new_remove(const char *fleet, enum engine_log log, str key)
{
    struct nats_remove *r = calloc(1, sizeof *r + NATS_SUBJECT_MAX);
    if (!r)
        return NULL;
    struct buf subject = { .at = r->subject, .cap = NATS_SUBJECT_MAX };
    nats_log_subject(&subject, str_of(fleet), log, key);
    if (is_to_all_below(key))
        buf_put_char(&subject, '>');
    buf_cstr(&subject);
    r->log = log;
    return r;
}

void nats_order_remove(struct nats_desk *d, const char *fleet, enum engine_log log, str key)
{
    str words = { key.ptr, key.len - (key.len && is_to_all_below(key)) };
    bool ok = !key.len || engine_is_key(words, false);
    struct nats_remove *r = ok ? new_remove(fleet, log, key) : NULL;
    if (!r)
        return;
    uv_mutex_lock(&d->mutex);
    bool room = d->remove_count < NATS_REMOVES_MAX;
    d->remove_count += room;
    if (room)
        list_put_last(&d->removes, &r->link);
    uv_mutex_unlock(&d->mutex);
    if (!room)
        free(r);
    nats_desk_wake(d);
}

/* Under the mutex: the filter's place, or one that is free. NULL: there is none. */
static struct nats_pull_wish *place_of(struct nats_desk *d, str filter)
{
    struct nats_pull_wish *free_one = NULL;
    for (size_t i = 0; i < ENGINE_PULLS; i++) {
        struct nats_pull_wish *w = &d->pulls[i];
        if (w->filter[0] && str_eq(str_of(w->filter), filter))
            return w;
        if (!free_one && !w->count && w->is_idle)
            free_one = w;
    }
    return free_one;
}

bool nats_order_pull(struct nats_desk *d, str filter, unsigned count)
{
    if (!engine_is_key(filter, true))
        return false;
    uv_mutex_lock(&d->mutex);
    struct nats_pull_wish *w = place_of(d, filter);
    if (w) {
        str_copy(w->filter, sizeof w->filter, filter);
        w->count = count;
        w->is_idle = w->is_idle && !count;
    }
    uv_mutex_unlock(&d->mutex);
    nats_desk_wake(d);
    return w != NULL;
}

void nats_order_settle(struct nats_desk *desk, struct engine_delivery *d,
                       enum nats_settlement settlement, uint32_t after_ms)
{
    uv_mutex_lock(&desk->mutex);
    d->settlement = settlement;
    d->is_held = settlement == NATS_UNSETTLED;
    d->after_ms = after_ms;
    if (list_empty(&d->settled))
        list_put_last(&desk->settled, &d->settled);
    uv_mutex_unlock(&desk->mutex);
    nats_desk_wake(desk);
}
