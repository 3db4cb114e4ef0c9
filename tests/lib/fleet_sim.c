/* SPDX-License-Identifier: MIT */
/* What happens to a fleet, at random by its seed: one thing at a time with calm in between, or many
 * at once on bad lines, then calm. */
#include "lib/fleet_sim.h"

#include <stdio.h>

#include "lib/chance.h"

#define MS     UINT64_C(1000000)
#define S      UINT64_C(1000000000)
#define NOBODY UINT32_MAX

enum { LOOK_MS = 250 };

static struct rng *rng_of(struct fleet_sim *s)
{
    return fake_rng(s->fake);
}

static void run_for(struct fleet_sim *s, uint64_t ns)
{
    uint64_t until_ns = fake_now(s->fake) + ns;
    while (fake_now(s->fake) < until_ns && !s->broken[0]) {
        uint64_t next_ns = fake_now(s->fake) + LOOK_MS * MS;
        fake_run(s->fake, next_ns < until_ns ? next_ns : until_ns);
        fleet_look(s);
    }
}

static uint64_t settle_ns(const struct fleet_sim *s, enum fleet_calm kind)
{
    uint64_t d = s->times.dead_ns;
    return kind == FLEET_HEALED ? 5 * d + 25 * S : kind == FLEET_CRASH ? 2 * d + 5 * S : d + 5 * S;
}

/* --- what may happen --- */

static struct fleet_member *any(struct fleet_sim *s, bool (*fits)(const struct fleet_member *))
{
    uint32_t first = (uint32_t)(rng_next(rng_of(s)) % s->plan.members);
    for (uint32_t i = 0; i < s->plan.members; i++) {
        struct fleet_member *m = &s->members[(first + i) % s->plan.members];
        if (fits(m))
            return m;
    }
    return NULL;
}

static bool is_off(const struct fleet_member *m)
{
    return !m->lease;
}

static bool is_on(const struct fleet_member *m)
{
    return m->lease && !m->is_leaving && !m->is_stopped;
}

static bool is_there(const struct fleet_member *m)
{
    return m->lease;
}

static bool is_stopped(const struct fleet_member *m)
{
    return m->lease && m->is_stopped;
}

static bool is_cut(const struct fleet_member *m)
{
    return m->lease && m->is_cut;
}

static bool is_drained(const struct fleet_member *m)
{
    return m->is_drained;
}

static bool is_connected(const struct fleet_member *m)
{
    return m->lease && !m->is_cut && !m->is_stopped;
}

static bool has_left_alone(const struct fleet_member *m)
{
    return fleet_is_well(m);
}

static int any_catalogue(struct fleet_sim *s)
{
    return one_in(rng_of(s), 6) ? 2 : one_in(rng_of(s), 3) ? 1 : 0;
}

enum happening {
    JOIN,
    LEAVE,
    CRASH,
    RESTART,
    STOP,
    CONT,
    CUT,
    HEAL,
    DRAIN,
    UNDRAIN,
    RELOAD,
    OUTAGE,
    LOSS,
    HAPPENINGS
};

static struct fleet_member *whom(struct fleet_sim *s, enum happening what)
{
    static bool (*const fits[])(const struct fleet_member *) = { [JOIN] = is_off,
                                                                 [LEAVE] = is_on,
                                                                 [CRASH] = is_there,
                                                                 [RESTART] = is_there,
                                                                 [STOP] = is_on,
                                                                 [CONT] = is_stopped,
                                                                 [CUT] = is_connected,
                                                                 [HEAL] = is_cut,
                                                                 [DRAIN] = has_left_alone,
                                                                 [UNDRAIN] = is_drained,
                                                                 [RELOAD] = has_left_alone,
                                                                 [OUTAGE] = is_there,
                                                                 [LOSS] = is_there };
    return any(s, fits[what]);
}

static void restart(struct fleet_sim *s, struct fleet_member *m)
{
    fleet_crash(m);
    fleet_expect(s);
    fleet_calm(s, FLEET_CRASH);
    run_for(s, (uint64_t)(between(rng_of(s), 0.05, 2) * 1e9));
    fleet_start(m, m->catalogue);
}

static void outage(struct fleet_sim *s)
{
    s->calm_ns = 0;
    s->is_away = true;
    fake_outage(s->fake, true);
    run_for(s, (uint64_t)(between(rng_of(s), 0.5, 40) * 1e9));
    s->is_away = false;
    fake_outage(s->fake, false);
}

