/* SPDX-License-Identifier: MIT */
/* A question is a client id, the look-ups that wait for its token, and the run that is to tell it;
 * a second look-up for the same client id joins it. Questions beyond the bound of runs wait in
 * turn. They are bounded by their look-ups, whose memory is the callers'. */
#include "handler/token_questions.h"

#include <stdlib.h>

#include <uv.h>

#include "handler/token_file.h"

enum { MAX_RUNS = 4, TTL_MS = 300000, UNKNOWN_TTL_MS = 30000, MAX_ENTRIES = 10000 };

static uint64_t now_ms(const struct token_questions *s)
{
    uv_update_time(s->loop);
    return uv_now(s->loop);
}

static struct token_question *question_of(struct list *link)
{
    return CONTAINER_OF(link, struct token_question, link);
}

/* --- one question --- */

void token_question_free(struct token_question *q)
{
    explicit_bzero(q, q->questions->size);
    free(q);
}

static void take_out(struct token_question *q)
{
    table_remove(&q->questions->table, &q->node);
    list_remove(&q->link);
}

static struct token_question *find(const struct token_questions *s, str client_id)
{
    struct table_node *n = table_first(&s->table, table_hash(s->table.seed, client_id));
    for (; n; n = table_next(n)) {
        struct token_question *q = CONTAINER_OF(n, struct token_question, node);
        if (str_eq(q->client_id, client_id))
            return q;
    }
    return NULL;
}

static struct token_question *ask(struct token_questions *s, str client_id)
{
    struct token_question *q = calloc(1, s->size + client_id.len + 1);
    if (!q)
        return NULL;
    char *at = (char *)q + s->size;
    q->client_id = str_keep(&at, client_id);
    q->questions = s;
    list_init(&q->waiting);
    list_init(&q->link);
    table_put(&s->table, &q->node, table_hash(s->table.seed, client_id));
    list_put_last(&s->queue, &q->link);
    return q;
}

/* Its look-ups may ask again, of the cache or by a new question: this one is out of the table. */
static void tell(struct token_question *q, enum token_found found, str token, const char *why)
{
    struct list *link;
    take_out(q);
    while ((link = list_pop_first(&q->waiting))) {
        struct token_lookup *l = CONTAINER_OF(link, struct token_lookup, link);
        l->on_done(l, found, token, why);
    }
    token_question_free(q);
}

/* --- runs --- */

static void run_next(struct token_questions *s)
{
    while (s->runs_left && !list_empty(&s->queue)) {
        struct token_question *q = question_of(list_pop_first(&s->queue));
        if (!s->run(q)) {
            tell(q, TOKEN_UNAVAILABLE, (str) { NULL, 0 }, "out of memory");
            continue;
        }
        q->is_running = true;
        s->runs_left--;
        list_put_last(&s->running, &q->link);
    }
}

void token_question_answer(struct token_question *q, enum token_found found, str token,
                           const char *why)
{
    struct token_questions *s = q->questions;
    s->runs_left++;
    if (found != TOKEN_UNAVAILABLE)
        token_cache_put(&s->cache, q->client_id, token, now_ms(s));
    tell(q, found, token, why);
    run_next(s);
}

/* --- look-ups --- */

/* What would be taken for an option, or holds what no client id does, is nobody's. */
static bool may_be_client(str id)
{
    return token_is_right(id) && id.len <= CLIENT_ID_LEN_MAX && id.ptr[0] != '-';
}

void token_questions_get(struct token_questions *s, struct token_lookup *l, str client_id,
                         bool refresh)
{
    str token = { NULL, 0 };
    if (refresh)
        token_cache_forget(&s->cache, client_id);
    enum token_cached cached = token_cache_get(&s->cache, client_id, now_ms(s), &token);
    if (cached == TOKEN_CACHED_UNKNOWN || !may_be_client(client_id)) {
        l->on_done(l, TOKEN_UNKNOWN, token, "");
        return;
    }
    if (cached == TOKEN_CACHED) {
        char room[TOKEN_LEN_MAX]; /* the cache may change while it is told */
        str kept = { memcpy(room, token.ptr, token.len), token.len };
        l->on_done(l, TOKEN_FOUND, kept, "");
        explicit_bzero(room, sizeof room);
        return;
    }
    struct token_question *q = find(s, client_id);
    if (!q)
        q = ask(s, client_id);
    if (!q) {
        l->on_done(l, TOKEN_UNAVAILABLE, token, "out of memory");
        return;
    }
    list_put_last(&q->waiting, &l->link);
    run_next(s);
}

/* --- from init to deinit --- */

void token_questions_init(struct token_questions *s, const struct token_source_options *o)
{
    s->runs_left = o->max_runs ? o->max_runs : MAX_RUNS;
    list_init(&s->queue);
    list_init(&s->running);
    table_init(&s->table, (struct alloc) { 0 }, o->seed);
    token_cache_init(&s->cache, o->max_entries ? o->max_entries : MAX_ENTRIES,
                     o->ttl_ms ? o->ttl_ms : TTL_MS,
                     o->unknown_ttl_ms ? o->unknown_ttl_ms : UNKNOWN_TTL_MS, o->seed);
}

struct token_question *token_questions_drop(struct token_questions *s)
{
    struct list *from = list_empty(&s->queue) ? &s->running : &s->queue;
    if (list_empty(from))
        return NULL;
    struct token_question *q = question_of(from->next);
    take_out(q);
    while (list_pop_first(&q->waiting)) {
    }
    return q;
}

void token_questions_deinit(struct token_questions *s)
{
    token_cache_deinit(&s->cache);
    table_deinit(&s->table);
}
