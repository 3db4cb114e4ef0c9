/* What `poll` and `doctor` make of a failed poll. */
#ifndef DAEMON_FAILURE_H
#define DAEMON_FAILURE_H

#include "base/str.h"

/* Is it worth another try at once? Not what waits for a change of the set-up. */
bool failure_may_pass(const struct pipepoll_failure *f);

#endif
