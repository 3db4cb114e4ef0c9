/* SPDX-License-Identifier: MIT */
/* One identity of a poller: the credentials of one configuration, kept fresh. Whoever signs takes
 * the current set and never waits; when there is none, on_change() tells when there is. */
#ifndef CREDENTIALS_IDENTITY_H
#define CREDENTIALS_IDENTITY_H

#include "credentials/fetch.h"
#include "credentials/refresh.h"

struct identity;

struct identity_options {
    const struct provider_host *host;    /* borrowed */
    struct pipepoll_credentials *config; /* referenced */
    str region; /* of a target, copied: STS is asked there when no region is configured */
    /* From the loop: the set, the health or the reason changed. */
    void (*on_change)(struct identity *id, void *ctx);
    void *ctx;
};

/* Credentials at hand are current on return; others are fetched once somebody wants them.
 * PIPEPOLL_ENOMEM. */
int identity_open(struct identity **out, const struct identity_options *o);
/* Somebody signs with the set from now on, or nobody does (as after identity_open()). While nobody
 * does, nothing is fetched or looked at, and the set is what it was. */
void identity_want(struct identity *id, bool is_wanted);
/* `closed` comes from the loop, and id is gone then. */
void identity_close(struct identity *id, void (*closed)(void *ctx), void *ctx);

/* The set to sign with now, borrowed until the loop turns, or NULL. */
struct credentials *identity_current(const struct identity *id);

/* Which set that is: another number for other credentials. */
uint32_t identity_serial(const struct identity *id);
/* Is a fetch under way? Its end is told by on_change(). */
bool identity_is_fetching(const struct identity *id);

/* The service refuses the current set; why, in its words. true: a fetch is under way, or due at
 * once, that can bring other credentials. false: asking again can bring nothing else, or was done
 * within the last minute. Then the files that the credentials came from are looked at each second,
 * and others are asked again each minute, until another set comes or identity_accepted(). */
bool identity_refused(struct identity *id, const struct pipepoll_error *why);
/* The service accepts the current set. */
void identity_accepted(struct identity *id);
/* What the service said of the current set last; neither while it was not asked. */
bool identity_is_accepted(const struct identity *id);
bool identity_is_refused(const struct identity *id);

/* Fetch at once when there is no set, or one that is refused or degraded. */
void identity_retry(struct identity *id);

struct identity_report {
    const char *label; /* where the credentials come from; "" while that is not known */
    bool usable;   /* there is a set, and the service did not refuse it when it was asked last */
    bool refused;  /* there is a set, and it did */
    bool degraded; /* the set has expired, or could not be refreshed in time */
    int64_t expires_s;         /* Unix time; INT64_MAX: never, or no set */
    const char *why;           /* of the last failure; "" when all is well */
    enum pipepoll_cause cause; /* of it */
    const char *subject;
};
void identity_report(const struct identity *id, struct identity_report *out);

#endif
