/* SPDX-License-Identifier: MIT */
/* The proof of the logs: each stream in turn is asked for, made when it is missing, and judged. The
 * engine is ready when all four are right. It begins with each connection, and again when a log
 * gives no answer: a cluster may have lost its majority, or somebody a stream.
 *
 * Each log is led by one of the servers, and for the seconds without a leader it is silent. That
 * holds up no other log: what was proved once is used with the next connection at once, and proved
 * again meanwhile. */
#include "fleet/nats_core.h"

#include <stdio.h>

enum {
    AWAY_MS = 250,
    AWAY_MOST_MS = 1000,
    UNUSABLE_MS = 2000,
    UNUSABLE_MOST_MS = 60000,
    DOUBT_MS = 3000
};

/* Of JetStream's errors, those that are asked about. */
enum {
    JS_NO_PEERS = 10005,
    JS_NOT_AVAILABLE = 10008,
    JS_NOT_LEADER = 10009,
    JS_NO_RESOURCES = 10023,
    JS_NOT_ENABLED_HERE = 10039,
    JS_NO_STORAGE = 10047,
    JS_STREAM_EXISTS = 10058,
    JS_STREAM_NOT_FOUND = 10059,
    JS_NO_REPLICAS = 10074,
    JS_NOT_ENABLED = 10076
};

static void on_answer(void *ctx, struct nats_ask *ask, const struct nats_answer *a);

static void look_again(struct nats_core *c, enum engine_state state, const char *why)
{
    struct nats_check *k = &c->check;
    bool away = state == ENGINE_AWAY;
    k->is_running = false;
    k->at_ms = c->now_ms + nats_core_pause_ms(k->failures++, away ? AWAY_MS : UNUSABLE_MS,
                                              away ? AWAY_MOST_MS : UNUSABLE_MOST_MS);
    nats_core_state_of_server(c, state, why);
}

/* Of the log that is looked at. */
static void failed(struct nats_core *c, enum engine_state state, const char *why)
{
    if (state != ENGINE_AWAY)
        c->is_proved[c->check.log] = false;
    look_again(c, state, why);
}

static void ask_with(struct nats_core *c, enum nats_check_step step, str body)
{
    static const char *const requests[] = { "STREAM.INFO", "STREAM.CREATE", "STREAM.UPDATE" };
    struct nats_check *k = &c->check;
    k->step = step;
    k->is_running =
        nats_core_ask(c, &k->request, requests[step], k->log, (str) { 0 }, body, on_answer);
    if (!k->is_running) /* the link is lost, which link_turn() will see */
        k->at_ms = c->now_ms + AWAY_MS;
}

static void ask(struct nats_core *c)
{
    ask_with(c, NATS_CHECK_INFO, (str) { 0 });
}

static void make(struct nats_core *c)
{
    char body[NATS_BODY_MAX];
    struct buf config = BUF_ON(body);
    nats_log_config(&config, c->options, c->check.log);
    ask_with(c, NATS_CHECK_CREATE, buf_str(&config));
}

/* --- who only looks makes none --- */

/* By its name it is perhaps another one that is meant. */
static void ask_names(struct nats_core *c)
{
    struct nats_check *k = &c->check;
    k->step = NATS_CHECK_NAMES;
    k->is_running = nats_core_ask_all(c, &k->request, "STREAM.NAMES", on_answer);
    if (!k->is_running)
        k->at_ms = c->now_ms + AWAY_MS;
}

static void miss(struct nats_core *c)
{
    char text[NATS_WHY_MAX];
    struct buf why = BUF_ON(text);
    if (c->check.log == ENGINE_LEASES) {
        ask_names(c);
        return;
    }
    buf_put(&why, STR("stream "));
    nats_log_stream(&why, str_of(c->options->fleet), c->check.log);
    buf_put(&why, STR(" is not there: a member makes it when it starts"));
    failed(c, ENGINE_UNUSABLE, buf_cstr(&why));
}

