/* SPDX-License-Identifier: MIT */
/* One instant for each target and member: of its last poll. That is enough to see who holds what,
 * as long as one looks over several intervals. */
#include "sim/demo_fleet_seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/region.h"
#include "sim/demo_jobs.h"

int demo_seen_init(struct demo_seen *s, const struct demo_options *o, struct pipepoll_error *why)
{
    *s = (struct demo_seen) { .options = o, .targets = (size_t)o->regions * o->action_types };
    s->polled_ns = calloc(s->targets, sizeof *s->polled_ns);
    return s->polled_ns ? PIPEPOLL_OK : explain(why, PIPEPOLL_ENOMEM, "out of memory");
}

void demo_seen_deinit(struct demo_seen *s)
{
    free(s->polled_ns);
    s->polled_ns = NULL;
}

/* DEMO_MEMBERS: none of ours. */
static size_t member_of(str user_agent)
{
    const str app = STR(DEMO_MEMBER_APP);
    for (; user_agent.len > app.len; user_agent = str_skip(user_agent, 1))
        if (str_starts(user_agent, app)) {
            size_t member = (size_t)(user_agent.ptr[app.len] - 'a');
            return member < DEMO_MEMBERS ? member : DEMO_MEMBERS;
        }
    return DEMO_MEMBERS;
}

/* The number of all targets: it is none of them. */
static size_t target_of(const struct demo_seen *s, const struct sim_served *what)
{
    const struct demo_options *o = s->options;
    uint32_t region = 0, type = 0;
    while (region < o->regions && !str_eq(region_nth(region), what->region))
        region++;
    for (; type < o->action_types; type++) {
        char provider[32];
        demo_jobs_provider(provider, sizeof provider, type);
        if (str_eq(str_of(provider), what->provider))
            break;
    }
    bool is_one = region < o->regions && type < o->action_types;
    return is_one ? (size_t)region * o->action_types + type : s->targets;
}

void demo_seen_note(struct demo_seen *s, const struct sim_served *what, uint64_t now_ns)
{
    if (!str_starts(what->operation, STR("PollFor")) || what->status != 200)
        return;
    size_t member = member_of(what->user_agent), target = target_of(s, what);
    if (member < DEMO_MEMBERS && target < s->targets)
        s->polled_ns[target][member] = now_ns;
}

bool demo_seen_shares(const struct demo_seen *s, uint64_t since_ns, size_t shares[DEMO_MEMBERS])
{
    bool is_shared = true;
    memset(shares, 0, DEMO_MEMBERS * sizeof *shares);
    for (size_t t = 0; t < s->targets; t++) {
        size_t by = 0;
        for (size_t m = 0; m < DEMO_MEMBERS; m++) {
            bool polls = s->polled_ns[t][m] >= since_ns;
            by += polls;
            shares[m] += polls;
        }
        is_shared = is_shared && by == 1;
    }
    for (size_t m = 0; m < DEMO_MEMBERS; m++)
        is_shared = is_shared && shares[m];
    return is_shared;
}

size_t demo_seen_left(const struct demo_seen *s, uint64_t since_ns, size_t without)
{
    size_t left = 0;
    for (size_t t = 0; t < s->targets; t++) {
        bool is_polled = false;
        for (size_t m = 0; m < DEMO_MEMBERS; m++)
            is_polled = is_polled || (m != without && s->polled_ns[t][m] >= since_ns);
        left += !is_polled;
    }
    return left;
}
