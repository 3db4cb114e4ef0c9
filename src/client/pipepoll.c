/* SPDX-License-Identifier: MIT */
/* The public functions of a poller and its targets: made, asked, ended. */
#include <math.h>

#include "base/sized.h"
#include "client/options.h"
#include "client/poller.h"

static int start_modules(struct pipepoll *p, struct uv_loop_s *loop, struct pipepoll_error *why)
{
    int r = digest_check();
    if (r)
        return explain(why, r, "OpenSSL failed the signer's known-answer check");
    r = options_read_roots(&p->trust_store, &p->o, &p->environment, why);
    if (!r)
        r = timers_open(&p->timers, loop, &p->alloc);
    if (!r)
        r = timer_init(&p->tick, p->timers, poller_on_tick);
    if (r)
        return r == PIPEPOLL_ENOMEM ? explain(why, r, "out of memory") : r;
    struct transport_options o = {
        .loop = loop,
        .timers = p->timers,
        .trust_store = p->trust_store,
        .alloc = p->alloc,
        .connect_timeout_ms = p->o.connect_timeout_ms,
        .max_connections = p->o.max_connections,
        .proxies = proxy_rules_of(&p->environment),
    };
    return transport_open(&p->transport, &o, why);
}

static void on_principals_change(void *ctx)
{
    poller_tick_soon(ctx);
}

/* Not corrected by what answers say: one region's clock would end the credentials of all. */
static int64_t local_now_s(void *ctx)
{
    return timers_wall_ms() / 1000;
}

static struct principals principals_of(struct pipepoll *p, struct uv_loop_s *loop)
{
    return (struct principals) {
        .host = {
            .loop = loop,
            .timers = p->timers,
            .transport = p->transport,
            .worker = transport_worker(p->transport),
            .alloc = p->alloc,
            .rng = &p->rng,
            .environment = &p->environment,
            .recent = &p->clients.principals.recent,
            .user_agent = p->calls.user_agent,
            .log = p->log,
            .now_s = local_now_s,
            .now_ctx = p,
        },
        .on_change = on_principals_change,
        .ctx = p,
    };
}

/* One that is too long for a header is the environment's: the options' was judged. */
static str name_ourselves(struct pipepoll *p)
{
    struct buf b = BUF_ON(p->user_agent);
    str variable = environment_get(&p->environment, "AWS_SDK_UA_APP_ID");
    if (variable.len > USER_AGENT_APP_ID_MAX)
        variable.len = USER_AGENT_APP_ID_MAX;
    user_agent_put(&b, p->o.user_agent_app_id.len ? p->o.user_agent_app_id : variable);
    return buf_str(&b);
}

static void link_modules(struct pipepoll *p, struct uv_loop_s *loop)
{
    p->rng.state = p->o.seed ? p->o.seed : timers_random_seed();
    p->calls = (struct call_context) {
        .alloc = p->alloc,
        .transport = p->transport,
        .user_agent = name_ourselves(p),
        .timeout_ms = p->o.request_timeout_ms,
        .trusts_clock = environment_is_true(&p->environment, "AWS_DISABLE_CLOCK_SKEW_CORRECTION"),
    };
    schedule_init(&p->schedule, p->alloc, p->o.max_in_flight, p->o.max_in_flight_per_region);
    p->clients = (struct clients) {
        .alloc = p->alloc,
        .transport = p->transport,
        .schedule = &p->schedule,
        .principals = principals_of(p, loop),
        .limiters = { .alloc = p->alloc, .ceiling_per_s = p->o.max_polls_per_s },
    };
    table_init(&p->clients.principals.used, p->alloc, timers_random_seed());
    table_init(&p->clients.limiters.all, p->alloc, timers_random_seed());
    table_init(&p->clients.all, p->alloc, timers_random_seed());
    list_init(&p->clients.principals.news);
    list_init(&p->clients.lagging);
    list_init(&p->targets);
    list_init(&p->leaving);
    list_init(&p->gone);
    list_init(&p->free_calls);
    list_init(&p->requests);
    list_init(&p->woken);
}

