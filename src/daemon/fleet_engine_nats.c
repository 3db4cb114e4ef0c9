/* SPDX-License-Identifier: MIT */
/* The config's words as NATS's options. */
#include "daemon/fleet_engine.h"
#include "fleet/nats_engine.h"

int fleet_engine_open(struct engine **out, struct uv_loop_s *loop, const struct fleet_config *c,
                      const struct engine_events *events, struct pipepoll_error *why)
{
    struct nats_options o = { .servers = (const char *const *)c->servers,
                              .fleet = c->name,
                              .member = c->member,
                              .tls_ca = c->tls_ca,
                              .tls_cert = c->tls_cert,
                              .tls_key = c->tls_key,
                              .nkey_file = c->nkey_file,
                              .creds_file = c->creds_file,
                              .user = c->user,
                              .password_file = c->password_file,
                              .replicas = c->replicas,
                              .jobs_max_bytes = (int64_t)c->queue_size,
                              .jobs_max_age_ms = c->queue_age_ms };
    while (c->servers[o.server_count])
        o.server_count++;
    return nats_engine_open(out, loop, &o, events, why);
}
