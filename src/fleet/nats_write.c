/* SPDX-License-Identifier: MIT */
/* Writes and removals.
 *
 * "Only if absent" is asked as "the last sequence of this subject is 0", which servers of 2.9
 * decide in the order of the log, exactly; for other sequences they do not. When nobody leads a
 * stream the server says so at once, and nothing was written: the write waits a little and is sent
 * again, as long as its time lasts. What was sent and not answered may have been done, and is
 * told as unknown. */
#include "fleet/nats_core.h"

#include <stdlib.h>

enum { AGAIN_MS = 100, GATHER_MS = 50, REMOVE_AGAIN_MS = 1000, ATTEMPTS_MAX = 10 };

/* Of JetStream's errors. */
enum {
    JS_NO_RESOURCES = 10023,
    JS_NO_MEMORY = 10028,
    JS_NO_STORAGE = 10047,
    JS_WRONG_SEQUENCE = 10071,
    JS_STORE_FAILED = 10077, /* for max_bytes, "maximum bytes exceeded" */
    JS_WRONG_SEQUENCE_TOO = 10164
};

/* --- writes --- */

static void tell(struct nats_core *c, struct nats_write *w, enum engine_result result)
{
    w->result = result;
    nats_desk_tell(c->desk, &w->event);
}

static bool is_late(const struct nats_core *c, const struct nats_write *w)
{
    return c->now_ms >= w->asked_ms + ENGINE_ANSWER_MS;
}

static enum engine_result result_of(const struct nats_answer *a)
{
    switch (a->code) {
    case 0: {
        int duplicate = json_member(a->json, JSON_ROOT, "duplicate");
        bool is = duplicate != JSON_NONE && str_eq(json_scalar(a->json, duplicate), STR("true"));
        return is ? ENGINE_DUPLICATE : ENGINE_DONE;
    }
    case JS_WRONG_SEQUENCE:
    case JS_WRONG_SEQUENCE_TOO:
        return ENGINE_PRESENT;
    case JS_NO_RESOURCES:
    case JS_NO_MEMORY:
    case JS_NO_STORAGE:
    case JS_STORE_FAILED:
        return ENGINE_FULL;
    }
    return ENGINE_UNKNOWN;
}

static struct nats_write *write_at(struct list *node)
{
    return CONTAINER_OF(node, struct nats_write, event.link);
}

/* Where it was among those that wait: of one key the newest must be the last in the log. */
static void put_back(struct nats_core *c, struct nats_write *w)
{
    struct list *behind = c->writes.next;
    while (behind != &c->writes && write_at(behind)->order < w->order)
        behind = behind->next;
    list_put_last(behind, &w->event.link);
}

static void wait_again(struct nats_core *c, struct nats_write *w)
{
    put_back(c, w);
    c->writes_at_ms = c->now_ms + AGAIN_MS;
    nats_core_by(c, c->writes_at_ms);
}

/* Who writes and has no watch that tells so in time would go on by what another log said. */
static void note_number(struct nats_core *c, const struct nats_write *w, uint64_t number)
{
    if (number <= c->written[w->log])
        nats_watch_doubt(c, w->log);
    c->written[w->log] = number;
}

static void on_written(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_write *w = CONTAINER_OF(ask, struct nats_write, ask);
    c->in_flight--;
    if (a->is_refused) {
        tell(c, w, ENGINE_NO_RIGHT);
    } else if (!a->note || (!a->status && !a->json)) {
        nats_check_doubt(c);
        tell(c, w, ENGINE_UNKNOWN);
    } else if (a->status) {
        nats_check_doubt(c);
        is_late(c, w) ? tell(c, w, ENGINE_UNKNOWN) : wait_again(c, w);
    } else {
        enum engine_result result = result_of(a);
        if (result == ENGINE_DONE)
            note_number(c, w, nats_number(a->json, JSON_ROOT, "seq"));
        tell(c, w, result);
    }
}

/* false: the connection is lost, and the write waits for the next. */
static bool send_write(struct nats_core *c, struct nats_write *w)
{
    char stream[NATS_STREAM_MAX + 1];
    struct buf name = BUF_ON(stream);
    nats_log_stream(&name, str_of(c->options->fleet), w->log);
    struct nats_post post = { .subject = w->subject,
                              .body = w->body,
                              .once = w->once,
                              .stream = buf_cstr(&name),
                              .absent = w->absent };
    w->ask.on_answer = on_written;
    w->ask.ctx = c;
    if (nats_ask_send(&c->asks, &w->ask, c->link, &post, c->now_ms)) {
        c->in_flight++;
        return true;
    }
    if (nats_link_is_up(c->link)) {
        tell(c, w, ENGINE_UNKNOWN); /* larger than this server takes */
        return true;
    }
    put_back(c, w);
    return false;
}

