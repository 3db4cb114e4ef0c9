/* SPDX-License-Identifier: MIT */
/* Trouble is judged in one place, as for polls: aws/answer finds code and fault, base/fault says
 * whether it may pass, base/backoff how long to wait. The quota of polls is not touched: a run of a
 * provider is bounded by its attempts, and rare. */
#include "credentials/exchange.h"

#include "aws/clock_skew.h"
#include "aws/digest.h"
#include "aws/timestamp.h"
#include "base/backoff.h"
#include "base/cause.h"
#include "base/url.h"

static const uint64_t ns_per_ms = 1000000;

/* --- the request --- */

str exchange_host(const struct exchange *x)
{
    struct url u;
    return url_split(&u, x->url) ? u.authority : STR("");
}

/* The path with its query. A URL without one means "/". */
static void put_url_path(struct buf *out, str url)
{
    struct url u;
    if (!url_split(&u, url))
        return; /* cannot be: whoever named it has judged it */
    if (!u.target.len || u.target.ptr[0] != '/')
        buf_put_char(out, '/');
    buf_put(out, u.target);
}

void exchange_put_header(struct exchange *x, str name, str value)
{
    buf_put(&x->head, name);
    buf_put(&x->head, STR(": "));
    buf_put(&x->head, value);
    buf_put(&x->head, STR("\r\n"));
}

/* --- the end of an attempt --- */

static void finish(struct exchange *x, enum fault fault, const char *message)
{
    x->state = EXCHANGE_IDLE;
    x->fault = fault;
    if (message)
        explain(&x->message, fault_status(fault), "%s", message);
    x->on_done(x);
}

static struct answer received(const struct exchange *x)
{
    struct answer a = answer_make(x->http_status, x->transfer.values);
    a.is_metadata = x->is_metadata;
    return a;
}

static void put_message(struct exchange *x, str text, enum pipepoll_cause cause)
{
    explain(&x->message, 0, "%.*s", STR_ARG(text));
    explain_cause(&x->message, cause, STR(""));
}

static void read_failure(struct exchange *x)
{
    const struct answer answer = received(x);
    struct answer_fault found;
    struct buf code = BUF_ON(x->code_room);
    /* Before it is quoted, and so perhaps cut in the middle of a secret. */
    answer_hide((str) { x->answer, x->answer_len }, x->secret);
    answer_read(&found, &answer, x->answer, x->answer_len, x->tokens, EXCHANGE_TOKENS);
    answer_hide(found.message, x->secret);
    answer_hide(found.code, x->secret);
    buf_put(&code, found.code);
    x->code = buf_str(&code);
    x->fault = found.fault;
    x->retry_after_ms = found.retry_after_ms;
    if (answer_is_odd(&answer, &x->message))
        explain_cause(&x->message, found.cause, answer.server);
    else if (found.cause == PIPEPOLL_CAUSE_MIDDLE_BOX)
        answer_tell_middle_box(&answer, found.message, &x->message);
    else
        put_message(x, found.message, found.cause);
}

/* A cache's Date, or one that is days off, would make credentials expire too early or never. */
static int64_t read_date(const struct exchange *x)
{
    int64_t date_s;
    bool is_good = !x->transfer.values[ANSWER_AGE].len &&
                   timestamp_http_date(x->transfer.values[ANSWER_DATE], &date_s) &&
                   clock_skew_is_credible((date_s - x->host->now_s(x->host->now_ctx)) * 1000);
    return is_good ? date_s : 0;
}

static void read_answer(struct exchange *x)
{
    const struct transfer *t = &x->transfer;
    x->fault = t->fault;
    x->http_status = t->http_status;
    x->answer = t->answer;
    x->answer_len = t->answer_len;
    x->date_s = read_date(x);
    const struct answer answer = received(x);
    if (t->fault) {
        explain(&x->message, 0, "%s", t->detail[0] ? t->detail : fault_text(t->fault));
        explain_cause(&x->message, t->cause, t->subject);
    } else if (t->answer_len > EXCHANGE_ANSWER_MAX) {
        x->fault = FAULT_MALFORMED;
        explain(&x->message, 0, "the answer is longer than %d bytes", EXCHANGE_ANSWER_MAX);
    } else if (!answer_is_success(t->http_status)) {
        read_failure(x);
    } else if (answer_is_odd(&answer, &x->message)) {
        x->fault = FAULT_MALFORMED;
    }
}

