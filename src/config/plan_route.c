/* SPDX-License-Identifier: MIT */
/* Targets are sorted by endpoint, so that the proxy of each endpoint is asked for once. With a URL
 * of its own the region makes no other endpoint. Settings and proxies that found no room are left
 * out: they are few on any sane machine, and this is for people to read. */
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

static bool has_proxy(void)
{
    static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "http_proxy",
                                         "HTTP_PROXY",  "all_proxy",   "ALL_PROXY" };
    return first_set(names, sizeof names / sizeof *names);
}

static void add_exemption(struct plan_routes *r)
{
    static const char *const exemptions[] = { "no_proxy", "NO_PROXY" };
    const struct environment e = { 0 };
    const char *name = first_set(exemptions, sizeof exemptions / sizeof *exemptions);
    r->has_proxy = has_proxy();
    if (r->has_proxy && name)
        add_setting(r, (struct plan_route_setting) {
                           .name = "no proxy for",
                           .value = str_trim(environment_get(&e, name)),
                           .from = str_of(name),
                       });
}

/* A target of each endpoint; the rest of the list is of no use. Their number, or SIZE_MAX without
 * memory. */
static size_t list_endpoints(const struct plan *p, const struct plan_target ***out)
{
    size_t count = 0;
    const struct plan_target **list = calloc(p->count + 1, sizeof *list);
    if (!list)
        return SIZE_MAX;
    for (size_t i = 0; i < p->count; i++)
        list[i] = &p->targets[i];
    qsort(list, p->count, sizeof *list, compare_endpoints);
    for (size_t i = 0; i < p->count; i++)
        if (i == 0 || compare_endpoints(&list[count - 1], &list[i]))
            list[count++] = list[i];
    *out = list;
    return count;
}

int plan_routes_check(const struct plan *plan, struct diagnostics *diagnostics)
{
    const struct plan_target **list;
    char url[PLAN_ROUTE_URL_MAX];
    struct pipepoll_error why;
    size_t count = has_proxy() ? list_endpoints(plan, &list) : 0;
    if (!count || count == SIZE_MAX)
        return count ? PIPEPOLL_ENOMEM : PIPEPOLL_OK;
    int r = PIPEPOLL_OK;
    for (size_t i = 0; r != PIPEPOLL_ENOMEM && i < count; i++) {
        r = pipepoll_proxy_check(str_of(plan_route_endpoint(list[i], url, sizeof url)), &why);
        if (r == PIPEPOLL_EINVAL)
            complain_elsewhere(diagnostics, PIPEPOLL_ERROR, "%s", why.text);
    }
    free(list);
    return r == PIPEPOLL_ENOMEM ? r : PIPEPOLL_OK;
}

int plan_routes_of(struct plan_routes *out, const struct config *config)
{
    const struct plan *p = &config->plan;
    *out = (struct plan_routes) { .setting_count = 0 };
    const struct plan_target **list;
    size_t count = list_endpoints(p, &list);
    if (count == SIZE_MAX)
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
    for (size_t i = 0; i < p->count; i++)
        add_settings(out, &p->targets[i]);
    add_exemption(out);
    for (size_t i = 0; i < count; i++)
        add_endpoint(out, list[i]);
    free(list);
    return PIPEPOLL_OK;
}
