/* SPDX-License-Identifier: MIT */
/* The engine of a fleet as its config asks for it. Which one this build has is settled by what is
 * linked: fleet_engine_nats.c, or fleet_engine_none.c, which refuses. */
#ifndef DAEMON_FLEET_ENGINE_H
#define DAEMON_FLEET_ENGINE_H

#include "config/fleet_config.h"
#include "daemon/diagnosis.h"
#include "fleet/engine.h"

struct uv_loop_s;

/* As nats_engine_open(); PIPEPOLL_EINVAL too where this build has no engine. */
int fleet_engine_open(struct engine **out, struct uv_loop_s *loop, const struct fleet_config *c,
                      const struct engine_events *events, struct pipepoll_error *why);

/* The same for somebody who is no member: makes and changes nothing on the servers but what it
 * writes. Where there is no such fleet it is ENGINE_UNUSABLE, and says so. */
int fleet_engine_open_guest(struct engine **out, struct uv_loop_s *loop,
                            const struct fleet_config *c, const struct engine_events *events,
                            struct pipepoll_error *why);

/* Would the files that the config names do, by themselves and together? Blocks on these alone; no
 * server is asked. PIPEPOLL_ECREDENTIALS, with one line of what is wrong and what to do; ENOMEM. */
int fleet_engine_check(const struct fleet_config *c, struct pipepoll_error *why);

/* What is well and what is not with the fleet's servers, a line for each: found(ctx, ...) with the
 * server, or NULL where it is of what they keep together. What is not well says what to do. Blocks,
 * for each server most_ms at most; changes nothing there. */
void fleet_engine_probe(const struct fleet_config *c, uint32_t most_ms,
                        void (*found)(void *ctx, enum verdict verdict, const char *server,
                                      str text),
                        void *ctx);

#endif
