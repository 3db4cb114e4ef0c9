/* SPDX-License-Identifier: MIT */
/* A run is attempts (webhook_answer.c judges each), the waits between them, and perhaps a wait for
 * a call-back. Its result is told from the end of an attempt or from its timer, and thus from a
 * stack on which nobody else works on the run; what comes elsewhere (a call-back, a stop) is kept
 * until then. Every attempt has the same job id, so one that was taken and whose answer was lost
 * does no harm. */
#include "handler/webhook.h"

#include <stdlib.h>

#include "aws/digest.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/rng.h"
#include "handler/webhook_run.h"
#include "handler/webhook_signature.h"

enum { GIVE_UP_MS = 600000, BACKOFF_MS = 1000, RESULT_MS = 3600000, RETRY_AFTER_MAX_MS = 60000 };

static const uint64_t ns_per_ms = 1000000;

struct webhook {
    struct handler handler;
    struct http_client *client;
    struct callbacks *callbacks;
    struct hmac_key key;
    struct rng rng;
    uint32_t timeout_ms, give_up_ms, backoff_ms, result_ms;
    struct list runs;
    struct timer deadline;
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

static struct webhook *webhook_of(struct handler *handler)
{
    return CONTAINER_OF(handler, struct webhook, handler);
}

static struct webhook *owner(const struct webhook_run *run)
{
    return webhook_of(run->run.handler);
}

static struct webhook_run *run_of(struct list *link)
{
    return CONTAINER_OF(link, struct webhook_run, link);
}

static uint64_t after_ms(uint64_t ms)
{
    return timers_now_ns() + ms * ns_per_ms;
}

/* --- the end --- */

static void on_client_closed(void *ctx)
{
    struct webhook *w = ctx;
    void (*closed)(void *ctx) = w->closed;
    void *closed_ctx = w->ctx;
    digest_wipe(w, sizeof *w);
    free(w);
    if (closed)
        closed(closed_ctx);
}

static void close_when_idle(struct webhook *w)
{
    if (!w->closing || !list_empty(&w->runs) || !w->deadline.timers)
        return;
    timer_deinit(&w->deadline);
    http_client_close(w->client, on_client_closed, w);
}

static void forget_report(struct webhook_run *run)
{
    if (run->report_text)
        digest_wipe(run->report_text, run->report_len);
    free(run->report_text);
    run->report_text = NULL;
}

static void run_free(struct webhook_run *run)
{
    size_t size = sizeof *run + run->id.len + run->document.len;
    forget_report(run);
    secrets_deinit(&run->secrets);
    callback_remove(&run->callback);
    timer_deinit(&run->timer);
    http_call_deinit(&run->call);
    digest_wipe(run, size);
    free(run);
}

/* From a clean stack. */
static void finish(struct webhook_run *run)
{
    struct webhook *w = owner(run);
    list_remove(&run->link);
    callback_remove(&run->callback);
    run->events->done(run->ctx, &run->result);
    run_free(run);
    close_when_idle(w);
}

/* There is a result, and this is somebody else's stack. */
static void end_soon(struct webhook_run *run)
{
    bool is_sending = run->state == WEBHOOK_SENDING;
    run->state = WEBHOOK_ENDING;
    if (is_sending)
        http_call_stop(&run->call);
    else
        timer_set(&run->timer, timers_now_ns());
}

static void set_stopped(struct webhook_run *run)
{
    webhook_fail(run, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
                 "it was stopped before %.*s gave a result", STR_ARG(run->host));
    run->result.stopped = true;
}

/* --- attempts --- */

static void put_number(struct http_call *c, const char *name, uint64_t number)
{
    char text[24];
    struct buf digits = BUF_ON(text);
    buf_put_u64(&digits, number);
    http_call_put_header(c, name, buf_str(&digits));
}

static void put_proof(struct webhook_run *run)
{
    char text[24], signature[WEBHOOK_SIGNATURE_SIZE];
    struct buf now = BUF_ON(text);
    buf_put_u64(&now, (uint64_t)(timers_wall_ms() / 1000));
    http_call_put_header(&run->call, "Pipepoll-Timestamp", buf_str(&now));
    http_call_put_header(&run->call, "Pipepoll-Signature",
                         webhook_sign(signature, &owner(run)->key, buf_str(&now), run->document));
}

static void put_callback(struct webhook_run *run)
{
    char text[CALLBACK_URL_MAX];
    struct buf url = BUF_ON(text);
    if (!run->callback.take)
        return;
    callback_put_url(&url, owner(run)->callbacks, &run->callback);
    http_call_put_header(&run->call, "Pipepoll-Callback-Url", buf_str(&url));
    digest_wipe(text, sizeof text);
}

static void on_call_done(struct http_call *c);

static void attempt(struct webhook_run *run)
{
    struct http_call *c = &run->call;
    run->state = WEBHOOK_SENDING;
    run->attempts++;
    http_call_begin(c);
    http_call_put_header(c, "Content-Type", STR("application/json"));
    http_call_put_header(c, "Accept", STR("application/json"));
    http_call_put_header(c, "Pipepoll-Job-Id", run->id);
    put_number(c, "Pipepoll-Attempt", run->attempts);
    put_proof(run);
    put_callback(run);
    c->body = run->document;
    c->timeout_ms = owner(run)->timeout_ms;
    c->on_done = on_call_done;
    http_call_start(c);
}

static void give_up(struct webhook_run *run)
{
    webhook_fail(run, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
                 "%.*s gave no answer to %u attempts; the last time: %s", STR_ARG(run->host),
                 run->attempts, run->trouble);
    finish(run);
}

/* The jitter goes on top of what the service asked for: it is to spread all jobs that it asked. */
static uint64_t delay_ms(struct webhook_run *run)
{
    struct webhook *w = owner(run);
    uint64_t asked_ms = run->call.retry_after_ms;
    if (asked_ms > RETRY_AFTER_MAX_MS)
        asked_ms = RETRY_AFTER_MAX_MS;
    return asked_ms + backoff_delay_ms(run->attempts - 1, w->backoff_ms, rng_next(&w->rng));
}

static void try_later(struct webhook_run *run)
{
    uint64_t ms = delay_ms(run), due_ns = after_ms(ms);
    if (due_ns > run->give_up_ns) {
        give_up(run);
        return;
    }
    webhook_log(run, PIPEPOLL_WARNING, "attempt %u at %.*s: %s; the next is in %u.%03u s",
                run->attempts, STR_ARG(run->host), run->trouble, (unsigned)(ms / 1000),
                (unsigned)(ms % 1000));
    run->state = WEBHOOK_WAITING;
    timer_set(&run->timer, due_ns);
}

static void wait_for_callback(struct webhook_run *run)
{
    webhook_log(run, PIPEPOLL_INFO, "%.*s has accepted it, and is to call back",
                STR_ARG(run->host));
    run->state = WEBHOOK_ACCEPTED;
    timer_set(&run->timer, after_ms(owner(run)->result_ms));
}

static void on_call_done(struct http_call *c)
{
    struct webhook_run *run = CONTAINER_OF(c, struct webhook_run, call);
    enum webhook_verdict verdict =
        run->state == WEBHOOK_ENDING ? WEBHOOK_RESULT : webhook_judge(run);
    if (verdict != WEBHOOK_RESULT && run->stopping) {
        set_stopped(run);
        verdict = WEBHOOK_RESULT;
    }
    switch (verdict) {
    case WEBHOOK_RESULT:
        finish(run);
        return;
    case WEBHOOK_LATER:
        wait_for_callback(run);
        return;
    case WEBHOOK_TROUBLE:
        try_later(run);
        return;
    }
}

static void on_timer(struct timer *timer)
{
    struct webhook_run *run = CONTAINER_OF(timer, struct webhook_run, timer);
    uint32_t result_ms = owner(run)->result_ms;
    switch (run->state) {
    case WEBHOOK_SENDING:
        return;
    case WEBHOOK_WAITING:
        attempt(run);
        return;
    case WEBHOOK_ACCEPTED:
        webhook_fail(run, PIPEPOLL_FAILURE_JOB,
                     "%.*s accepted the job, and gave no result within %u.%03u s",
                     STR_ARG(run->host), result_ms / 1000, result_ms % 1000);
        finish(run);
        return;
    case WEBHOOK_ENDING:
        finish(run);
        return;
    }
}

/* --- call-backs --- */

static bool is_result(enum report_kind kind)
{
    return kind == REPORT_SUCCEEDED || kind == REPORT_CONTINUE || kind == REPORT_FAILED;
}

/* What is not understood is refused and not counted: the service learns why, and may tell again. */
static bool on_callback(struct callback *c, char *body, size_t len, struct pipepoll_error *why)
{
    struct webhook_run *run = CONTAINER_OF(c, struct webhook_run, callback);
    if (run->state == WEBHOOK_ENDING) {
        explain(why, PIPEPOLL_ECLOSING, "the job was stopped");
        return !run->result.stopped;
    }
    char *copy = malloc(len + 1);
    if (!copy) {
        explain(why, PIPEPOLL_ENOMEM, "out of memory");
        return false;
    }
    memcpy(copy, body, len);
    run->report_text = copy;
    run->report_len = len;
    enum report_kind kind = webhook_read(run, copy, len, why);
    if (is_result(kind)) {
        end_soon(run);
        return true;
    }
    forget_report(run);
    if (kind != REPORT_PROGRESS)
        webhook_log(run, PIPEPOLL_WARNING, "a call-back of %.*s is not understood: %s",
                    STR_ARG(run->host), why->text);
    return kind == REPORT_PROGRESS;
}

/* --- start and stop --- */

static int keep_secrets(struct webhook_run *run, const struct handler_input *in)
{
    str *all = calloc(in->secret_count + 1, sizeof *all);
    size_t count = in->secret_count;
    if (!all)
        return PIPEPOLL_ENOMEM;
    for (size_t i = 0; i < count; i++)
        all[i] = in->secrets[i];
    if (run->callback.take)
        all[count++] = (str) { run->callback.token, sizeof run->callback.token };
    int r = secrets_init(&run->secrets, all, count);
    free(all);
    return r;
}

static int run_init(struct webhook_run *run, struct webhook *w, const struct handler_input *in)
{
    char *at = (char *)(run + 1);
    run->run.handler = &w->handler;
    run->host = http_client_host(w->client);
    run->id = str_keep(&at, in->job_id);
    run->document = str_keep(&at, in->document);
    list_init(&run->link);
    if (w->callbacks) {
        run->callback.take = on_callback;
        run->callback.key = &w->key;
        callback_add(w->callbacks, &run->callback, run->id);
    }
    int r = keep_secrets(run, in);
    if (!r)
        r = timer_init(&run->timer, http_client_timers(w->client), on_timer);
    return r ? r : http_call_init(&run->call, w->client);
}

static int start(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx)
{
    struct webhook *w = webhook_of(self);
    struct webhook_run *run = calloc(1, sizeof *run + in->job_id.len + in->document.len);
    if (!run)
        return PIPEPOLL_ENOMEM;
    run->events = events;
    run->ctx = ctx;
    int r = run_init(run, w, in);
    if (r) {
        run_free(run);
        return r;
    }
    run->give_up_ns = after_ms(w->give_up_ms);
    list_put_last(&w->runs, &run->link);
    *out = &run->run;
    attempt(run);
    return PIPEPOLL_OK;
}

static void stop_run(struct webhook_run *run)
{
    bool again = run->stopping;
    run->stopping = true;
    if (run->state == WEBHOOK_ENDING || (run->state == WEBHOOK_SENDING && !again))
        return;
    set_stopped(run);
    end_soon(run);
}

static void stop(struct handler *self, struct handler_run *run)
{
    stop_run(CONTAINER_OF(run, struct webhook_run, run));
}

static void stop_all(struct webhook *w)
{
    for (struct list *l = w->runs.next; l != &w->runs; l = l->next)
        stop_run(run_of(l));
}

static void on_deadline(struct timer *deadline)
{
    stop_all(CONTAINER_OF(deadline, struct webhook, deadline)); /* again */
}

static void stop_others(struct webhook *w)
{
    for (struct list *l = w->runs.next; l != &w->runs; l = l->next)
        if (!run_of(l)->stopping)
            stop_run(run_of(l));
}

static void close_all(struct handler *self, uint32_t deadline_ms, void (*closed)(void *ctx),
                      void *ctx)
{
    struct webhook *w = webhook_of(self);
    w->closing = true;
    w->closed = closed;
    w->ctx = ctx;
    stop_others(w);
    timer_set(&w->deadline, after_ms(deadline_ms));
    close_when_idle(w);
}

/* --- open --- */

static struct webhook *webhook_new(const struct webhook_options *o)
{
    struct webhook *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->handler = (struct handler) { .start = start, .stop = stop, .close = close_all };
    w->callbacks = o->callbacks;
    w->rng.state = o->seed;
    w->timeout_ms = o->timeout_ms;
    w->give_up_ms = o->give_up_ms ? o->give_up_ms : GIVE_UP_MS;
    w->backoff_ms = o->backoff_ms ? o->backoff_ms : BACKOFF_MS;
    w->result_ms = o->result_ms ? o->result_ms : RESULT_MS;
    list_init(&w->runs);
    hmac_key_set(&w->key, o->key);
    return w;
}

int webhook_open(struct handler **out, struct uv_loop_s *loop, const struct webhook_options *o,
                 struct pipepoll_error *why)
{
    const struct http_client_options client = { .url = o->url,
                                                .ca_bundle = o->ca_bundle,
                                                .max_connections = o->max_connections };
    if (o->key.len < WEBHOOK_KEY_LEN_MIN)
        return explain(why, PIPEPOLL_EINVAL, "the key has %zu bytes, and needs %d or more",
                       o->key.len, WEBHOOK_KEY_LEN_MIN);
    struct webhook *w = webhook_new(o);
    if (!w)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = http_client_open(&w->client, loop, &client, why);
    if (!r && timer_init(&w->deadline, http_client_timers(w->client), on_deadline)) {
        http_client_close(w->client, on_client_closed, w);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    if (r)
        on_client_closed(w);
    else
        *out = &w->handler;
    return r;
}
