/* SPDX-License-Identifier: MIT */
/* What a server says of itself to whoever connects, before any login: its version, what it wants,
 * and where the others of its cluster are. cnats keeps it to itself, so it is read by a connection
 * of its own, which ends there. */
#ifndef FLEET_NATS_GREETING_H
#define FLEET_NATS_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { NATS_OTHERS_MAX = 16, NATS_ADDRESS_MAX = 128 };

struct nats_greeting {
    char version[32];
    bool wants_tls, wants_certificate, wants_login;
    bool is_clustered; /* one of several that know each other, or may become so */
    int64_t max_payload;
    char others[NATS_OTHERS_MAX][NATS_ADDRESS_MAX]; /* host:port; some may be empty */
};

/* server: a checked one of nats_options. Blocks for most_ms, and as long as the resolver takes.
 * PIPEPOLL_ESYSTEM, with a line without the server's name. */
int nats_greeting_get(struct nats_greeting *out, const char *server, uint32_t most_ms,
                      struct pipepoll_error *why);

/* A line of the protocol, "INFO {...}". false: it is none. Pure. */
bool nats_greeting_read(struct nats_greeting *out, str line);

/* Is the version 2.9 or later? Pure. */
bool nats_greeting_is_known(const struct nats_greeting *g);

#endif
