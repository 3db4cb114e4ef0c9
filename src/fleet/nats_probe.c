/* SPDX-License-Identifier: MIT */
/* One server after the other, with the same connection as the engine's, and requests that are
 * waited for here. */
#include "fleet/nats_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "fleet/nats_ask.h"
#include "fleet/nats_desk.h"
#include "fleet/nats_greeting.h"
#include "fleet/nats_link.h"
#include "fleet/nats_log.h"
#include "fleet/nats_login.h"
#include "fleet/nats_options.h"

enum { LINE = 640, JS_STREAM_NOT_FOUND = 10059 };

struct probe {
    const struct nats_options *options;
    nats_finding_fn *found;
    void *ctx;
    struct nats_desk desk; /* to be woken at */
    const char *server;
    uint64_t by_ms;
    bool is_bad, knows_streams, is_new; /* is_new: there is no such fleet */
    bool has_copies;                    /* as many of a stream as there must be */
    enum engine_log log;                /* that is asked about */
    char line[LINE];
    struct buf text;
};

/* What text has become. */
static void tell(struct probe *p, enum nats_finding_kind kind, const char *server)
{
    const struct nats_finding f = { kind, server, buf_str(&p->text) };
    p->found(p->ctx, &f);
    p->is_bad = p->is_bad || kind == NATS_FINDING_BAD;
    buf_reset(&p->text);
}

static void tell_text(struct probe *p, enum nats_finding_kind kind, const char *text)
{
    buf_put(&p->text, str_cut(str_of(text), LINE - 1));
    tell(p, kind, p->server);
}

/* --- a request that is waited for --- */

struct reply {
    struct nats_ask ask;
    bool is_there;
    void (*read)(struct probe *p, const struct nats_answer *a);
    struct probe *probe;
};

static void on_answer(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct reply *r = ctx;
    r->is_there = true;
    r->read(r->probe, a);
}

static void turn(struct probe *p, struct nats_link *l, struct nats_asks *asks, const char *replies)
{
    struct nats_note *n;
    while ((n = nats_link_take(l)) != NULL) {
        if (n->is_refusal)
            nats_asks_refuse(asks, n);
        else
            nats_asks_answer(asks, n, str_of(replies));
        nats_note_free(n);
    }
    if (!nats_link_is_up(l) || nats_now_ms() >= p->by_ms)
        nats_asks_expire(asks, UINT64_MAX);
}

static void ask(struct probe *p, struct nats_link *l, const char *subject,
                void (*read)(struct probe *p, const struct nats_answer *a))
{
    struct nats_asks asks;
    char replies[NATS_INBOX_MAX + 8];
    struct reply r = { .read = read, .probe = p };
    struct nats_post post = { .subject = subject };
    const struct nats_answer none = { 0 };
    r.ask.on_answer = on_answer;
    r.ask.ctx = &r;
    nats_asks_init(&asks);
    snprintf(replies, sizeof replies, "%.*s.r.", STR_ARG(nats_link_inbox(l)));
    if (!nats_ask_send(&asks, &r.ask, l, &post, nats_now_ms()))
        on_answer(&r, &r.ask, &none);
    while (!r.is_there) {
        nats_desk_wait(&p->desk, p->by_ms);
        turn(p, l, &asks, replies);
    }
    nats_asks_deinit(&asks);
}

/* What is the same with each answer that is of no use. false: it is of use. */
static bool is_useless(struct probe *p, const struct nats_answer *a, const char *what)
{
    if (a->is_refused)
        buf_printf(&p->text, "this user has no right to ask for %s: let it publish to $JS.API.>",
                   what);
    else if (!a->note)
        buf_printf(&p->text, "no answer about %s in time: do most of the servers run?", what);
    else if (a->status)
        buf_printf(&p->text,
                   "nobody answers about %s: is JetStream enabled there, and do most of "
                   "the servers run?",
                   what);
    else if (!a->json)
        buf_printf(&p->text, "the answer about %s is not understood", what);
    else
        return false;
    tell(p, NATS_FINDING_BAD, p->server);
    return true;
}

/* --- JetStream --- */

static void read_account(struct probe *p, const struct nats_answer *a)
{
    if (is_useless(p, a, "JetStream"))
        return;
    if (a->code) {
        buf_printf(&p->text, "JetStream: %.*s (%d); the server's configuration needs `jetstream`",
                   STR_ARG(str_cut(a->text, 200)), a->code);
        tell(p, NATS_FINDING_BAD, p->server);
        return;
    }
    tell_text(p, NATS_FINDING_GOOD, "JetStream answers");
    p->knows_streams = true;
}

/* Without the leases there is no fleet, and the others are missing with it. */
static void read_missing(struct probe *p, const char *stream)
{
    if (p->log == ENGINE_LEASES)
        p->is_new = true;
    else if (p->is_new)
        return;
    if (p->is_new)
        buf_printf(&p->text, "fleet %s is not there yet: the first member makes it",
                   p->options->fleet);
    else
        buf_printf(&p->text, "stream %s is not there: a member makes it when it starts", stream);
    tell(p, NATS_FINDING_HINT, NULL);
}