/* Who is drained is told again: not all may have heard it. */
static void lose(struct fleet_sim *s)
{
    s->is_lost = true;
    fake_lose(s->fake);
    for (uint32_t i = 0; i < s->plan.members; i++)
        fleet_drain(&s->members[i], s->members[i].is_drained);
}

static void tell(const struct fleet_sim *s, enum happening what, const struct fleet_member *m)
{
    static const char *const names[] = { [JOIN] = "joins",
                                         [LEAVE] = "leaves",
                                         [CRASH] = "crashes",
                                         [RESTART] = "restarts",
                                         [STOP] = "stands still",
                                         [CONT] = "goes on",
                                         [CUT] = "is cut off",
                                         [HEAL] = "is back",
                                         [DRAIN] = "is drained",
                                         [UNDRAIN] = "is not drained any more",
                                         [RELOAD] = "has another config",
                                         [OUTAGE] = "and all others lose the engine",
                                         [LOSS] = "and all others have a new log" };
    if (s->plan.is_told)
        printf("t=%.3f s: %s %s\n", (double)fake_now(s->fake) / 1e9, m->id, names[what]);
}

static enum fleet_calm happen(struct fleet_sim *s, enum happening what, struct fleet_member *m)
{
    s->numbers.happened++;
    tell(s, what, m);
    switch (what) {
    case JOIN:
        fleet_start(m, any_catalogue(s));
        return FLEET_CHANGE;
    case LEAVE:
        fleet_leave(m);
        return FLEET_CHANGE;
    case CRASH:
        fleet_crash(m);
        return FLEET_CRASH;
    case RESTART:
        restart(s, m);
        return FLEET_HEALED;
    case STOP:
        fleet_stop(m);
        return FLEET_CRASH;
    case CONT:
        fleet_cont(m);
        return FLEET_HEALED;
    case CUT:
        fleet_cut(m, true);
        return FLEET_CRASH;
    case HEAL:
        fleet_cut(m, false);
        return FLEET_HEALED;
    case DRAIN:
        fleet_drain(m, true);
        return FLEET_CHANGE;
    case UNDRAIN:
        fleet_drain(m, false);
        return FLEET_CHANGE;
    case RELOAD:
        fleet_reload(m, any_catalogue(s));
        return FLEET_CHANGE;
    case OUTAGE:
        outage(s);
        return FLEET_HEALED;
    case LOSS:
        s->numbers.losses++;
        lose(s);
        return FLEET_HEALED;
    case HAPPENINGS:
        break;
    }
    return FLEET_STEADY;
}

/* All have had time enough to notice that it is another. */
static void log_is_known(struct fleet_sim *s)
{
    if (s->is_lost)
        fleet_forget_epochs(s);
    s->is_lost = false;
}

/* --- one thing at a time --- */

struct before {
    uint32_t expected[FLEET_TARGETS], moves[FLEET_TARGETS];
};

static void remember(const struct fleet_sim *s, struct before *b)
{
    for (uint32_t i = 0; i < s->plan.targets; i++) {
        b->expected[i] = s->targets[i].expected;
        b->moves[i] = s->targets[i].moves;
    }
}

static double well(const struct fleet_sim *s)
{
    double count = 0;
    for (uint32_t i = 0; i < s->plan.members; i++)
        count += fleet_is_well(&s->members[i]) && s->members[i].catalogue == 0;
    return count;
}

/* What stayed with its member was polled by nobody else meanwhile. */
static void check_moves(struct fleet_sim *s, const struct before *b, enum happening what)
{
    double members = well(s);
    for (uint32_t i = 0; i < s->plan.targets; i++) {
        const struct fleet_target *t = &s->targets[i];
        bool stays = t->expected == b->expected[i] && what != RESTART && what != LOSS;
        if (stays && t->expected != NOBODY && t->moves != b->moves[i])
            fleet_break(s, "target %u moved, and need not have (%d)", i, (int)what);
        if (what == JOIN && members > 1) {
            s->numbers.moved += t->moves != b->moves[i];
            s->numbers.could_move += 1;
        }
    }
}

static void gentle_round(struct fleet_sim *s)
{
    enum happening what = (enum happening)(rng_next(rng_of(s)) % HAPPENINGS);
    struct fleet_member *m = whom(s, what);
    struct before before;
    if (!m)
        return;
    remember(s, &before);
    enum fleet_calm kind = happen(s, what, m);
    fleet_expect(s);
    fleet_calm(s, kind);
    run_for(s, settle_ns(s, kind));
    log_is_known(s);
    if (s->broken[0])
        return;
    fleet_settled(s);
    check_moves(s, &before, what);
}

