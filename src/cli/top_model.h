/* SPDX-License-Identifier: MIT */
/* What `pipepoll top` shows of a status, out of the document of status/status_json.h. What is not
 * there is empty or 0: another version of pipepoll may answer. Pure; texts lie in the document. */
#ifndef CLI_TOP_MODEL_H
#define CLI_TOP_MODEL_H

#include "aws/json.h"
#include "status/status.h"

struct top_target {
    str name, region, provider, reason;
    enum status_state state;
    uint64_t jobs;
};

struct top_region {
    str region, identity;
    double polls_per_s, allowed_per_s; /* 0: no limit is known */
    size_t targets[STATUS_STATES];
};

struct top_incident {
    str words, since;
    size_t targets;
};

struct top_handler {
    str name;
    uint64_t running, failed;
};

struct top_fleet {
    str name, member, state, engine; /* name empty: it is in none */
    uint64_t alive, held, targets, unheld, waiting, out, jobs_held;
};

struct top_model {
    str why;
    bool is_alive, is_ready, is_well;
    size_t states[STATUS_STATES], target_count;
    double polls_per_s, pickup_s[3]; /* p50, p95, p99 */
    uint64_t jobs, in_flight, parked, pickups;
    bool works_jobs, has_journal, is_journal_well;
    uint64_t in_hand[STATUS_STEPS], succeeded, failed;
    struct top_fleet fleet;
    struct top_target *targets; /* the worst first, else as they were */
    size_t listed;              /* of them */
    struct top_region *regions; /* the worst first */
    size_t region_count;
    struct top_incident *incidents;
    size_t incident_count;
    struct top_handler *handlers;
    size_t handler_count;
    struct json_token *tokens; /* private */
};

/* text[len] is changed, and must live as long as *out. PIPEPOLL_EPROTO: it is no such document, or
 * of a format that we do not know; PIPEPOLL_ENOMEM. *out is to be deinitialised in any case. */
int top_model_read(struct top_model *out, char *text, size_t len, struct pipepoll_error *why);
void top_model_deinit(struct top_model *m); /* fine on a zeroed one */

#endif
