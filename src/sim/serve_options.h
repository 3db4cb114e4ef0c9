/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll sim`. */
#ifndef SIM_SERVE_OPTIONS_H
#define SIM_SERVE_OPTIONS_H

#include <stdint.h>

#include "cli/command.h"
#include "sim/sim.h"

enum { SERVE_OPTIONS_FAULTS_MAX = 64 };

enum { SERVE_FLAG_COUNT = 41 };
extern const struct flag serve_flags[SERVE_FLAG_COUNT];

struct serve_options {
    struct sim_options options; /* slices of argv */
    struct sim_scope scope;     /* of the first jobs, and known where --strict is given */
    uint32_t jobs;
    const char *ca_file, *port_file;  /* NULL: not asked for */
    const char *cert_file, *key_file; /* NULL: a certificate is made */
    const char *client_tokens_file;   /* NULL: all are "token-" and the client id */
    bool log;                         /* each request */
    bool allow_unknown_regions;
    struct {
        struct sim_scope where;
        struct sim_faults faults;
    } faults[SERVE_OPTIONS_FAULTS_MAX]; /* for particular scopes */
    size_t faults_count;
};

enum { SERVE_OPTIONS_WRONG = FLAGS_HELP - 1 };

/* FLAGS_END: all is read. SERVE_OPTIONS_WRONG: `why` is one sentence. FLAGS_BAD, FLAGS_HELP as by
 * flags_next(): the user was told. */
int serve_options_read(struct serve_options *out, struct flags *f, struct pipepoll_error *why);

#endif
