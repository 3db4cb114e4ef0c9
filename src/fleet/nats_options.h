/* SPDX-License-Identifier: MIT */
/* What an engine is opened with: judged, and copied. Pure. */
#ifndef FLEET_NATS_OPTIONS_H
#define FLEET_NATS_OPTIONS_H

#include "fleet/nats_engine.h"

/* PIPEPOLL_OK, or EINVAL with what is wrong. No server's text that could hold a password is
 * quoted. */
int nats_options_check(const struct nats_options *o, struct pipepoll_error *why);

/* One block, to be freed; NULL: no memory. */
struct nats_options *nats_options_copy(const struct nats_options *o);

#endif
