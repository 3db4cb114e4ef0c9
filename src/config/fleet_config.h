/* SPDX-License-Identifier: MIT */
/* The section [fleet] of a config file: the engine that many machines share, which of them this one
 * is, and what it does there. Everything in it is its own, so that it may outlive the file's
 * text. */
#ifndef CONFIG_FLEET_CONFIG_H
#define CONFIG_FLEET_CONFIG_H

#include "config/section.h"

enum { FLEET_SERVERS_MAX = 32, FLEET_NAME_MAX = 64 };

struct worker_config;

struct fleet_config {
    char **servers; /* nats://HOST:PORT, or tls://HOST:PORT, all of one kind; ends with NULL. NULL:
                     * no fleet, and nothing else here is of use */
    size_t server_count;
    bool is_tls;
    struct location at; /* of the section */
    char *name;   /* of the fleet; as member: at most FLEET_NAME_MAX letters, digits, '-', '_' */
    char *member; /* of this machine in it: nobody else's */
    char *tls_ca; /* PEM; NULL: the system's roots */
    char *tls_cert, *tls_key; /* both or neither */
    /* At most one of these three ways in is given; none: the servers ask for none. */
    char *nkey_file;            /* of the seed */
    char *creds_file;           /* of a user's JWT and seed */
    char *user, *password_file; /* both or neither */
    uint32_t replicas;          /* of each log: 3; or 1, 5 */
    bool is_fast;               /* takeover = fast: targets of a dead member move in 3 s, not 10 */
    bool polls;                 /* it takes targets */
    bool works;                 /* it takes jobs from the queue, for its handlers */
    uint64_t queue_size;        /* bytes of the jobs' log; 1 GiB */
    uint32_t queue_age_ms;      /* of the oldest there; 24 h */
    uint32_t spool_jobs;        /* found, and not yet in the queue; 100000 */
};

/* Read it; *out needs no init. Without the section there is no fleet. is_built: this build has an
 * engine; else the section is refused. Blocks to look for files. PIPEPOLL_ENOMEM; deinit in either
 * case. */
int fleet_config_read(struct fleet_config *out, const struct section *s, bool is_built,
                      struct diagnostics *diagnostics);
void fleet_config_deinit(struct fleet_config *c); /* fine on a zeroed one */

/* What shows only with the targets: is there anything to do for this member, and a place for what
 * it finds. */
void fleet_config_check(const struct fleet_config *c, const struct worker_config *worker,
                        const struct sections *s, struct diagnostics *diagnostics);

/* A word that a name or a member may be, out of the name of a host: what may not be in one becomes
 * a '-', so that machines of two domains stay two members. size > FLEET_NAME_MAX. false: there is
 * none, or it says nothing ("localhost"). */
bool fleet_config_member_of(char *out, size_t size, const char *host);

#endif
