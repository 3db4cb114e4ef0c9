/* SPDX-License-Identifier: MIT */
/* Deliveries that are settled: the server is told until it confirms, or until it would have given
 * the job to another by itself. */
#include "fleet/nats_core.h"

#include <inttypes.h>
#include <stdlib.h>

enum { AGAIN_MS = 500 };

static void end(struct nats_core *c, struct engine_delivery *d)
{
    c->settling--;
    list_remove(&d->mine);
    free(d);
}

/* The loop has no part in it any more, so its link is free for a list of the thread's. */
static void again(struct nats_core *c, struct engine_delivery *d)
{
    d->again_ms = c->now_ms + AGAIN_MS;
    list_put_last(&c->unconfirmed, &d->settled);
    nats_core_by(c, d->again_ms);
}

static void on_settled(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct engine_delivery *d = CONTAINER_OF(ask, struct engine_delivery, ask);
    bool is_confirmed = a->is_refused || (a->note && !a->status);
    if (is_confirmed || c->now_ms >= d->until_ms)
        end(c, d);
    else
        again(c, d);
}

static void put_word(struct buf *out, const struct engine_delivery *d)
{
    if (d->settlement == NATS_DONE)
        buf_put(out, STR("+ACK"));
    else if (d->after_ms)
        buf_printf(out, "-NAK {\"delay\": %" PRIu64 "}", (uint64_t)d->after_ms * 1000000);
    else
        buf_put(out, STR("-NAK"));
}

static void settle(struct nats_core *c, struct engine_delivery *d)
{
    char text[64];
    struct buf word = BUF_ON(text);
    put_word(&word, d);
    struct nats_post post = { .subject = d->reply, .body = buf_str(&word) };
    d->ask.on_answer = on_settled;
    d->ask.ctx = c;
    bool is_up = c->link && nats_link_is_up(c->link);
    if (is_up && nats_ask_send(&c->asks, &d->ask, c->link, &post, c->now_ms))
        return;
    if (c->now_ms >= d->until_ms)
        end(c, d);
    else
        again(c, d);
}

static void let_go(struct nats_core *c, struct engine_delivery *d)
{
    d->is_let_go = true;
    d->until_ms = c->now_ms + ENGINE_HOLD_MS;
    c->pulls[d->pull].in_hand--;
    c->settling++;
}

static void settle_late_ones(struct nats_core *c)
{
    struct list now, *n;
    list_init(&now);
    list_move_all(&now, &c->unconfirmed);
    while ((n = list_pop_first(&now)) != NULL) {
        struct engine_delivery *d = CONTAINER_OF(n, struct engine_delivery, settled);
        if (c->now_ms >= d->again_ms) {
            settle(c, d);
            continue;
        }
        list_put_last(&c->unconfirmed, &d->settled);
        nats_core_by(c, d->again_ms);
    }
}

void nats_settle_linked(struct nats_core *c)
{
    for (struct list *n = c->unconfirmed.next; n != &c->unconfirmed; n = n->next)
        CONTAINER_OF(n, struct engine_delivery, settled)->again_ms = 0;
}

/* The next that the user spoke about; NULL: none. */
static struct engine_delivery *take(struct nats_desk *desk, bool *is_held)
{
    uv_mutex_lock(&desk->mutex);
    struct list *n = list_pop_first(&desk->settled);
    struct engine_delivery *d = n ? CONTAINER_OF(n, struct engine_delivery, settled) : NULL;
    if (d) {
        *is_held = d->is_held && d->settlement == NATS_UNSETTLED;
        d->is_held = false;
    }
    uv_mutex_unlock(&desk->mutex);
    return d;
}

void nats_settle_turn(struct nats_core *c)
{
    bool is_held;
    for (struct engine_delivery *d; (d = take(c->desk, &is_held)) != NULL;) {
        if (is_held) {
            nats_core_post(c, d->reply, STR("+WPI"));
            continue;
        }
        let_go(c, d);
        settle(c, d);
    }
    settle_late_ones(c);
}

/* The user is gone, and what he had goes to others. */
void nats_settle_end(struct nats_core *c)
{
    for (struct list *n = c->deliveries.next; n != &c->deliveries; n = n->next) {
        struct engine_delivery *d = CONTAINER_OF(n, struct engine_delivery, mine);
        if (!d->is_let_go)
            nats_core_post(c, d->reply, STR("-NAK"));
    }
}
