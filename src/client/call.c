/* SPDX-License-Identifier: MIT */
/* A call out: take the current credentials, encode the body, see to room for the head, sign it at
 * the client's idea of the time, send. A call in: compare clocks, decode the answer in place, and
 * tell what it means. Which operation it is, its row says. The credentials are held from the one to
 * the other, so that a refusal of credentials that were replaced meanwhile is told from one of the
 * current credentials.
 *
 * Heads and what they are signed from hold session tokens: they are wiped before they are freed,
 * and a token that an answer repeats is hidden before its words are told, as is each secret of the
 * input. Calls of operations with secrets leave nothing of body and answer behind. Where a body, or
 * what is read from an answer, is much larger than a poll's, its memory is not kept. */
#include "client/call.h"

#include "aws/clock_skew.h"
#include "aws/page.h"
#include "base/log.h"

enum {
    AUTHORIZATION_SIZE = 512,
    HEAD_REST_SIZE = 512,
    BODY_FIRST = 1 << 10, /* bytes of room for a body; grows by four */
    BODY_KEPT = 16 << 10,
    DECODED_KEPT = 256 << 10 /* of memory for what is read from an answer */
};

static void buf_wipe_free(struct buf *b, const struct alloc *alloc)
{
    if (b->at)
        digest_wipe(b->at, b->cap);
    alloc_free(alloc, b->at, b->cap);
    *b = (struct buf) { 0 };
}

/* Empty it and see to its size, in case a longer session token came since the last call. Not by
 * realloc(), which would leave the last head behind. */
static bool buf_ready(struct buf *b, const struct alloc *alloc, size_t size)
{
    buf_reset(b);
    if (size <= b->cap)
        return true;
    buf_wipe_free(b, alloc);
    b->at = alloc_new(alloc, size);
    b->cap = b->at ? size : 0;
    return b->at != NULL;
}

static void free_memory(struct decode_memory *m, const struct alloc *alloc)
{
    alloc_free(alloc, m->tokens, m->token_cap * sizeof *m->tokens);
    alloc_free(alloc, m->items, m->item_cap);
    *m = (struct decode_memory) { 0 };
}

void call_context_deinit(struct call_context *ctx)
{
    free_memory(&ctx->memory, &ctx->alloc);
    buf_wipe_free(&ctx->body, &ctx->alloc);
    buf_wipe_free(&ctx->head, &ctx->alloc);
    buf_wipe_free(&ctx->scratch, &ctx->alloc);
}

struct call *call_new(struct call_context *ctx)
{
    struct call *c = alloc_new(&ctx->alloc, sizeof *c);
    if (!c)
        return NULL;
    list_init(&c->free_link);
    return c;
}

void call_free(struct call *c, struct call_context *ctx)
{
    alloc_free(&ctx->alloc, c, sizeof *c);
}

void call_forget_secrets(struct call *c, struct call_context *ctx)
{
    const struct decode_memory *m = &ctx->memory;
    transfer_wipe(&c->transfer);
    if (m->item_cap + m->token_cap * sizeof *m->tokens > DECODED_KEPT)
        free_memory(&ctx->memory, &ctx->alloc);
    else if (m->item_cap)
        digest_wipe(m->items, m->item_cap); /* it points to where they were */
    digest_wipe(&ctx->why, sizeof ctx->why);
}

/* --- the request --- */

static void put_header(struct buf *head, str name, str value)
{
    buf_put(head, name);
    buf_put(head, STR(": "));
    buf_put(head, value);
    buf_put(head, STR("\r\n"));
}

/* All headers but User-Agent are signed, unless there is nothing to sign with. */
static int put_head(struct call *c, struct call_context *ctx, str body)
{
    struct client *client = c->client;
    struct credentials *credentials = c->credentials;
    struct sigv4_header headers[] = {
        { STR("Content-Type"), operation_content_type },
        { STR("Host"), client->endpoint.host },
        { STR("X-Amz-Date"), amz_date_str(&client->date) },
        { STR("X-Amz-Target"), c->operation->target },
        { STR("X-Amz-Security-Token"), credentials->session_token },
    };
    struct sigv4_request rq = {
        .method = STR("POST"),
        .path = client->endpoint.path,
        .headers = headers,
        .header_count = credentials->session_token.len ? 5 : 4,
        .body = body,
        .date = &client->date,
    };
    struct buf *head = &ctx->head;
    for (size_t i = 0; i < rq.header_count; i++)
        put_header(head, headers[i].name, headers[i].value);
    put_header(head, STR("User-Agent"), ctx->user_agent);
    if (credentials_are_anonymous(credentials))
        return 0;
    buf_put(head, STR("Authorization: "));
    int r = sigv4_sign(head, &ctx->scratch, &client->key, credentials, &rq);
    buf_put(head, STR("\r\n"));
    return r;
}

