/* SPDX-License-Identifier: MIT */
/* One web service, and the jobs that it has: each is a run of webhook_run.c's. Closing stops them
 * all, and stops those again that are left at the deadline; when the last has gone the client
 * goes. */
#include "handler/webhook.h"

#include <stdlib.h>

#include "aws/digest.h"
#include "base/log.h"
#include "handler/webhook_run.h"

enum { GIVE_UP_MS = 600000, BACKOFF_MS = 1000, RESULT_MS = 3600000 };

static struct webhook *webhook_of(struct handler *handler)
{
    return CONTAINER_OF(handler, struct webhook, handler);
}

static struct webhook_run *run_of(struct list *link)
{
    return CONTAINER_OF(link, struct webhook_run, link);
}

/* --- close --- */

static void on_client_closed(void *ctx)
{
    struct webhook *w = ctx;
    void (*closed)(void *ctx) = w->closed;
    void *closed_ctx = w->ctx;
    digest_wipe(w, sizeof *w);
    free(w);
    if (closed)
        closed(closed_ctx);
}

void webhook_on_run_end(struct webhook *w)
{
    if (!w->closing || !list_empty(&w->runs) || !w->deadline.timers)
        return;
    timer_deinit(&w->deadline);
    http_client_close(w->client, on_client_closed, w);
}

static void on_deadline(struct timer *deadline)
{
    struct webhook *w = CONTAINER_OF(deadline, struct webhook, deadline);
    for (struct list *l = w->runs.next; l != &w->runs; l = l->next)
        webhook_run_stop(run_of(l)); /* again */
}

static void stop_others(struct webhook *w)
{
    for (struct list *l = w->runs.next; l != &w->runs; l = l->next)
        if (!run_of(l)->stopping)
            webhook_run_stop(run_of(l));
}

static void close_all(struct handler *self, uint32_t deadline_ms, void (*closed)(void *ctx),
                      void *ctx)
{
    struct webhook *w = webhook_of(self);
    w->closing = true;
    w->closed = closed;
    w->ctx = ctx;
    stop_others(w);
    timer_set(&w->deadline, webhook_after_ms(deadline_ms));
    webhook_on_run_end(w);
}

/* --- open --- */

static int start(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx)
{
    struct webhook_run *run;
    int r = webhook_run_start(&run, webhook_of(self), in, events, ctx);
    if (!r)
        *out = &run->run;
    return r;
}

static void stop(struct handler *self, struct handler_run *run)
{
    webhook_run_stop(CONTAINER_OF(run, struct webhook_run, run));
}

static struct webhook *webhook_new(const struct webhook_options *o)
{
    struct webhook *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->handler = (struct handler) { .start = start, .stop = stop, .close = close_all };
    w->callbacks = o->callbacks;
    w->rng.state = o->seed;
    w->timeout_ms = o->timeout_ms;
    w->give_up_ms = o->give_up_ms ? o->give_up_ms : GIVE_UP_MS;
    w->backoff_ms = o->backoff_ms ? o->backoff_ms : BACKOFF_MS;
    w->result_ms = o->result_ms ? o->result_ms : RESULT_MS;
    list_init(&w->runs);
    hmac_key_set(&w->key, o->key);
    return w;
}

int webhook_open(struct handler **out, struct uv_loop_s *loop, const struct webhook_options *o,
                 struct pipepoll_error *why)
{
    const struct http_client_options client = { .url = o->url,
                                                .ca_bundle = o->ca_bundle,
                                                .max_connections = o->max_connections };
    if (o->key.len < WEBHOOK_KEY_LEN_MIN)
        return explain(why, PIPEPOLL_EINVAL, "the key has %zu bytes, and needs %d or more",
                       o->key.len, WEBHOOK_KEY_LEN_MIN);
    struct webhook *w = webhook_new(o);
    if (!w)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = http_client_open(&w->client, loop, &client, why);
    if (!r && timer_init(&w->deadline, http_client_timers(w->client), on_deadline)) {
        http_client_close(w->client, on_client_closed, w);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    if (r)
        on_client_closed(w);
    else
        *out = &w->handler;
    return r;
}
