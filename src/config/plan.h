/* SPDX-License-Identifier: MIT */
/* What a config file asks for: one entry for each target section and region, checked, in a fixed
 * order so that two plans can be told apart by one pass over both. */
#ifndef CONFIG_PLAN_H
#define CONFIG_PLAN_H

#include "config/handler_config.h"
#include "config/identity_config.h"
#include "config/section.h"
#include "config/settings.h"
#include "config/worker_config.h"

struct plan_target {
    struct pipepoll_target_options options; /* slices of the config's; no user, no credentials */
    struct identity_config identity;        /* whose credentials it will have */
    str name;                               /* of its section: a label, no part of what it is */
    const struct handler_config *handler;   /* NULL: its jobs go to stdout; no part of what it is */
    struct location at;                     /* of its section */
    struct location named_at;               /* of the word that asks for its region */
    size_t section;                         /* index of its section, in the order of the file */
    void *live;                             /* for whoever runs the plan; NULL at first */
    const struct pipepoll_settings *settings; /* of its profile; NULL: none were asked for */
    unsigned in_force;                        /* of them, a bit (1 << which) for each in use */
};

struct plan {
    struct plan_target *targets; /* each region and action type once per endpoint and identity */
    size_t count, cap;
    size_t section_count;
};

/* Complains about each missing or wrong value, and about a target that is there twice; warns of
 * regions where the service is not known to be. The plan is whole only without errors. What a
 * section leaves out of region, endpoint, fips and dualstack comes from the settings of its
 * profile, which must outlive the plan; NULL: from nowhere. So must the handlers. 0 or
 * PIPEPOLL_ENOMEM; deinit in either case. */
int plan_build(struct plan *out, const struct sections *s, const struct worker_config *worker,
               struct settings *settings, struct diagnostics *diagnostics);
void plan_deinit(struct plan *p); /* fine on a zeroed one */

/* How to get from one plan to the next, target by target, in any number of sittings: set the two
 * plans, and leave the rest zero. Their targets must live until the last step. */
struct plan_diff {
    struct plan old, new;
    size_t i, j;
};

/* One of the two may be NULL: a target that goes, or one that comes. Both: it is the same target
 * for the service; `kept` when all its options are the same, otherwise it is to be replaced. One
 * with another handler is kept: jobs that come from then on get that. */
struct plan_step {
    struct plan_target *old, *new;
    bool kept;
};

/* false: that was all. */
bool plan_diff_next(struct plan_diff *d, struct plan_step *out);

#endif
