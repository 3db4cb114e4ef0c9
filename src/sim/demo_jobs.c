/* SPDX-License-Identifier: MIT */
/* What is owed is made at the next look, so that their number does not depend on how often that
 * is. */
#include "sim/demo_jobs.h"

#include <stdio.h>

#include "config/region.h"

void demo_jobs_provider(char *text, size_t size, uint32_t i)
{
    snprintf(text, size, "Acme%u", i + 1);
}

struct pipepoll_action_type demo_jobs_action_type(const char *provider)
{
    return (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                           str_of(provider), STR_INIT("1") };
}

static void make(struct demo_jobs *j, struct sim *s, struct pipepoll_error *why)
{
    char provider[32];
    demo_jobs_provider(provider, sizeof provider,
                       (uint32_t)(rng_next(&j->rng) % j->options->action_types));
    const struct sim_scope scope = { .region = region_nth(rng_next(&j->rng) % j->options->regions),
                                     .action_type = demo_jobs_action_type(provider) };
    if (sim_jobs_add(s, &scope, 1, why) == PIPEPOLL_OK)
        j->made++;
}

void demo_jobs_make(struct demo_jobs *j, struct sim *s, double after_ms, struct pipepoll_error *why)
{
    double owed = after_ms * j->options->jobs_per_s / 1000 - (double)j->made;
    for (; owed >= 1; owed--)
        make(j, s, why);
}