/* --- many at once --- */

static void set_line(struct fleet_sim *s, const struct fake_member *line)
{
    s->line = *line;
    for (uint32_t i = 0; i < s->plan.members; i++)
        if (s->members[i].lease)
            fake_change(s->members[i].engine, line);
}

static struct fake_member good_line(void)
{
    return (struct fake_member) { .least_ns = 200000, .most_ns = 4 * MS };
}

static struct fake_member bad_line(struct rng *rng)
{
    struct fake_member line = { .least_ns = MS };
    line.most_ns = (uint64_t)between(rng, 2, 300) * MS;
    line.loss = one_in(rng, 2) ? between(rng, 0, 0.2) : 0;
    line.hiccup_ns = one_in(rng, 2) ? (uint64_t)between(rng, 100, 8000) * MS : 0;
    line.lag_ns = one_in(rng, 2) ? 10 * S : 0;
    line.queue = one_in(rng, 4) ? 8 : 0;
    return line;
}

static void heal_all(struct fleet_sim *s)
{
    struct fake_member line = good_line();
    for (uint32_t i = 0; i < s->plan.members; i++) {
        struct fleet_member *m = &s->members[i];
        if (is_stopped(m))
            fleet_cont(m);
        if (is_cut(m))
            fleet_cut(m, false);
    }
    set_line(s, &line);
}

static void wild_round(struct fleet_sim *s)
{
    struct fake_member line = bad_line(rng_of(s));
    uint64_t until_ns = fake_now(s->fake) + (uint64_t)(between(rng_of(s), 10, 60) * 1e9);
    double every_s = between(rng_of(s), 0.2, 8);
    s->calm_ns = 0;
    set_line(s, &line);
    while (fake_now(s->fake) < until_ns && !s->broken[0]) {
        enum happening what = (enum happening)(rng_next(rng_of(s)) % HAPPENINGS);
        struct fleet_member *m = whom(s, what);
        if (m)
            (void)happen(s, what, m);
        s->calm_ns = 0;
        run_for(s, gap_ns(rng_of(s), every_s));
    }
    heal_all(s);
    fleet_expect(s);
    fleet_calm(s, FLEET_HEALED);
    run_for(s, settle_ns(s, FLEET_HEALED) + 10 * S);
    log_is_known(s);
    if (!s->broken[0])
        fleet_settled(s);
}

/* --- the whole --- */

static uint64_t some_bits(struct rng *rng, uint64_t all)
{
    return all & (rng_next(rng) | rng_next(rng));
}

static void begin(struct fleet_sim *s, const struct fleet_plan *plan)
{
    memset(s, 0, sizeof *s);
    s->plan = *plan;
    s->times = plan->is_fast ? LEASE_TIMES_FAST : LEASE_TIMES_DEFAULT;
    s->fake = fake_open(plan->seed);
    s->line = good_line();
    for (uint32_t i = 0; i < plan->targets; i++) {
        s->targets[i] = (struct fleet_target) { .hash = rng_next(rng_of(s)),
                                                .poller = NOBODY,
                                                .expected = NOBODY };
        s->catalogues[0] |= UINT64_C(1) << i;
    }
    s->catalogues[1] = some_bits(rng_of(s), s->catalogues[0]);
    for (uint32_t i = 0; i < plan->members; i++) {
        struct fleet_member *m = &s->members[i];
        m->sim = s;
        m->index = i;
        snprintf(m->id, sizeof m->id, "member-%u", i);
    }
}

/* Members that start at once, and then calm. */
static void first_members(struct fleet_sim *s)
{
    uint32_t count = 1 + (uint32_t)(rng_next(rng_of(s)) % s->plan.members);
    for (uint32_t i = 0; i < count; i++)
        fleet_start(&s->members[i], i ? any_catalogue(s) : 0);
    fleet_expect(s);
    fleet_calm(s, FLEET_HEALED);
    run_for(s, settle_ns(s, FLEET_HEALED));
    if (!s->broken[0])
        fleet_settled(s);
}

void fleet_sim_run(struct fleet_sim *s, const struct fleet_plan *plan)
{
    begin(s, plan);
    first_members(s);
    for (unsigned i = 0; i < plan->rounds && !s->broken[0]; i++)
        if (plan->is_gentle)
            gentle_round(s);
        else
            wild_round(s);
}

void fleet_sim_end(struct fleet_sim *s)
{
    for (uint32_t i = 0; i < s->plan.members; i++)
        if (s->members[i].lease)
            fleet_crash(&s->members[i]);
    fake_close(s->fake);
}
