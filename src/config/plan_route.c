/* Targets are sorted by endpoint, so that the proxy of each is asked for once and not by each
 * target. With a URL of its own the region makes no other endpoint. Settings and proxies that found
 * no room are left out: they are few on any sane machine, and this is for people to read. */
#include "config/plan_route.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/environment.h"
#include "base/order.h"

const char *plan_route_endpoint(const struct plan_target *t, char *text, size_t size)
{
    if (pipepoll_endpoint(&t->options, text, size, NULL))
        text[0] = '\0';
    return text;
}

static void add_setting(struct plan_routes *r, struct plan_route_setting new)
{
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct plan_route_setting *s = &r->settings[i];
        if (strcmp(s->name, new.name) == 0 && str_eq(s->value, new.value) &&
            str_eq(s->from, new.from))
            return;
    }
    if (r->setting_count < PLAN_ROUTE_SETTINGS_MAX)
        r->settings[r->setting_count++] = new;
}

static void add_settings(struct plan_routes *r, const struct plan_target *t)
{
    for (enum pipepoll_setting which = 0; t->in_force && which < PIPEPOLL_SETTING_COUNT; which++) {
        struct plan_route_setting s = { .name = settings_name(which) };
        if (!(t->in_force & 1u << which))
            continue;
        s.value = pipepoll_settings_get(t->settings, which, &s.from);
        add_setting(r, s);
    }
}

static struct plan_route_proxy *find_proxy(struct plan_routes *r, const char *proxy)
{
    size_t i = 0;
    while (i < r->proxy_count && strcmp(r->proxies[i].proxy, proxy) != 0)
        i++;
    if (i == PLAN_ROUTE_PROXIES_MAX)
        return NULL;
    if (i == r->proxy_count)
        snprintf(r->proxies[r->proxy_count++].proxy, PLAN_ROUTE_URL_MAX, "%s", proxy);
    return &r->proxies[i];
}

static int compare_endpoints(const void *a, const void *b)
{
    const struct pipepoll_target_options *x = &(*(const struct plan_target *const *)a)->options;
    const struct pipepoll_target_options *y = &(*(const struct plan_target *const *)b)->options;
    int r = order_str(x->endpoint_url, y->endpoint_url);
    r = r ? r : x->fips - y->fips;
    r = r ? r : x->dualstack - y->dualstack;
    return r || x->endpoint_url.len ? r : order_str(x->region, y->region);
}

static void add_endpoint(struct plan_routes *r, const struct plan_target *t)
{
    char url[PLAN_ROUTE_URL_MAX], proxy[PLAN_ROUTE_URL_MAX];
    pipepoll_proxy(str_of(plan_route_endpoint(t, url, sizeof url)), proxy, sizeof proxy);
    struct plan_route_proxy *p = find_proxy(r, proxy);
    if (p && p->endpoints++ == 0)
        memcpy(p->example, url, sizeof url);
}

/* Of the variables that the library reads; the first that is set. */
static const char *first_set(const char *const *names, size_t count)
{
    const struct environment e = { 0 };
    for (size_t i = 0; i < count; i++)
        if (environment_get(&e, names[i]).len)
            return names[i];
    return NULL;
}

static void add_exemption(struct plan_routes *r)
{
    static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
                                           "ALL_PROXY" };
    static const char *const exemptions[] = { "no_proxy", "NO_PROXY" };
    const struct environment e = { 0 };
    const char *name = first_set(exemptions, sizeof exemptions / sizeof *exemptions);
    r->has_proxy = first_set(proxies, sizeof proxies / sizeof *proxies);
    if (r->has_proxy && name)
        add_setting(r, (struct plan_route_setting) {
                           .name = "no proxy for",
                           .value = str_trim(environment_get(&e, name)),
                           .from = str_of(name),
                       });
}

int plan_routes_of(struct plan_routes *out, const struct config *config)
{
    const struct plan *p = &config->plan;
    *out = (struct plan_routes) { .setting_count = 0 };
    const struct plan_target **sorted = calloc(p->count + 1, sizeof *sorted);
    if (!sorted)
        return PIPEPOLL_ENOMEM;
    if (config->ca_bundle_from.len)
        add_setting(out,
                    (struct plan_route_setting) { .name = settings_name(PIPEPOLL_SETTING_CA_BUNDLE),
                                                  .value = config->ca_bundle,
                                                  .from = config->ca_bundle_from });
    if (config->user_agent_app_id_from.len)
        add_setting(out, (struct plan_route_setting) {
                             .name = settings_name(PIPEPOLL_SETTING_USER_AGENT_APP_ID),
                             .value = config->user_agent_app_id,
                             .from = config->user_agent_app_id_from });
    for (size_t i = 0; i < p->count; i++) {
        sorted[i] = &p->targets[i];
        add_settings(out, sorted[i]);
    }
    add_exemption(out);
    qsort(sorted, p->count, sizeof *sorted, compare_endpoints);
    for (size_t i = 0; i < p->count; i++)
        if (i == 0 || compare_endpoints(&sorted[i - 1], &sorted[i]))
            add_endpoint(out, sorted[i]);
    free(sorted);
    return PIPEPOLL_OK;
}
