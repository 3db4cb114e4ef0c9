/* What the outcome of a poll means. Private to the poller. */
#ifndef CLIENT_VERDICT_H
#define CLIENT_VERDICT_H

#include "client/poller.h"

/* The fault that the poller is to act on; what the service thinks of the credentials is noted. */
enum fault verdict_of(struct pipepoll_target *t, const struct outcome *got);

/* Other credentials may be all that it needs. */
bool verdict_waits_for_credentials(enum fault fault);

/* What the sink is told: a sentence, which may lie in `room`, and the cause. */
str verdict_message(const struct pipepoll_target *t, enum fault fault, const struct outcome *got,
                    struct pipepoll_error *room);
enum pipepoll_cause verdict_cause(enum fault fault, const struct outcome *got);

#endif
