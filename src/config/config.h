/* SPDX-License-Identifier: MIT */
/* The config file of `pipepoll run`: what holds for the whole process, and the plan of targets. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/config_file.h"
#include "config/estimate.h"
#include "config/fleet_config.h"
#include "config/http_config.h"

enum { CONFIG_DRAIN_TIMEOUT_MAX_MS = 86400000 };

struct config {
    uint32_t max_in_flight;            /* 256 */
    uint32_t max_in_flight_per_region; /* 0: a fair share */
    uint32_t max_connections;          /* idle ones included; 0: half of the descriptors */
    size_t connections;                /* that the plan keeps open at once, within that */
    double max_polls_per_s;            /* for each account and region; 0: no ceiling */
    uint32_t request_timeout_ms, connect_timeout_ms;
    uint32_t drain_timeout_ms;     /* 30000; of `pipepoll run`, not of a poller */
    str ca_bundle;                 /* of a readable file, in roots; empty: the library's default */
    str ca_bundle_from;            /* the setting it comes from; empty: the file itself */
    str user_agent_app_id;         /* of the file, else of the settings; empty: none */
    str user_agent_app_id_from;    /* as ca_bundle_from */
    uint32_t max_attempts;         /* of the settings; 0: the library's default */
    enum pipepoll_level log_level; /* PIPEPOLL_INFO */
    bool log_json;
    struct worker_config worker;
    struct http_config http;
    struct fleet_config fleet;
    struct plan plan;         /* its targets name handlers of worker */
    struct settings settings; /* of this machine, those that were asked for; owned */
    char *roots;              /* owned */
    char *text;               /* what all other slices lie in; owned */
};

/* Read the file at path (see config_file.h; blocks), and the machine's settings for what it leaves
 * out. Everything wrong is in *c, which needs no init, and a warning for each
 * pickup goal that max-polls-per-second does not allow, and for more polls than max-in-flight can
 * do; diagnostics->file is borrowed from path. PIPEPOLL_EINVAL when there is an error in *c, and
 * then *out needs no deinit; PIPEPOLL_ENOMEM likewise. */
int config_load(struct config *out, const char *path, struct diagnostics *diagnostics);

/* Of the file at path its section [fleet] alone; *out needs no init. Complains as config_load() of
 * what is wrong there, and where there is none. PIPEPOLL_EINVAL: there is an error in
 * *diagnostics; PIPEPOLL_ENOMEM. fleet_config_deinit() in any case. */
int config_load_fleet(struct fleet_config *out, const char *path, struct diagnostics *diagnostics);

/* As config_load() for text[len], from malloc(), which becomes the config's in any case. Without
 * `settings` what the file leaves out comes from nowhere; else they are read, and become the
 * config's. */
int config_parse(struct config *out, char *text, size_t len, struct settings *settings,
                 struct diagnostics *diagnostics);

/* Of them, those that an estimate needs. */
struct estimate_limits config_limits(const struct config *c);

void config_deinit(struct config *c); /* fine on a zeroed one */

/* error, warning, info or debug. Also for flags. */
bool config_log_level(str text, enum pipepoll_level *out);
/* text or json. Also for flags. */
bool config_format(str text, bool *json);

#endif
