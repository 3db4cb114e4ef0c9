/* SPDX-License-Identifier: MIT */
/* The thread's main: wait, look who spoke, give each part its turn.
 *
 * Servers are tried one after the other, so that the reason names the one that it is about. A
 * connection that is lost fails all that waits for an answer on it, at once; writes that were not
 * sent yet wait for the next one, as long as they may. */
#include "fleet/nats_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "fleet/nats_login.h"

enum { TICK_MS = 250, RETRY_MS = 250, RETRY_MOST_MS = 5000 };

void nats_core_by(struct nats_core *c, uint64_t at_ms)
{
    if (at_ms < c->next_ms)
        c->next_ms = at_ms;
}

/* Chance enough to keep members apart. */
uint64_t nats_core_pause_ms(unsigned failures, uint64_t base_ms, uint64_t most_ms)
{
    uint64_t ceiling = failures < 16 ? base_ms << failures : most_ms;
    ceiling = ceiling < most_ms ? ceiling : most_ms;
    uint64_t roll = uv_hrtime() * UINT64_C(0x9e3779b97f4a7c15) >> 16;
    return ceiling / 2 + roll % (ceiling / 2 + 1);
}

/* --- how the engine stands --- */

static void note_state(struct nats_core *c)
{
    uv_mutex_lock(&c->desk->mutex);
    struct engine_stats *s = &c->desk->stats;
    s->state = c->state;
    str_copy(s->server, sizeof s->server, str_of(c->link ? c->address : ""));
    str_copy(s->version, sizeof s->version, str_of(c->link ? c->greeting.version : ""));
    uv_mutex_unlock(&c->desk->mutex);
}

void nats_core_state(struct nats_core *c, enum engine_state state, const char *why)
{
    bool is_new = state != c->state || strcmp(why, c->why) != 0;
    c->state = state;
    str_copy(c->why, sizeof c->why, str_of(why));
    c->must_tell = c->must_tell || is_new;
    note_state(c);
}

void nats_core_state_of_server(struct nats_core *c, enum engine_state state, const char *why)
{
    char text[NATS_WHY_MAX];
    struct buf line = BUF_ON(text);
    buf_put(&line, str_of(c->address));
    buf_put(&line, STR(": "));
    buf_put(&line, str_cut(str_of(why), sizeof text - line.len - 1));
    nats_core_state(c, state, buf_cstr(&line));
}

static void tell_state(struct nats_core *c)
{
    if (c->must_tell && nats_desk_tell_state(c->desk, c->state, c->why))
        c->must_tell = false;
}

/* --- requests --- */

bool nats_core_ask(struct nats_core *c, struct nats_request *r, const char *what,
                   enum engine_log log, str rest, str body,
                   void (*on_answer)(void *ctx, struct nats_ask *ask, const struct nats_answer *a))
{
    struct buf subject = BUF_ON(r->subject);
    buf_printf(&subject, "$JS.API.%s.", what);
    nats_log_stream(&subject, str_of(c->options->fleet), log);
    if (rest.len)
        buf_put_char(&subject, '.');
    buf_put(&subject, rest);
    struct nats_post post = { .subject = buf_cstr(&subject), .body = body };
    r->ask.on_answer = on_answer;
    r->ask.ctx = c;
    r->is_out =
        c->link && !subject.overflow && nats_ask_send(&c->asks, &r->ask, c->link, &post, c->now_ms);
    return r->is_out;
}

bool nats_core_ask_all(struct nats_core *c, struct nats_request *r, const char *what,
                       void (*on_answer)(void *ctx, struct nats_ask *ask,
                                         const struct nats_answer *a))
{
    snprintf(r->subject, sizeof r->subject, "$JS.API.%s", what);
    struct nats_post post = { .subject = r->subject };
    r->ask.on_answer = on_answer;
    r->ask.ctx = c;
    r->is_out = c->link && nats_ask_send(&c->asks, &r->ask, c->link, &post, c->now_ms);
    return r->is_out;
}

