/* SPDX-License-Identifier: MIT */
/* What the service is made of: for service.c, which has queues, arrivals and time, and
 * service_work.c, which has what workers do with jobs. */
#ifndef SIM_SERVICE_STATE_H
#define SIM_SERVICE_STATE_H

#include "base/rng.h"
#include "sim/queues.h"
#include "sim/service.h"

struct service {
    struct service_options options;
    struct queues queues;
    struct job_store jobs;
    struct ledger ledger;
    struct rng ids, follow_up_ids, access_keys, chance;
    uint64_t next_arrival_ns; /* 0: not drawn yet */
    struct sim_stats stats;
};

/* An event of the job, to be put into the ledger; request_id NULL: no request brought it about. */
struct ledger_entry service_entry(enum ledger_event event, const struct job *job, uint64_t at_ns,
                                  const struct uuid *request_id);
void service_record(struct service *s, enum ledger_event event, const struct job *job,
                    uint64_t at_ns, const struct uuid *request_id);

/* The job waits for a poll from now on. */
void service_wait(struct service *s, struct job *job, uint64_t at_ns);
/* The job in progress was worked on for too long. */
void service_time_out(struct service *s, struct job *job, uint64_t at_ns);

#endif
