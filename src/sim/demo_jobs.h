/* SPDX-License-Identifier: MIT */
/* The jobs that a demo makes: at random over its regions and action types, the same for the same
 * seed. */
#ifndef SIM_DEMO_JOBS_H
#define SIM_DEMO_JOBS_H

#include "base/rng.h"
#include "sim/demo_options.h"
#include "sim/sim.h"

/* "Acme1", ...: the provider of a demo's i-th action type. */
void demo_jobs_provider(char *text, size_t size, uint32_t i);
struct pipepoll_action_type demo_jobs_action_type(const char *provider);

struct demo_jobs {
    const struct demo_options *options;
    struct rng rng;
    uint64_t made;
};

/* As many as there should be after so many ms. *why: of one that could not be made. */
void demo_jobs_make(struct demo_jobs *j, struct sim *s, double after_ms,
                    struct pipepoll_error *why);

#endif
