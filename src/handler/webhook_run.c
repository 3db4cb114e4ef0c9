/* SPDX-License-Identifier: MIT */
/* A run is attempts (webhook_answer.c judges each), the waits between them, and perhaps a wait for
 * a call-back. Its result is told from the end of an attempt or from its timer, and thus from a
 * stack on which nobody else works on the run; what comes elsewhere (a call-back, a stop) is kept
 * until then. Every attempt has the same job id, so one that was taken and whose answer was lost
 * does no harm. */
#include "handler/webhook_run.h"

#include <stdlib.h>

#include "aws/digest.h"
#include "base/backoff.h"
#include "base/log.h"
#include "handler/webhook_signature.h"

enum { RETRY_AFTER_MAX_MS = 60000 };

static struct webhook *owner(const struct webhook_run *run)
{
    return CONTAINER_OF(run->run.handler, struct webhook, handler);
}

/* --- the end --- */

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
    webhook_on_run_end(w);
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
    uint64_t ms = delay_ms(run), due_ns = webhook_after_ms(ms);
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
    timer_set(&run->timer, webhook_after_ms(owner(run)->result_ms));
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

int webhook_run_start(struct webhook_run **out, struct webhook *w, const struct handler_input *in,
                      const struct handler_events *events, void *ctx)
{
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
    run->give_up_ns = webhook_after_ms(w->give_up_ms);
    list_put_last(&w->runs, &run->link);
    *out = run;
    attempt(run);
    return PIPEPOLL_OK;
}

void webhook_run_stop(struct webhook_run *run)
{
    bool again = run->stopping;
    run->stopping = true;
    if (run->state == WEBHOOK_ENDING || (run->state == WEBHOOK_SENDING && !again))
        return;
    set_stopped(run);
    end_soon(run);
}
