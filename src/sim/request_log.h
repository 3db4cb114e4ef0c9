/* SPDX-License-Identifier: MIT */
/* What `pipepoll sim` says of the requests it serves, on stderr: each of them where that is asked
 * for, and else those that were signed with the wrong credentials, at most one line a second. */
#ifndef SIM_REQUEST_LOG_H
#define SIM_REQUEST_LOG_H

#include <stdint.h>

#include "sim/sim.h"

struct request_log {
    str access_key_id; /* that is expected */
    bool all;          /* a line for each request */
    uint64_t told_ns;  /* when the last wrong credentials were told; 0: never */
    uint64_t untold;   /* requests with wrong credentials since then */
};

/* The served() hook; ctx is a struct request_log. */
void request_log_served(void *ctx, const struct sim_served *what);

/* The line, without its end, for a request at now_ns. Returns false when there is none. Pure. */
struct buf;
bool request_log_line(struct request_log *log, struct buf *out, const struct sim_served *what,
                      uint64_t now_ns);

#endif
