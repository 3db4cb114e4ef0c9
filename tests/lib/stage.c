/* SPDX-License-Identifier: MIT */
#include "lib/stage.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/trust_store.h"
#include "lib/check.h"

/* --- memory --- */

static void look_for_canary(struct stage *s, const void *ptr, size_t size)
{
    if (ptr && memmem(ptr, size, STAGE_CANARY, sizeof STAGE_CANARY - 1))
        s->canaries_let_go++;
}

/* Always by copy, so that what a move would leave behind is seen. */
static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct stage *s = ctx;
    void *more = NULL;
    if (new_size) {
        if (s->fail_at && ++s->allocations == s->fail_at)
            return NULL;
        more = malloc(new_size);
        if (!more)
            abort();
        if (ptr)
            memcpy(more, ptr, old_size < new_size ? old_size : new_size);
    }
    look_for_canary(s, ptr, old_size);
    s->in_use += new_size - (ptr ? old_size : 0);
    free(ptr);
    return more;
}

/* --- the service --- */

struct server_reply stage_answer(struct server *server, const struct server_request *rq)
{
    struct stage *s = server->ctx;
    assert_true(s->requests < STAGE_REQUESTS_MAX);
    assert_true(s->script_len > 0);
    unsigned n = s->requests++, step = n < s->script_len ? n : s->script_len - 1;
    const struct stage_reply *r = &s->script[step];
    const char *body = r->body ? r->body : "";
    snprintf(s->request[n], STAGE_REQUEST_SIZE, "%.*s%.*s", STR_ARG(rq->head), STR_ARG(rq->body));
    int len = r->raw ? snprintf(s->reply[n], STAGE_REQUEST_SIZE, "%s", body)
                     : snprintf(s->reply[n], STAGE_REQUEST_SIZE,
                                "HTTP/1.1 %d Word\r\nContent-Length: %zu\r\n%s\r\n%s",
                                r->status ? r->status : 200, strlen(body),
                                r->headers ? r->headers : "", body);
    assert_true(len >= 0 && len < STAGE_REQUEST_SIZE);
    return (struct server_reply) { { s->reply[n], (size_t)len }, r->end, 0 };
}

void stage_play(struct stage *s, const struct stage_reply *script, unsigned script_len)
{
    s->script = script;
    s->script_len = script_len;
    s->requests = 0;
}

/* --- open and close --- */

