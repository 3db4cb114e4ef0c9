/* The config file of `pipepoll run`: what holds for the whole process, and the plan of targets. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/plan.h"

enum { CONFIG_SIZE_MAX = 1 << 20 };

struct config {
    uint32_t max_in_flight;            /* 256 */
    uint32_t max_in_flight_per_region; /* 0: a fair share */
    uint32_t request_timeout_ms, connect_timeout_ms;
    str ca_bundle; /* of a readable file; empty: the library's default */
    bool http2;
    enum pipepoll_level log_level; /* PIPEPOLL_INFO */
    bool log_json;
    struct plan plan;
    char *text; /* what all slices lie in; owned */
};

/* Read a regular file or a pipe of at most 1 MiB (blocks). Everything wrong is in *c, which needs
 * no init; c->file is borrowed from path. PIPEPOLL_EINVAL when there is an error in *c, and then
 * *out needs no deinit; PIPEPOLL_ENOMEM likewise. */
int config_load(struct config *out, const char *path, struct complaints *c);

/* The same for text[len], from malloc(), which becomes the config's in any case. */
int config_parse(struct config *out, char *text, size_t len, struct complaints *c);

void config_deinit(struct config *c); /* fine on a zeroed one */

/* error, warning, info or debug. Also for flags. */
bool config_log_level(str text, enum pipepoll_level *out);
/* text or json. Also for flags. */
bool config_format(str text, bool *json);

#endif
