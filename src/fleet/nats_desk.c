/* SPDX-License-Identifier: MIT */
/* Two queues, and what bounds them: a write keeps its place from when it is asked for until it is
 * told of, so answers need no bound of their own; what is read is counted until the loop takes it.
 */
#include "fleet/nats_desk.h"

#include <stdlib.h>

uint64_t nats_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

int nats_desk_init(struct nats_desk *d)
{
    list_init(&d->writes);
    list_init(&d->removes);
    list_init(&d->settled);
    list_init(&d->left);
    list_init(&d->happened);
    for (size_t i = 0; i < ENGINE_PULLS; i++)
        d->pulls[i].is_idle = true;
    if (uv_mutex_init(&d->mutex))
        return PIPEPOLL_ENOMEM;
    if (!uv_cond_init(&d->changed))
        return PIPEPOLL_OK;
    uv_mutex_destroy(&d->mutex);
    return PIPEPOLL_ENOMEM;
}

void nats_write_free(struct nats_write *w)
{
    explicit_bzero(w, w->size);
    free(w);
}

void nats_desk_deinit(struct nats_desk *d)
{
    struct list *n;
    while ((n = list_pop_first(&d->writes)) != NULL)
        nats_write_free(CONTAINER_OF(n, struct nats_write, event.link));
    while ((n = list_pop_first(&d->removes)) != NULL)
        free(CONTAINER_OF(n, struct nats_remove, link));
    while ((n = list_pop_first(&d->happened)) != NULL)
        nats_event_free(d, CONTAINER_OF(n, struct nats_event, link));
    while ((n = list_pop_first(&d->left)) != NULL) {
        struct engine_delivery *left = CONTAINER_OF(n, struct engine_delivery, mine);
        nats_note_free(left->note);
        free(left);
    }
    uv_cond_destroy(&d->changed);
    uv_mutex_destroy(&d->mutex);
}

/* --- the thread's --- */

void nats_desk_wake(struct nats_desk *d)
{
    uv_mutex_lock(&d->mutex);
    d->is_woken = true;
    uv_cond_signal(&d->changed);
    uv_mutex_unlock(&d->mutex);
}

void nats_desk_wait(struct nats_desk *d, uint64_t until_ms)
{
    uv_mutex_lock(&d->mutex);
    for (uint64_t now_ms; !d->is_woken && (now_ms = nats_now_ms()) < until_ms;)
        uv_cond_timedwait(&d->changed, &d->mutex, (until_ms - now_ms) * 1000000);
    d->is_woken = false;
    uv_mutex_unlock(&d->mutex);
}

static bool is_read(const struct nats_event *e)
{
    return e->kind == NATS_SEEN || e->kind == NATS_PULLED;
}

void nats_desk_tell(struct nats_desk *d, struct nats_event *e)
{
    uv_mutex_lock(&d->mutex);
    bool was_empty = list_empty(&d->happened);
    list_put_last(&d->happened, &e->link);
    if (is_read(e)) {
        d->read_count++;
        d->read_bytes += e->bytes;
    }
    if (d->async && was_empty)
        uv_async_send(d->async);
    uv_mutex_unlock(&d->mutex);
}

/* One of a few words that may wait: NULL when they are too many. */
static void *new_word(struct nats_desk *d, size_t size)
{
    uv_mutex_lock(&d->mutex);
    void *word = d->word_count < NATS_WORDS_MAX ? calloc(1, size) : NULL;
    d->word_count += word != NULL;
    uv_mutex_unlock(&d->mutex);
    return word;
}

bool nats_desk_tell_state(struct nats_desk *d, enum engine_state state, const char *why)
{
    struct nats_state *s = new_word(d, sizeof *s);
    if (!s)
        return false;
    s->event.kind = NATS_STATE;
    s->state = state;
    str_copy(s->why, sizeof s->why, str_of(why));
    nats_desk_tell(d, &s->event);
    return true;
}

bool nats_desk_tell_caught_up(struct nats_desk *d, enum engine_log log, uint64_t generation)
{
    struct nats_caught_up *c = new_word(d, sizeof *c);
    if (!c)
        return false;
    c->event.kind = NATS_CAUGHT_UP;
    c->log = log;
    c->generation = generation;
    nats_desk_tell(d, &c->event);
    return true;
}

/* Under the mutex. */
static bool has_room(const struct nats_desk *d)
{
    return d->read_count < NATS_EVENTS_MAX && d->read_bytes < NATS_EVENT_BYTES;
}

bool nats_desk_has_room(struct nats_desk *d)
{
    uv_mutex_lock(&d->mutex);
    bool room = has_room(d);
    uv_mutex_unlock(&d->mutex);
    return room;
}

/* --- the loop's --- */

void nats_desk_take(struct nats_desk *d, struct list *events)
{
    uv_mutex_lock(&d->mutex);
    bool was_full = !has_room(d);
    list_move_all(events, &d->happened);
    d->read_count = d->read_bytes = d->word_count = 0;
    if (was_full) {
        d->is_woken = true;
        uv_cond_signal(&d->changed);
    }
    uv_mutex_unlock(&d->mutex);
}

static void free_write(struct nats_desk *d, struct nats_write *w)
{
    uv_mutex_lock(&d->mutex);
    d->write_count--;
    d->write_bytes -= w->event.bytes;
    uv_mutex_unlock(&d->mutex);
    nats_write_free(w);
}

void nats_event_free(struct nats_desk *d, struct nats_event *e)
{
    switch (e->kind) {
    case NATS_WRITTEN:
        free_write(d, CONTAINER_OF(e, struct nats_write, event));
        return;
    case NATS_SEEN:
        nats_note_free(CONTAINER_OF(e, struct nats_note, event));
        return;
    case NATS_STATE:
        free(CONTAINER_OF(e, struct nats_state, event));
        return;
    case NATS_CAUGHT_UP:
        free(CONTAINER_OF(e, struct nats_caught_up, event));
        return;
    case NATS_PULLED:
        return;
    }
}
