/* SPDX-License-Identifier: MIT */
/* What the outcome of a call means. Private to the poller and its requests. */
#ifndef CLIENT_VERDICT_H
#define CLIENT_VERDICT_H

#include "client/call.h"

/* The fault to act on; what the service thinks of the credentials is noted. *clock_refusals is its
 * own count for the caller's target or request, 0 at first: of refusals in a row for the clock. */
enum fault verdict_of(struct clients *all, struct client *client, uint32_t *clock_refusals,
                      const struct outcome *got);

/* Other credentials may be all that it needs. */
bool verdict_waits_for_credentials(enum fault fault);

/* What the owner is told: a sentence, which may lie in `room`, and the cause. */
str verdict_message(const struct client *client, enum fault fault, const struct outcome *got,
                    struct pipepoll_error *room);
enum pipepoll_cause verdict_cause(enum fault fault, const struct outcome *got);

#endif
