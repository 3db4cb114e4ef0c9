/* SPDX-License-Identifier: MIT */
/* A status of several loops out of one of each. Pure, but for memory; what there is no memory for
 * is left out. */
#ifndef STATUS_STATUS_JOIN_H
#define STATUS_STATUS_JOIN_H

#include "status/status.h"

/* Into an empty one: sums are added, lists joined; what the parts were made of is its own from then
 * on, and they are empty. */
void status_join(struct status *into, struct status *parts, size_t count);

/* Put all lists in the order that struct status names, and sum the targets up. Once. */
void status_settle(struct status *s);

/* Rates, from what was counted since the status before, which is settled too, or empty. */
void status_rate(struct status *s, const struct status *before, double passed_s);

#endif