static bool is_listed(const char *const *codes, str code)
{
    for (; codes && *codes; codes++)
        if (str_eq(str_of(*codes), code))
            return true;
    return false;
}

static bool may_pass(const struct exchange *x)
{
    enum reaction reaction = fault_reaction(x->fault);
    return reaction == REACTION_RETRY || reaction == REACTION_SLOW_DOWN ||
           is_listed(x->passing, x->code);
}

static uint64_t delay_ms(const struct exchange *x)
{
    uint64_t base = x->fault == FAULT_THROTTLED ? BACKOFF_THROTTLED_BASE_MS : BACKOFF_BASE_MS;
    uint64_t jittered = backoff_delay_ms(x->tried - 1, base, rng_next(x->host->rng));
    return backoff_with_hint_ms(jittered, x->retry_after_ms);
}

static void on_transfer_done(struct transfer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, transfer);
    read_answer(x);
    if (!x->fault || x->stopped || x->tried >= x->attempts || !may_pass(x)) {
        finish(x, x->fault, NULL);
        return;
    }
    x->answer = NULL; /* it goes now */
    x->answer_len = 0;
    x->state = EXCHANGE_WAITING;
    timer_set(&x->timer, timers_now_ns() + delay_ms(x) * ns_per_ms);
}

/* --- attempts --- */

static void forget_answer(struct exchange *x)
{
    transfer_wipe(&x->transfer);
    x->fault = FAULT_NONE;
    x->http_status = 0;
    x->answer = NULL;
    x->answer_len = 0;
    x->date_s = 0;
    x->retry_after_ms = 0;
    x->code = STR("");
    x->message.text[0] = '\0';
}

static int send(struct exchange *x)
{
    struct transfer *t = &x->transfer;
    t->head = buf_str(&x->head);
    t->body = buf_str(&x->body);
    t->method = x->method;
    t->path = buf_str(&x->path);
    t->wanted = answer_headers;
    t->wanted_count = ANSWER_HEADER_COUNT;
    t->timeout_ms = x->timeout_ms;
    t->on_done = on_transfer_done;
    return transfer_start(t, x->pool);
}

/* From the timer: nothing that is told here is told from inside a start. */
static void on_timer(struct timer *a)
{
    struct exchange *x = CONTAINER_OF(a, struct exchange, timer);
    if (x->stopped) {
        finish(x, FAULT_TIMED_OUT, "it was stopped");
        return;
    }
    if (x->path.overflow || x->head.overflow || x->body.overflow) {
        finish(x, FAULT_REFUSED, "the request is longer than pipepoll can send");
        return;
    }
    forget_answer(x);
    x->tried++;
    x->state = EXCHANGE_IN_FLIGHT;
    int r = send(x);
    if (r == PIPEPOLL_ENOMEM)
        finish(x, FAULT_OUT_OF_MEMORY, "out of memory");
    else if (r)
        finish(x, FAULT_REFUSED, "the request is longer than pipepoll can send");
}

void exchange_start(struct exchange *x)
{
    if (!x->path.len)
        put_url_path(&x->path, x->url);
    x->tried = 0;
    x->state = EXCHANGE_WAITING;
    timer_set(&x->timer, timers_now_ns());
}

bool exchange_stop(struct exchange *x)
{
    x->stopped = true;
    switch (x->state) {
    case EXCHANGE_IDLE:
        break;
    case EXCHANGE_WAITING:
        timer_set(&x->timer, timers_now_ns());
        return true;
    case EXCHANGE_IN_FLIGHT:
        transfer_abort(&x->transfer);
        return true;
    }
    return false;
}

/* --- from open to close --- */

