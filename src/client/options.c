/* SPDX-License-Identifier: MIT */
/* Options are copied before they are looked at, and *out is written only when every rule holds: a
 * refusal leaves nothing half read. The first broken rule ends the reading, since why has room for
 * one sentence. That an endpoint exists for a target is seen where it is resolved, not here. */
#include "client/options.h"

#include <sys/resource.h>

#include "aws/operation.h"
#include "aws/user_agent.h"
#include "base/log.h"
#include "base/sized.h"

enum {
    MAX_IN_FLIGHT = 256,
    MAX_IN_FLIGHT_MOST = 65536,
    MAX_CONNECTIONS_LEAST = 8,
    MAX_CONNECTIONS_MOST = 65536,
    REQUEST_TIMEOUT_MS = 30000,
    CONNECT_TIMEOUT_MS = 10000,
    ATTEMPTS = 3,
    ATTEMPTS_MOST = 1000,
    INTERVAL_MS = 5000,
    DAY_MS = 86400000
};

/* 0 becomes the default; past `most` is refused. */
static int number(uint32_t *value, const char *name, uint32_t fallback, uint32_t most,
                  struct pipepoll_error *why)
{
    if (*value > most)
        return explain(why, PIPEPOLL_EINVAL, "%s %u is out of range: 1 to %u, or 0 for %u", name,
                       *value, most, fallback);
    if (!*value)
        *value = fallback;
    return 0;
}

/* The other half is the embedder's, and for names, files and programs. */
uint32_t options_max_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 > MAX_CONNECTIONS_MOST)
        return MAX_CONNECTIONS_MOST;
    return limit.rlim_cur / 2 < MAX_CONNECTIONS_LEAST ? MAX_CONNECTIONS_LEAST
                                                      : (uint32_t)(limit.rlim_cur / 2);
}

int options_read(struct pipepoll_options *out, const struct pipepoll_options *in,
                 struct pipepoll_error *why)
{
    struct pipepoll_options o;
    int r = sized_read(&o, sizeof o, in, "options", why);
    if (!r)
        r = number(&o.max_in_flight, "max_in_flight", MAX_IN_FLIGHT, MAX_IN_FLIGHT_MOST, why);
    if (!r)
        r = number(&o.max_in_flight_per_region, "max_in_flight_per_region", 0, MAX_IN_FLIGHT_MOST,
                   why);
    if (!r)
        r = number(&o.max_connections, "max_connections", options_max_connections(),
                   MAX_CONNECTIONS_MOST, why);
    if (!r)
        r = number(&o.request_timeout_ms, "request_timeout_ms", REQUEST_TIMEOUT_MS, DAY_MS, why);
    if (!r)
        r = number(&o.connect_timeout_ms, "connect_timeout_ms", CONNECT_TIMEOUT_MS, DAY_MS, why);
    if (!r)
        r = number(&o.max_attempts, "max_attempts", ATTEMPTS, ATTEMPTS_MOST, why);
    if (!r && o.user_agent_app_id.len > USER_AGENT_APP_ID_MAX)
        r = explain(why, PIPEPOLL_EINVAL, "user_agent_app_id has %zu bytes: at most %d may be sent",
                    o.user_agent_app_id.len, USER_AGENT_APP_ID_MAX);
    if (!r && !(o.max_polls_per_s >= 0 && o.max_polls_per_s <= 1e6))
        r = explain(why, PIPEPOLL_EINVAL,
                    "max_polls_per_s %g is out of range: 0 (no ceiling) to 1000000",
                    o.max_polls_per_s);
    if (!r && o.max_in_flight > o.max_connections)
        o.max_in_flight = o.max_connections;
    if (!r)
        *out = o;
    return r;
}

int options_read_sink(struct pipepoll_sink *out, const struct pipepoll_sink *in,
                      struct pipepoll_error *why)
{
    struct pipepoll_sink s = PIPEPOLL_SINK_INIT;
    int r = in ? sized_read(&s, sizeof s, in, "sink", why) : PIPEPOLL_OK;
    if (!r && !s.deliver)
        r = explain(why, PIPEPOLL_EINVAL, "sink is missing, or its deliver(): answers go there");
    if (!r)
        *out = s;
    return r;
}

/* A pace: an interval, or a goal with a slowest interval. */
static int pace_check(struct pipepoll_target_options *o, struct pipepoll_error *why)
{
    if (!o->pickup_goal_ms && o->slowest_interval_ms)
        return explain(why, PIPEPOLL_EINVAL, "slowest_interval_ms goes with pickup_goal_ms only");
    if (!o->pickup_goal_ms)
        return number(&o->interval_ms, "interval_ms", INTERVAL_MS, DAY_MS, why);
    if (o->interval_ms)
        return explain(why, PIPEPOLL_EINVAL,
                       "interval_ms and pickup_goal_ms are both given: choose one");
    int r = number(&o->pickup_goal_ms, "pickup_goal_ms", 0, DAY_MS, why);
    if (!r)
        r = number(&o->slowest_interval_ms, "slowest_interval_ms", 0, DAY_MS, why);
    return r;
}

static int query_check(const struct pipepoll_target_options *o, struct pipepoll_error *why)
{
    const struct pipepoll_query_param *q = &o->query_param;
    if (q->key.len + q->value.len && !target_options_is_custom(o))
        return explain(why, PIPEPOLL_EINVAL,
                       "query_param goes with owner \"Custom\" only: jobs of third-party actions "
                       "cannot be queried");
    return query_param_check(q->key, q->value, why);
}

bool target_options_is_custom(const struct pipepoll_target_options *o)
{
    return str_eq(o->action_type.owner, STR("Custom"));
}

int target_options_read(struct pipepoll_target_options *out,
                        const struct pipepoll_target_options *in, struct pipepoll_error *why)
{
    struct pipepoll_target_options o;
    int r = sized_read(&o, sizeof o, in, "target options", why);
    if (!r)
        r = action_type_check(&o.action_type, why);
    if (!r)
        r = pace_check(&o, why);
    if (!r)
        r = max_batch_size_check(o.max_batch_size, why);
    if (!r)
        r = number(&o.first_poll_within_ms, "first_poll_within_ms", 0, DAY_MS, why);
    if (!r && o.paused > 1)
        r = explain(why, PIPEPOLL_EINVAL, "paused %u is out of range: 0 or 1", o.paused);
    if (!r)
        r = query_check(&o, why);
    if (!r)
        *out = o;
    return r;
}

struct endpoint_rule target_options_endpoint(const struct pipepoll_target_options *o)
{
    return (struct endpoint_rule) {
        .region = o->region,
        .endpoint_url = o->endpoint_url,
        .fips = o->fips,
        .dualstack = o->dualstack,
        .insecure = o->insecure,
    };
}

static int put_ca_bundle(struct buf *out, const struct pipepoll_options *o,
                         const struct environment *e, struct pipepoll_error *why)
{
    static const char *const variables[] = { "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE" };
    buf_put(out, o->ca_bundle);
    for (size_t i = 0; !out->len && i < sizeof variables / sizeof *variables; i++)
        environment_put_path(e, out, environment_get(e, variables[i]));
    if (out->overflow)
        return explain(why, PIPEPOLL_EINVAL, "the path of the CA bundle is longer than %zu bytes",
                       out->cap);
    return 0;
}

int options_read_roots(struct trust_store **out, const struct pipepoll_options *o,
                       const struct environment *e, struct pipepoll_error *why)
{
    char text[4096];
    struct buf path = BUF_ON(text);
    int r = put_ca_bundle(&path, o, e, why);
    return r ? r : trust_store_new(out, buf_str(&path), why);
}
