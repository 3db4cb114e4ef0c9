/* SPDX-License-Identifier: MIT */
/* The config's words as NATS's options. */
#include "daemon/fleet_engine.h"
#include "fleet/nats_engine.h"
#include "fleet/nats_link.h"
#include "fleet/nats_probe.h"

static struct nats_options options_of(const struct fleet_config *c)
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
    return o;
}

int fleet_engine_open(struct engine **out, struct uv_loop_s *loop, const struct fleet_config *c,
                      const struct engine_events *events, struct pipepoll_error *why)
{
    const struct nats_options o = options_of(c);
    return nats_engine_open(out, loop, &o, events, why);
}

int fleet_engine_open_guest(struct engine **out, struct uv_loop_s *loop,
                            const struct fleet_config *c, const struct engine_events *events,
                            struct pipepoll_error *why)
{
    struct nats_options o = options_of(c);
    o.only_looks = true;
    return nats_engine_open(out, loop, &o, events, why);
}

int fleet_engine_check(const struct fleet_config *c, struct pipepoll_error *why)
{
    const struct nats_options o = options_of(c);
    return nats_link_check(&o, why);
}

/* --- what is well --- */

struct probing {
    void (*found)(void *ctx, enum verdict verdict, const char *server, str text);
    void *ctx;
};

/* A hint about the logs is that they are not there yet, as before the first start. */
static void on_found(void *ctx, const struct nats_finding *f)
{
    const struct probing *p = ctx;
    enum verdict verdict = VERDICT_WELL;
    switch (f->kind) {
    case NATS_FINDING_GOOD:
        break;
    case NATS_FINDING_HINT:
        verdict = f->server ? VERDICT_WARNING : VERDICT_WELL;
        break;
    case NATS_FINDING_BAD:
        verdict = VERDICT_ILL;
        break;
    }
    p->found(p->ctx, verdict, f->server, f->text);
}

void fleet_engine_probe(const struct fleet_config *c, uint32_t most_ms,
                        void (*found)(void *ctx, enum verdict verdict, const char *server,
                                      str text),
                        void *ctx)
{
    const struct nats_options o = options_of(c);
    struct probing p = { found, ctx };
    if (nats_engine_probe(&o, most_ms, on_found, &p) == PIPEPOLL_ENOMEM)
        found(ctx, VERDICT_ILL, NULL, STR("out of memory"));
}
