/* SPDX-License-Identifier: MIT */
/* Pulls: one durable consumer for each filter, which all members share. Requests for messages are
 * out for some seconds at a time; what comes beyond the wish, which may have shrunk meanwhile, goes
 * back at once.
 *
 * A message does not say to which request it belongs, so it counts for the oldest; a request ends
 * with the server's status for it, or by its time. A status names the request by its number: what
 * comes late, of one that is not waited for any more, says nothing of those that are.
 *
 * A server says nothing of a request for a consumer that is not there, nor one that leads it newly
 * of those that it never saw. So each request asks for a sign of life every other second; without
 * any, from requests or messages, the consumer is looked at again. */
#include "fleet/nats_core.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    EXPIRES_MS = 10000,
    GRACE_MS = 2000, /* and then it is not waited for any more */
    SIGN_MS = 2000,
    SILENT_MS = 2 * SIGN_MS + 1000,
    AGAIN_MS = 250,
    AGAIN_MOST_MS = 5000,
    ACK_PENDING_MAX = 20000, /* out at once, with all members */
    WAITING_MAX = 2048
};

enum { JS_CONSUMER_NOT_FOUND = 10014 };

#define NS_PER_MS INT64_C(1000000)

/* --- the consumer --- */

static void fail(struct nats_core *c, struct nats_pull *p)
{
    p->is_there = false;
    p->again_ms = c->now_ms + nats_core_pause_ms(p->failures++, AGAIN_MS, AGAIN_MOST_MS);
    memset(p->left, 0, sizeof p->left);
    nats_core_by(c, p->again_ms);
}

static struct nats_pull *pull_of_request(struct nats_core *c, struct nats_ask *ask)
{
    struct nats_request *r = CONTAINER_OF(ask, struct nats_request, ask);
    return CONTAINER_OF(r, struct nats_pull, request);
}

static void on_made(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_pull *p = pull_of_request(c, ask);
    p->request.is_out = false;
    if (a->is_refused)
        nats_check_refused(c, ask->subject);
    else if (!a->json || a->code) /* of a stream that is not there, say */
        nats_check_doubt(c);
    p->is_there = a->json && !a->code;
    if (!p->is_there)
        fail(c, p);
}

/* That of a single key is perhaps of one who never comes back: it goes when nobody has pulled for
 * so long that what it had is gone. The others are as the manual tells all workers to make them. */
static void make(struct nats_core *c, struct nats_pull *p)
{
    char text[NATS_BODY_MAX];
    struct buf body = BUF_ON(text);
    buf_put(&body, STR("{\"stream_name\":\""));
    nats_log_stream(&body, str_of(c->options->fleet), ENGINE_JOBS);
    buf_printf(&body, "\",\"config\":{\"durable_name\":\"%s\",\"filter_subject\":\"", p->consumer);
    nats_log_subject(&body, str_of(c->options->fleet), ENGINE_JOBS, str_of(p->wish.filter));
    buf_printf(&body,
               "\",\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"ack_wait\":%lld,"
               "\"max_deliver\":-1,\"replay_policy\":\"instant\",\"max_ack_pending\":%d,"
               "\"max_waiting\":%d",
               (long long)(ENGINE_HOLD_MS * NS_PER_MS), ACK_PENDING_MAX, WAITING_MAX);
    if (!strchr(p->wish.filter, '*'))
        buf_printf(&body, ",\"inactive_threshold\":%lld",
                   (long long)(c->options->jobs_max_age_ms * NS_PER_MS));
    buf_put(&body, STR("}}"));
    if (!nats_core_ask(c, &p->request, "CONSUMER.DURABLE.CREATE", ENGINE_JOBS, str_of(p->consumer),
                       buf_str(&body), on_made))
        fail(c, p);
}

static void on_found(void *ctx, struct nats_ask *ask, const struct nats_answer *a)
{
    struct nats_core *c = ctx;
    struct nats_pull *p = pull_of_request(c, ask);
    p->request.is_out = false;
    if (a->code == JS_CONSUMER_NOT_FOUND)
        make(c, p);
    else
        on_made(ctx, ask, a);
}

/* --- requests for messages --- */

static unsigned asked_for(const struct nats_pull *p)
{
    unsigned all = 0;
    for (int i = 0; i < NATS_PULL_REQUESTS; i++)
        all += p->left[i];
    return all;
}

