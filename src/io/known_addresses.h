/* SPDX-License-Identifier: MIT */
/* What is known of a name: its addresses, how old they are, and how often they became others. Pure:
 * now_ns is by the clock that counts sleep, since addresses change meanwhile. Private to io/. */
#ifndef IO_KNOWN_ADDRESSES_H
#define IO_KNOWN_ADDRESSES_H

#include "base/buf.h"
#include "io/look_up.h"

enum { KNOWN_ADDRESSES_CHANGES = 3 };

/* Zeroed: nothing is known. */
struct known_addresses {
    uint64_t answered_ns;                         /* when the addresses came; 0: never */
    uint64_t changed_ns[KNOWN_ADDRESSES_CHANGES]; /* when they became others; the last first */
    unsigned count;
    struct address addresses[LOOK_UP_ADDRESSES_MAX];
    bool is_fixed;   /* no name: known for ever */
    bool distrusted; /* they could not be connected to */
    bool failed;     /* the last look-up */
    bool refuted;    /* by it: the name has no address */
    bool slow;       /* it was */
};

/* A host that is an address, or this machine, is known for ever. */
void known_addresses_fix(struct known_addresses *k, str host);
/* Of a look-up. */
void known_addresses_learn(struct known_addresses *k, const struct look_up_answer *answer,
                           uint64_t now_ns);

/* May they be used at all, by RESOLVER_STALE_MS; and without a look-up first? */
bool known_addresses_are_usable(const struct known_addresses *k, uint64_t now_ns);
bool known_addresses_are_fresh(const struct known_addresses *k, uint64_t now_ns);

/* Does the name lead to this address, as far as can be told? Yes too where many hosts serve it in
 * turn, which is told by how often its answer changes. */
bool known_addresses_lead_to(const struct known_addresses *k, const struct address *peer,
                             uint64_t now_ns);

/* "192.0.2.1,::1". */
void known_addresses_put(struct buf *out, const struct known_addresses *k);

#endif
