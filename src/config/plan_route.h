/* SPDX-License-Identifier: MIT */
/* How a plan's calls go, and who says so: the settings of the machine that are in force, and the
 * proxies between. */
#ifndef CONFIG_PLAN_ROUTE_H
#define CONFIG_PLAN_ROUTE_H

#include "config/config.h"

enum { PLAN_ROUTE_SETTINGS_MAX = 64, PLAN_ROUTE_PROXIES_MAX = 4, PLAN_ROUTE_URL_MAX = 512 };

/* A setting that is in force; slices are the config's or the environment's. */
struct plan_route_setting {
    const char *name; /* settings_name(), or "no proxy for" */
    str value, from;
};

/* A proxy, or none where `proxy` is empty, and the endpoints that are called by way of it. */
struct plan_route_proxy {
    char proxy[PLAN_ROUTE_URL_MAX]; /* without its password */
    char example[PLAN_ROUTE_URL_MAX];
    size_t endpoints;
};

struct plan_routes {
    struct plan_route_setting
        settings[PLAN_ROUTE_SETTINGS_MAX]; /* each once; more are not listed */
    size_t setting_count;
    struct plan_route_proxy proxies[PLAN_ROUTE_PROXIES_MAX];
    size_t proxy_count;
    bool has_proxy; /* the environment names one, be it for these endpoints or not */
};

/* Complain about each proxy on the way that cannot be used. PIPEPOLL_ENOMEM. */
int plan_routes_check(const struct plan *plan, struct diagnostics *diagnostics);

/* PIPEPOLL_ENOMEM. */
int plan_routes_of(struct plan_routes *out, const struct config *config);

/* Where the calls of a target go; empty where that cannot be said. Returns text. */
const char *plan_route_endpoint(const struct plan_target *t, char *text, size_t size);

#endif
