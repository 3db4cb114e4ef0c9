/* One identity of a poller: the keys of one wish, kept fresh. Whoever signs takes the current set
 * and never waits; when there is none, on_change() tells when there is. */
#ifndef CREDENTIALS_IDENTITY_H
#define CREDENTIALS_IDENTITY_H

#include "credentials/fetch.h"
#include "credentials/renewal.h"

struct identity;

struct identity_options {
    const struct provider_host *host;  /* borrowed */
    struct pipepoll_credentials *wish; /* referenced */
    /* From the loop: the set, the health or the reason changed. */
    void (*on_change)(struct identity *id, void *ctx);
    void *ctx;
};

/* Keys at hand are current on return; else a fetch has begun. PIPEPOLL_ENOMEM. */
int identity_open(struct identity **out, const struct identity_options *o);
/* `closed` comes from the loop, and id is gone then. */
void identity_close(struct identity *id, void (*closed)(void *ctx), void *ctx);

/* The set to sign with now, borrowed until the loop turns, or NULL. */
struct credentials *identity_current(const struct identity *id);

/* The service said that these keys have expired: get others. false: it was asked for within the
 * last minute, or asking again can bring nothing else. */
bool identity_refresh(struct identity *id);

struct identity_report {
    const char *label; /* where the keys come from; "" while that is not known */
    bool usable;       /* there is a set */
    bool degraded;     /* the set has expired, or could not be renewed in time */
    int64_t expires_s; /* Unix time; INT64_MAX: never, or no set */
    const char *why;   /* of the last failure; "" when the last fetch worked */
};
void identity_report(const struct identity *id, struct identity_report *out);

#endif