/* answer: NULL where the names are not told, as without the right to ask. */
static void tell_missed(struct nats_core *c, const struct json *answer)
{
    char text[NATS_WHY_MAX - 160], names[NATS_WHY_MAX - 320];
    struct buf why = BUF_ON(text), fleets = BUF_ON(names);
    buf_printf(&why, "there is no fleet %s here", c->options->fleet);
    if (answer)
        nats_log_fleets(&fleets, answer);
    if (fleets.len)
        buf_printf(&why, "; the fleets there are: %.*s", STR_ARG(buf_str(&fleets)));
    else if (answer)
        buf_put(&why, STR(", nor any other: the first member that starts makes it"));
    failed(c, ENGINE_UNUSABLE, buf_cstr(&why));
}

/* --- each log in turn --- */

static void go_on(struct nats_core *c)
{
    struct nats_check *k = &c->check;
    if (k->log + 1 < NATS_LOGS) {
        k->log++;
        ask(c);
        return;
    }
    if (k->is_any_silent) {
        failed(c, ENGINE_AWAY, k->why);
        return;
    }
    k->is_running = false;
    k->failures = 0;
    k->at_ms = UINT64_MAX;
    c->tried = 0;
    nats_core_state(c, ENGINE_READY, "");
}

static void pass(struct nats_core *c)
{
    c->is_proved[c->check.log] = true;
    go_on(c);
}

/* What is too long to be said again stays as it is. */
static void resize(struct nats_core *c, const struct json *j, int config)
{
    enum { CONFIG_MAX = 16384 };
    char text[CONFIG_MAX];
    struct buf body = BUF_ON(text);
    nats_log_resized(&body, c->options, c->check.log, j, config);
    if (body.overflow)
        pass(c);
    else
        ask_with(c, NATS_CHECK_UPDATE, buf_str(&body));
}

static void judge(struct nats_core *c, const struct json *j)
{
    char text[NATS_WHY_MAX];
    struct buf why = BUF_ON(text);
    int config = json_member(j, JSON_ROOT, "config");
    switch (nats_log_judge(c->options, c->check.log, j, config, &why)) {
    case NATS_LOG_GOOD:
        pass(c);
        return;
    case NATS_LOG_RESIZE:
        c->options->only_looks ? pass(c) : resize(c, j, config);
        return;
    case NATS_LOG_WRONG:
        failed(c, ENGINE_UNUSABLE, buf_cstr(&why));
        return;
    }
}

/* What the fix is, for errors that have one. */
static const char *advice(int code)
{
    switch (code) {
    case JS_NO_REPLICAS:
        return "; a single server keeps one copy: set replicas = 1 in [fleet]";
    case JS_NO_PEERS:
        return "; fewer servers are up than [fleet] replicas asks for";
    case JS_NO_RESOURCES:
    case JS_NO_STORAGE:
        return "; the servers' max_file_store has no room for it: raise that, or lower "
               "[fleet] queue-size";
    case JS_NOT_ENABLED:
    case JS_NOT_ENABLED_HERE:
        return "; the server's configuration needs `jetstream`";
    }
    return "";
}

/* Does it pass by itself, as when a cluster starts? */
static bool passes(int code)
{
    return code == JS_NOT_AVAILABLE || code == JS_NOT_LEADER || code == JS_NO_PEERS;
}

/* It was there. */
static void tell_deleted(struct nats_core *c)
{
    char text[NATS_WHY_MAX];
    struct buf why = BUF_ON(text);
    buf_put(&why, STR("stream "));
    nats_log_stream(&why, str_of(c->options->fleet), c->check.log);
    buf_put(&why, STR(" was deleted: it is made again, without what lay in it"));
    c->is_proved[c->check.log] = false;
    nats_watch_doubt(c, c->check.log);
    nats_core_state_of_server(c, ENGINE_AWAY, buf_cstr(&why));
}

