/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` prints of the parts that no target is: handlers, client tokens, the
 * journal, [http] and the servers of [fleet]. */
#ifndef CLI_DOCTOR_PARTS_H
#define CLI_DOCTOR_PARTS_H

#include "base/buf.h"
#include "config/fleet_config.h"
#include "config/http_config.h"
#include "config/worker_config.h"

struct doctor_parts {
    const struct worker_config *worker;
    const struct http_config *http;
    const struct fleet_config *fleet;
};

/* On stdout; nothing where there is none of them. Each returns what to exit with: the greatest of
 * all. Blocking, as their checks are. */
int doctor_parts_text(const struct doctor_parts *of);
/* "worker":[...], and "http":{...} and "fleet":[...], each null without its section. */
int doctor_parts_json(struct buf *out, const struct doctor_parts *of);

#endif