int pipepoll_open(struct pipepoll **out, struct uv_loop_s *loop,
                  const struct pipepoll_options *options, struct pipepoll_error *why)
{
    struct pipepoll_options o;
    struct pipepoll_sink sink;
    int r = options_read(&o, options, why);
    if (!r)
        r = options_read_sink(&sink, o.sink, why);
    if (r)
        return r;
    struct alloc alloc = { o.resize, o.resize_ctx };
    struct pipepoll *p = alloc_new(&alloc, sizeof *p);
    if (!p)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    p->o = o;
    p->sink = sink;
    p->takers[0] = (struct taker) { o.sink, sink.credit, 0 };
    p->alloc = alloc;
    p->log = (struct log) { o.log, o.log_ctx };
    if (o.credentials)
        p->credentials = pipepoll_credentials_ref(o.credentials);
    else
        r = pipepoll_credentials_default(&p->credentials, why);
    if (!r)
        r = start_modules(p, loop, why);
    if (r) {
        poller_abandon(p);
        return r;
    }
    link_modules(p, loop);
    p->keeps_loop = true;
    poller_hold_loop(p);
    log_line(&p->log, PIPEPOLL_DEBUG, "poller open: %u polls in flight at most",
             p->o.max_in_flight);
    *out = p;
    return 0;
}

void pipepoll_wake(struct pipepoll *p)
{
    if (p->schedule.aside_count || schedule_has_next(&p->schedule, timers_now_ns()))
        poller_tick_soon(p);
}

void pipepoll_refresh_credentials(struct pipepoll *p)
{
    if (!p->closing)
        principals_retry(&p->clients.principals);
}

void pipepoll_close(struct pipepoll *p, void (*closed)(void *ctx), void *ctx)
{
    if (p->closing)
        return;
    p->closing = true;
    p->closed = closed;
    p->closed_ctx = ctx;
    transport_stop_waiting(p->transport);
    poller_tick_soon(p); /* which removes the targets */
}

void pipepoll_keep_loop_alive(struct pipepoll *p, bool keep)
{
    p->keeps_loop = keep;
    poller_hold_loop(p);
}

void pipepoll_stats(const struct pipepoll *p, struct pipepoll_stats *out)
{
    struct pipepoll_stats now = p->stats;
    now.in_flight = p->schedule.in_flight;
    now.parked = p->schedule.ready + p->schedule.aside_count;
    if (p->transport)
        poller_note_connections(p, &now);
    now.max_lateness_ms = (uint32_t)(p->max_lateness_ns / 1000000);
    sized_write(out, &now, sizeof now);
}

static struct pipepoll_target *target_new(struct pipepoll *p,
                                          const struct pipepoll_target_options *o)
{
    const struct pipepoll_action_type *a = &o->action_type;
    const struct pipepoll_query_param *q = &o->query_param;
    size_t size = sizeof(struct pipepoll_target) + a->category.len + a->owner.len +
                  a->provider.len + a->version.len + q->key.len + q->value.len;
    struct pipepoll_target *t = alloc_new(&p->alloc, size);
    if (!t)
        return NULL;
    char *at = t->text;
    list_init(&t->credentials_link);
    t->poller = p;
    t->size = (uint32_t)size;
    t->action_type = (struct pipepoll_action_type) {
        .category = str_keep(&at, a->category),
        .owner = str_keep(&at, a->owner),
        .provider = str_keep(&at, a->provider),
        .version = str_keep(&at, a->version),
    };
    t->query_param = (struct pipepoll_query_param) {
        .key = str_keep(&at, q->key),
        .value = str_keep(&at, q->value),
    };
    t->poll = target_options_is_custom(o) ? &operation_poll_for_jobs
                                          : &operation_poll_for_third_party_jobs;
    t->max_batch_size = o->max_batch_size;
    t->user = o->user;
    return t;
}

static void tick_if_first(struct pipepoll *p, uint64_t due_ns)
{
    if (schedule_next_due(&p->schedule) == due_ns)
        poller_tick_soon(p);
}

