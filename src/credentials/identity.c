/* When to fetch is renewal's, how to fetch is fetch's; here are the set itself, the one alarm and
 * the words for people. */
#include "credentials/identity.h"

#include "base/buf.h"

static const uint64_t ns_per_s = 1000000000;

struct identity {
    struct identity_options o;
    struct renewal renewal;
    struct alarm alarm;
    struct fetch *fetch; /* NULL: none is under way */
    struct credentials *current;
    char label[RECIPE_LABEL_SIZE];
    struct pipepoll_error why;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* After each event: what has expired is not kept. */
static void settle(struct identity *id)
{
    alarm_set(&id->alarm, id->renewal.due_ns);
    if (!id->current || renewal_has_set(&id->renewal))
        return;
    id->current = credentials_unref(id->current);
    if (!id->why.text[0])
        explain(&id->why, 0, "the keys have expired, and others are still being fetched");
}

/* On our clock, so that a step of the calendar clock changes nothing. */
static uint64_t expiry_ns(const struct fetch_outcome *got)
{
    if (got->keys->expires_s == UINT64_MAX)
        return RENEWAL_NEVER;
    int64_t left_s = (int64_t)got->keys->expires_s - got->dated_s;
    uint64_t now_ns = wake_now_ns();
    if (left_s <= 0)
        return now_ns;
    /* Nanoseconds end in the year 2554, and some write 9999 for never. */
    uint64_t most_s = (RENEWAL_NEVER - now_ns) / ns_per_s;
    return (uint64_t)left_s < most_s ? now_ns + (uint64_t)left_s * ns_per_s : RENEWAL_NEVER;
}

/* --- what a fetch brings --- */

static void take_keys(struct identity *id, const struct fetch_outcome *got)
{
    struct renewal_set set = {
        .expires_ns = expiry_ns(got),
        .outlives_expiry = got->outlives_expiry,
        .may_change = got->may_change,
    };
    uint64_t roll = rng_next(id->o.host->rng);
    uint64_t now_ns = wake_now_ns();
    bool take = renewal_on_fetched(&id->renewal, &set, now_ns, roll);
    id->why.text[0] = '\0';
    if (set.expires_ns <= now_ns)
        explain(&id->why, 0, "%s: the keys had expired when they came (is the clock right?)",
                got->label);
    if (take) {
        credentials_unref(id->current);
        id->current = got->keys;
    } else {
        credentials_unref(got->keys);
    }
}

static void take(struct identity *id, const struct fetch_outcome *got)
{
    if (got->label[0]) {
        struct buf label = BUF_ON(id->label);
        buf_put(&label, str_of(got->label)); /* of the same size: it fits */
        buf_cstr(&label);
    }
    if (got->keys) {
        take_keys(id, got);
        return;
    }
    explain(&id->why, 0, "%s", got->why.text);
    renewal_on_failed(&id->renewal, got->lasting, wake_now_ns(), rng_next(id->o.host->rng));
}

static void on_fetched(void *ctx, const struct fetch_outcome *got)
{
    struct identity *id = ctx;
    id->fetch = NULL;
    if (id->closing) {
        credentials_unref(got->keys);
        alarm_set(&id->alarm, wake_now_ns());
        return;
    }
    take(id, got);
    settle(id);
    id->o.on_change(id, id->o.ctx);
}

/* false: out of memory, and it will be tried again. */
static bool fetch_begin(struct identity *id)
{
    struct fetch_order order = {
        .host = id->o.host,
        .wish = &id->o.wish->wish,
        .on_done = on_fetched,
        .ctx = id,
    };
    if (!fetch_start(&id->fetch, &order))
        return true;
    explain(&id->why, 0, "out of memory");
    renewal_on_failed(&id->renewal, false, wake_now_ns(), rng_next(id->o.host->rng));
    return false;
}

/* --- the alarm --- */

static void identity_free(struct identity *id)
{
    struct alloc alloc = id->o.host->alloc;
    alarm_deinit(&id->alarm);
    credentials_unref(id->current);
    pipepoll_credentials_unref(id->o.wish);
    alloc_free(&alloc, id, sizeof *id);
}

/* Its time is over, or a better one is due: what can be told of the set may have changed. */
static void look(struct identity *id)
{
    bool had_set = renewal_has_set(&id->renewal), was_degraded = renewal_is_degraded(&id->renewal);
    bool failed = renewal_on_due(&id->renewal, wake_now_ns()) && !fetch_begin(id);
    settle(id);
    if (failed || had_set != renewal_has_set(&id->renewal) ||
        was_degraded != renewal_is_degraded(&id->renewal))
        id->o.on_change(id, id->o.ctx);
}

static void on_alarm(struct alarm *alarm)
{
    struct identity *id = CONTAINER_OF(alarm, struct identity, alarm);
    if (!id->closing) {
        look(id);
        return;
    }
    void (*closed)(void *ctx) = id->closed;
    void *ctx = id->closed_ctx;
    identity_free(id);
    closed(ctx);
}

/* --- the public face --- */

int identity_open(struct identity **out, const struct identity_options *o)
{
    struct identity *id = alloc_new(&o->host->alloc, sizeof *id);
    if (!id)
        return PIPEPOLL_ENOMEM;
    if (alarm_init(&id->alarm, o->host->wake, on_alarm)) {
        alloc_free(&o->host->alloc, id, sizeof *id);
        return PIPEPOLL_ENOMEM;
    }
    id->o = *o;
    pipepoll_credentials_ref(o->wish);
    renewal_init(&id->renewal);
    struct fetch_outcome at_hand = { 0 };
    if (fetch_at_once(&at_hand, &o->wish->wish, o->host))
        take(id, &at_hand);
    else if (renewal_on_due(&id->renewal, wake_now_ns()))
        fetch_begin(id);
    settle(id);
    *out = id;
    return 0;
}

void identity_close(struct identity *id, void (*closed)(void *ctx), void *ctx)
{
    id->closing = true;
    id->closed = closed;
    id->closed_ctx = ctx;
    if (id->fetch)
        fetch_stop(id->fetch);
    alarm_set(&id->alarm, id->fetch ? ALARM_OFF : wake_now_ns());
}

struct credentials *identity_current(const struct identity *id)
{
    return renewal_has_set(&id->renewal) ? id->current : NULL;
}

bool identity_refresh(struct identity *id)
{
    if (!renewal_force(&id->renewal, wake_now_ns()))
        return false;
    settle(id);
    return true;
}

void identity_report(const struct identity *id, struct identity_report *out)
{
    const struct credentials *keys = identity_current(id);
    bool expires = keys && keys->expires_s < INT64_MAX;
    *out = (struct identity_report) {
        .label = id->label,
        .usable = keys != NULL,
        .degraded = renewal_is_degraded(&id->renewal),
        .expires_s = expires ? (int64_t)keys->expires_s : INT64_MAX,
        .why = id->why.text,
    };
}
