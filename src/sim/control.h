/* SPDX-License-Identifier: MIT */
/* The control API: plain HTTP and JSON under /_sim/, unsigned, for tests and for people. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/faults.h"
#include "sim/http_message.h"
#include "sim/service.h"

struct control {
    struct service *service;     /* borrowed */
    struct faults_table *faults; /* borrowed */
    void (*stats)(void *ctx, struct sim_stats *out);
    void *ctx;
};

/* Is the request one for control_answer()? */
bool control_wants(const struct request *rq);

/* Fill the reply, of which nothing but the request id is set yet:
 *   POST   /_sim/jobs          {"count":n, scope}      add jobs                -> {"added":n}
 *                              and "configuration":{}, "clientId":"a UUID"
 *   GET    /_sim/jobs/ID                               a job, also one that is over; 404: unknown
 *   POST   /_sim/acknowledge   {"jobId":"..."}         acknowledged and succeeded in one -> {}
 *   POST   /_sim/action-types  {scope}                 make it known           -> {}
 *   PUT    /_sim/faults        {scope, faults}       set one                 -> what is set
 *   GET    /_sim/faults                                those that are set
 *   DELETE /_sim/faults                                take all faults away  -> {}
 *   GET    /_sim/ledger?since=N                        the events after N, 1000 at most
 *   GET    /_sim/stats                                 struct sim_stats
 * Scope: "region", "category", "owner", "provider", "version". Faults: "operation" and the names of
 * sim_faults_name(). What it does not like is a 400 with {"error":"one sentence"}. */
void control_answer(struct control *c, const struct request *rq, struct instant when,
                    struct reply *reply);

#endif
