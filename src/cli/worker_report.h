/* SPDX-License-Identifier: MIT */
/* What `pipepoll check` says of handlers and of what goes with them. Never a secret: of variables
 * the names alone, of URLs all but the query. */
#ifndef CLI_WORKER_REPORT_H
#define CLI_WORKER_REPORT_H

#include "base/buf.h"
#include "config/config.h"

/* The name of a target's handler, or where its jobs go without one: "stdout", or "the queue". */
const char *worker_report_handler(const struct config *c, const struct plan_target *t);

/* Nothing where no target has a handler. */
void worker_report_text(const struct config *config);
/* ,"handlers":[...],"worker":{...}|null */
void worker_report_json(struct buf *out, const struct config *config);

/* The same URL, with "?..." for its query. false: it has none. */
bool worker_report_put_url(struct buf *out, str url);
/* "A, B" of NAME=VALUE, ... */
void worker_report_put_names(struct buf *out, char *const *environment);

#endif
