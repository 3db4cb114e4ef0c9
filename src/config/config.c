/* SPDX-License-Identifier: MIT */
/* A file goes through stages, each of which adds to one list of diagnostics rather than stopping at
 * the first: sections, the process's values, the machine's settings for what these leave out, the
 * plan; and, when nothing is wrong, an estimate of the plan for the warnings. *out is written at
 * the very end: until then all that was made is held by locals, which one way out frees. */
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/environment.h"
#include "base/ini.h"
#include "base/log.h"
#include "config/limits.h"
#include "config/plan_route.h"
#include "config/quantity.h"
#include "config/value.h"

#ifdef HAVE_FLEET
static const bool is_fleet_built = true;
#else
static const bool is_fleet_built = false;
#endif

static const double POLLS_PER_S_LEAST = 0.001, POLLS_PER_S_MOST = 1e5;

bool config_log_level(str text, enum pipepoll_level *out)
{
    for (enum pipepoll_level l = PIPEPOLL_ERROR; l <= PIPEPOLL_DEBUG; l++) {
        if (str_eq(text, str_of(log_level_name(l)))) {
            *out = l;
            return true;
        }
    }
    return false;
}

bool config_format(str text, bool *json)
{
    if (!str_eq(text, STR("json")) && !str_eq(text, STR("text")))
        return false;
    *json = str_eq(text, STR("json"));
    return true;
}

