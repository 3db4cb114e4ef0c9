/* SPDX-License-Identifier: MIT */
/* Watches: for each a consumer of its own, in the server's memory, that pushes all messages of its
 * log in order and then a heartbeat each second. A gap in its numbers, or silence, ends it, and a
 * new one begins from the start: the one before is deleted, and known as old by its name.
 *
 * The server wants somebody subscribed to exactly the subject that a consumer pushes to, and its
 * heartbeats name nothing else; so the watches of a log take turns with a few subjects. */
#include "fleet/nats_core.h"

#include <stdio.h>

enum {
    SUBJECTS = 8,
    SILENCE_MS = 4000,
    AGAIN_MS = 250,
    AGAIN_MOST_MS = 5000,
    HEARTBEAT_NS = 1000000000
};

static void on_made(void *ctx, struct nats_ask *ask, const struct nats_answer *a);

static void put_inbox(struct nats_core *c, struct buf *out, const struct nats_watch *w)
{
    buf_printf(out, "%.*s.v%d.%u", STR_ARG(nats_link_inbox(c->link)), (int)w->log,
               w->number % SUBJECTS);
}

/* --- begin and end --- */

static void delete_consumer(struct nats_core *c, enum engine_log log, str consumer)
{
    char text[NATS_STREAM_MAX + 128], reply[NATS_INBOX_MAX + 16];
    struct buf subject = BUF_ON(text), to = BUF_ON(reply);
    buf_put(&subject, STR("$JS.API.CONSUMER.DELETE."));
    nats_log_stream(&subject, str_of(c->options->fleet), log);
    buf_printf(&subject, ".%.*s", STR_ARG(consumer));
    buf_printf(&to, "%s0", c->replies); /* the server answers none without a reply; nobody waits */
    const struct nats_post post = { .subject = buf_cstr(&subject), .reply = buf_cstr(&to) };
    if (c->link)
        nats_link_send(c->link, &post);
}

static void stop(struct nats_core *c, struct nats_watch *w)
{
    if (w->request.is_out)
        nats_ask_forget(&c->asks, &w->request.ask);
    if (w->is_running)
        delete_consumer(c, w->log, str_of(w->consumer));
    w->request.is_out = w->is_running = w->must_tell_caught_up = w->is_caught_up = false;
}

/* And again soon. */
static void fail(struct nats_core *c, struct nats_watch *w)
{
    stop(c, w);
    w->again_ms = c->now_ms + nats_core_pause_ms(w->failures++, AGAIN_MS, AGAIN_MOST_MS);
    nats_core_by(c, w->again_ms);
}

void nats_watch_doubt(struct nats_core *c, enum engine_log log)
{
    if (c->watches[log].is_running)
        fail(c, &c->watches[log]);
}

static void put_config(struct nats_core *c, struct nats_watch *w, struct buf *body, str deliver)
{
    buf_put(body, STR("{\"stream_name\":\""));
    nats_log_stream(body, str_of(c->options->fleet), w->log);
    buf_printf(body, "\",\"config\":{\"name\":\"%s\",\"deliver_subject\":\"%.*s\",", w->consumer,
               STR_ARG(deliver));
    buf_put(body, STR("\"filter_subject\":\""));
    nats_log_subject(body, str_of(c->options->fleet), w->log, str_of(w->wish.prefix));
    if (w->wish.prefix[0])
        buf_put_char(body, '.');
    buf_printf(body,
               ">\",\"deliver_policy\":\"all\",\"ack_policy\":\"none\",\"max_deliver\":1,"
               "\"flow_control\":true,\"idle_heartbeat\":%d,\"num_replicas\":1,"
               "\"mem_storage\":true}}",
               HEARTBEAT_NS);
}

static void start(struct nats_core *c, struct nats_watch *w)
{
    char deliver[NATS_INBOX_MAX + 32], text[NATS_BODY_MAX];
    struct buf to = BUF_ON(deliver), body = BUF_ON(text);
    w->number++;
    put_inbox(c, &to, w);
    snprintf(w->consumer, sizeof w->consumer, "watch_%.*s_%d_%u",
             STR_ARG(str_skip(nats_link_inbox(c->link), strlen("_INBOX."))), (int)w->log,
             w->number);
    put_config(c, w, &body, buf_str(&to));
    w->sequence = 0;
    w->heard_ms = c->now_ms;
    w->is_running = true;
    if (!nats_link_subscribe(c->link, buf_cstr(&to)) ||
        !nats_core_ask(c, &w->request, "CONSUMER.CREATE", w->log, str_of(w->consumer),
                       buf_str(&body), on_made))
        fail(c, w);
}

static struct nats_watch *watch_of_request(struct nats_core *c, struct nats_ask *ask)
{
    for (int log = 0; log < NATS_LOGS; log++)
        if (&c->watches[log].request.ask == ask)
            return &c->watches[log];
    return NULL;
}