static void read_stream(struct probe *p, const struct nats_answer *a)
{
    char name[NATS_STREAM_MAX + 1], why[512];
    struct buf stream = BUF_ON(name), text = BUF_ON(why);
    nats_log_stream(&stream, str_of(p->options->fleet), p->log);
    if (is_useless(p, a, buf_cstr(&stream)))
        return;
    if (a->code == JS_STREAM_NOT_FOUND) {
        read_missing(p, name);
        return;
    }
    int config = a->code ? JSON_NONE : json_member(a->json, JSON_ROOT, "config");
    if (a->code)
        buf_printf(&text, "stream %s: %.*s (%d)", name, STR_ARG(str_cut(a->text, 200)), a->code);
    bool is_wrong =
        a->code || nats_log_judge(p->options, p->log, a->json, config, &text) == NATS_LOG_WRONG;
    if (is_wrong)
        buf_put(&p->text, buf_str(&text));
    else
        buf_printf(&p->text, "stream %s is as it must be", name);
    tell(p, is_wrong ? NATS_FINDING_BAD : NATS_FINDING_GOOD, NULL);
}

static void ask_stream(struct probe *p, struct nats_link *l, enum engine_log log,
                       void (*read)(struct probe *p, const struct nats_answer *a))
{
    char subject[NATS_STREAM_MAX + 32];
    struct buf b = BUF_ON(subject);
    buf_put(&b, STR("$JS.API.STREAM.INFO."));
    nats_log_stream(&b, str_of(p->options->fleet), log);
    p->log = log;
    ask(p, l, buf_cstr(&b), read);
}

static void probe_streams(struct probe *p, struct nats_link *l)
{
    for (int log = 0; log < NATS_LOGS; log++)
        ask_stream(p, l, (enum engine_log)log, read_stream);
}

/* --- a server --- */

static void judge_greeting(struct probe *p, const struct nats_greeting *g)
{
    buf_printf(&p->text, "nats-server %.31s answers", g->version);
    tell(p, NATS_FINDING_GOOD, p->server);
    if (g->max_payload < ENGINE_BODY_MAX) {
        buf_printf(&p->text,
                   "its max_payload is %lld bytes: results of more are not taken; %d is "
                   "what a fleet may send",
                   (long long)g->max_payload, ENGINE_BODY_MAX);
        tell(p, NATS_FINDING_HINT, p->server);
    }
}

static void read_copies(struct probe *p, const struct nats_answer *a)
{
    bool is_stream = !a->is_refused && a->note && !a->status && a->json && !a->code;
    int config = is_stream ? json_member(a->json, JSON_ROOT, "config") : JSON_NONE;
    char why[512];
    struct buf text = BUF_ON(why);
    p->has_copies =
        is_stream && nats_log_judge(p->options, p->log, a->json, config, &text) != NATS_LOG_WRONG;
}

/* A hub that the leaf nodes of a cluster dial greets as a single server does, and what it is asked
 * for gets to the cluster. What is kept there tells them apart. */
static void judge_copies(struct probe *p, struct nats_link *l)
{
    p->has_copies = false;
    if (l)
        ask_stream(p, l, ENGINE_LEASES, read_copies);
    if (p->has_copies)
        return;
    buf_printf(&p->text,
               "it is a single server, which keeps one copy, and %u are asked for: set "
               "replicas = 1 in [fleet], or make it one of a cluster",
               p->options->replicas);
    tell(p, NATS_FINDING_BAD, p->server);
}

static void wake(void *ctx)
{
    nats_desk_wake(ctx);
}

static void probe_link(struct probe *p, struct nats_link *l, bool wants_tls)
{
    tell_text(p, NATS_FINDING_GOOD, wants_tls ? "lets us in, by TLS" : "lets us in");
    bool knew = p->knows_streams;
    ask(p, l, "$JS.API.INFO", read_account);
    if (!knew && p->knows_streams)
        probe_streams(p, l);
}

static void probe_server(struct probe *p, uint32_t most_ms)
{
    struct nats_greeting g;
    struct pipepoll_error why;
    const struct nats_wake waker = { wake, &p->desk };
    p->by_ms = nats_now_ms() + most_ms;
    if (nats_greeting_get(&g, p->server, most_ms, &why)) {
        tell_text(p, NATS_FINDING_BAD, why.text);
        return;
    }
    judge_greeting(p, &g);
    bool suits = !nats_login_suits(p->options, p->server, &g, &why);
    struct nats_link *l = suits ? nats_link_open(p->options, p->server, &waker, &why) : NULL;
    if (l)
        probe_link(p, l, g.wants_tls);
    else
        tell_text(p, NATS_FINDING_BAD, why.text);
    if (!g.is_clustered && p->options->replicas > 1)
        judge_copies(p, l);
    if (l)
        nats_link_close(l);
}

int nats_engine_probe(const struct nats_options *o, uint32_t most_ms, nats_finding_fn *found,
                      void *ctx)
{
    struct pipepoll_error why;
    struct probe p = { .options = o, .found = found, .ctx = ctx };
    p.text = BUF_ON(p.line);
    if (nats_options_check(o, &why)) {
        tell_text(&p, NATS_FINDING_BAD, why.text);
        return PIPEPOLL_EINVAL;
    }
    if (nats_desk_init(&p.desk))
        return PIPEPOLL_ENOMEM;
    for (size_t i = 0; i < o->server_count; i++) {
        p.server = o->servers[i];
        probe_server(&p, most_ms);
    }
    nats_desk_deinit(&p.desk);
    return p.is_bad ? PIPEPOLL_ESYSTEM : PIPEPOLL_OK;
}
