/* SPDX-License-Identifier: MIT */
/* The queue of what arrived. Who puts into a full one waits, so that its socket is not read, until
 * the engine has taken something or closes. */
#include "fleet/nats_note.h"

#include <stdlib.h>

enum { NOTES_MAX = 8192, NOTES_BYTES = 16 << 20 };

bool nats_notes_init(struct nats_notes *q)
{
    *q = (struct nats_notes) { .count = 0 };
    list_init(&q->list);
    if (uv_mutex_init(&q->mutex))
        return false;
    if (!uv_cond_init(&q->changed))
        return true;
    uv_mutex_destroy(&q->mutex);
    return false;
}

void nats_notes_deinit(struct nats_notes *q)
{
    for (struct nats_note *n; (n = nats_notes_take(q)) != NULL;)
        nats_note_free(n);
    uv_cond_destroy(&q->changed);
    uv_mutex_destroy(&q->mutex);
}

bool nats_notes_put(struct nats_notes *q, struct nats_note *n)
{
    uv_mutex_lock(&q->mutex);
    while (!q->is_closing && (q->count >= NOTES_MAX || q->bytes >= NOTES_BYTES))
        uv_cond_wait(&q->changed, &q->mutex);
    bool wanted = !q->is_closing;
    if (wanted) {
        list_put_last(&q->list, &n->event.link);
        q->count++;
        q->bytes += n->event.bytes;
    }
    uv_mutex_unlock(&q->mutex);
    if (!wanted)
        nats_note_free(n);
    return wanted;
}

struct nats_note *nats_notes_take(struct nats_notes *q)
{
    uv_mutex_lock(&q->mutex);
    struct list *node = list_pop_first(&q->list);
    struct nats_note *n = node ? CONTAINER_OF(node, struct nats_note, event.link) : NULL;
    if (n) {
        q->count--;
        q->bytes -= n->event.bytes;
        uv_cond_broadcast(&q->changed);
    }
    uv_mutex_unlock(&q->mutex);
    return n;
}

void nats_notes_close(struct nats_notes *q)
{
    uv_mutex_lock(&q->mutex);
    q->is_closing = true;
    uv_cond_broadcast(&q->changed);
    uv_mutex_unlock(&q->mutex);
}

void nats_note_free(struct nats_note *n)
{
    if (!n)
        return;
    nats_message_free(n->message);
    free(n);
}

/* Permissions Violation for Publish to "a.b.c" */
static str refused_subject(str error)
{
    if (!str_starts(error, STR("Permissions Violation")) &&
        !str_starts(error, STR("permissions violation")))
        return (str) { 0 };
    str quoted = str_skip(error, str_find(error, '"'));
    return quoted.len ? str_cut(str_skip(quoted, 1), str_find(str_skip(quoted, 1), '"')) : quoted;
}

struct nats_note *nats_note_refusal(const char *error)
{
    str subject = refused_subject(str_of(error));
    struct nats_note *n = subject.len ? calloc(1, sizeof *n + subject.len + 1) : NULL;
    if (!n)
        return NULL;
    char *at = (char *)(n + 1);
    n->subject = str_keep(&at, subject);
    n->is_refusal = true;
    n->event.bytes = subject.len;
    return n;
}