void nats_core_post(struct nats_core *c, const char *subject, str body)
{
    const struct nats_post post = { .subject = subject, .body = body };
    if (c->link)
        nats_link_send(c->link, &post);
}

uint64_t nats_number(const struct json *j, int object, const char *member)
{
    char text[24];
    int node = object == JSON_NONE ? JSON_NONE : json_member(j, object, member);
    bool has = node != JSON_NONE && json_type(j, node) == JSON_NUMBER;
    str_copy(text, sizeof text, has ? json_scalar(j, node) : (str) { 0 });
    return strtoull(text, NULL, 10);
}

/* --- the connection --- */

static void lose_link(struct nats_core *c)
{
    nats_link_close(c->link);
    c->link = NULL;
    nats_watch_lost(c);
    nats_pull_lost(c);
    nats_asks_expire(&c->asks, UINT64_MAX);
    c->check.is_running = false;
}

static void on_lost(struct nats_core *c)
{
    lose_link(c);
    nats_core_state_of_server(c, ENGINE_AWAY, "the connection was lost");
    c->server++;
    c->tried = 0;
    c->connect_at_ms = c->now_ms;
}

/* How many there are to try: the options' alone, until none of them was of use. */
static size_t servers(const struct nats_core *c)
{
    size_t count = c->options->server_count;
    if (c->tried >= count)
        for (int i = 0; i < NATS_OTHERS_MAX && c->greeting.others[i][0]; i++)
            count++;
    return count;
}

static void choose_server(struct nats_core *c)
{
    size_t own = c->options->server_count;
    c->server %= servers(c);
    if (c->server < own) {
        str_copy(c->address, sizeof c->address, str_of(c->options->servers[c->server]));
        return;
    }
    bool is_tls = str_starts(str_of(c->options->servers[0]), STR("tls://"));
    struct buf address = BUF_ON(c->address);
    buf_printf(&address, "%s://%s", is_tls ? "tls" : "nats", c->greeting.others[c->server - own]);
}

static void wake(void *ctx)
{
    nats_desk_wake(ctx);
}

/* NULL: why. */
static struct nats_link *open_link(struct nats_core *c, struct pipepoll_error *why)
{
    const struct nats_wake waker = { wake, c->desk };
    struct nats_greeting greeting;
    if (nats_greeting_get(&greeting, c->address, NATS_CONNECT_MS, why))
        return NULL;
    if (nats_login_suits(c->options, c->address, &greeting, why))
        return NULL;
    struct nats_link *l = nats_link_open(c->options, c->address, &waker, why);
    if (l)
        c->greeting = greeting;
    return l;
}

static void on_linked(struct nats_core *c)
{
    snprintf(c->replies, sizeof c->replies, "%.*s.r.", STR_ARG(nats_link_inbox(c->link)));
    uv_mutex_lock(&c->desk->mutex);
    c->desk->stats.reconnects += c->links++ > 0;
    uv_mutex_unlock(&c->desk->mutex);
    note_state(c);
    nats_settle_linked(c);
    nats_check_begin(c);
}

/* The next of a round at once, the next round after a pause. */
static void on_failed(struct nats_core *c, const struct pipepoll_error *error)
{
    size_t count = servers(c);
    if (c->server < c->options->server_count)
        nats_core_state_of_server(c, ENGINE_AWAY, error->text);
    c->server++;
    unsigned rounds = (unsigned)(++c->tried / count);
    uint64_t pause_ms = nats_core_pause_ms(rounds, RETRY_MS, RETRY_MOST_MS);
    c->connect_at_ms = nats_now_ms() + (c->tried % count ? 0 : pause_ms);
}

static void link_turn(struct nats_core *c)
{
    if (c->link && !nats_link_is_up(c->link))
        on_lost(c);
    if (c->link)
        return;
    if (c->now_ms < c->connect_at_ms) {
        nats_core_by(c, c->connect_at_ms);
        return;
    }
    struct pipepoll_error why;
    choose_server(c);
    c->link = open_link(c, &why);
    c->now_ms = nats_now_ms();
    if (c->link)
        on_linked(c);
    else
        on_failed(c, &why);
    nats_core_by(c, c->connect_at_ms);
}