static bool may_send(const struct nats_core *c)
{
    return c->link && c->now_ms >= c->writes_at_ms && c->in_flight < NATS_IN_FLIGHT_MAX;
}

static struct nats_write *first_write(const struct nats_core *c)
{
    return list_empty(&c->writes) ? NULL : write_at(c->writes.next);
}

static void expire(struct nats_core *c)
{
    struct nats_write *w;
    while ((w = first_write(c)) != NULL && is_late(c, w)) {
        list_remove(&w->event.link);
        tell(c, w, ENGINE_UNKNOWN);
    }
}

void nats_write_turn(struct nats_core *c)
{
    struct nats_write *w;
    expire(c); /* first: one that was told as unknown must not be written after that */
    for (struct list *n = c->writes.next, *next; n != &c->writes && may_send(c); n = next) {
        next = n->next;
        w = write_at(n);
        if (!c->is_proved[w->log])
            continue;
        list_remove(n);
        if (!send_write(c, w))
            break;
    }
    w = first_write(c);
    if (w)
        nats_core_by(c, w->asked_ms + ENGINE_ANSWER_MS);
    if (w && c->writes_at_ms > c->now_ms)
        nats_core_by(c, c->writes_at_ms);
}

void nats_write_end(struct nats_core *c)
{
    struct nats_write *w;
    while ((w = first_write(c)) != NULL) {
        list_remove(&w->event.link);
        tell(c, w, ENGINE_UNKNOWN);
    }
}

/* --- removals: nobody waits for them, and many at once cost the servers a fifth --- */

static void free_remove(struct nats_core *c, struct nats_remove *r)
{
    uv_mutex_lock(&c->desk->mutex);
    c->desk->remove_count--;
    uv_mutex_unlock(&c->desk->mutex);
    free(r);
}

static void on_removed(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_remove *r = CONTAINER_OF(ask, struct nats_remove, ask);
    list_remove(&r->link);
    bool again = !a->is_refused && (!a->note || a->status);
    if (again && ++r->attempts < ATTEMPTS_MAX) {
        list_put_last(&c->removes, &r->link);
        c->removes_at_ms = c->now_ms + REMOVE_AGAIN_MS;
    } else {
        free_remove(c, r);
    }
}

static bool send_remove(struct nats_core *c, struct nats_remove *r)
{
    char body[NATS_SUBJECT_MAX + 32];
    struct buf to = BUF_ON(r->request), filter = BUF_ON(body);
    buf_put(&to, STR("$JS.API.STREAM.PURGE."));
    nats_log_stream(&to, str_of(c->options->fleet), r->log);
    buf_printf(&filter, "{\"filter\":\"%s\"}", r->subject);
    struct nats_post post = { .subject = buf_cstr(&to), .body = buf_str(&filter) };
    r->ask.on_answer = on_removed;
    r->ask.ctx = c;
    return nats_ask_send(&c->asks, &r->ask, c->link, &post, c->now_ms);
}

/* Are those due that there are? */
static bool may_remove(struct nats_core *c)
{
    if (!c->link || list_empty(&c->removes))
        return false;
    if (!c->removes_at_ms)
        c->removes_at_ms = c->now_ms + GATHER_MS;
    if (c->now_ms < c->removes_at_ms && !c->is_closing) {
        nats_core_by(c, c->removes_at_ms);
        return false;
    }
    c->removes_at_ms = 0;
    return true;
}

void nats_remove_turn(struct nats_core *c)
{
    struct list now, *n;
    list_init(&now);
    if (may_remove(c))
        list_move_all(&now, &c->removes);
    while ((n = list_pop_first(&now)) != NULL) {
        struct nats_remove *r = CONTAINER_OF(n, struct nats_remove, link);
        bool sent = c->is_proved[r->log] && send_remove(c, r);
        list_put_last(sent ? &c->removing : &c->removes, &r->link);
        if (!sent)
            c->removes_at_ms = c->now_ms + REMOVE_AGAIN_MS;
    }
}

void nats_remove_end(struct nats_core *c)
{
    struct list *n;
    list_move_all(&c->removes, &c->removing);
    while ((n = list_pop_first(&c->removes)) != NULL)
        free_remove(c, CONTAINER_OF(n, struct nats_remove, link));
}
