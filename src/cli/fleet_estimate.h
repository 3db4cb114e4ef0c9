/* SPDX-License-Identifier: MIT */
/* What `pipepoll check` says of a fleet, without asking its servers: how many members there are it
 * does not know, so it tells what each would do of three. */
#ifndef CLI_FLEET_ESTIMATE_H
#define CLI_FLEET_ESTIMATE_H

#include "base/buf.h"
#include "config/config.h"

/* Rows as those of all totals; nothing without [fleet]. */
void fleet_estimate_text(const struct config *c, const struct estimate *e);
/* ,"fleet":{...}|null */
void fleet_estimate_json(struct buf *out, const struct config *c, const struct estimate *e);

#endif
