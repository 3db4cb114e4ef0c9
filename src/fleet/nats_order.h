/* SPDX-License-Identifier: MIT */
/* What the loop asks of the engine's thread, put on the desk: see fleet/engine.h for what each
 * means. On the loop; none waits. */
#ifndef FLEET_NATS_ORDER_H
#define FLEET_NATS_ORDER_H

#include "fleet/nats_desk.h"

bool nats_order_write(struct nats_desk *d, const char *fleet, const struct engine_message *m);
void nats_order_watch(struct nats_desk *d, enum engine_log log, bool is_wanted, str prefix);
void nats_order_remove(struct nats_desk *d, const char *fleet, enum engine_log log, str key);
bool nats_order_pull(struct nats_desk *d, str filter, unsigned count);
/* UNSETTLED: hold it. */
void nats_order_settle(struct nats_desk *desk, struct engine_delivery *d,
                       enum nats_settlement settlement, uint32_t after_ms);

#endif
