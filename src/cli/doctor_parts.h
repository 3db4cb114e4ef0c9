/* SPDX-License-Identifier: MIT */
/* What `pipepoll doctor` prints of the parts that no target is: handlers, client tokens, the
 * journal and [http]. */
#ifndef CLI_DOCTOR_PARTS_H
#define CLI_DOCTOR_PARTS_H

#include "config/http_config.h"
#include "config/worker_config.h"

/* Print on stdout; nothing where there is none of them. Each returns what to exit with: the
 * greatest of all. Blocking, as their checks are. */
int doctor_parts_text(const struct worker_config *w, const struct http_config *http);
/* ,"worker":[...],"http":{...}, or null without [http]. */
int doctor_parts_json(const struct worker_config *w, const struct http_config *http);

#endif
