/* SPDX-License-Identifier: MIT */
/* When to fetch is refresh's, how to fetch is fetch's; here are the set itself, the one timer and
 * the words for people.
 *
 * Three things can end a wait for credentials: the back-off of refresh, an operator who says so,
 * and a file that is not what it was when it was read. For the last the files are looked at once a
 * second, but only while the credentials are missing, refused or about to be. */
#include "credentials/identity.h"

#include "base/buf.h"
#include "credentials/watch.h"

static const uint64_t ns_per_s = 1000000000;

enum { LOOK_MS = 1000, LOOK_SPREAD_MS = 250 }; /* from look to look, so that many do not meet */

struct identity {
    struct identity_options o;
    struct refresh refresh;
    struct timer timer;
    struct fetch *fetch; /* NULL: none is under way */
    struct watch watch;  /* of the files that the last fetch read */
    uint64_t look_ns;    /* the next look at them; TIMER_OFF: none is planned */
    struct credentials *current;
    uint32_t serial;        /* of current */
    bool refused, accepted; /* by the service, which said so last */
    char label[CHAIN_LABEL_SIZE];
    char region_text[64];               /* a region's name is shorter */
    struct pipepoll_error why, refusal; /* of the last fetch; of the service, while refused */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static bool waits_for_credentials(const struct identity *id)
{
    return !refresh_has_set(&id->refresh) || id->refused || refresh_is_degraded(&id->refresh);
}

static void plan_look(struct identity *id)
{
    static const uint64_t ns_per_ms = 1000000;
    if (id->fetch || id->refresh.is_idle || !waits_for_credentials(id) ||
        !watch_has_files(&id->watch))
        id->look_ns = TIMER_OFF;
    else if (id->look_ns == TIMER_OFF && !id->watch.looking)
        id->look_ns =
            timers_now_ns() + (LOOK_MS + rng_next(id->o.host->rng) % LOOK_SPREAD_MS) * ns_per_ms;
}

/* After each event: what has expired is not kept. */
static void settle(struct identity *id)
{
    plan_look(id);
    timer_set(&id->timer, id->look_ns < id->refresh.due_ns ? id->look_ns : id->refresh.due_ns);
    if (!id->current || refresh_has_set(&id->refresh))
        return;
    id->current = credentials_unref(id->current);
    if (id->why.text[0] || id->refresh.state == REFRESH_NONE)
        return; /* the latter: it expired while nobody wanted it */
    explain(&id->why, 0, "the credentials have expired, and others are still being fetched");
    explain_cause(&id->why, PIPEPOLL_CAUSE_EXPIRED, STR(""));
}

/* On our clock, so that a step of the calendar clock changes nothing. */
static uint64_t expiry_ns(const struct fetch_outcome *got)
{
    if (got->credentials->expires_s == UINT64_MAX)
        return REFRESH_NEVER;
    int64_t left_s = (int64_t)got->credentials->expires_s - got->dated_s;
    uint64_t now_ns = timers_now_ns();
    if (left_s <= 0)
        return now_ns;
    /* Nanoseconds end in the year 2554, and some write 9999 for never. */
    uint64_t most_s = (REFRESH_NEVER - now_ns) / ns_per_s;
    return (uint64_t)left_s < most_s ? now_ns + (uint64_t)left_s * ns_per_s : REFRESH_NEVER;
}

/* --- what a fetch brings --- */

/* A set that the service has not seen yet is taken for good. */
static void become(struct identity *id, struct credentials *credentials, bool is_same)
{
    credentials_unref(id->current);
    id->current = credentials;
    if (is_same)
        return;
    id->serial++;
    id->refused = id->accepted = false;
}

static void tell_stale(struct identity *id, const char *label)
{
    explain(&id->why, 0, "%s: the credentials had expired when they came (is the clock right?)",
            label);
    explain_cause(&id->why, PIPEPOLL_CAUSE_EXPIRED, STR(""));
}

static void take_credentials(struct identity *id, const struct fetch_outcome *got)
{
    struct refresh_set set = {
        .expires_ns = expiry_ns(got),
        .outlives_expiry = got->outlives_expiry,
        .may_change = got->may_change,
        .is_same = id->current && credentials_eq(id->current, got->credentials),
    };
    uint64_t roll = rng_next(id->o.host->rng);
    uint64_t now_ns = timers_now_ns();
    bool take = refresh_on_fetched(&id->refresh, &set, now_ns, roll);
    id->why = (struct pipepoll_error) { .text = "" };
    if (set.expires_ns <= now_ns)
        tell_stale(id, got->label);
    if (take)
        become(id, got->credentials, set.is_same);
    else
        credentials_unref(got->credentials);
}

static void take(struct identity *id, const struct fetch_outcome *got)
{
    if (got->label[0]) {
        struct buf label = BUF_ON(id->label);
        buf_put(&label, str_of(got->label)); /* of the same size: it fits */
        buf_cstr(&label);
    }
    if (got->credentials) {
        take_credentials(id, got);
        return;
    }
    id->why = got->why;
    refresh_on_failed(&id->refresh, got->lasting, timers_now_ns(), rng_next(id->o.host->rng));
}

static void on_fetched(void *ctx, const struct fetch_outcome *got)
{
    struct identity *id = ctx;
    id->fetch = NULL;
    if (id->closing) {
        credentials_unref(got->credentials);
        timer_set(&id->timer, timers_now_ns());
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
        .config = &id->o.config->config,
        .region = id->o.region,
        .watch = &id->watch,
        .on_done = on_fetched,
        .ctx = id,
    };
    watch_forget(&id->watch);
    if (!fetch_start(&id->fetch, &order))
        return true;
    explain(&id->why, PIPEPOLL_ENOMEM, "out of memory");
    refresh_on_failed(&id->refresh, false, timers_now_ns(), rng_next(id->o.host->rng));
    return false;
}

/* --- the timer --- */

static void identity_free(struct identity *id)
{
    struct alloc alloc = id->o.host->alloc;
    timer_deinit(&id->timer);
    watch_forget(&id->watch);
    credentials_unref(id->current);
    pipepoll_credentials_unref(id->o.config);
    alloc_free(&alloc, id, sizeof *id);
}

static void on_looked(struct watch *w, bool changed)
{
    struct identity *id = CONTAINER_OF(w, struct identity, watch);
    if (changed && !id->closing && waits_for_credentials(id))
        refresh_now(&id->refresh, timers_now_ns());
    if (!id->closing)
        settle(id);
}

static void look_at_files(struct identity *id)
{
    if (timers_now_ns() < id->look_ns)
        return;
    id->look_ns = TIMER_OFF;
    watch_look(&id->watch); /* out of memory: again in a second */
}

/* Its time is over, or a better one is due: what can be told of the set may have changed. */
static void look(struct identity *id)
{
    look_at_files(id);
    bool had_set = id->current != NULL, was_degraded = refresh_is_degraded(&id->refresh);
    bool failed = refresh_on_due(&id->refresh, timers_now_ns()) && !fetch_begin(id);
    settle(id);
    if (failed || had_set != refresh_has_set(&id->refresh) ||
        was_degraded != refresh_is_degraded(&id->refresh))
        id->o.on_change(id, id->o.ctx);
}

static void on_timer(struct timer *timer)
{
    struct identity *id = CONTAINER_OF(timer, struct identity, timer);
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
    if (timer_init(&id->timer, o->host->timers, on_timer)) {
        alloc_free(&o->host->alloc, id, sizeof *id);
        return PIPEPOLL_ENOMEM;
    }
    id->o = *o;
    struct buf region = BUF_ON(id->region_text);
    buf_put(&region, o->region);
    id->o.region = buf_str(&region);
    id->watch.host = o->host;
    id->watch.on_done = on_looked;
    id->look_ns = TIMER_OFF;
    pipepoll_credentials_ref(o->config);
    refresh_init(&id->refresh);
    refresh_set_idle(&id->refresh, true, timers_now_ns());
    struct fetch_outcome at_hand = { 0 };
    if (fetch_at_once(&at_hand, &o->config->config, o->host))
        take(id, &at_hand);
    settle(id);
    *out = id;
    return 0;
}

void identity_want(struct identity *id, bool is_wanted)
{
    refresh_set_idle(&id->refresh, !is_wanted, timers_now_ns());
    if (is_wanted)
        look(id);
    else
        settle(id);
}

void identity_close(struct identity *id, void (*closed)(void *ctx), void *ctx)
{
    id->closing = true;
    id->closed = closed;
    id->closed_ctx = ctx;
    if (id->fetch)
        fetch_stop(id->fetch);
    timer_set(&id->timer, id->fetch ? TIMER_OFF : timers_now_ns());
}

struct credentials *identity_current(const struct identity *id)
{
    return refresh_has_set(&id->refresh) ? id->current : NULL;
}

uint32_t identity_serial(const struct identity *id)
{
    return id->serial;
}

bool identity_is_fetching(const struct identity *id)
{
    return id->fetch || id->refresh.due_ns <= timers_now_ns();
}

bool identity_refused(struct identity *id, const struct pipepoll_error *why)
{
    bool coming = refresh_on_refused(&id->refresh, timers_now_ns());
    bool is_news = !id->refused;
    id->refused = true;
    id->accepted = false;
    id->refusal = *why;
    settle(id);
    if (is_news)
        id->o.on_change(id, id->o.ctx);
    return coming;
}

void identity_accepted(struct identity *id)
{
    if (id->accepted)
        return;
    bool is_news = id->refused;
    id->accepted = true;
    id->refused = false;
    refresh_on_accepted(&id->refresh);
    settle(id);
    if (is_news)
        id->o.on_change(id, id->o.ctx);
}

bool identity_is_accepted(const struct identity *id)
{
    return id->accepted;
}

bool identity_is_refused(const struct identity *id)
{
    return id->refused;
}

void identity_retry(struct identity *id)
{
    if (!waits_for_credentials(id))
        return;
    refresh_now(&id->refresh, timers_now_ns());
    settle(id);
}

void identity_report(const struct identity *id, struct identity_report *out)
{
    const struct credentials *credentials = identity_current(id);
    bool expires = credentials && credentials->expires_s < INT64_MAX;
    const struct pipepoll_error *why = id->refused && !id->why.text[0] ? &id->refusal : &id->why;
    *out = (struct identity_report) {
        .label = id->label,
        .usable = credentials && !id->refused,
        .refused = credentials && id->refused,
        .degraded = refresh_is_degraded(&id->refresh),
        .expires_s = expires ? (int64_t)credentials->expires_s : INT64_MAX,
        .why = why->text,
        .cause = why->cause,
        .subject = why->subject,
    };
}
