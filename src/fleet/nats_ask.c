/* SPDX-License-Identifier: MIT */
/* An ask's number is the last word of its reply subject, in hex. */
#include "fleet/nats_ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "fleet/nats_link.h"

enum { TOKENS = 64, TEXT = 1024 }; /* answers to writes fit; for longer ones memory is asked for */

void nats_asks_init(struct nats_asks *asks)
{
    list_init(&asks->waiting);
    table_init(&asks->by_id, (struct alloc) { 0 }, 0);
}

void nats_asks_deinit(struct nats_asks *asks)
{
    table_deinit(&asks->by_id);
}

bool nats_ask_send(struct nats_asks *asks, struct nats_ask *ask, struct nats_link *link,
                   struct nats_post *post, uint64_t now_ms)
{
    char reply[NATS_INBOX_MAX + 32];
    ask->id = ++asks->last_id;
    snprintf(reply, sizeof reply, "%.*s.r.%llx", STR_ARG(nats_link_inbox(link)),
             (unsigned long long)ask->id);
    post->reply = reply;
    bool sent = nats_link_send(link, post);
    post->reply = NULL;
    if (!sent)
        return false;
    ask->subject = str_of(post->subject);
    ask->deadline_ms = now_ms + ENGINE_ANSWER_MS;
    list_put_last(&asks->waiting, &ask->link);
    table_put(&asks->by_id, &ask->node, ask->id);
    return true;
}

static bool is_waiting(const struct nats_ask *ask)
{
    return ask->link.next && !list_empty(&ask->link);
}

void nats_ask_forget(struct nats_asks *asks, struct nats_ask *ask)
{
    if (!is_waiting(ask))
        return;
    list_remove(&ask->link);
    table_remove(&asks->by_id, &ask->node);
}

static void answer(struct nats_asks *asks, struct nats_ask *ask, const struct nats_answer *a)
{
    nats_ask_forget(asks, ask);
    ask->on_answer(ask->ctx, ask, a);
}

/* --- JSON --- */

static void read_error(struct nats_answer *a)
{
    struct json *j = a->json;
    int error = json_member(j, JSON_ROOT, "error");
    if (error == JSON_NONE || json_type(j, error) != JSON_OBJECT)
        return;
    int code = json_member(j, error, "err_code");
    str digits = code == JSON_NONE ? (str) { 0 } : json_scalar(j, code);
    char text[16];
    str_copy(text, sizeof text, digits);
    a->code = atoi(text) ? atoi(text) : -1;
    a->text = json_member_text(j, error, "description");
}

struct room {
    char text[TEXT];
    struct json_token tokens[TOKENS];
    char *more_text;
    struct json_token *more_tokens;
};

/* false: not JSON, or no memory. */
static bool parse(struct json *j, struct room *room, str body)
{
    char *text = room->text;
    if (body.len > TEXT && (text = room->more_text = malloc(body.len)) == NULL)
        return false;
    memcpy(text, body.ptr, body.len);
    int r = json_parse(j, text, body.len, room->tokens, TOKENS, NULL);
    if (r != JSON_NEED_TOKENS)
        return r == JSON_OK;
    size_t needed = j->tokens_needed;
    room->more_tokens = calloc(needed, sizeof *room->more_tokens);
    return room->more_tokens &&
           json_parse(j, text, body.len, room->more_tokens, needed, NULL) == JSON_OK;
}

static void answer_with(struct nats_asks *asks, struct nats_ask *ask, const struct nats_note *n)
{
    struct nats_answer a = { .note = n, .status = n->status };
    struct room room;
    struct json j = { 0 };
    room.more_text = NULL;
    room.more_tokens = NULL;
    if (n->body.len && parse(&j, &room, n->body)) {
        a.json = &j;
        read_error(&a);
    }
    answer(asks, ask, &a);
    free(room.more_text);
    free(room.more_tokens);
}

/* --- who is answered --- */

static struct nats_ask *find(const struct nats_asks *asks, uint64_t id)
{
    struct table_node *node = table_first(&asks->by_id, id);
    return node ? CONTAINER_OF(node, struct nats_ask, node) : NULL;
}

bool nats_asks_answer(struct nats_asks *asks, const struct nats_note *n, str replies)
{
    char word[20], *end;
    if (!str_starts(n->subject, replies) || !ascii_is_hex(n->subject.ptr[replies.len]))
        return false;
    str_copy(word, sizeof word, str_skip(n->subject, replies.len));
    uint64_t id = strtoull(word, &end, 16);
    struct nats_ask *ask = *end ? NULL : find(asks, id);
    if (ask)
        answer_with(asks, ask, n);
    return *end == '\0';
}

bool nats_asks_refuse(struct nats_asks *asks, const struct nats_note *n)
{
    const struct nats_answer a = { .note = n, .is_refused = true };
    for (struct list *l = asks->waiting.next; l != &asks->waiting; l = l->next) {
        struct nats_ask *ask = CONTAINER_OF(l, struct nats_ask, link);
        if (!str_eq(ask->subject, n->subject))
            continue;
        answer(asks, ask, &a);
        return true;
    }
    return false;
}

void nats_asks_expire(struct nats_asks *asks, uint64_t now_ms)
{
    const struct nats_answer none = { 0 };
    while (nats_asks_next_ms(asks) <= now_ms && !list_empty(&asks->waiting))
        answer(asks, CONTAINER_OF(asks->waiting.next, struct nats_ask, link), &none);
}

uint64_t nats_asks_next_ms(const struct nats_asks *asks)
{
    if (list_empty(&asks->waiting))
        return UINT64_MAX;
    return CONTAINER_OF(asks->waiting.next, struct nats_ask, link)->deadline_ms;
}
