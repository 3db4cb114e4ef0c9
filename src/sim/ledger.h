/* SPDX-License-Identifier: MIT */
/* The ledger: what happened to jobs, when, and to which request. A ring: the oldest events go. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim/job_store.h"
#include "sim/sim.h"

enum ledger_event {
    LEDGER_ADDED,
    LEDGER_HANDED_OUT,
    LEDGER_RETURNED, /* its lease ended */
    LEDGER_ACKNOWLEDGED,
    LEDGER_ACKNOWLEDGED_AGAIN, /* by the nonce that acknowledged it before */
    LEDGER_LOST_RACE,          /* an acknowledgement by any other nonce, or out of its lease */
    LEDGER_SUCCEEDED,
    LEDGER_CONTINUED, /* succeeded, and another job follows */
    LEDGER_FAILED,
    LEDGER_TIMED_OUT,
    LEDGER_RESULT_REFUSED, /* of a job that is not in progress */
    LEDGER_CREDENTIALS     /* for its artifacts were given out */
};
const char *ledger_event_name(enum ledger_event event); /* "handed_out"; static text */

struct ledger_entry {
    uint64_t at_ns;
    uint64_t available_ns; /* since when the job waits, or waited */
    enum ledger_event event;
    const struct sim_scope *scope; /* lives as long as the service */
    struct uuid request_id;        /* of the request that did it; all NUL: none did */
    struct uuid job_id, client_id;
    struct uuid other_id; /* added: the job that it follows; continued: the one that follows it */
    uint64_t nonce;       /* the job's; of a claim that won nothing, what was sent, 0: no number */
    uint64_t credentials_end_ns; /* and their access key: of LEDGER_CREDENTIALS alone */
    char access_key[JOB_ACCESS_KEY_SIZE];
};

struct ledger {
    struct ledger_entry *entries;
    uint64_t cap;
    uint64_t last; /* serial number of the newest event, counted from 1; 0: none yet */
};

/* 0 or PIPEPOLL_ENOMEM. cap > 0. */
int ledger_init(struct ledger *l, size_t cap);
void ledger_deinit(struct ledger *l); /* fine on a zeroed one */

void ledger_put(struct ledger *l, const struct ledger_entry *entry);
/* Serial number of the oldest event that is still kept; last + 1 when there is none. */
uint64_t ledger_first(const struct ledger *l);
/* first <= serial <= last; good until the next put. */
const struct ledger_entry *ledger_get(const struct ledger *l, uint64_t serial);

#endif