/* --- what arrives --- */

/* true: the note is somebody's, who frees it. */
static bool is_taken(struct nats_core *c, struct nats_note *n)
{
    struct nats_place place;
    if (n->is_refusal) {
        if (!nats_asks_refuse(&c->asks, n))
            nats_check_refused(c, n->subject);
        return false;
    }
    if (nats_asks_answer(&c->asks, n, str_of(c->replies)))
        return false;
    if (n->status)
        return (void)(nats_watch_status(c, n) || nats_pull_status(c, n)), false;
    if (!nats_place_read(&place, n->reply))
        return false;
    return nats_watch_message(c, n, &place) || nats_pull_message(c, n, &place);
}

static void read_notes(struct nats_core *c)
{
    struct nats_note *n;
    while (c->link && nats_desk_has_room(c->desk) && (n = nats_link_take(c->link)) != NULL) {
        if (!is_taken(c, n))
            nats_note_free(n);
    }
}

/* --- the thread --- */

static void take(struct nats_core *c)
{
    uv_mutex_lock(&c->desk->mutex);
    list_move_all(&c->writes, &c->desk->writes);
    list_move_all(&c->removes, &c->desk->removes);
    c->is_closing = c->desk->is_closing;
    uv_mutex_unlock(&c->desk->mutex);
}

static void turn(struct nats_core *c)
{
    c->now_ms = nats_now_ms();
    c->next_ms = c->now_ms + TICK_MS;
    take(c);
    link_turn(c);
    read_notes(c);
    nats_asks_expire(&c->asks, c->now_ms);
    nats_check_turn(c);
    nats_write_turn(c);
    nats_remove_turn(c);
    nats_settle_turn(c);
    if (c->link && !c->is_closing) {
        nats_watch_turn(c);
        nats_pull_turn(c);
    }
    tell_state(c);
    nats_core_by(c, nats_asks_next_ms(&c->asks));
}

static bool is_done(struct nats_core *c)
{
    bool nothing = list_empty(&c->writes) && !c->in_flight && list_empty(&c->removes) &&
                   list_empty(&c->removing) && !c->settling;
    return c->is_closing && (nothing || nats_now_ms() >= c->desk->close_by_ms);
}

static void init(struct nats_core *c, struct nats_desk *desk, const struct nats_options *options)
{
    c->desk = desk;
    c->options = options;
    c->state = ENGINE_AWAY;
    c->check.at_ms = UINT64_MAX;
    nats_asks_init(&c->asks);
    list_init(&c->writes);
    list_init(&c->removes);
    list_init(&c->removing);
    list_init(&c->deliveries);
    list_init(&c->unconfirmed);
    for (int log = 0; log < NATS_LOGS; log++)
        c->watches[log].log = (enum engine_log)log;
    c->server = nats_now_ms() % options->server_count; /* members at one each */
}

static void end(struct nats_core *c)
{
    nats_settle_end(c);
    lose_link(c);
    nats_write_end(c);
    nats_remove_end(c);
    nats_count_end(c);
    uv_mutex_lock(&c->desk->mutex);
    list_move_all(&c->desk->left, &c->deliveries);
    uv_mutex_unlock(&c->desk->mutex);
    nats_asks_deinit(&c->asks);
    free(c);
}

struct nats_core *nats_core_new(struct nats_desk *desk, const struct nats_options *options)
{
    struct nats_core *c = calloc(1, sizeof *c);
    if (c)
        init(c, desk, options);
    return c;
}

void nats_core_run(struct nats_core *c)
{
    while (!is_done(c)) {
        turn(c);
        if (c->is_closing)
            nats_core_by(c, c->desk->close_by_ms);
        if (!is_done(c))
            nats_desk_wait(c->desk, c->next_ms);
    }
    end(c);
}