static enum fault send(struct call *c, struct call_context *ctx, str body)
{
    struct transfer *x = &c->transfer;
    x->head = buf_str(&ctx->head);
    x->body = body;
    x->wanted = answer_headers;
    x->wanted_count = ANSWER_HEADER_COUNT;
    x->timeout_ms = ctx->timeout_ms;
    switch (transfer_start(x, c->client->pool)) {
    case 0:
        return FAULT_NONE;
    case PIPEPOLL_ENOMEM:
        return FAULT_OUT_OF_MEMORY;
    default:
        return FAULT_BROKEN;
    }
}

static bool make_space(struct call *c, struct call_context *ctx)
{
    const struct endpoint *endpoint = &c->client->endpoint;
    size_t head_size = endpoint->host.len + c->credentials->access_key_id.len +
                       c->credentials->session_token.len + ctx->user_agent.len +
                       AUTHORIZATION_SIZE + HEAD_REST_SIZE;
    size_t scratch_size = 2 * head_size + endpoint->path.len * 5;
    return buf_ready(&ctx->head, &ctx->alloc, head_size) &&
           buf_ready(&ctx->scratch, &ctx->alloc, scratch_size);
}

static enum fault encode(struct call *c, struct call_context *ctx)
{
    size_t size = ctx->body.cap > BODY_FIRST ? ctx->body.cap : BODY_FIRST;
    for (; size <= OPERATION_BODY_MAX; size *= 4) {
        if (!buf_ready(&ctx->body, &ctx->alloc, size))
            return FAULT_OUT_OF_MEMORY;
        c->operation->encode(&ctx->body, c->input);
        if (!ctx->body.overflow)
            return FAULT_NONE;
    }
    return FAULT_BROKEN;
}

/* It is on its way, or never will be. */
static void forget_body(const struct call *c, struct call_context *ctx)
{
    struct buf *body = &ctx->body;
    if (body->cap > BODY_KEPT)
        buf_wipe_free(body, &ctx->alloc);
    else if (body->cap && c->operation->has_secrets)
        digest_wipe(body->at, body->cap);
}

static enum fault sign_and_send(struct call *c, struct call_context *ctx)
{
    str body = buf_str(&ctx->body);
    if (!make_space(c, ctx))
        return FAULT_OUT_OF_MEMORY;
    c->skew_ms = ctx->trusts_clock ? 0 : c->client->clock.ms;
    c->started_ns = timers_now_ns();
    c->sent_ms = timers_wall_ms();
    amz_date_set(&c->client->date, (c->sent_ms + c->skew_ms) / 1000);
    int failed = put_head(c, ctx, body);
    if (ctx->head.overflow)
        return FAULT_BROKEN;
    if (failed) /* OpenSSL passed its check when the poller opened: what it lacks is memory */
        return FAULT_OUT_OF_MEMORY;
    return send(c, ctx, body);
}

enum fault call_start(struct call *c, struct call_context *ctx, struct client *client,
                      const struct operation *operation, const void *input)
{
    c->operation = operation;
    c->input = input;
    c->client = client;
    c->credentials = credentials_ref(identity_current(client->principal->identity));
    if (!c->credentials)
        return FAULT_NO_CREDENTIALS;
    enum fault fault = encode(c, ctx);
    if (!fault)
        fault = sign_and_send(c, ctx);
    forget_body(c, ctx);
    if (fault)
        c->credentials = credentials_unref(c->credentials);
    return fault;
}

/* --- the answer --- */

static bool grow(const struct alloc *alloc, void **at, size_t *cap, size_t need, size_t unit)
{
    if (need <= *cap)
        return true;
    size_t more = *cap * 2 > need ? *cap * 2 : need;
    void *bigger = alloc_resize(alloc, *at, *cap * unit, more * unit);
    if (!bigger)
        return false;
    *at = bigger;
    *cap = more;
    return true;
}

static bool grow_memory(struct decode_memory *m, const struct alloc *alloc)
{
    void *tokens = m->tokens;
    bool done = grow(alloc, &tokens, &m->token_cap, m->tokens_needed, sizeof *m->tokens);
    m->tokens = tokens;
    return grow(alloc, &m->items, &m->item_cap, m->items_needed, 1) && done;
}

static struct answer received(const struct call *c)
{
    struct answer a = answer_make(c->transfer.http_status, c->transfer.values);
    a.codes = c->operation->codes;
    a.code_count = c->operation->code_count;
    return a;
}

/* In a text of the call's own. */
static void hide_secrets(const struct call *c, str text)
{
    answer_hide(text, c->credentials->session_token);
    if (!c->operation->secret)
        return;
    str secret;
    for (size_t i = 0; (secret = c->operation->secret(c->input, i)).len; i++)
        answer_hide(text, secret);
}

static enum fault read_result(struct call *c, struct call_context *ctx, void *result,
                              struct outcome *out)
{
    struct transfer *x = &c->transfer;
    const struct answer answer = received(c);
    str body = { x->answer, x->answer_len };
    enum decode_result r;
    if (answer_is_foreign(&answer, body))
        out->cause = PIPEPOLL_CAUSE_MIDDLE_BOX;
    if (answer_is_odd(&answer, &ctx->why))
        return FAULT_MALFORMED;
    if (out->cause) {
        hide_secrets(c, body);
        answer_tell_middle_box(&answer, answer_quote(page_words(x->answer, x->answer_len)),
                               &ctx->why);
        return FAULT_MALFORMED;
    }
    while ((r = c->operation->decode(result, &ctx->memory, body, &ctx->why)) == DECODE_NEED_MEMORY)
        if (!grow_memory(&ctx->memory, &ctx->alloc))
            return FAULT_OUT_OF_MEMORY;
    return r ? FAULT_MALFORMED : FAULT_NONE;
}

