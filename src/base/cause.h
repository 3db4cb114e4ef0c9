/* SPDX-License-Identifier: MIT */
/* What is known of causes: to which group each belongs, and its name. One table, so that nothing is
 * asked of the order in which the public header lists them. */
#ifndef BASE_CAUSE_H
#define BASE_CAUSE_H

#include <stdbool.h>

#include "pipepoll.h"

/* Where the trouble is. */
enum cause_group {
    CAUSE_GROUP_UNKNOWN,     /* no group is known */
    CAUSE_GROUP_SOURCE,      /* the source of credentials */
    CAUSE_GROUP_CREDENTIALS, /* the credentials, as the service sees them */
    CAUSE_GROUP_REQUEST,     /* what was asked for */
    CAUSE_GROUP_ANSWER,      /* who answers */
    CAUSE_GROUP_WAY,         /* the way there */
    CAUSE_GROUP_MACHINE      /* this machine */
};

#define CAUSE_MAP(X)                                                                               \
    X(UNKNOWN, UNKNOWN, "unknown")                                                                 \
    X(NOT_CONFIGURED, SOURCE, "not-configured")                                                    \
    X(SOURCE, SOURCE, "credentials-source")                                                        \
    X(FILE, SOURCE, "file")                                                                        \
    X(LOGIN, SOURCE, "login")                                                                      \
    X(ROLE_DENIED, SOURCE, "role-denied")                                                          \
    X(ROLE, SOURCE, "role")                                                                        \
    X(EXPIRED, CREDENTIALS, "expired")                                                             \
    X(UNKNOWN_KEY, CREDENTIALS, "unknown-key")                                                     \
    X(WRONG_SECRET, CREDENTIALS, "wrong-secret")                                                   \
    X(SIGNATURE, CREDENTIALS, "signature")                                                         \
    X(WRONG_REGION, CREDENTIALS, "wrong-region")                                                   \
    X(CLOCK, CREDENTIALS, "clock")                                                                 \
    X(DENIED, REQUEST, "denied")                                                                   \
    X(OPT_IN, REQUEST, "opt-in-required")                                                          \
    X(SUBSCRIPTION, REQUEST, "subscription-required")                                              \
    X(NOT_ENABLED, REQUEST, "not-enabled")                                                         \
    X(NO_ACTION_TYPE, REQUEST, "no-action-type")                                                   \
    X(OWNER, REQUEST, "owner")                                                                     \
    X(REQUEST, REQUEST, "request")                                                                 \
    X(THROTTLED, ANSWER, "throttled")                                                              \
    X(SERVICE, ANSWER, "service-failed")                                                           \
    X(MIDDLE_BOX, ANSWER, "middle-box")                                                            \
    X(NOT_UNDERSTOOD, ANSWER, "not-understood")                                                    \
    X(NAME, WAY, "no-address")                                                                     \
    X(UNREACHABLE, WAY, "unreachable")                                                             \
    X(BROKEN_OFF, WAY, "broken-off")                                                               \
    X(TIMED_OUT, WAY, "timed-out")                                                                 \
    X(PLAIN_HTTP, WAY, "plain-http")                                                               \
    X(TLS, WAY, "tls")                                                                             \
    X(CLIENT_CERTIFICATE, WAY, "client-certificate")                                               \
    X(UNTRUSTED, WAY, "untrusted")                                                                 \
    X(NOT_YET_VALID, WAY, "not-yet-valid")                                                         \
    X(OUTDATED, WAY, "outdated")                                                                   \
    X(PROXY, WAY, "proxy")                                                                         \
    X(PROXY_LOGIN, WAY, "proxy-login")                                                             \
    X(MEMORY, MACHINE, "out-of-memory")                                                            \
    X(DESCRIPTORS, MACHINE, "descriptors")                                                         \
    X(SYSTEM, MACHINE, "system")

/* The same, or UNKNOWN for one of a later library's: it may be an index then. */
enum pipepoll_cause cause_known(enum pipepoll_cause cause);

enum cause_group cause_group(enum pipepoll_cause cause);

#endif
