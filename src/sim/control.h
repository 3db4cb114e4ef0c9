/* The control API: plain HTTP and JSON under /_sim/, unsigned, for tests and for people. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/faults.h"
#include "sim/http_message.h"
#include "sim/service.h"

struct control {
    struct service *service;        /* borrowed */
    struct trouble_table *troubles; /* borrowed */
    void (*stats)(void *ctx, struct sim_stats *out);
    void *ctx;
};

/* Is the request one for control_answer()? */
bool control_wants(const struct request *rq);

/* Fill the reply, of which nothing but the request id is set yet:
 *   POST   /_sim/jobs          {"count":n, place}      add jobs                -> {"added":n}
 *   POST   /_sim/acknowledge   {"jobId":"..."}         a job is done with      -> {}
 *   POST   /_sim/action-types  {place}                 make it known           -> {}
 *   PUT    /_sim/trouble       {place, trouble}        set one                 -> what is set
 *   GET    /_sim/trouble                               those that are set
 *   DELETE /_sim/trouble                               take all troubles away  -> {}
 *   GET    /_sim/ledger?since=N                        the events after N, 1000 at most
 *   GET    /_sim/stats                                 struct sim_stats
 * Place: "region", "category", "owner", "provider", "version". Trouble: the names of
 * sim_trouble_name(). What it does not like is a 400 with {"error":"one sentence"}. */
void control_answer(struct control *c, const struct request *rq, struct moment when,
                    struct reply *reply);

#endif
