/* SPDX-License-Identifier: MIT */
/* A run reads the file of the bearer token, if there is one (it may be renewed at any time, by who
 * keeps it so), and then makes its call. It is never tried again here: whoever wants the token asks
 * again. What the service says is never quoted, for it may hold tokens. */
#include "handler/token_url.h"

#include <stdlib.h>

#include "aws/json.h"
#include "base/log.h"
#include "base/url.h"
#include "handler/http_client.h"
#include "handler/token_file.h"
#include "handler/token_questions.h"
#include "io/file.h"

enum {
    TIMEOUT_MS = 10000,
    STATUS_OK = 200,
    STATUS_UNKNOWN = 404,
    TOKENS = 64,
    TARGET_SIZE = 4096,
    BEARER_MAX = 2048
};

static const str mark = STR_INIT("{clientId}");

struct token_url {
    struct http_client *client;
    struct token_questions questions;
    char *bearer_file; /* NULL: none */
    uint32_t timeout_ms;
    unsigned leaving; /* calls that were stopped by the close, and end soon */
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

struct url_question {
    struct token_question question;
    struct http_call call;
    struct file_read read;
    bool is_calling; /* the file is read, or there is none */
    char target[TARGET_SIZE];
};

static struct token_url *owner(const struct url_question *q)
{
    return CONTAINER_OF(q->question.questions, struct token_url, questions);
}

/* --- the end --- */

static void url_free(struct token_url *u)
{
    token_questions_deinit(&u->questions);
    free(u->bearer_file);
    free(u);
}

static void on_client_closed(void *ctx)
{
    struct token_url *u = ctx;
    void (*closed)(void *ctx) = u->closed;
    void *closed_ctx = u->ctx;
    url_free(u);
    if (closed)
        closed(closed_ctx);
}

static void close_when_idle(struct token_url *u)
{
    if (u->closing && !u->leaving)
        http_client_close(u->client, on_client_closed, u);
}

static void question_end(struct url_question *q)
{
    http_call_deinit(&q->call);
    token_question_free(&q->question);
}

void token_url_close(struct token_url *u, void (*closed)(void *ctx), void *ctx)
{
    struct token_question *next;
    u->closing = true;
    u->closed = closed;
    u->ctx = ctx;
    while ((next = token_questions_drop(&u->questions))) {
        struct url_question *q = CONTAINER_OF(next, struct url_question, question);
        if (q->is_calling) {
            u->leaving++;
            http_call_stop(&q->call);
            continue;
        }
        file_read_forget(&q->read);
        question_end(q);
    }
    close_when_idle(u);
}

/* --- answers --- */

static void answer(struct url_question *q, enum token_found found, str token, const char *why)
{
    char room[TOKEN_LEN_MAX]; /* it lies in the call, which goes first */
    str kept = { room, token.len };
    if (token.len)
        memcpy(room, token.ptr, token.len);
    http_call_deinit(&q->call);
    token_question_answer(&q->question, found, kept, why);
    explicit_bzero(room, sizeof room);
}

static void be_unavailable(struct url_question *q, const char *what)
{
    struct pipepoll_error why;
    explain(&why, 0, "%.*s: %s", STR_ARG(http_client_host(owner(q)->client)), what);
    answer(q, TOKEN_UNAVAILABLE, (str) { NULL, 0 }, why.text);
}

/* Text, or "clientToken" of JSON. Empty: there is none. */
static str read_token(struct http_call *c)
{
    struct json_token tokens[TOKENS];
    struct json j;
    str text = str_trim((str) { c->answer, c->answer_len });
    if (!str_starts(text, STR("{")))
        return text;
    if (json_parse(&j, c->answer, c->answer_len, tokens, TOKENS, NULL))
        return STR("");
    return json_member_text(&j, JSON_ROOT, "clientToken");
}

static void take_token(struct url_question *q)
{
    str token = read_token(&q->call);
    if (token_is_right(token))
        answer(q, TOKEN_FOUND, token, "");
    else
        be_unavailable(q, "it answered 200 with something that is no token: that is one word of up "
                          "to 256 characters, or JSON with it as clientToken");
}

static void on_call_done(struct http_call *c)
{
    struct url_question *q = CONTAINER_OF(c, struct url_question, call);
    struct token_url *u = owner(q);
    char what[64];
    if (u->closing) {
        u->leaving--;
        question_end(q);
        close_when_idle(u);
    } else if (c->problem) {
        be_unavailable(q, c->quotes_answer ? "the answer is not HTTP, or broken" : c->problem);
    } else if (c->status == STATUS_OK) {
        take_token(q);
    } else if (c->status == STATUS_UNKNOWN) {
        answer(q, TOKEN_UNKNOWN, (str) { NULL, 0 }, "");
    } else {
        struct buf b = BUF_ON(what);
        buf_printf(&b, "it answered %d, and neither 200 nor 404", c->status);
        be_unavailable(q, buf_cstr(&b));
    }
}

/* --- runs --- */

/* Each mark of the URL becomes the client id. */
static str make_target(struct url_question *q)
{
    struct buf out = BUF_ON(q->target);
    str rest = http_client_target(owner(q)->client);
    while (rest.len) {
        if (str_starts(rest, mark)) {
            url_put_encoded(&out, q->question.client_id, "");
            rest = str_skip(rest, mark.len);
        } else {
            buf_put_char(&out, *rest.ptr);
            rest = str_skip(rest, 1);
        }
    }
    return out.overflow ? (str) { NULL, 0 } : buf_str(&out);
}

static void send_call(struct url_question *q)
{
    struct http_call *c = &q->call;
    c->method = STR("GET");
    c->target = make_target(q);
    c->timeout_ms = owner(q)->timeout_ms;
    c->on_done = on_call_done;
    http_call_put_header(c, "Accept", STR("application/json, text/plain"));
    q->is_calling = true;
    if (!c->target.len) /* it would be the URL's own */
        c->head.overflow = true;
    http_call_start(c);
}

static void on_read(struct file_read *read, int error, str text)
{
    struct url_question *q = CONTAINER_OF(read, struct url_question, read);
    char room[BEARER_MAX + 8];
    struct buf value = BUF_ON(room);
    str bearer = str_trim(text);
    struct pipepoll_error why;
    if (error) {
        explain(&why, 0, "the bearer token cannot be read from %.200s: %s", owner(q)->bearer_file,
                file_problem(read, error));
        be_unavailable(q, why.text);
        return;
    }
    buf_put(&value, STR("Bearer "));
    buf_put(&value, bearer);
    bool is_token = bearer.len && !value.overflow;
    if (is_token)
        http_call_put_header(&q->call, "Authorization", buf_str(&value));
    explicit_bzero(room, sizeof room);
    if (!is_token) {
        explain(&why, 0, "%.200s holds no bearer token, or too long a one", owner(q)->bearer_file);
        be_unavailable(q, why.text);
        return;
    }
    send_call(q);
}

static bool run(struct token_question *question)
{
    struct url_question *q = CONTAINER_OF(question, struct url_question, question);
    struct token_url *u = owner(q);
    if (http_call_init(&q->call, u->client))
        return false;
    http_call_begin(&q->call);
    q->read.on_done = on_read;
    if (u->bearer_file) {
        if (!file_read_start(&q->read, http_client_worker(u->client), u->bearer_file))
            return true;
        http_call_deinit(&q->call);
        return false;
    }
    send_call(q);
    return true;
}

/* "." and ".." of a path mean another place. */
void token_url_get(struct token_url *u, struct token_lookup *l, str client_id, bool refresh)
{
    if (str_eq(client_id, STR(".")) || str_eq(client_id, STR("..")))
        l->on_done(l, TOKEN_UNKNOWN, (str) { NULL, 0 }, "");
    else
        token_questions_get(&u->questions, l, client_id, refresh);
}

/* --- open --- */

static bool has_mark(str text)
{
    return text.len && memmem(text.ptr, text.len, mark.ptr, mark.len);
}

int token_url_open(struct token_url **out, struct uv_loop_s *loop,
                   const struct token_source_options *o, struct pipepoll_error *why)
{
    struct token_url *u = calloc(1, sizeof *u);
    if (!u)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    u->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    u->questions.loop = loop;
    u->questions.size = sizeof(struct url_question);
    u->questions.run = run;
    token_questions_init(&u->questions, o);
    const struct http_client_options client = { .url = o->url, .ca_bundle = o->ca_bundle };
    int r = PIPEPOLL_OK;
    if (o->bearer_file && !(u->bearer_file = strdup(o->bearer_file)))
        r = explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (!r)
        r = http_client_open(&u->client, loop, &client, why);
    if (r) {
        url_free(u);
        return r;
    }
    if (!has_mark(http_client_target(u->client))) {
        token_url_close(u, NULL, NULL);
        return explain(why, PIPEPOLL_EINVAL,
                       "the URL for client tokens has no {clientId} in its path or query");
    }
    *out = u;
    return PIPEPOLL_OK;
}
