/* SPDX-License-Identifier: MIT */
/* Was every job claimed once, and did it get one result? The service's ledger knows. Pure. */
#ifndef SIM_DEMO_VERDICT_H
#define SIM_DEMO_VERDICT_H

#include "sim/ledger.h"

struct demo_verdict {
    size_t jobs;
    size_t claimed;                    /* jobs, once or more */
    size_t succeeded, failed;          /* jobs */
    size_t lost;                       /* jobs that have no result, those timed out included */
    size_t claimed_twice, ended_twice; /* jobs; each should be 0 */
    /* What was said again after it had taken effect, and changed nothing. */
    size_t claims_repeated, results_repeated;
};

/* ENOMEM; EINVAL: the ledger does not reach back to its first event. */
int demo_verdict_make(struct demo_verdict *out, const struct ledger *l, struct pipepoll_error *why);

/* No job is lost, claimed twice or ended twice. */
bool demo_verdict_is_good(const struct demo_verdict *v);

#endif
