/* SPDX-License-Identifier: MIT */
/* A loop with a transport, a scripted server and a pool to it; and transfers that are counted. */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/transport.h"
#include "io/trust_store.h"
#include "lib/check.h"
#include "lib/server.h"

struct wire {
    uv_loop_t loop;
    struct timers *timers;
    struct trust_store *trust_store;
    struct transport *transport;
    struct server server;
    struct pool *pool;
    const struct server_reply
        *script; /* reply to request n is script[n - 1], the last one on and on */
    unsigned script_len;
    char seen[4096]; /* the last request */
    char proxy[128];
    unsigned done;
};

static inline struct server_reply play(struct server *s, const struct server_request *rq)
{
    struct wire *w = s->ctx;
    snprintf(w->seen, sizeof w->seen, "%.*s%.*s", STR_ARG(rq->head), STR_ARG(rq->body));
    unsigned n = rq->number <= w->script_len ? rq->number : w->script_len;
    return w->script[n - 1];
}

static inline const char *server_port(const struct server *s)
{
    return strrchr(s->url, ':') + 1; /* and a slash */
}

static size_t wire_held; /* bytes, by all */

/* Memory that a test may search to its last byte. */
static inline void *wire_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    wire_held += new_size - (ptr ? old_size : 0);
    char *at = new_size ? calloc(1, new_size) : NULL;
    if (at && ptr)
        memcpy(at, ptr, old_size < new_size ? old_size : new_size);
    if (at || !new_size)
        free(ptr);
    return at;
}

struct wire_setup {
    const struct server_reply *script;
    unsigned script_len;
    const char *proxy; /* "http://user:password@": the server is the proxy for all sources */
    bool tls;
    uint32_t max_connections; /* 0: no bound */
};

static inline void wire_trust(struct wire *w, bool tls)
{
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    if (!tls) {
        assert_int_equal(trust_store_new(&w->trust_store, (str) { 0 }, NULL), 0);
        return;
    }
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    server_use_tls(&w->server, path);
    assert_int_equal(trust_store_new(&w->trust_store, str_of(path), NULL), 0);
    unlink(path);
}

static inline void wire_open_as(struct wire *w, const struct wire_setup *setup)
{
    static const struct alloc plain = { wire_resize, NULL };
    *w = (struct wire) { .script = setup->script, .script_len = setup->script_len };
    uv_loop_init(&w->loop);
    assert_int_equal(timers_open(&w->timers, &w->loop, &plain), 0);
    server_open(&w->server, &w->loop, play, w);
    wire_trust(w, setup->tls);
    if (setup->proxy)
        snprintf(w->proxy, sizeof w->proxy, "%s127.0.0.1:%s", setup->proxy,
                 server_port(&w->server));
    struct transport_options o = { .loop = &w->loop,
                                   .timers = w->timers,
                                   .trust_store = w->trust_store,
                                   .alloc = plain,
                                   .connect_timeout_ms = 5000,
                                   .max_connections = setup->max_connections,
                                   .proxies = { str_of(w->proxy), str_of(w->proxy), { 0 } } };
    assert_int_equal(transport_open(&w->transport, &o, NULL), 0);
    struct pool_options to_server = { .url = str_of(w->server.url) };
    assert_int_equal(pool_open(&w->pool, w->transport, &to_server), 0);
}

static inline void wire_open_behind(struct wire *w, const struct server_reply *script,
                                    unsigned script_len, const char *proxy)
{
    const struct wire_setup setup = { script, script_len, .proxy = proxy };
    wire_open_as(w, &setup);
}

static inline void wire_open(struct wire *w, const struct server_reply *script, unsigned script_len)
{
    wire_open_behind(w, script, script_len, NULL);
}

/* Another pool in place of the one to the server. */
static inline void wire_go_to(struct wire *w, const struct pool_options *o)
{
    pool_close(w->pool);
    assert_int_equal(pool_open(&w->pool, w->transport, o), 0);
}

static inline void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static inline void wire_close(struct wire *w)
{
    unsigned closed = 0;
    pool_close(w->pool);
    server_close(&w->server);
    transport_close(w->transport, count_call, &closed);
    while (!closed)
        uv_run(&w->loop, UV_RUN_ONCE);
    timers_close(w->timers, count_call, &closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(closed, 2);
    trust_store_free(w->trust_store);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static const struct wanted_header probe_wants[2] = { { .name = STR_INIT("x-amzn-requestid") },
                                                     { .name = STR_INIT("Date") } };

struct probe {
    struct transfer x;
    str answer, wanted[2]; /* copies in text, as is detail: the transfer's die with on_done() */
    char text[1024], detail[256];
    struct wire *wire;
    unsigned times_done;
};

static inline void on_done(struct transfer *x)
{
    struct probe *p = CONTAINER_OF(x, struct probe, x);
    char *at = p->text;
    snprintf(p->detail, sizeof p->detail, "%s", x->detail);
    for (size_t i = 0; i < 2; i++)
        p->wanted[i] = str_keep(&at, x->values[i]);
    size_t room = (size_t)(p->text + sizeof p->text - at);
    p->answer = str_keep(&at, (str) { x->answer, x->answer_len < room ? x->answer_len : room });
    p->times_done++;
    p->wire->done++;
    uv_stop(&p->wire->loop); /* else a turn whose timers did it all would wait for sockets */
}

static inline void probe_prepare(struct wire *w, struct probe *p, uint32_t timeout_ms)
{
    p->wire = w;
    p->x.head = STR("Host: example.com\r\nContent-Type: application/x\r\n");
    p->x.body = STR("{\"a\":1}");
    p->x.wanted = probe_wants;
    p->x.wanted_count = 2;
    p->x.timeout_ms = timeout_ms;
    p->x.on_done = on_done;
}

static inline void probe_start(struct wire *w, struct probe *p, uint32_t timeout_ms)
{
    probe_prepare(w, p, timeout_ms);
    assert_int_equal(transfer_start(&p->x, w->pool), 0);
}

static inline void run_until_done(struct wire *w, unsigned count)
{
    for (count += w->done; w->done < count;)
        uv_run(&w->loop, UV_RUN_ONCE);
}

#define OK_REPLY                                                                                   \
    {                                                                                              \
        SERVER_OK("2", "", "{}"), SERVER_KEEP, 0                                                   \
    }

#endif
