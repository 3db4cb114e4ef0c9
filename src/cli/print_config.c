/* Each value is printed under its key, so that regions and endpoints depend no more on the settings
 * of this machine; what has no value to write down (a fair share, the system's roots, proxies) is a
 * comment. A plan is sorted by what its targets are: the entries of each section are gathered here
 * again, by a look through all for each section. */
#include "cli/print_config.h"

#include <stdio.h>

#include "config/plan_route.h"
#include "config/quantity.h"
#include "config/region.h"

static void print_duration(enum key k, uint32_t ms)
{
    char text[16];
    struct buf b = BUF_ON(text);
    quantity_put_duration(&b, ms);
    printf("%s = %s\n", key_name(k), buf_cstr(&b));
}

static void print_str(enum key k, str value)
{
    if (value.len)
        printf("%s = %.*s\n", key_name(k), STR_ARG(value));
}

static void print_switch(enum key k, bool on)
{
    printf("%s = %s\n", key_name(k), on ? "yes" : "no");
}

/* A comment with the origin of the next line, where it is a setting. */
static void print_origin(const struct plan_target *t, enum pipepoll_setting which)
{
    str from;
    if (!(t->in_force & 1u << which))
        return;
    pipepoll_settings_get(t->settings, which, &from);
    printf("# by %.*s:\n", STR_ARG(from));
}

static void print_roots(const struct config *c)
{
    if (!c->ca_bundle.len)
        printf("# %s: the system's roots\n", key_name(KEY_CA_BUNDLE));
    if (c->ca_bundle_from.len)
        printf("# by %.*s:\n", STR_ARG(c->ca_bundle_from));
    print_str(KEY_CA_BUNDLE, c->ca_bundle);
}

static void print_process(const struct config *c, const struct logger *logger)
{
    printf("[pipepoll]\n%s = %u\n", key_name(KEY_MAX_IN_FLIGHT), c->max_in_flight);
    if (c->max_in_flight_per_region)
        printf("%s = %u\n", key_name(KEY_MAX_IN_FLIGHT_PER_REGION), c->max_in_flight_per_region);
    else
        printf("# %s: a fair share\n", key_name(KEY_MAX_IN_FLIGHT_PER_REGION));
    if (c->max_connections)
        printf("%s = %u\n", key_name(KEY_MAX_CONNECTIONS), c->max_connections);
    else
        printf("# %s: half of the open files that the process may have\n",
               key_name(KEY_MAX_CONNECTIONS));
    if (c->max_polls_per_s > 0)
        printf("%s = %.10g\n", key_name(KEY_MAX_POLLS_PER_SECOND), c->max_polls_per_s);
    else
        printf("# %s: what the service allows\n", key_name(KEY_MAX_POLLS_PER_SECOND));
    print_duration(KEY_REQUEST_TIMEOUT, c->request_timeout_ms);
    print_duration(KEY_CONNECT_TIMEOUT, c->connect_timeout_ms);
    print_duration(KEY_DRAIN_TIMEOUT, c->drain_timeout_ms);
    print_roots(c);
    if (c->user_agent_app_id.len && c->user_agent_app_id_from.len)
        printf("# by %.*s:\n", STR_ARG(c->user_agent_app_id_from));
    print_str(KEY_USER_AGENT_APP_ID, c->user_agent_app_id);
    printf("%s = %s\n", key_name(KEY_LOG_LEVEL), log_level_name(logger->level));
    printf("%s = %s\n", key_name(KEY_LOG_FORMAT), logger->json ? "json" : "text");
}

static void print_proxies(const struct plan_routes *r)
{
    for (size_t i = 0; i < r->proxy_count; i++)
        printf("# proxy for %s%s: %s\n", r->proxies[i].example,
               r->proxies[i].endpoints > 1 ? ", ..." : "",
               r->proxies[i].proxy[0] ? r->proxies[i].proxy : "none");
}

static void print_pace(const struct pipepoll_target_options *o)
{
    if (!o->pickup_goal_ms) {
        print_duration(KEY_INTERVAL, o->interval_ms);
        return;
    }
    print_duration(KEY_PICKUP_GOAL, o->pickup_goal_ms);
    if (o->slowest_interval_ms)
        print_duration(KEY_SLOWEST_INTERVAL, o->slowest_interval_ms);
    else
        printf("# %s: 12 goals\n", key_name(KEY_SLOWEST_INTERVAL));
}

static void print_identity(const struct identity_config *id)
{
    char text[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf name = BUF_ON(text);
    identity_config_put(&name, id);
    printf("# credentials: %s\n", buf_cstr(&name));
    print_str(KEY_PROFILE, id->profile);
    print_str(KEY_ROLE_ARN, id->role_arn);
    print_str(KEY_EXTERNAL_ID, id->external_id);
    print_str(KEY_ROLE_SESSION_NAME, id->role_session_name);
}

static const struct plan_target *first_of(const struct plan *p, size_t section)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->targets[i].section == section)
            return &p->targets[i];
    return NULL;
}

static bool looks_misspelt(const struct pipepoll_target_options *o)
{
    char text[256];
    return region_doubt(o->region, o->endpoint_url.len > 0, text, sizeof text) ==
           REGION_LOOKS_MISSPELT;
}

static void print_regions(const struct plan *p, const struct plan_target *first)
{
    bool unknown = false;
    print_origin(first, PIPEPOLL_SETTING_REGION);
    printf("%s =", key_name(KEY_REGIONS));
    for (const struct plan_target *t = first; t < p->targets + p->count; t++) {
        if (t->section != first->section)
            continue;
        printf("%s %.*s", t == first ? "" : ",", STR_ARG(t->options.region));
        unknown = unknown || looks_misspelt(&t->options);
    }
    putchar('\n');
    if (unknown)
        print_switch(KEY_ALLOW_UNKNOWN_REGIONS, true);
}

static void print_target(const struct plan *p, const struct plan_target *t)
{
    const struct pipepoll_target_options *o = &t->options;
    printf("\n[target %.*s]\n", STR_ARG(t->name));
    print_identity(&t->identity);
    print_regions(p, t);
    print_str(KEY_CATEGORY, o->action_type.category);
    print_str(KEY_OWNER, o->action_type.owner);
    print_str(KEY_PROVIDER, o->action_type.provider);
    print_str(KEY_VERSION, o->action_type.version);
    print_pace(o);
    printf("%s = %u\n", key_name(KEY_MAX_BATCH_SIZE), o->max_batch_size);
    print_origin(t, PIPEPOLL_SETTING_ENDPOINT_URL);
    print_str(KEY_ENDPOINT_URL, o->endpoint_url);
    print_origin(t, PIPEPOLL_SETTING_FIPS);
    print_switch(KEY_FIPS, o->fips);
    print_origin(t, PIPEPOLL_SETTING_DUALSTACK);
    print_switch(KEY_DUALSTACK, o->dualstack);
}

int print_config_print(const struct config *config, const char *file, const struct logger *logger)
{
    struct plan_routes plan_routes;
    int r = plan_routes_of(&plan_routes, config);
    if (r)
        return r;
    printf("# %s as it is understood here, with all defaults; this is a config file too.\n", file);
    print_process(config, logger);
    print_proxies(&plan_routes);
    for (size_t i = 0; i < config->plan.section_count; i++)
        print_target(&config->plan, first_of(&config->plan, i));
    return PIPEPOLL_OK;
}
