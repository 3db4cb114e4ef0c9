/* SPDX-License-Identifier: MIT */
/* The engine of fleet/engine.h over NATS JetStream. One thread of its own holds one connection to
 * one of the servers, and goes to the next when that fails; the loop only passes messages to it and
 * is woken by it. cnats is behind fleet/nats_link.h.
 *
 * A log is a stream, PIPEPOLL_<fleet>_LEASES and so on, of the subjects pipepoll.<fleet>.lease.>,
 * jobs.>, outbox.> and dead.>. A stream that is missing is made; one that is otherwise than the
 * options say makes the engine ENGINE_UNUSABLE, with a line that says what differs and what to do;
 * only the jobs' max_bytes follows the options by itself. Servers from 2.9 on will do. */
#ifndef FLEET_NATS_ENGINE_H
#define FLEET_NATS_ENGINE_H

#include "base/log.h"
#include "fleet/engine.h"

struct uv_loop_s;

enum { NATS_SERVERS_MAX = 32, NATS_REPLICAS_MAX = 5 };

/* No default is implied by zero, but for texts: NULL is none. */
struct nats_options {
    const char *const *servers; /* nats://host:4222 or tls://host:4222, without user and password */
    size_t server_count;        /* 1 .. NATS_SERVERS_MAX */
    const char *fleet, *member; /* words as in keys, without '.' */
    /* Files, read at each connect. A tls_ca, or a server with tls://, demands TLS: never without
     * it then. Without a tls_ca the system's authorities are trusted. */
    const char *tls_ca, *tls_cert, *tls_key;
    const char *nkey_file;                   /* the seed of a user's nkey, SU... */
    const char *creds_file;                  /* JWT and seed, as nsc makes them */
    const char *user, *password_file;        /* its first line */
    unsigned replicas;                       /* 1 .. NATS_REPLICAS_MAX */
    int64_t jobs_max_bytes, jobs_max_age_ms; /* of ENGINE_JOBS; the age is 1 h or more */
    bool only_looks; /* makes and changes no log: without one of them it is ENGINE_UNUSABLE */
};

/* Starts the thread; what is wrong with the servers comes by state(). Options are copied. It keeps
 * the loop alive until it is closed. PIPEPOLL_EINVAL (why names what), ENOMEM, ESYSTEM. */
int nats_engine_open(struct engine **out, struct uv_loop_s *loop, const struct nats_options *o,
                     const struct engine_events *events, struct pipepoll_error *why);

#endif