/* An error's body is small; a larger one than its tokens hold is told by its first bytes. */
enum { ERROR_TOKENS = 64 };

static void read_error(struct call *c, struct call_context *ctx, struct outcome *out)
{
    struct transfer *x = &c->transfer;
    const struct answer answer = received(c);
    struct answer_fault found;
    /* Before it is quoted, and so perhaps cut in the middle; and again when escapes are undone. */
    hide_secrets(c, (str) { x->answer, x->answer_len });
    ctx->memory.tokens_needed = ERROR_TOKENS;
    ctx->memory.items_needed = 0;
    grow_memory(&ctx->memory, &ctx->alloc);
    answer_read(&found, &answer, x->answer, x->answer_len, ctx->memory.tokens,
                ctx->memory.token_cap);
    out->fault = found.fault;
    out->cause = found.cause;
    out->meaning = found.meaning;
    out->code = found.code;
    out->message = found.message;
    if (answer_is_odd(&answer, &ctx->why)) {
        out->message = str_of(ctx->why.text);
    } else if (found.cause == PIPEPOLL_CAUSE_MIDDLE_BOX) {
        answer_tell_middle_box(&answer, found.message, &ctx->why);
        out->message = str_of(ctx->why.text);
    }
    out->retry_after_ms = found.retry_after_ms;
}

/* The service's text as one plain line. It lies in the call's own memory. */
static void make_plain(str text)
{
    if (!text.len)
        return;
    for (char *at = (char *)text.ptr, *end = at + text.len; at < end; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
}

/* Every answer tells the time; true: this one did, and is believed, and the time of the signature
 * was so far from it. That one may have been another than what our clock, corrected, says now: the
 * clock may have been put right since, even while the call was under way. So the round trip is told
 * by a clock that nobody sets. */
static bool compare_clocks(const struct call *c, uint64_t now_ns, int64_t *signed_off_ms)
{
    int64_t skew_ms, received_ms = timers_wall_ms();
    int64_t began_ms = received_ms - (int64_t)((now_ns - c->started_ns) / 1000000);
    if (!clock_skew_measure(&skew_ms, c->transfer.values[ANSWER_DATE],
                            c->transfer.values[ANSWER_AGE], began_ms, received_ms) ||
        !clock_skew_hear(&c->client->clock, skew_ms, received_ms))
        return false;
    *signed_off_ms = began_ms + skew_ms - (c->sent_ms + c->skew_ms);
    return true;
}

/* An error that came from the service means that it did not do it, unless it failed itself. */
static bool is_uncertain(const struct transfer *x, enum fault fault)
{
    bool is_refused = x->http_status / 100 == 4 && !x->fault && fault != FAULT_SERVICE &&
                      fault != FAULT_MALFORMED;
    return fault && x->is_sent && !is_refused;
}

void call_read(struct call *c, struct call_context *ctx, uint64_t now_ns, void *result,
               struct outcome *out)
{
    struct transfer *x = &c->transfer;
    *out = (struct outcome) {
        .fault = x->fault,
        .http_status = x->http_status,
        .request_id = c->transfer.values[ANSWER_REQUEST_ID],
    };
    out->credentials_are_old = c->credentials != identity_current(c->client->principal->identity);
    int64_t signed_off_ms = 0;
    bool knows_time = x->http_status && compare_clocks(c, now_ns, &signed_off_ms);
    if (x->fault) {
        explain(&ctx->why, 0, "%s", x->detail);
        out->cause = x->cause;
        out->subject = x->subject;
        out->message = str_of(ctx->why.text);
    } else if (answer_is_success(x->http_status)) {
        out->fault = read_result(c, ctx, result, out);
        if (out->fault)
            out->message = str_of(ctx->why.text);
    } else {
        read_error(c, ctx, out);
        bool explains = knows_time && clock_skew_explains(out->code, signed_off_ms);
        out->may_be_clock = explains && !ctx->trusts_clock;
        if (explains && out->cause == PIPEPOLL_CAUSE_SIGNATURE)
            out->cause = PIPEPOLL_CAUSE_CLOCK;
    }
    if (out->cause == PIPEPOLL_CAUSE_MIDDLE_BOX)
        out->subject = c->transfer.values[ANSWER_SERVER];

    out->is_uncertain = is_uncertain(x, out->fault);
    hide_secrets(c, out->message);
    c->credentials = credentials_unref(c->credentials);
    make_plain(out->code);
    make_plain(out->message);
    make_plain(out->request_id);
    make_plain(c->transfer.values[ANSWER_SERVER]);
}
