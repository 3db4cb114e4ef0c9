/* SPDX-License-Identifier: MIT */
/* The public functions that need no poller. */
#include "aws/operation.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/sized.h"
#include "client/options.h"
#include "io/transport.h"
#include "poll/pace.h"

struct pipepoll_str pipepoll_str(const char *text)
{
    return str_of(text);
}

const struct pipepoll_job *pipepoll_job_at(const struct pipepoll_answer *answer, size_t i)
{
    return i < answer->job_count ? &answer->jobs[i] : NULL;
}

int pipepoll_options_check(const struct pipepoll_options *options, struct pipepoll_error *why)
{
    const struct environment ours = { NULL, NULL };
    struct pipepoll_options o;
    struct trust_store *roots = NULL;
    int r = options_read(&o, options, why);
    if (!r)
        r = options_read_roots(&roots, &o, &ours, why);
    trust_store_free(roots);
    return r == PIPEPOLL_ENOMEM ? explain(why, r, "out of memory") : r;
}

int pipepoll_target_check(const struct pipepoll_target_options *options, struct pipepoll_error *why)
{
    return pipepoll_endpoint(options, NULL, 0, why);
}

int pipepoll_endpoint(const struct pipepoll_target_options *options, char *text, size_t size,
                      struct pipepoll_error *why)
{
    struct pipepoll_target_options o;
    struct endpoint endpoint;
    int r = target_options_read(&o, options, why);
    if (r)
        return r;
    struct endpoint_rule rule = target_options_endpoint(&o);
    r = endpoint_resolve(&endpoint, &rule, why);
    if (r || !text)
        return r;
    struct buf out = { .at = text, .cap = size };
    buf_put(&out, endpoint.url);
    buf_cstr(&out);
    return out.overflow
               ? explain(why, PIPEPOLL_EINVAL, "the endpoint is longer than %zu bytes", size)
               : 0;
}

const char *pipepoll_region(struct pipepoll_str partition, size_t i)
{
    return endpoint_region(partition.len ? partition : STR("aws"), i);
}

/* Measured with 16 to 1024 TLS connections and up to 100 000 targets (bench/); rounded up. */
void pipepoll_footprint(struct pipepoll_footprint *out)
{
    const struct pipepoll_footprint now = {
        .max_connections = options_max_connections(),
        .target_bytes = 360,
        .slot_bytes = 64 << 10,
        .fixed_bytes = 14 << 20,
        .descriptors_per_16 = 18,
        .fixed_descriptors = 4,
    };
    sized_write(out, &now, sizeof now);
}

void pipepoll_proxy(struct pipepoll_str url, char *text, size_t size)
{
    struct environment environment = { 0 };
    struct proxy_rules rules = proxy_rules_of(&environment);
    proxy_plain(proxy_for(&rules, url), text, size);
}

int pipepoll_proxy_check(struct pipepoll_str url, struct pipepoll_error *why)
{
    struct environment environment = { 0 };
    struct proxy_rules rules = proxy_rules_of(&environment);
    str proxy = proxy_for(&rules, url);
    int r = proxy.len ? transport_check_proxy(&(struct alloc) { 0 }, proxy) : PIPEPOLL_OK;
    char text[200];
    if (r == PIPEPOLL_ENOMEM)
        return explain(why, r, "out of memory");
    return r ? explain(why, r,
                       "%s: %s is no proxy that can be used: it takes http://HOST:PORT, or "
                       "https, socks4, socks4a, socks5, socks5h instead of http",
                       proxy_variable(&rules, url), proxy_plain(proxy, text, sizeof text))
             : PIPEPOLL_OK;
}

uint32_t pipepoll_goal_interval_ms(uint32_t pickup_goal_ms)
{
    return pace_interval_of_goal_ms(pickup_goal_ms);
}