int pipepoll_target_add(struct pipepoll *p, const struct pipepoll_target_options *options,
                        struct pipepoll_target **out, struct pipepoll_error *why)
{
    struct pipepoll_target_options o;
    int r = target_options_read(&o, options, why);
    if (r)
        return r;
    if (p->closing)
        return explain(why, PIPEPOLL_ECLOSING, "the poller is closing: no target can be added");
    struct pipepoll_target *t = target_new(p, &o);
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    struct endpoint_rule rule = target_options_endpoint(&o);
    struct pipepoll_credentials *config = o.credentials ? o.credentials : p->credentials;
    r = client_join(&p->clients, &rule, config, &t->client, why);
    if (r) {
        alloc_free(&p->alloc, t, t->size);
        return r;
    }
    p->stats.targets++;
    if (o.paused)
        p->stats.paused++;
    else
        principal_want(t->client->principal);
    if (o.pickup_goal_ms)
        target_init_goal(&t->schedule, &t->client->share, o.pickup_goal_ms, o.slowest_interval_ms);
    else
        target_init(&t->schedule, &t->client->share, o.interval_ms);
    t->schedule.is_paused = o.paused != 0;
    t->schedule.first_ms = o.first_poll_within_ms;
    t->schedule.max_retries = (uint16_t)(p->o.max_attempts - 1);
    t->rng.state = rng_next(&p->rng);
    uint64_t due_ns = target_first_due(&t->schedule, timers_now_ns(), rng_next(&t->rng));
    r = schedule_add(&p->schedule, &t->schedule, due_ns);
    if (r) {
        target_free(t);
        return explain(why, r, "out of memory");
    }
    list_put_last(&p->targets, &t->link);
    tick_if_first(p, due_ns);
    if (out)
        *out = t;
    return 0;
}

bool pipepoll_target_pause(struct pipepoll_target *t)
{
    struct pipepoll *p = t->poller;
    if (t->schedule.is_paused || t->schedule.state == TARGET_REMOVED)
        return !t->is_polling;
    schedule_pause(&p->schedule, &t->schedule);
    t->tells_pause = t->is_polling;
    p->stats.paused++;
    principal_unwant(t->client->principal);
    return !t->is_polling;
}

void pipepoll_target_resume(struct pipepoll_target *t)
{
    struct pipepoll *p = t->poller;
    if (!t->schedule.is_paused || t->schedule.state == TARGET_REMOVED)
        return;
    t->tells_pause = false;
    p->stats.paused--;
    principal_want(t->client->principal);
    uint64_t due_ns = 0;
    if (!t->is_polling)
        due_ns = target_after_pause(&t->schedule, timers_now_ns(), rng_next(&t->rng));
    schedule_unpause(&p->schedule, &t->schedule, due_ns);
    tick_if_first(p, due_ns);
}

bool pipepoll_target_is_polling(const struct pipepoll_target *t)
{
    return t->is_polling;
}

void pipepoll_target_remove(struct pipepoll_target *t)
{
    poller_remove(t);
    if (!list_empty(&t->poller->gone))
        poller_tick_soon(t->poller);
}

int pipepoll_target_share_budget(struct pipepoll_target *t, double part, double cap_per_s,
                                 struct pipepoll_error *why)
{
    if (!(part >= 0 && part <= 1))
        return explain(why, PIPEPOLL_EINVAL, "a part of %g is out of range: 0 to 1", part);
    if (!(cap_per_s >= 0 && isfinite(cap_per_s)))
        return explain(why, PIPEPOLL_EINVAL, "a cap of %g a second is out of range: 0 or more",
                       cap_per_s);
    budget_set_share(&t->client->limiter->budget, &(struct budget_share) { part, cap_per_s },
                     timers_now_ns());
    return 0;
}

void *pipepoll_target_user(const struct pipepoll_target *t)
{
    return t->user;
}

str pipepoll_target_region(const struct pipepoll_target *t)
{
    return client_name(t->client);
}

struct pipepoll_action_type pipepoll_target_action_type(const struct pipepoll_target *t)
{
    return t->action_type;
}

static void report_way(const struct pipepoll_target *t, struct pipepoll_report *out)
{
    const struct pool_report *way = pool_report(t->client->pool);
    out->address = str_of(way->address);
    out->tls_version = str_of(way->tls_version);
    out->issuer = str_of(way->issuer);
    out->proxy = str_of(way->proxy);
    out->lookup_us = way->lookup_us;
    out->connect_us = way->connect_us;
    out->tls_us = way->tls_us;
}

static uint64_t throttled_ms(const struct pipepoll_target *t)
{
    uint64_t ns = budget_unthrottled_ns(&t->client->limiter->budget, timers_now_ns());
    return ns == UINT64_MAX ? ns : ns / 1000000;
}

void pipepoll_target_report(const struct pipepoll_target *t, struct pipepoll_report *out)
{
    struct pipepoll_report now = {
        .identity = principal_report(t->client->principal),
        .clock_skew_ms = t->client->clock.ms,
        .polls_per_s = budget_rate(&t->client->limiter->budget),
        .interval_ms = target_interval_ms(&t->schedule),
        .adaptive_polls_per_s = budget_adaptive_rate(&t->client->limiter->budget),
        .throttled_ms = throttled_ms(t),
    };
    report_way(t, &now);
    sized_write(out, &now, sizeof now);
}
