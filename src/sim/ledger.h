/* The ledger: what happened to jobs, when, and to which request. A ring: the oldest events go. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim/sim.h"
#include "sim/uuid.h"

enum ledger_event { LEDGER_ADDED, LEDGER_HANDED_OUT, LEDGER_RETURNED, LEDGER_ACKNOWLEDGED };
const char *ledger_event_name(enum ledger_event event); /* "handed_out"; static text */

struct ledger_entry {
    uint64_t at_ns;
    uint64_t available_ns; /* since when the job waits, or waited */
    enum ledger_event event;
    const struct sim_scope *scope; /* lives as long as the service */
    struct uuid request_id;        /* of LEDGER_HANDED_OUT alone */
    struct uuid job_id, client_id;
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
