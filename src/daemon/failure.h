/* SPDX-License-Identifier: MIT */
/* What `run`, `poll` and `doctor` make of a failed poll. */
#ifndef DAEMON_FAILURE_H
#define DAEMON_FAILURE_H

#include "base/buf.h"

/* The longest back-off there is; what waits for a change is looked at each minute. */
enum { FAILURE_BACKOFF_MAX_MS = 20000 };

/* Is it worth another try at once? Not what waits for a change of the set-up. */
bool failure_may_pass(const struct pipepoll_failure *f);

/* A message without its full stop, for something follows it. */
str failure_message(str message);

/* "; retrying", or after how long: back-offs are short and change from one attempt to the next, so
 * that only of a long wait it helps to know how long it is. */
void failure_put_retry(struct buf *out, uint32_t retry_in_ms);

#endif
