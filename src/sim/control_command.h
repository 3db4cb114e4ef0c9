/* SPDX-License-Identifier: MIT */
/* One command of the control API: control.c has the routes, control_set.c what changes something,
 * control_show.c what shows something. */
#ifndef SIM_CONTROL_COMMAND_H
#define SIM_CONTROL_COMMAND_H

#include "sim/control.h"

struct command {
    struct control *control;
    const struct request *rq;
    struct instant when;
    struct reply *reply;
    json_t *body; /* an object; NULL for a method without one */
    str rest;     /* of the path, behind that of the route; empty: nothing */
    struct pipepoll_error why;
};

/* Each answers, or returns a status with `why` set. */
typedef int control_handler(struct command *c);

control_handler control_set_jobs, control_set_finished, control_set_action_type, control_set_faults,
    control_set_no_faults;
control_handler control_show_faults, control_show_job, control_show_ledger, control_show_stats;

/* As it would be set: whose it is, and what is not zero. */
json_t *control_show_rule(const struct sim_scope *where, const struct sim_faults *faults);

#endif
