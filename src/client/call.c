/* A poll out: take the current credentials, encode the body, see to room for the head, sign it at
 * the region's idea of the time, send. A poll in: compare clocks, decode the answer in place, and
 * tell what it means. The credentials are held from the one to the other, so that a refusal of
 * credentials that were replaced meanwhile is told from one of the current credentials.
 *
 * Heads and what they are signed from hold session tokens: they are wiped before they are freed,
 * and a token that an answer repeats is hidden before its words are told. */
#include "client/call.h"

#include "aws/clock_skew.h"
#include "aws/page.h"
#include "base/log.h"

enum { AUTHORIZATION_SIZE = 512, HEAD_REST_SIZE = 512 };

static const str wanted_names[CALL_WANTED_COUNT] = {
    [CALL_REQUEST_ID] = STR_INIT("x-amzn-requestid"),
    [CALL_ERROR_TYPE] = STR_INIT("x-amzn-errortype"),
    [CALL_RETRY_AFTER] = STR_INIT("x-amz-retry-after"),
    [CALL_DATE] = STR_INIT("date"),
    [CALL_AGE] = STR_INIT("age"),
    [CALL_LOCATION] = STR_INIT("location"),
    [CALL_ENCODING] = STR_INIT("content-encoding"),
    [CALL_SERVER] = STR_INIT("server"),
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

void call_context_deinit(struct call_context *ctx)
{
    buf_wipe_free(&ctx->scratch, &ctx->alloc);
}

struct call *call_new(struct call_context *ctx)
{
    struct call *c = alloc_new(&ctx->alloc, sizeof *c);
    if (!c)
        return NULL;
    list_init(&c->free_link);
    for (size_t i = 0; i < CALL_WANTED_COUNT; i++)
        c->wanted[i].name = wanted_names[i];
    c->wanted[CALL_LOCATION].cut_at = ANSWER_QUOTE_LEN_MAX;
    c->wanted[CALL_SERVER].cut_at = ANSWER_SERVER_LEN_MAX;
    return c;
}

void call_free(struct call *c, struct call_context *ctx)
{
    const struct alloc *alloc = &ctx->alloc;
    transfer_deinit(&c->transfer, ctx->transport);
    buf_wipe_free(&c->head, alloc);
    alloc_free(alloc, c->room.tokens, c->room.token_cap * sizeof *c->room.tokens);
    alloc_free(alloc, c->room.jobs, c->room.job_cap * sizeof *c->room.jobs);
    alloc_free(alloc, c, sizeof *c);
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
        { STR("X-Amz-Target"), operation_target(OPERATION_POLL_FOR_THIRD_PARTY_JOBS) },
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
    for (size_t i = 0; i < rq.header_count; i++)
        put_header(&c->head, headers[i].name, headers[i].value);
    put_header(&c->head, STR("User-Agent"), ctx->user_agent);
    if (credentials_are_anonymous(credentials))
        return 0;
    buf_put(&c->head, STR("Authorization: "));
    int r = sigv4_sign(&c->head, &ctx->scratch, &client->key, credentials, &rq);
    buf_put(&c->head, STR("\r\n"));
    return r;
}

static enum fault send(struct call *c, struct call_context *ctx, str body)
{
    struct transfer *x = &c->transfer;
    x->head = c->head.at;
    x->head_len = c->head.len;
    x->body = body;
    x->wanted = c->wanted;
    x->wanted_count = CALL_WANTED_COUNT;
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

static bool make_room(struct call *c, struct call_context *ctx)
{
    const struct endpoint *endpoint = &c->client->endpoint;
    size_t head_size = endpoint->host.len + c->credentials->access_key_id.len +
                       c->credentials->session_token.len + ctx->user_agent.len +
                       AUTHORIZATION_SIZE + HEAD_REST_SIZE;
    size_t scratch_size = 2 * head_size + endpoint->path.len * 5;
    return buf_ready(&c->head, &ctx->alloc, head_size) &&
           buf_ready(&ctx->scratch, &ctx->alloc, scratch_size);
}

static enum fault sign_and_send(struct call *c, struct call_context *ctx, struct buf *body)
{
    if (!make_room(c, ctx))
        return FAULT_OUT_OF_MEMORY;
    c->skew_ms = ctx->trusts_clock ? 0 : c->client->clock.ms;
    c->started_ns = wake_now_ns();
    c->sent_ms = wake_wall_ms();
    amz_date_set(&c->client->date, (c->sent_ms + c->skew_ms) / 1000);
    int failed = put_head(c, ctx, buf_str(body));
    if (body->overflow || c->head.overflow)
        return FAULT_BROKEN;
    if (failed) /* OpenSSL passed its check when the poller opened: what it lacks is memory */
        return FAULT_OUT_OF_MEMORY;
    return send(c, ctx, buf_str(body));
}

enum fault call_start_poll(struct call *c, struct call_context *ctx, struct client *client,
                           const struct pipepoll_action_type *action_type, uint32_t batch)
{
    c->credentials = credentials_ref(identity_current(client->principal->identity));
    if (!c->credentials)
        return FAULT_NO_CREDENTIALS;
    struct buf body = BUF_ON(c->body);
    operation_encode_poll(&body, action_type, batch);
    c->client = client;
    c->batch = batch;
    enum fault fault = sign_and_send(c, ctx, &body);
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

static bool grow_room(struct job_room *room, const struct alloc *alloc, size_t tokens, size_t jobs)
{
    void *token_at = room->tokens, *job_at = room->jobs;
    bool done = grow(alloc, &token_at, &room->token_cap, tokens, sizeof *room->tokens);
    room->tokens = token_at;
    done = grow(alloc, &job_at, &room->job_cap, jobs, sizeof *room->jobs) && done;
    room->jobs = job_at;
    return done;
}

static struct answer answer_of(const struct call *c)
{
    return (struct answer) {
        .http_status = c->transfer.http_status,
        .error_type = c->wanted[CALL_ERROR_TYPE].value,
        .retry_after = c->wanted[CALL_RETRY_AFTER].value,
        .location = c->wanted[CALL_LOCATION].value,
        .content_encoding = c->wanted[CALL_ENCODING].value,
        .request_id = c->wanted[CALL_REQUEST_ID].value,
        .server = c->wanted[CALL_SERVER].value,
    };
}

static enum fault read_jobs(struct call *c, struct call_context *ctx, struct outcome *out)
{
    struct transfer *x = &c->transfer;
    struct job_list list;
    const struct answer answer = answer_of(c);
    int r;
    if (answer_is_foreign(&answer, (str) { x->answer, x->answer_len }))
        out->cause = PIPEPOLL_CAUSE_MIDDLE_BOX;
    if (answer_is_odd(&answer, &c->why))
        return FAULT_GARBLED;
    if (out->cause) {
        answer_hide((str) { x->answer, x->answer_len }, c->credentials->session_token);
        answer_tell_middle_box(&answer, answer_quote(page_words(x->answer, x->answer_len)),
                               &c->why);
        return FAULT_GARBLED;
    }
    while ((r = job_decode(&list, &c->room, x->answer, x->answer_len, &c->why)) == JOB_NEED_ROOM)
        if (!grow_room(&c->room, &ctx->alloc, list.tokens_needed, list.jobs_needed))
            return FAULT_OUT_OF_MEMORY;
    if (r)
        return FAULT_GARBLED;
    out->jobs = c->room.jobs;
    out->job_count = list.count;
    return FAULT_NONE;
}

/* An error's body is small; a larger one than its tokens hold is told by its first bytes. */
enum { ERROR_TOKENS = 64 };

static void read_error(struct call *c, struct call_context *ctx, struct outcome *out)
{
    struct transfer *x = &c->transfer;
    const struct answer answer = answer_of(c);
    struct answer_fault found;
    /* Before it is quoted, and so perhaps cut in the middle; and again when escapes are undone. */
    answer_hide((str) { x->answer, x->answer_len }, c->credentials->session_token);
    grow_room(&c->room, &ctx->alloc, ERROR_TOKENS, 0);
    answer_read(&found, &answer, x->answer, x->answer_len, c->room.tokens, c->room.token_cap);
    out->fault = found.fault;
    out->cause = found.cause;
    out->code = found.code;
    out->message = found.message;
    if (answer_is_odd(&answer, &c->why)) {
        out->message = str_of(c->why.text);
    } else if (found.cause == PIPEPOLL_CAUSE_MIDDLE_BOX) {
        answer_tell_middle_box(&answer, found.message, &c->why);
        out->message = str_of(c->why.text);
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
static bool compare_clocks(const struct call *c, int64_t *signed_off_ms)
{
    int64_t skew_ms, received_ms = wake_wall_ms();
    int64_t began_ms = received_ms - (int64_t)((wake_now_ns() - c->started_ns) / 1000000);
    if (!clock_skew_measure(&skew_ms, c->wanted[CALL_DATE].value, c->wanted[CALL_AGE].value,
                            began_ms, received_ms) ||
        !clock_skew_hear(&c->client->clock, skew_ms, received_ms))
        return false;
    *signed_off_ms = began_ms + skew_ms - (c->sent_ms + c->skew_ms);
    return true;
}

void call_read_poll(struct call *c, struct call_context *ctx, struct outcome *out)
{
    struct transfer *x = &c->transfer;
    *out = (struct outcome) {
        .fault = x->fault,
        .http_status = x->http_status,
        .request_id = c->wanted[CALL_REQUEST_ID].value,
    };
    out->credentials_are_old = c->credentials != identity_current(c->client->principal->identity);
    int64_t signed_off_ms = 0;
    bool knows_time = x->http_status && compare_clocks(c, &signed_off_ms);
    if (x->fault) {
        explain(&c->why, 0, "%s", x->detail);
        out->cause = x->cause;
        out->subject = x->subject;
        out->message = str_of(c->why.text);
    } else if (answer_is_success(x->http_status)) {
        out->fault = read_jobs(c, ctx, out);
        if (out->fault)
            out->message = str_of(c->why.text);
    } else {
        read_error(c, ctx, out);
        bool explains = knows_time && clock_skew_explains(out->code, signed_off_ms);
        out->may_be_clock = explains && !ctx->trusts_clock;
        if (explains && out->cause == PIPEPOLL_CAUSE_SIGNATURE)
            out->cause = PIPEPOLL_CAUSE_CLOCK;
    }
    if (out->cause == PIPEPOLL_CAUSE_MIDDLE_BOX)
        out->subject = c->wanted[CALL_SERVER].value;

    answer_hide(out->message, c->credentials->session_token);
    c->credentials = credentials_unref(c->credentials);
    make_plain(out->code);
    make_plain(out->message);
    make_plain(out->request_id);
    make_plain(c->wanted[CALL_SERVER].value);
}
