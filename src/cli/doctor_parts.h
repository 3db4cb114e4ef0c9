/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` prints of the parts that no target is: handlers, client tokens, the
 * journal, [http] and the servers of [fleet]. */
#ifndef CLI_DOCTOR_PARTS_H
#define CLI_DOCTOR_PARTS_H

#include "base/buf.h"
#include "config/fleet_config.h"
#include "config/http_config.h"
#include "config/worker_config.h"
#include "daemon/diagnosis.h"

struct doctor_parts {
    const struct worker_config *worker;
    const struct http_config *http;
    const struct fleet_config *fleet;
};

struct doctor_parts_sum {
    size_t count, of_verdict[VERDICT_ILL + 1];
};

/* On stdout; nothing where there is none of them. Each returns what to exit with: the greatest of
 * all. Blocking, as their checks are. */
int doctor_parts_text(const struct doctor_parts *of, struct doctor_parts_sum *sum);
/* "; 6 parts: 5 well, 1 ill"; nothing of none. */
void doctor_parts_print_sum(const struct doctor_parts_sum *sum);
/* "worker":[...], and "http":{...} and "fleet":[...], each null without its section. */
int doctor_parts_json(struct buf *out, const struct doctor_parts *of);

#endif
