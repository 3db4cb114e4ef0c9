/* SPDX-License-Identifier: MIT */
/* What is well and what is not with a fleet's servers, for `doctor`: each server by itself, then
 * what they keep together. Changes nothing there. */
#ifndef FLEET_NATS_PROBE_H
#define FLEET_NATS_PROBE_H

#include "fleet/nats_engine.h"

enum nats_finding_kind {
    NATS_FINDING_GOOD,
    NATS_FINDING_HINT, /* works, and could be better */
    NATS_FINDING_BAD   /* text says what to do */
};

struct nats_finding {
    enum nats_finding_kind kind;
    const char *server; /* NULL: of the fleet as a whole */
    str text;           /* one line, without the server */
};

typedef void nats_finding_fn(void *ctx, const struct nats_finding *f);

/* Blocks: for each server most_ms at most, and what the resolver takes; for a thread, or a command.
 * Each server is reached, its version read, TLS and login tried, and JetStream asked; then, by the
 * first that lets us in, whether the streams are there (a fleet that never ran has none) and as
 * they must be. PIPEPOLL_OK: nothing is bad. ESYSTEM; EINVAL: the options are wrong. */
int nats_engine_probe(const struct nats_options *o, uint32_t most_ms, nats_finding_fn *found,
                      void *ctx);

#endif