/* A pipe may be read but once, which is the poller's to do. */
static bool is_pipe(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* The roots that polls will be verified against, as the poller reads them; empty: the system's.
 * false: it would refuse them. */
static bool judge_roots(str path, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.ca_bundle = path;
    return (path.len && is_pipe(path.ptr)) || !pipepoll_options_check(&o, why);
}

/* A copy, which becomes the config's, is judged. */
static bool keep_ca_bundle(struct config *out, struct buf *path, struct pipepoll_error *why)
{
    buf_cstr(path);
    out->roots = path->overflow ? NULL : strdup(path->at);
    if (!out->roots) {
        snprintf(why->text, sizeof why->text, "the path of the CA bundle: %s",
                 strerror(path->overflow ? ENAMETOOLONG : ENOMEM));
        return false;
    }
    out->ca_bundle = str_of(out->roots);
    return judge_roots(out->ca_bundle, why);
}

static void read_ca_bundle(struct config *out, const struct value *v,
                           struct diagnostics *diagnostics)
{
    const struct environment ours = { NULL, NULL };
    struct pipepoll_error why;
    char text[PATH_MAX];
    struct buf path = BUF_ON(text);
    if (!v->text.len)
        return;
    environment_put_path(&ours, &path, v->text);
    if (!keep_ca_bundle(out, &path, &why))
        complain(diagnostics, PIPEPOLL_ERROR, v->at, "ca-bundle: %s", why.text);
}

/* Of the environment or the profile, else the system's. */
static void read_ambient_ca_bundle(struct config *out, const struct pipepoll_settings *s,
                                   struct diagnostics *diagnostics)
{
    struct pipepoll_error why;
    char text[PATH_MAX];
    struct buf path = BUF_ON(text);
    str found = pipepoll_settings_get(s, PIPEPOLL_SETTING_CA_BUNDLE, &out->ca_bundle_from);
    buf_put(&path, found);
    if (found.len && !keep_ca_bundle(out, &path, &why))
        complain_elsewhere(diagnostics, PIPEPOLL_ERROR, "%.*s: %s", STR_ARG(out->ca_bundle_from),
                           why.text);
    else if (!found.len && !judge_roots(found, &why))
        complain_elsewhere(diagnostics, PIPEPOLL_ERROR, "%s", why.text);
}

/* What is the process's is not looked for in the profiles of targets. An error there matters only
 * to who needs it: roots must not be those of somebody else. */
static int read_ambient(struct config *out, bool has_roots, struct settings *settings,
                        struct diagnostics *diagnostics)
{
    const struct pipepoll_settings *s;
    struct pipepoll_error why;
    int r = settings_of(settings, (str) { NULL, 0 }, &s, &why);
    if (r == PIPEPOLL_ENOMEM)
        return r;
    if (r) {
        if (!has_roots)
            complain_elsewhere(diagnostics, PIPEPOLL_ERROR, "%s", why.text);
        return PIPEPOLL_OK;
    }
    settings_complain(s, diagnostics);
    if (!has_roots)
        read_ambient_ca_bundle(out, s, diagnostics);
    if (!out->user_agent_app_id.len)
        out->user_agent_app_id = pipepoll_settings_get(s, PIPEPOLL_SETTING_USER_AGENT_APP_ID,
                                                       &out->user_agent_app_id_from);
    if (out->user_agent_app_id.len > SETTINGS_APP_ID_MAX)
        out->user_agent_app_id.len = SETTINGS_APP_ID_MAX;
    out->max_attempts = settings_attempts(s);
    return PIPEPOLL_OK;
}

static void read_process(struct config *out, const struct section *s,
                         struct diagnostics *diagnostics)
{
    const char *time = "a time from 1ms to 10m such as 500ms, 5s or 2m";
    const struct value_reader r = { s, diagnostics };
    const struct value *v = s->values;
    value_judge(&r, KEY_MAX_IN_FLIGHT,
                quantity_count(v[KEY_MAX_IN_FLIGHT].text, 1, 65536, &out->max_in_flight),
                "a number from 1 to 65536");
    value_judge(&r, KEY_MAX_IN_FLIGHT_PER_REGION,
                quantity_count(v[KEY_MAX_IN_FLIGHT_PER_REGION].text, 1, 65536,
                               &out->max_in_flight_per_region),
                "a number from 1 to 65536");
    if (out->max_in_flight_per_region > out->max_in_flight)
        complain(diagnostics, PIPEPOLL_ERROR, v[KEY_MAX_IN_FLIGHT_PER_REGION].at,
                 "max-in-flight-per-region = %u is more than max-in-flight, %u",
                 out->max_in_flight_per_region, out->max_in_flight);
    value_judge(&r, KEY_MAX_CONNECTIONS,
                quantity_count(v[KEY_MAX_CONNECTIONS].text, 1, 65536, &out->max_connections),
                "a number from 1 to 65536");
    value_judge(&r, KEY_MAX_POLLS_PER_SECOND,
                quantity_real(v[KEY_MAX_POLLS_PER_SECOND].text, POLLS_PER_S_LEAST, POLLS_PER_S_MOST,
                              &out->max_polls_per_s),
                "a number from 0.001 to 100000 such as 2 or 0.5");
    value_judge(
        &r, KEY_REQUEST_TIMEOUT,
        quantity_duration_ms(v[KEY_REQUEST_TIMEOUT].text, 1, 600000, &out->request_timeout_ms),
        time);
    value_judge(
        &r, KEY_CONNECT_TIMEOUT,
        quantity_duration_ms(v[KEY_CONNECT_TIMEOUT].text, 1, 600000, &out->connect_timeout_ms),
        time);
    value_judge(&r, KEY_DRAIN_TIMEOUT,
                quantity_duration_ms(v[KEY_DRAIN_TIMEOUT].text, 1, CONFIG_DRAIN_TIMEOUT_MAX_MS,
                                     &out->drain_timeout_ms),
                "a time from 1ms to 24h such as 20s or 5m");
    read_ca_bundle(out, &v[KEY_CA_BUNDLE], diagnostics);
    out->user_agent_app_id = v[KEY_USER_AGENT_APP_ID].text;
    value_judge(&r, KEY_USER_AGENT_APP_ID, out->user_agent_app_id.len <= SETTINGS_APP_ID_MAX,
                "at most 250 characters (AWS asks for 50)");
    value_judge(&r, KEY_LOG_LEVEL, config_log_level(v[KEY_LOG_LEVEL].text, &out->log_level),
                "error, warning, info or debug");
    value_judge(&r, KEY_LOG_FORMAT, config_format(v[KEY_LOG_FORMAT].text, &out->log_json),
                "text or json");
}

struct estimate_limits config_limits(const struct config *c)
{
    struct pipepoll_footprint each = PIPEPOLL_FOOTPRINT_INIT;
    pipepoll_footprint(&each);
    uint32_t most = c->max_connections ? c->max_connections : each.max_connections;
    return (struct estimate_limits) { .max_polls_per_s = c->max_polls_per_s,
                                      .max_in_flight = c->max_in_flight,
                                      .max_in_flight_per_region = c->max_in_flight_per_region,
                                      .max_connections = most };
}

/* Those beyond the bound wait, or connect anew for each poll. Who set it knows; the default follows
 * from the limit of descriptors. */
static void warn_of_descriptors(const struct estimate *estimate, const struct config *config,
                                struct location at, struct diagnostics *diagnostics)
{
    uint64_t needed = limits_descriptors_needed(estimate->connections, 1),
             most = limits_descriptors();
    if (needed > most)
        complain(diagnostics, PIPEPOLL_WARNING, at,
                 "%zu connections, idle ones included, need %llu descriptors, and this process "
                 "may have %llu: raise the limit (ulimit -n, LimitNOFILE=), or lower "
                 "max-connections",
                 estimate->connections, (unsigned long long)needed, (unsigned long long)most);
    else if (!config->max_connections && estimate->connections < estimate->connections_wanted)
        complain(diagnostics, PIPEPOLL_WARNING, at,
                 "the targets keep %zu connections open, idle ones included, and no more than %zu "
                 "may be, half of this process's limit of descriptors, %llu: the others wait, or "
                 "connect anew for each poll; raise the limit (ulimit -n, LimitNOFILE=), or set "
                 "max-connections",
                 estimate->connections_wanted, estimate->connections, (unsigned long long)most);
}

static int warn_of_plan(struct config *config, const struct section *process,
                        struct diagnostics *diagnostics)
{
    struct estimate estimate = { 0 };
    const struct estimate_limits limits = config_limits(config);
    int r = estimate_make(&estimate, &config->plan, &limits);
    if (!r) {
        struct location at = process->values[KEY_MAX_IN_FLIGHT].at;
        const struct value *connections = &process->values[KEY_MAX_CONNECTIONS];
        config->connections = estimate.connections;
        estimate_complain(&estimate, &limits, at, diagnostics);
        warn_of_descriptors(&estimate, config, connections->at.line ? connections->at : at,
                            diagnostics);
    }
    estimate_deinit(&estimate);
    return r;
}

static void check_with_targets(struct config *c, const struct sections *s,
                               struct diagnostics *diagnostics)
{
    worker_config_check(&c->worker, &c->plan, s, diagnostics);
    fleet_config_check(&c->fleet, &c->worker, s, diagnostics);
}

int config_parse(struct config *out, char *text, size_t len, struct settings *settings,
                 struct diagnostics *diagnostics)
{
    struct sections s = { 0 };
    struct config config = { .max_in_flight = 256,
                             .request_timeout_ms = 30000,
                             .connect_timeout_ms = 10000,
                             .drain_timeout_ms = 30000,
                             .log_level = PIPEPOLL_INFO,
                             .text = text };
    const char *foreign = ini_foreign_text((str) { text, len });
    if (foreign)
        complain(diagnostics, PIPEPOLL_ERROR, (struct location) { 0 }, "%s", foreign);
    int r = foreign ? PIPEPOLL_EINVAL : sections_read(&s, text, len, diagnostics);
    if (r)
        goto out;
    read_process(&config, &s.process, diagnostics);
    r = worker_config_read(&config.worker, &s, diagnostics);
    if (!r)
        r = http_config_read(&config.http, &s.http, diagnostics);
    if (!r)
        r = fleet_config_read(&config.fleet, &s.fleet, is_fleet_built, diagnostics);
    if (!r && settings)
        r = read_ambient(&config, s.process.values[KEY_CA_BUNDLE].text.len > 0, settings,
                         diagnostics);
    if (!r)
        r = plan_build(&config.plan, &s, &config.worker, settings, diagnostics);
    if (!r)
        check_with_targets(&config, &s, diagnostics);
    if (!r && settings && !diagnostics->errors)
        r = plan_routes_check(&config.plan, diagnostics);
    if (!r && diagnostics->errors)
        r = PIPEPOLL_EINVAL;
    if (!r)
        r = warn_of_plan(&config, &s.process, diagnostics);
    if (r)
        goto out;
    *out = config;
    config = (struct config) { 0 };
    if (settings) {
        out->settings = *settings;
        *settings = (struct settings) { 0 };
    }
out:
    if (settings)
        settings_deinit(settings);
    sections_deinit(&s);
    config_deinit(&config);
    return r;
}

static int read_fleet(void *out, const struct sections *s, struct diagnostics *diagnostics)
{
    if (!s->fleet.at.line)
        complain(diagnostics, PIPEPOLL_ERROR, s->fleet.at, "there is no [fleet] in it");
    section_complain_misspelt(&s->fleet, "fleet", diagnostics);
    return fleet_config_read(out, &s->fleet, is_fleet_built, diagnostics);
}

int config_load_fleet(struct fleet_config *out, const char *path, struct diagnostics *diagnostics)
{
    *out = (struct fleet_config) { .servers = NULL };
    return sections_load(path, read_fleet, out, diagnostics);
}

int config_load(struct config *out, const char *path, struct diagnostics *diagnostics)
{
    struct settings settings = { 0 };
    char *text;
    size_t len;
    int r = config_file_read(&text, &len, path, diagnostics);
    return r ? r : config_parse(out, text, len, &settings, diagnostics);
}

void config_deinit(struct config *c)
{
    plan_deinit(&c->plan);
    worker_config_deinit(&c->worker);
    http_config_deinit(&c->http);
    fleet_config_deinit(&c->fleet);
    settings_deinit(&c->settings);
    free(c->roots);
    free(c->text);
    *c = (struct config) { 0 };
}
