/* SPDX-License-Identifier: MIT */
/* One request over libmicrohttpd and its answer, which can be slow, cut or reset. Private to the
 * files of the HTTP face: http.c owns the loop, and the heap of those that wait. */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include <microhttpd.h>

#include "sim/http.h"

#define MS_NS UINT64_C(1000000)

struct heap;
struct sim_exchange;

/* A request of that target begins. The options and the heap outlive it. NULL: out of memory. */
struct sim_exchange *sim_exchange_new(const struct http_options *o, struct heap *sleeping,
                                      struct MHD_Connection *connection, const char *target);
/* However it went. Returns NULL; fine on NULL. */
struct sim_exchange *sim_exchange_free(struct sim_exchange *exchange);

/* The headers are here, then a piece of the body, then nothing more: as far as the exchange goes
 * without waiting. MHD_NO ends the connection. */
enum MHD_Result sim_exchange_continue(struct sim_exchange *exchange, const char *method, str piece);

/* Resume the connections of those exchanges that waited until then. */
void sim_exchange_wake(struct heap *sleeping, uint64_t until_ns);

#endif
