/* SPDX-License-Identifier: MIT */
/* What can go wrong with a call, what the caller is told, and what the poller does about it: one
 * table, so that the three cannot drift apart. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "pipepoll.h"

enum reaction {
    REACTION_NONE,      /* nothing is wrong */
    REACTION_RETRY,     /* passing: back off from 50 ms */
    REACTION_SLOW_DOWN, /* we are the trouble: back off from 1 s */
    REACTION_REFRESH,   /* other credentials may help, and are on their way: retry with them */
    REACTION_WAIT       /* wrong until the set-up changes: look again once in a while */
};

#define FAULT_MAP(X)                                                                               \
    X(UNREACHABLE, PIPEPOLL_ETRANSPORT, UNREACHABLE, RETRY,                                        \
      "no connection could be made, or it broke")                                                  \
    X(TIMED_OUT, PIPEPOLL_ETIMEDOUT, TIMED_OUT, RETRY,                                             \
      "no whole answer within the request timeout")                                                \
    X(SERVICE, PIPEPOLL_ESERVICE, SERVICE, RETRY, "the service failed")                            \
    X(MALFORMED, PIPEPOLL_EPROTO, NOT_UNDERSTOOD, RETRY, "the answer was not understood")          \
    X(THROTTLED, PIPEPOLL_ETHROTTLED, THROTTLED, SLOW_DOWN, "the service asks for fewer calls")    \
    X(OUT_OF_MEMORY, PIPEPOLL_ENOMEM, MEMORY, SLOW_DOWN, "out of memory")                          \
    X(NO_CREDENTIALS, PIPEPOLL_ECREDENTIALS, SOURCE, WAIT,                                         \
      "no credentials, or they were not accepted")                                                 \
    X(EXPIRED, PIPEPOLL_ECREDENTIALS, EXPIRED, REFRESH,                                            \
      "the credentials have expired, or are not known")                                            \
    X(SKEWED, PIPEPOLL_ECREDENTIALS, CLOCK, RETRY, "the clock of this machine is wrong")           \
    X(DENIED, PIPEPOLL_EDENIED, DENIED, WAIT, "the credentials may not do this")                   \
    X(NOT_ENABLED, PIPEPOLL_ENOTENABLED, NOT_ENABLED, WAIT,                                        \
      "the region is not enabled for this account")                                                \
    X(NOT_FOUND, PIPEPOLL_ENOTFOUND, NO_ACTION_TYPE, WAIT,                                         \
      "the action type does not exist in this region")                                             \
    X(REFUSED, PIPEPOLL_EREFUSED, REQUEST, WAIT, "the service refused the request")                \
    X(UNTRUSTED, PIPEPOLL_EUNTRUSTED, UNTRUSTED, WAIT,                                             \
      "the server's certificate could not be verified")                                            \
    X(BROKEN, PIPEPOLL_ESYSTEM, SYSTEM, WAIT, "the system or a library below refused")

#define X(name, status, cause, reaction, text) FAULT_##name,
enum fault { FAULT_NONE, FAULT_MAP(X) FAULT_COUNT };
#undef X

int fault_status(enum fault f);                /* enum pipepoll_status */
enum pipepoll_cause fault_cause(enum fault f); /* where nothing more exact is known */
enum reaction fault_reaction(enum fault f);
const char *fault_text(enum fault f);

#endif
