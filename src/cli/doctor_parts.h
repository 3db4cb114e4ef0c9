/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` prints of the parts that no target is: handlers, client tokens, the
 * journal, [http] and the servers of [fleet]. */
#ifndef CLI_DOCTOR_PARTS_H
#define CLI_DOCTOR_PARTS_H

#include "config/fleet_config.h"
#include "config/http_config.h"
#include "config/worker_config.h"

struct doctor_parts {
    const struct worker_config *worker;
    const struct http_config *http;
    const struct fleet_config *fleet;
};

/* Print on stdout; nothing where there is none of them. Each returns what to exit with: the
 * greatest of all. Blocking, as their checks are. */
int doctor_parts_text(const struct doctor_parts *of);
/* ,"worker":[...],"http":{...}, or null without [http],"fleet":[...], the same. */
int doctor_parts_json(const struct doctor_parts *of);

#endif
