/* SPDX-License-Identifier: MIT */
/* What the programs that are measured beside bench_poll have in common (a bare loop, AWS's C
 * runtime): what they are asked for, the body that they send, and when and how it is measured. As
 * in load.h, cost is the CPU time of this process, from when all connections are open and warm to
 * the last counted answer. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "aws/job.h"
#include "base/buf.h"

struct bare_moment {
    uint64_t at_ns;
    double cpu_s;
};

struct bare {
    uint16_t port; /* of a service on 127.0.0.1, over TLS */
    const char *ca_file;
    size_t in_flight;
    uint64_t polls;
    char host[32]; /* and port, as the Host header has it */
    char input[256];
    struct buf body; /* of every request */
    bool is_done;    /* all polls were answered */

    /* private */
    struct decode_memory memory;
    uint64_t answers;
    struct bare_moment begin, end;
    size_t resident_bytes; /* at the end */
};

/* What argv says; ends the program with its usage when that is nothing. It may not move then. */
void bare_init(struct bare *b, const char *program, int argc, char **argv);

/* An answer is there. Ends the program unless it is one to a poll. */
void bare_answered(struct bare *b, int status, str body);

/* One JSON object on stdout, once it is done. */
void bare_print(const struct bare *b);

#endif