static void catch_up(struct nats_watch *w)
{
    w->must_tell_caught_up = w->must_tell_caught_up || !w->is_caught_up;
    w->is_caught_up = true;
    w->failures = 0;
}

static void on_made(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_watch *w = watch_of_request(c, ask);
    w->request.is_out = false;
    if (a->is_refused) {
        nats_check_refused(c, ask->subject);
        fail(c, w);
    } else if (!a->json || a->code) {
        nats_check_doubt(c);
        fail(c, w);
    } else if (nats_number(a->json, JSON_ROOT, "num_pending") == 0) {
        catch_up(w);
    }
}

/* --- what comes --- */

static struct nats_watch *watch_of_consumer(struct nats_core *c, str consumer)
{
    for (int log = 0; log < NATS_LOGS; log++)
        if (c->watches[log].is_running && str_eq(str_of(c->watches[log].consumer), consumer))
            return &c->watches[log];
    return NULL;
}

bool nats_watch_message(struct nats_core *c, struct nats_note *n, const struct nats_place *p)
{
    struct nats_watch *w = watch_of_consumer(c, p->consumer);
    if (!w)
        return false;
    w->heard_ms = c->now_ms;
    if (p->consumer_sequence != w->sequence + 1) {
        fail(c, w);
        return false;
    }
    w->sequence = p->consumer_sequence;
    n->log = w->log;
    n->generation = w->wish.generation;
    n->sequence = p->sequence;
    n->key = nats_log_key(str_of(c->options->fleet), w->log, n->subject);
    if (p->pending == 0)
        catch_up(w);
    if (!n->key.len)
        return false;
    n->event.kind = NATS_SEEN;
    nats_desk_tell(c->desk, &n->event);
    return true;
}

static struct nats_watch *watch_of_subject(struct nats_core *c, str subject)
{
    for (int log = 0; log < NATS_LOGS; log++) {
        char text[NATS_INBOX_MAX + 32];
        struct buf at = BUF_ON(text);
        struct nats_watch *w = &c->watches[log];
        put_inbox(c, &at, w);
        if (w->is_running && str_eq(buf_str(&at), subject))
            return w;
    }
    return NULL;
}

static void say_we_follow(struct nats_core *c, str to)
{
    char reply[256];
    if (!to.len || to.len >= sizeof reply)
        return;
    str_copy(reply, sizeof reply, to);
    nats_core_post(c, reply, (str) { 0 });
}

/* Heartbeats, and the question whether we still follow, which is answered when all before it has
 * gone to the loop. A consumer that waits for that answer tells what it has sent so far, which is
 * not all that there is. */
bool nats_watch_status(struct nats_core *c, const struct nats_note *n)
{
    struct nats_watch *w = watch_of_subject(c, n->subject);
    if (n->status == 100)
        say_we_follow(c, n->stalled.len ? n->stalled : n->reply);
    if (!w)
        return false;
    w->heard_ms = c->now_ms;
    if (n->last_seen == UINT64_MAX)
        return true;
    if (n->last_seen != w->sequence)
        fail(c, w);
    else if (!n->stalled.len)
        catch_up(w);
    return true;
}

/* --- turns --- */

static void take_wish(struct nats_core *c, struct nats_watch *w)
{
    struct nats_wish wish;
    uv_mutex_lock(&c->desk->mutex);
    wish = c->desk->watches[w->log];
    uv_mutex_unlock(&c->desk->mutex);
    if (wish.generation == w->wish.generation)
        return;
    stop(c, w);
    w->wish = wish;
    w->again_ms = 0;
}

static void watch_turn(struct nats_core *c, struct nats_watch *w)
{
    take_wish(c, w);
    if (!w->wish.is_wanted || !c->is_proved[w->log])
        return;
    if (w->is_running && c->now_ms >= w->heard_ms + SILENCE_MS)
        fail(c, w);
    if (!w->is_running && c->now_ms >= w->again_ms)
        start(c, w);
    if (w->must_tell_caught_up && nats_desk_tell_caught_up(c->desk, w->log, w->wish.generation))
        w->must_tell_caught_up = false;
    nats_core_by(c, w->is_running ? w->heard_ms + SILENCE_MS : w->again_ms);
}

void nats_watch_turn(struct nats_core *c)
{
    for (int log = 0; log < NATS_LOGS; log++)
        watch_turn(c, &c->watches[log]);
}

/* With the link its consumers go by themselves. */
void nats_watch_lost(struct nats_core *c)
{
    for (int log = 0; log < NATS_LOGS; log++) {
        struct nats_watch *w = &c->watches[log];
        stop(c, w);
        w->again_ms = 0;
        w->failures = 0;
    }
}
