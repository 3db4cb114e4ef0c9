/* SPDX-License-Identifier: MIT */
/* Names to addresses, of one transport, without libcurl, which would start a thread per look-up.
 * One look-up at most per name is under way. What it found serves while it is looked up again in
 * the background, and on when that hangs or fails. Private to io/. */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H

#include <stdint.h>

#include "base/alloc.h"
#include "io/look_up.h"
#include "io/timers.h"

struct resolver;
struct resolver_name; /* one name, held by all who connect to it */

enum {
    RESOLVER_RECHECK_MS = 20000,  /* older addresses are looked up again in the background ... */
    RESOLVER_FRESH_MS = 60000,    /* ... and these are waited for first, RESOLVER_PATIENCE_MS */
    RESOLVER_PATIENCE_MS = 1000,  /* also: what takes longer is a slow name */
    RESOLVER_GONE_MS = 600000,    /* addresses of a name that is said to have none serve so long */
    RESOLVER_STALE_MS = 86400000, /* others, while nobody can be asked */
    RESOLVER_UNUSED_MAX = 256,    /* names without a holder that are remembered */
    RESOLVER_TEXT_SIZE = LOOK_UP_ADDRESSES_MAX * ADDRESS_TEXT_SIZE
};

/* One question, embedded in whoever asks; zero-fill it once, but for on_done. */
struct resolver_query {
    /* From the loop. problem: NULL, the name has addresses now; or why there are none. */
    void (*on_done)(struct resolver_query *q, const char *problem);
    bool waits;
    bool starved;           /* the problem is want of memory */
    struct list link, turn; /* private, as is the rest */
    const char *problem;
    uint64_t asked_ns;
};

struct resolver_options {
    struct worker *worker; /* borrowed, as is the next */
    struct timers *timers;
    struct alloc alloc;
    uint32_t limit_ms; /* a query is answered within this; 0: when the look-up ends */
};

int resolver_open(struct resolver **out, const struct resolver_options *o); /* PIPEPOLL_ENOMEM */
/* No query may wait, no name be held; not from on_done(). Look-ups under way are abandoned. */
void resolver_close(struct resolver *r);
/* Queries that wait are refused, from the loop, and so are later ones that would have to wait. */
void resolver_stop_waiting(struct resolver *r);

/* host: a name, "localhost" (127.0.0.1 and ::1) or an IPv4 literal; the last two need no look-up.
 * NULL: out of memory. */
struct resolver_name *resolver_hold(struct resolver *r, str host);
void resolver_release(struct resolver_name *n); /* takes NULL */

/* true: there are addresses to connect to. Else q->on_done() comes later, within the limit: a
 * look-up that takes longer goes on, and serves the next question. */
bool resolver_ask(struct resolver_name *n, struct resolver_query *q);
/* on_done() will not come. Fine when q does not wait. */
void resolver_forget(struct resolver_query *q);
/* "192.0.2.1,[2001:db8::1],..." in the system's order, as CURLOPT_RESOLVE takes them,
 * NUL-terminated; "": there are none. */
const char *resolver_addresses(const struct resolver_name *n, char text[RESOLVER_TEXT_SIZE]);
str resolver_host(const struct resolver_name *n);

/* No address of it could be connected to: the next question waits for a look-up. */
void resolver_distrust(struct resolver_name *n);
/* A request is about to go to `peer` by a connection that is there already: false when the name has
 * moved elsewhere. Looks the name up again in the background when that is due. Names that many
 * hosts serve in turn, so that each look-up finds others, are left alone. */
bool resolver_leads_to(struct resolver_name *n, const struct address *peer);

#endif