static int free_place(const struct nats_pull *p)
{
    for (int i = 0; i < NATS_PULL_REQUESTS; i++)
        if (!p->left[i])
            return i;
    return -1;
}

static void ask_for(struct nats_core *c, struct nats_pull *p, int place, unsigned count)
{
    char text[NATS_STREAM_MAX + ENGINE_KEY_MAX + 64], to[NATS_INBOX_MAX + 32], what[128];
    struct buf subject = BUF_ON(text), reply = BUF_ON(to), body = BUF_ON(what);
    buf_put(&subject, STR("$JS.API.CONSUMER.MSG.NEXT."));
    nats_log_stream(&subject, str_of(c->options->fleet), ENGINE_JOBS);
    buf_printf(&subject, ".%s", p->consumer);
    buf_printf(&reply, "%sp%td.%" PRIu64, c->replies, p - c->pulls, ++p->last_number);
    buf_printf(&body, "{\"batch\":%u,\"expires\":%lld,\"idle_heartbeat\":%lld}", count,
               (long long)(EXPIRES_MS * NS_PER_MS), (long long)(SIGN_MS * NS_PER_MS));
    const struct nats_post post = { .subject = buf_cstr(&subject),
                                    .reply = buf_cstr(&reply),
                                    .body = buf_str(&body) };
    if (!nats_link_send(c->link, &post))
        return;
    if (!asked_for(p))
        p->heard_ms = c->now_ms;
    p->left[place] = count;
    p->numbers[place] = p->last_number;
    p->until_ms[place] = c->now_ms + EXPIRES_MS + GRACE_MS;
}

static void end_late_requests(struct nats_core *c, struct nats_pull *p)
{
    if (asked_for(p) && c->now_ms >= p->heard_ms + SILENT_MS)
        fail(c, p);
    for (int i = 0; i < NATS_PULL_REQUESTS; i++)
        if (p->left[i] && c->now_ms >= p->until_ms[i])
            p->left[i] = 0;
}

/* --- what comes --- */

static int place_of(const struct nats_pull *p, uint64_t number)
{
    for (int i = 0; i < NATS_PULL_REQUESTS; i++)
        if (p->left[i] && p->numbers[i] == number)
            return i;
    return -1;
}

/* "<replies>p<pull>.<number>" */
static struct nats_pull *pull_of_subject(struct nats_core *c, str subject, int *place)
{
    char text[48], *end;
    str replies = str_of(c->replies);
    if (!str_starts(subject, replies) || subject.len >= replies.len + sizeof text)
        return NULL;
    str_copy(text, sizeof text, str_skip(subject, replies.len));
    if (text[0] != 'p' || !ascii_is_digit(text[1]))
        return NULL;
    unsigned long i = strtoul(text + 1, &end, 10);
    if (*end != '.' || i >= ENGINE_PULLS)
        return NULL;
    uint64_t number = strtoull(end + 1, &end, 10);
    if (*end)
        return NULL;
    *place = place_of(&c->pulls[i], number);
    return &c->pulls[i];
}

bool nats_pull_status(struct nats_core *c, const struct nats_note *n)
{
    int place;
    struct nats_pull *p = pull_of_subject(c, n->subject, &place);
    if (!p || place < 0)
        return p != NULL;
    p->heard_ms = c->now_ms;
    if (n->status == 100) /* the request waits on */
        return true;
    p->left[place] = 0;
    if (n->status == 503) { /* nobody leads the consumer, or it is gone */
        fail(c, p);
    } else if (n->status == 409) {
        p->is_there = p->is_there && !str_eq(n->description, STR("Consumer Deleted"));
        p->again_ms = c->now_ms + AGAIN_MS;
    }
    return true;
}

static struct nats_pull *pull_of_consumer(struct nats_core *c, str consumer)
{
    for (size_t i = 0; i < ENGINE_PULLS; i++)
        if (c->pulls[i].wish.filter[0] && str_eq(str_of(c->pulls[i].consumer), consumer))
            return &c->pulls[i];
    return NULL;
}

