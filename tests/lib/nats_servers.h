/* SPDX-License-Identifier: MIT */
/* Real nats-servers with JetStream for a test: one, or a cluster, on loopback, at ports of the
 * system's choice, with stores in a folder of their own. They die with the test. */
#ifndef TESTS_NATS_SERVERS_H
#define TESTS_NATS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { NATS_SERVERS = 3 };

struct nats_server {
    pid_t pid; /* 0: it does not run */
    int port, route_port, monitor_port;
    char url[64], name[16]; /* s1, s2, s3 */
};

struct nats_servers {
    char folder[64];
    int count;
    const char *more; /* of the configuration; NULL: none */
    struct nats_server at[NATS_SERVERS];
};

/* Is nats-server there? If not: exit with 77, or as a failure under PIPEPOLL_CI. */
void nats_servers_demand(void);

/* They are started, and answer on their ports; a cluster may have no leader yet. */
void nats_servers_start(struct nats_servers *s, int count, const char *more);
void nats_servers_end(struct nats_servers *s); /* and the folder is removed */

void nats_server_signal(struct nats_servers *s, int i, int signal);
void nats_server_kill(struct nats_servers *s, int i, int signal); /* and wait for its end */
void nats_server_start(struct nats_servers *s, int i);            /* again, where it was */

/* Which one leads the stream; -1: nobody, as server `from` sees it. */
int nats_servers_leader(struct nats_servers *s, const char *stream, int from);

/* What a server without users answers to a request; "" when nothing within 5 s. */
void nats_server_ask(struct nats_servers *s, int i, const char *subject, const char *body,
                     char *answer, size_t size);

/* What a server has of a stream; false: nothing. */
struct nats_held {
    unsigned long long messages, first, last;
};
bool nats_server_holds(struct nats_servers *s, int i, const char *stream, struct nats_held *out);

/* Have all running servers the same of this stream? Tries again for some seconds: replicas that
 * were away catch up. */
bool nats_servers_agree(struct nats_servers *s, const char *stream);

#endif
