/* The command line of `pipepoll sim`. */
#ifndef CLI_SIM_OPTIONS_H
#define CLI_SIM_OPTIONS_H

#include <stdint.h>

#include "sim/sim.h"

enum { SIM_OPTIONS_TROUBLES_MAX = 64 };

enum sim_options_result { SIM_OPTIONS_RUN, SIM_OPTIONS_HELP, SIM_OPTIONS_WRONG };

struct sim_command {
    struct sim_options options; /* slices of argv */
    struct sim_place place;     /* of the first jobs, and known where --strict is given */
    uint32_t jobs;
    const char *ca_file, *port_file; /* NULL: not asked for */
    struct {
        struct sim_place where;
        struct sim_trouble trouble;
    } troubles[SIM_OPTIONS_TROUBLES_MAX]; /* for particular places */
    size_t trouble_count;
};

/* SIM_OPTIONS_WRONG: `why` is one sentence. */
enum sim_options_result sim_options_read(struct sim_command *out, int argc, char **argv,
                                         struct pipepoll_error *why);

/* The help, to stdout. */
void sim_options_help(void);

#endif