static const char *get_variable(void *ctx, const char *name)
{
    const struct stage *s = ctx;
    size_t len = strlen(name);
    for (const char *const *v = s->variables; v && *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return *v + len + 1;
    return NULL;
}

static int64_t get_now_s(void *ctx)
{
    return ((struct stage *)ctx)->now_s;
}

int stage_open(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    *state = s;
    struct alloc alloc = { resize, s };
    s->now_s = 1632246090; /* soon after the Date that the tests answer with */
    s->environment = (struct environment) { get_variable, s };
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_int_equal(timers_open(&s->timers, &s->loop, &alloc), 0);
    assert_int_equal(trust_store_new(&s->trust_store, STR(""), NULL), 0);
    struct transport_options o = { .loop = &s->loop,
                                   .timers = s->timers,
                                   .trust_store = s->trust_store,
                                   .alloc = alloc,
                                   .connect_timeout_ms = 5000 };
    assert_int_equal(transport_open(&s->transport, &o, NULL), 0);
    server_open(&s->server, &s->loop, stage_answer, s);
    s->host = (struct provider_host) {
        .recent = &s->recent,
        .loop = &s->loop,
        .timers = s->timers,
        .transport = s->transport,
        .worker = transport_worker(s->transport),
        .alloc = alloc,
        .rng = &s->rng,
        .environment = &s->environment,
        .now_s = get_now_s,
        .now_ctx = s,
    };
    return 0;
}

static void on_closed(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void forget_credentials(struct stage *s)
{
    s->outcome.credentials = credentials_unref(s->outcome.credentials);
    s->fetched.credentials = credentials_unref(s->fetched.credentials);
}

int stage_close(void **state)
{
    struct stage *s = *state;
    unsigned closed = 0;
    forget_credentials(s);
    s->fail_at = 0;
    server_close(&s->server);
    transport_close(s->transport, on_closed, &closed);
    while (!closed)
        uv_run(&s->loop, UV_RUN_ONCE);
    timers_close(s->timers, on_closed, &closed);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    trust_store_free(s->trust_store);
    if (closed != 2 || uv_loop_close(&s->loop) || s->in_use || s->canaries_let_go) {
        print_error("left behind: %zu bytes, and %u pieces of memory with a canary\n", s->in_use,
                    s->canaries_let_go);
        abort();
    }
    free(s);
    return 0;
}

/* --- runs --- */

/* libuv fires timers before it waits for sockets: without the stop, the turn in which an end is
 * told would wait for something else to happen. */
static void note_end(struct stage *s)
{
    s->done++;
    uv_stop(&s->loop);
}

void stage_turn(struct stage *s)
{
    struct pollfd fd = { .fd = uv_backend_fd(&s->loop), .events = POLLIN };
    uv_update_time(&s->loop);
    poll(&fd, 1, uv_backend_timeout(&s->loop));
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

static void on_provided(void *ctx, const struct provider_outcome *outcome)
{
    struct stage *s = ctx;
    note_end(s);
    s->outcome = *outcome;
}

static struct provider_run *start(struct stage *s, const struct provider_kind *kind,
                                  const struct chain *chain, const struct role *role,
                                  struct credentials *source)
{
    const struct provider_order order = {
        .host = &s->host,
        .chain = chain,
        .role = role,
        .source = source,
        .region = s->region,
        .on_done = on_provided,
        .ctx = s,
    };
    forget_credentials(s);
    s->done = 0;
    struct provider_run *run = provider_start(kind, &order);
    assert_int_equal(s->done, 0); /* never from inside the start */
    return run;
}

static void finish(struct stage *s)
{
    while (!s->done)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    assert_int_equal(s->done, 1);
}

bool stage_run(struct stage *s, const struct provider_kind *kind, const struct chain *chain,
               const struct role *role, struct credentials *source)
{
    if (!start(s, kind, chain, role, source))
        return false;
    finish(s);
    return true;
}

bool stage_run_and_stop(struct stage *s, const struct provider_kind *kind,
                        const struct chain *chain, struct credentials *source, unsigned turns)
{
    struct provider_run *run = start(s, kind, chain, chain->roles, source);
    assert_non_null(run);
    for (; turns && !s->done; turns--)
        stage_turn(s);
    bool in_time = !s->done;
    if (in_time)
        kind->stop(run);
    finish(s);
    return in_time;
}

void stage_starve(struct stage *s, const struct provider_kind *kind, const struct chain *chain,
                  struct credentials *source)
{
    bool reached = true;
    for (size_t n = 1; reached; n++) {
        s->requests = 0;
        s->allocations = 0;
        s->fail_at = n;
        bool started = stage_run(s, kind, chain, chain->roles, source);
        reached = s->allocations >= n;
        s->fail_at = 0;
        assert_true(started || reached);
        if (!reached)
            assert_non_null(s->outcome.credentials);
    }
}

static void on_fetched(void *ctx, const struct fetch_outcome *outcome)
{
    struct stage *s = ctx;
    note_end(s);
    s->fetched = *outcome;
}

struct fetch *stage_fetch_begin(struct stage *s, const struct credentials_config *config)
{
    const struct fetch_order order = {
        .host = &s->host,
        .config = config,
        .on_done = on_fetched,
        .ctx = s,
    };
    struct fetch *f;
    forget_credentials(s);
    s->done = 0;
    if (fetch_start(&f, &order))
        return NULL;
    assert_int_equal(s->done, 0);
    return f;
}

void stage_fetch_end(struct stage *s)
{
    finish(s);
}

bool stage_fetch(struct stage *s, const struct credentials_config *config)
{
    if (!stage_fetch_begin(s, config))
        return false;
    finish(s);
    return true;
}

/* --- checks --- */

void stage_assert_failed(const struct stage *s, bool lasting, const char *text)
{
    const char *why = s->outcome.why.text;
    assert_null(s->outcome.credentials);
    if (!strstr(why, text) || strstr(why, "CANARY"))
        fail_msg("\"%s\" is not said by \"%s\"", text, why);
    if (s->outcome.lasting != lasting)
        fail_msg("\"%s\" should %sbe lasting", why, lasting ? "" : "not ");
}

void stage_assert_credentials(const struct stage *s, const char *id, const char *secret,
                              const char *token)
{
    const struct credentials *credentials = s->outcome.credentials;
    if (!credentials)
        fail_msg("no credentials: %s", s->outcome.why.text);
    assert_str_equal(credentials->access_key_id, id);
    assert_str_equal(credentials->secret_access_key, secret);
    assert_str_equal(credentials->session_token, token);
}

void stage_assert_asked(const struct stage *s, unsigned n, const char *text)
{
    assert_true(n <= s->requests);
    if (!strstr(s->request[n - 1], text))
        fail_msg("\"%s\" is not in request %u: %s", text, n, s->request[n - 1]);
}

void stage_write_file(char *path, size_t size, const char *text)
{
    snprintf(path, size, "/tmp/pipepoll-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}