static void count_down(struct nats_pull *p)
{
    int oldest = -1;
    for (int i = 0; i < NATS_PULL_REQUESTS; i++)
        if (p->left[i] && (oldest < 0 || p->until_ms[i] < p->until_ms[oldest]))
            oldest = i;
    if (oldest >= 0)
        p->left[oldest]--;
}

static void send_back(struct nats_core *c, str reply)
{
    char to[NATS_SUBJECT_MAX];
    str_copy(to, sizeof to, reply);
    nats_core_post(c, to, STR("-NAK"));
}

static struct engine_delivery *new_delivery(struct nats_core *c, struct nats_note *n,
                                            const struct nats_place *place)
{
    struct engine_delivery *d = calloc(1, sizeof *d + n->reply.len + 1);
    if (!d)
        return NULL;
    char *at = (char *)(d + 1);
    d->reply = at;
    str_keep(&at, n->reply);
    d->event.kind = NATS_PULLED;
    d->event.bytes = n->event.bytes;
    d->note = n;
    d->key = nats_log_key(str_of(c->options->fleet), ENGINE_JOBS, n->subject);
    d->delivered = (unsigned)place->delivered;
    list_init(&d->settled);
    return d;
}

bool nats_pull_message(struct nats_core *c, struct nats_note *n, const struct nats_place *place)
{
    struct nats_pull *p = pull_of_consumer(c, place->consumer);
    if (!p)
        return false;
    p->heard_ms = c->now_ms;
    count_down(p);
    bool wanted = p->in_hand < p->wish.count && !c->is_closing;
    struct engine_delivery *d = wanted ? new_delivery(c, n, place) : NULL;
    if (!d) {
        send_back(c, n->reply);
        return false;
    }
    p->in_hand++;
    p->failures = 0;
    d->pull = (size_t)(p - c->pulls);
    list_put_last(&c->deliveries, &d->mine);
    nats_desk_tell(c->desk, &d->event);
    return true;
}

/* --- turns --- */

/* Under the mutex. */
static void take_wish(struct nats_pull *p, struct nats_pull_wish *wish)
{
    bool is_other = strcmp(wish->filter, p->wish.filter) != 0;
    p->wish = *wish;
    wish->is_idle = !wish->count && !p->in_hand && !asked_for(p) && !p->request.is_out;
    if (!is_other)
        return;
    struct buf name = BUF_ON(p->consumer);
    nats_log_consumer(&name, str_of(p->wish.filter));
    buf_cstr(&name);
    p->is_there = false;
    p->again_ms = 0;
    p->failures = 0;
}

/* Most places have never had a wish, and there is a turn for each message. */
static void take_wishes(struct nats_core *c)
{
    struct nats_desk *d = c->desk;
    uv_mutex_lock(&d->mutex);
    for (size_t i = 0; i < ENGINE_PULLS; i++)
        if (d->pulls[i].filter[0])
            take_wish(&c->pulls[i], &d->pulls[i]);
    uv_mutex_unlock(&d->mutex);
}

static void pull_turn(struct nats_core *c, struct nats_pull *p)
{
    end_late_requests(c, p);
    unsigned has = p->in_hand + asked_for(p);
    if (has >= p->wish.count || p->request.is_out)
        return;
    if (c->now_ms < p->again_ms) {
        nats_core_by(c, p->again_ms);
        return;
    }
    int place = free_place(p);
    if (p->is_there && place >= 0)
        ask_for(c, p, place, p->wish.count - has);
    else if (!p->is_there && !nats_core_ask(c, &p->request, "CONSUMER.INFO", ENGINE_JOBS,
                                            str_of(p->consumer), (str) { 0 }, on_found))
        fail(c, p);
}

void nats_pull_turn(struct nats_core *c)
{
    if (!c->is_proved[ENGINE_JOBS])
        return;
    take_wishes(c);
    for (size_t i = 0; i < ENGINE_PULLS; i++)
        if (c->pulls[i].wish.filter[0])
            pull_turn(c, &c->pulls[i]);
    nats_count_turn(c);
}

void nats_pull_lost(struct nats_core *c)
{
    for (size_t i = 0; i < ENGINE_PULLS; i++) {
        struct nats_pull *p = &c->pulls[i];
        memset(p->left, 0, sizeof p->left);
        p->is_there = false;
        p->again_ms = 0;
        p->failures = 0;
    }
}
