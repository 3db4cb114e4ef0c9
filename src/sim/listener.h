/* SPDX-License-Identifier: MIT */
/* From "HOST:PORT" to a listening socket and the URL that leads to it. */
#ifndef SIM_LISTENER_H
#define SIM_LISTENER_H

#include <stdint.h>

#include "base/str.h"

struct listener {
    int fd; /* the taker closes it */
    bool ipv6;
    uint16_t port;
    char url[128];
};

/* HOST: an address or a name; IPv6 in brackets. Port 0 picks one. PIPEPOLL_EINVAL: not HOST:PORT;
 * PIPEPOLL_ESYSTEM: cannot listen there. May block for a name. */
int listener_open(struct listener *out, str host_port, bool tls, struct pipepoll_error *why);

#endif
