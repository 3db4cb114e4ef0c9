/* SPDX-License-Identifier: MIT */
/* Each value is printed under its key, so that regions and endpoints depend no more on the settings
 * of this machine; what has no value to write down (a fair share, the system's roots, proxies) is a
 * comment. A plan is sorted by what its targets are: the entries of each section are gathered here
 * again, by a look through all for each section. */
#include "cli/print_config.h"

#include <stdio.h>

#include "cli/worker_report.h"
#include "config/config_text.h"
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

/* --- handlers --- */

static void print_text(enum key k, const char *value)
{
    if (value)
        printf("%s = %s\n", key_name(k), value);
}

/* A query may be a password: then the URL must be written in again. */
static void print_url(enum key k, const char *url)
{
    char text[4096];
    struct buf b = BUF_ON(text);
    if (!url)
        return;
    if (worker_report_put_url(&b, str_of(url)))
        printf("# %s = %s (its query is not shown)\n", key_name(k), buf_cstr(&b));
    else
        print_text(k, url);
}

static void print_bytes(enum key k, uint64_t bytes)
{
    char text[32];
    struct buf b = BUF_ON(text);
    quantity_put_bytes(&b, bytes);
    if (bytes)
        printf("%s = %s\n", key_name(k), buf_cstr(&b));
}

static void print_program(const struct handler_config *h)
{
    char text[4096];
    struct buf names = BUF_ON(text);
    print_text(KEY_COMMAND, h->command);
    print_text(KEY_DIRECTORY, h->directory);
    worker_report_put_names(&names, h->environment);
    if (names.len)
        printf("# %s: %s (values are not shown)\n", key_name(KEY_ENVIRONMENT), buf_cstr(&names));
    print_duration(KEY_KILL_AFTER, h->kill_after_ms);
    if (h->open_files)
        printf("%s = %llu\n", key_name(KEY_OPEN_FILES), (unsigned long long)h->open_files);
    print_bytes(KEY_ADDRESS_SPACE, h->address_space);
    if (h->cpu_seconds)
        printf("%s = %llus\n", key_name(KEY_CPU_TIME), (unsigned long long)h->cpu_seconds);
    if (h->kind == HANDLER_STDIO)
        printf("%s = %u\n", key_name(KEY_CONCURRENCY), h->concurrency);
}

static void print_webhook(const struct handler_config *h)
{
    bool v6 = strchr(h->callback_host, ':') != NULL;
    print_url(KEY_URL, h->url);
    print_switch(KEY_ALLOW_HTTP, h->allow_http);
    print_text(KEY_SECRET_FILE, h->secret_file);
    print_duration(KEY_CALLBACK_TIMEOUT, h->callback_timeout_ms);
    printf("%s = %s%s%s:%u\n", key_name(KEY_CALLBACK_LISTEN), v6 ? "[" : "", h->callback_host,
           v6 ? "]" : "", h->callback_port);
    print_url(KEY_CALLBACK_URL, h->callback_url);
}

static void print_handler(const struct handler_config *h)
{
    printf("\n[handler %s]\n", h->name);
    print_text(KEY_KIND, handler_kind_name(h->kind));
    if (h->kind == HANDLER_WEBHOOK)
        print_webhook(h);
    else
        print_program(h);
    print_duration(KEY_TIMEOUT, h->timeout_ms);
    if (h->continue_after_ms)
        print_duration(KEY_CONTINUE_AFTER, h->continue_after_ms);
    else
        printf("# %s: never\n", key_name(KEY_CONTINUE_AFTER));
}

/* --- targets --- */

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

static void print_query(const struct pipepoll_query_param *q)
{
    if (q->key.len)
        printf("%s = %.*s=%.*s\n", key_name(KEY_QUERY_PARAM), STR_ARG(q->key), STR_ARG(q->value));
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
    print_query(&o->query_param);
    print_text(KEY_HANDLER, t->handler ? t->handler->name : NULL);
    print_pace(o);
    printf("%s = %u\n", key_name(KEY_MAX_BATCH_SIZE), o->max_batch_size);
    print_origin(t, PIPEPOLL_SETTING_ENDPOINT_URL);
    print_str(KEY_ENDPOINT_URL, o->endpoint_url);
    print_origin(t, PIPEPOLL_SETTING_FIPS);
    print_switch(KEY_FIPS, o->fips);
    print_origin(t, PIPEPOLL_SETTING_DUALSTACK);
    print_switch(KEY_DUALSTACK, o->dualstack);
}

/* --- [pipepoll], [http], [fleet] --- */

static void print_key(const struct config *c, enum key k)
{
    static char text[16384]; /* more than a list of servers has */
    struct buf value = BUF_ON(text);
    const char *otherwise = config_text_otherwise(k);
    str origin = config_text_origin(c, k);
    config_text_put(&value, c, k);
    if (!value.len && otherwise)
        printf("# %s: %s\n", key_name(k), otherwise);
    if (origin.len)
        printf("# by %.*s:\n", STR_ARG(origin));
    if (k == KEY_CLIENT_TOKENS_URL)
        print_url(k, c->worker.tokens.url);
    else
        print_str(k, buf_str(&value));
}

static void print_section(const struct config *c, const char *section)
{
    printf("[%s]\n", section);
    for (enum key k = 0; k < KEY_COUNT; k++)
        if (strcmp(key_section(k), section) == 0)
            print_key(c, k);
}

int print_config_print(const struct config *config, const char *file)
{
    struct plan_routes plan_routes;
    int r = plan_routes_of(&plan_routes, config);
    if (r)
        return r;
    printf("# %s as it is understood here, with all defaults; this is a config file too.\n", file);
    print_section(config, "pipepoll");
    print_proxies(&plan_routes);
    for (size_t i = 0; i < config->worker.handler_count; i++)
        print_handler(&config->worker.handlers[i]);
    if (config->http.listen) {
        putchar('\n');
        print_section(config, "http");
    }
    if (config->fleet.servers) {
        putchar('\n');
        print_section(config, "fleet");
    }
    for (size_t i = 0; i < config->plan.section_count; i++)
        print_target(&config->plan, first_of(&config->plan, i));
    return PIPEPOLL_OK;
}
