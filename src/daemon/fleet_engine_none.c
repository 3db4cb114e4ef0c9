/* SPDX-License-Identifier: MIT */
/* A build without an engine. The config refuses [fleet] then, so nobody gets here by it. */
#include "base/log.h"
#include "daemon/fleet_engine.h"

int fleet_engine_open(struct engine **out, struct uv_loop_s *loop, const struct fleet_config *c,
                      const struct engine_events *events, struct pipepoll_error *why)
{
    *out = NULL;
    return explain(why, PIPEPOLL_EINVAL, "this pipepoll was built without fleets");
}

int fleet_engine_open_guest(struct engine **out, struct uv_loop_s *loop,
                            const struct fleet_config *c, const struct engine_events *events,
                            struct pipepoll_error *why)
{
    return fleet_engine_open(out, loop, c, events, why);
}

int fleet_engine_check(const struct fleet_config *c, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_EINVAL, "this pipepoll was built without fleets");
}

void fleet_engine_probe(const struct fleet_config *c, uint32_t most_ms,
                        void (*found)(void *ctx, enum verdict verdict, const char *server,
                                      str text),
                        void *ctx)
{
    found(ctx, VERDICT_ILL, NULL, STR("this pipepoll was built without fleets"));
}