static void on_error(struct nats_core *c, const struct nats_answer *a)
{
    struct nats_check *k = &c->check;
    if (a->code == JS_STREAM_NOT_FOUND && k->step == NATS_CHECK_INFO) {
        if (c->options->only_looks) {
            miss(c);
            return;
        }
        if (c->is_proved[k->log])
            tell_deleted(c);
        make(c);
        return;
    }
    if (a->code == JS_STREAM_EXISTS && k->step == NATS_CHECK_CREATE) {
        ask(c); /* another member was faster */
        return;
    }
    char text[NATS_WHY_MAX];
    struct buf why = BUF_ON(text);
    buf_put(&why, STR("stream "));
    nats_log_stream(&why, str_of(c->options->fleet), k->log);
    buf_printf(&why, ": %.*s (%d)%s", STR_ARG(str_cut(a->text, 200)), a->code, advice(a->code));
    failed(c, passes(a->code) ? ENGINE_AWAY : ENGINE_UNUSABLE, buf_cstr(&why));
}

/* Of a subject of no log's proof too: a subscription, or what is not answered. That says nothing of
 * the logs. */
void nats_check_refused(struct nats_core *c, str subject)
{
    char text[NATS_WHY_MAX];
    snprintf(text, sizeof text,
             "no right to use %.*s: the server's permissions of this user need "
             "publish to it",
             STR_ARG(str_cut(subject, 200)));
    look_again(c, ENGINE_UNUSABLE, text);
}

/* The log cannot be proved. */
static void refused(struct nats_core *c, str subject)
{
    c->is_proved[c->check.log] = false;
    nats_check_refused(c, subject);
}

static void unanswered(struct nats_core *c, bool nobody_there)
{
    char text[NATS_WHY_MAX];
    struct buf why = BUF_ON(text);
    if (nobody_there && !c->is_proved[c->check.log]) {
        buf_put(&why, STR("JetStream does not answer: it is not enabled there, or its servers "
                          "have no leader (yet)"));
    } else {
        buf_put(&why, STR("stream "));
        nats_log_stream(&why, str_of(c->options->fleet), c->check.log);
        buf_put(&why, STR(" does not answer: do most of the servers run?"));
    }
    if (!c->check.is_any_silent)
        str_copy(c->check.why, sizeof c->check.why, buf_str(&why));
    c->check.is_any_silent = true;
    go_on(c);
}

static void on_answer(void *ctx, struct nats_ask *the_ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_check *k = &c->check;
    k->request.is_out = false;
    if (!c->link || !k->is_running)
        return;
    if (k->step == NATS_CHECK_NAMES)
        tell_missed(c, a->note && !a->status && !a->code ? a->json : NULL);
    else if (a->is_refused)
        refused(c, k->request.ask.subject);
    else if (!a->note || a->status)
        unanswered(c, a->status == 503);
    else if (a->code)
        on_error(c, a);
    else if (k->step == NATS_CHECK_INFO || k->step == NATS_CHECK_CREATE)
        a->json ? judge(c, a->json) : unanswered(c, false);
    else
        pass(c);
}

/* --- when --- */

void nats_check_begin(struct nats_core *c)
{
    c->check.at_ms = c->now_ms;
    c->check.failures = 0;
}

void nats_check_doubt(struct nats_core *c)
{
    struct nats_check *k = &c->check;
    if (!c->link || k->is_running || k->at_ms != UINT64_MAX)
        return;
    k->at_ms = k->last_ms + DOUBT_MS > c->now_ms ? k->last_ms + DOUBT_MS : c->now_ms;
    nats_core_by(c, k->at_ms);
}

void nats_check_turn(struct nats_core *c)
{
    struct nats_check *k = &c->check;
    if (!c->link || k->is_running || k->request.is_out)
        return;
    if (c->now_ms < k->at_ms) {
        nats_core_by(c, k->at_ms);
        return;
    }
    k->log = ENGINE_LEASES;
    k->is_any_silent = false;
    k->last_ms = c->now_ms;
    ask(c);
}