int exchange_open(struct exchange *x, const struct provider_host *host, str url,
                  enum exchange_way way)
{
    const struct pool_options o = {
        .url = url,
        .direct = way == EXCHANGE_DIRECT,
    };
    *x = (struct exchange) {
        .url = url,
        .is_metadata = way == EXCHANGE_DIRECT,
    };
    if (timer_init(&x->timer, host->timers, on_timer))
        return PIPEPOLL_ENOMEM;
    if (pool_open(&x->pool, host->transport, &o)) {
        timer_deinit(&x->timer);
        return PIPEPOLL_ENOMEM;
    }
    x->host = host;
    exchange_begin(x);
    return 0;
}

void exchange_close(struct exchange *x)
{
    if (!x->host)
        return;
    forget_answer(x);
    timer_deinit(&x->timer);
    pool_close(x->pool);
    digest_wipe(x, sizeof *x);
}

void exchange_begin(struct exchange *x)
{
    forget_answer(x);
    digest_wipe(x->body_text, sizeof x->body_text);
    digest_wipe(x->head_text, sizeof x->head_text);
    x->path = BUF_ON(x->path_text);
    x->head = BUF_ON(x->head_text);
    x->body = BUF_ON(x->body_text);
    x->method = x->secret = STR("");
    exchange_put_header(x, STR("Host"), exchange_host(x));
    str user_agent = x->host->user_agent;
    exchange_put_header(x, STR("User-Agent"),
                        user_agent.len ? user_agent : STR("pipepoll/" PIPEPOLL_VERSION));
}

/* --- the answer --- */

int exchange_json(struct exchange *x, struct json *out, const char *what,
                  struct pipepoll_error *why)
{
    struct pipepoll_error problem;
    switch (json_parse(out, x->answer, x->answer_len, x->tokens, EXCHANGE_TOKENS, &problem)) {
    case JSON_OK:
        return 0;
    case JSON_NEED_TOKENS:
        return explain(why, PIPEPOLL_EPROTO, "%s answered with more JSON than expected", what);
    default:
        return explain(why, PIPEPOLL_EPROTO, "%s answered with what is not JSON: %s", what,
                       problem.text);
    }
}

/* Credentials or a token that have expired are somebody's to refresh, who as a rule does it
 * unasked: unlike the other statuses of its kind, this one may pass. */
static int status_of(enum fault fault)
{
    return fault_reaction(fault) == REACTION_REFRESH ? PIPEPOLL_ESERVICE : fault_status(fault);
}

/* What the service said of the credentials or the role is for the owner of the exchange to
 * explain. */
static bool is_of_way(enum pipepoll_cause cause)
{
    enum cause_group group = cause_group(cause);
    return group == CAUSE_GROUP_ANSWER || group == CAUSE_GROUP_WAY || cause == PIPEPOLL_CAUSE_CLOCK;
}

static bool is_of_machine(enum pipepoll_cause cause)
{
    return cause_group(cause) == CAUSE_GROUP_MACHINE;
}

/* The hint goes before a long message of the service, which may be cut. */
int exchange_explain(const struct exchange *x, const char *what, const char *hint,
                     struct pipepoll_error *why)
{
    int status = status_of(x->fault);
    const char *message = x->message.text, *before_hint = hint[0] ? "; " : "";
    char http[32] = "";
    struct buf b = BUF_ON(http);
    if (x->http_status)
        buf_printf(&b, " (HTTP %d)", x->http_status);
    if (x->code.len)
        explain(why, status, "%s: %.*s%s%s%s%s%s", what, STR_ARG(x->code), http, before_hint, hint,
                message[0] ? ": " : "", message);
    else
        explain(why, status, "%s: %s%s%s%s", what, message[0] ? message : fault_text(x->fault),
                http, before_hint, hint);
    if (is_of_machine(x->message.cause) || (is_of_way(x->message.cause) && !x->is_metadata))
        explain_cause(why, x->message.cause, str_of(x->message.subject));
    else
        explain_cause(why, PIPEPOLL_CAUSE_SOURCE, STR(""));
    return status;
}
