/* SPDX-License-Identifier: MIT */
/* The policy of refresh in virtual time: single steps first, then years of seeded trouble. */
#include "credentials/refresh.h"

#include "lib/check.h"

#include "base/rng.h"

#define MS   UINT64_C(1000000)
#define S    (1000 * MS)
#define MIN  (60 * S)
#define HOUR (60 * MIN)

static const uint64_t start = 1000 * HOUR; /* any instant will do */

/* One that got a set of this life at `start`, in a fetch. Rolls of 0 make the lead 12 minutes. */
static struct refresh with_set(uint64_t life_ns, bool outlives_expiry)
{
    struct refresh r;
    const struct refresh_set set = { start + life_ns, outlives_expiry, true, false };
    refresh_init(&r);
    assert_true(refresh_on_due(&r, start));
    assert_true(refresh_on_fetched(&r, &set, start, 0));
    assert_int_equal(r.state, REFRESH_FRESH);
    return r;
}

/* It comes to a fetch, and that fails. */
static void fail_next(struct refresh *r, uint64_t roll)
{
    uint64_t now = r->due_ns;
    while (!refresh_on_due(r, now))
        now = r->due_ns;
    refresh_on_failed(r, false, now, roll);
}

static void the_first_fetch_is_due_at_once_and_one_at_a_time(void **state)
{
    struct refresh r;
    refresh_init(&r);
    assert_int_equal(r.due_ns, 0);
    assert_int_equal(r.state, REFRESH_NONE);
    assert_false(refresh_has_set(&r));
    assert_true(refresh_on_due(&r, start));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    assert_false(refresh_on_due(&r, start + HOUR));
}

static void a_set_is_refreshed_a_quarter_of_an_hour_early_with_jitter(void **state)
{
    const struct refresh_set set = { start + 6 * HOUR, false, true, false };
    uint64_t earliest = REFRESH_NEVER, latest = 0;
    struct rng rng = { 1 };
    for (int i = 0; i < 1000; i++) {
        struct refresh r;
        refresh_init(&r);
        assert_true(refresh_on_fetched(&r, &set, start, rng_next(&rng)));
        earliest = r.due_ns < earliest ? r.due_ns : earliest;
        latest = r.due_ns > latest ? r.due_ns : latest;
    }
    assert_in_range(set.expires_ns - earliest, 17 * MIN + 50 * S, 18 * MIN);
    assert_in_range(set.expires_ns - latest, 12 * MIN, 12 * MIN + 10 * S);
}

static void a_short_life_is_refreshed_after_its_half(void **state)
{
    static const uint64_t lives[] = { 29 * MIN, 15 * MIN, MIN, 10 * S };
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct refresh r = with_set(lives[i], false);
        assert_int_equal(r.due_ns - start, lives[i] - lives[i] / 2 * 4 / 5);
        assert_true(refresh_on_due(&r, r.due_ns));
    }
}

static void a_set_serves_while_refreshing_fails(void **state)
{
    struct refresh r = with_set(HOUR, false);
    fail_next(&r, 7);
    assert_int_equal(r.state, REFRESH_STALE);
    assert_int_equal(r.failures, 1);
    while (r.due_ns < start + HOUR) {
        assert_true(refresh_has_set(&r));
        fail_next(&r, 7919);
    }
    assert_false(refresh_on_due(&r, start + HOUR));
    assert_int_equal(r.state, REFRESH_EXPIRED);
    assert_false(refresh_has_set(&r));
    assert_false(refresh_is_degraded(&r));
}

static void delays_double_up_to_a_minute_and_become_patient(void **state)
{
    static const uint64_t ceilings_ms[] = { 50,   100,   200,   400,   800,   1600,  3200,
                                            6400, 12800, 25600, 51200, 60000, 60000, 60000 };
    struct refresh r;
    refresh_init(&r);
    uint64_t now = start;
    for (size_t i = 0; i < sizeof ceilings_ms / sizeof *ceilings_ms; i++) {
        uint64_t patient_ms = i + 1 < REFRESH_PATIENCE ? 0 : 1000;
        uint64_t most_ms = ceilings_ms[i] > patient_ms ? ceilings_ms[i] : patient_ms;
        struct refresh other = r;
        assert_true(refresh_on_due(&other, now));
        refresh_on_failed(&other, false, now, 0);
        assert_int_equal(other.due_ns - now, patient_ms * MS);
        other = r;
        assert_true(refresh_on_due(&other, now));
        refresh_on_failed(&other, false, now, ceilings_ms[i] + 1);
        assert_int_equal(other.due_ns - now, patient_ms * MS); /* rolls wrap at the ceiling */
        assert_true(refresh_on_due(&r, now));
        refresh_on_failed(&r, false, now, ceilings_ms[i]);
        assert_int_equal(r.due_ns - now, most_ms * MS);
        now = r.due_ns;
    }
    r.failures = UINT32_MAX;
    refresh_on_failed(&r, false, now, 60000);
    assert_int_equal(r.due_ns - now, MIN);
    assert_int_equal(r.failures, UINT32_MAX);
}

static void a_late_set_is_tried_at_once_and_degraded(void **state)
{
    struct refresh r = with_set(HOUR, false);
    uint64_t late = start + HOUR - 5 * MIN;
    assert_true(refresh_on_due(&r, late - 10 * S));
    refresh_on_failed(&r, true, late - 10 * S, 0); /* would look again in a minute */
    assert_int_equal(r.due_ns, late);
    assert_false(refresh_is_degraded(&r));
    assert_true(refresh_on_due(&r, late));
    assert_int_equal(r.state, REFRESH_LATE);
    assert_true(refresh_has_set(&r));
    assert_true(refresh_is_degraded(&r));
    const struct refresh_set next = { late + HOUR, false, true, false };
    assert_true(refresh_on_fetched(&r, &next, late, 0));
    assert_false(refresh_is_degraded(&r));
    assert_int_equal(r.failures, 0);
}

static void what_outlives_its_expiry_serves_on_while_it_is_retried(void **state)
{
    struct refresh r = with_set(HOUR, true);
    for (uint64_t now = 0; now < start + 5 * HOUR; now = r.due_ns) {
        fail_next(&r, UINT64_MAX);
        assert_true(refresh_has_set(&r));
    }
    assert_int_equal(r.state, REFRESH_OUTLIVED);
    assert_true(refresh_is_degraded(&r));
    assert_int_not_equal(r.due_ns, REFRESH_NEVER);
}

static void an_expired_set_is_taken_only_when_it_may_serve_and_nothing_is_better(void **state)
{
    const struct refresh_set old = { start - HOUR, true, true, false },
                             dead = { start, false, true, false };
    struct refresh r;
    refresh_init(&r);
    assert_true(refresh_on_due(&r, start));
    assert_false(refresh_on_fetched(&r, &dead, start, 0));
    assert_int_equal(r.state, REFRESH_NONE);
    assert_int_equal(r.failures, 1);
    assert_true(refresh_on_due(&r, r.due_ns));
    assert_true(refresh_on_fetched(&r, &old, start, 0));
    assert_int_equal(r.state, REFRESH_OUTLIVED);
    assert_int_equal(r.failures, 2);

    r = with_set(HOUR, false);
    assert_true(refresh_on_due(&r, start + 50 * MIN));
    assert_false(refresh_on_fetched(&r, &old, start + 50 * MIN, 0));
    assert_int_equal(r.state, REFRESH_STALE);
    assert_false(refresh_on_due(&r, start + HOUR - 1) && !refresh_has_set(&r));
}

static void the_same_set_again_is_asked_for_ever_sooner_but_not_madly(void **state)
{
    struct refresh r = with_set(6 * HOUR, false);
    const struct refresh_set same = { start + 6 * HOUR, false, true, false };
    int fetches = 0;
    uint64_t last_ns = start;
    while (r.state != REFRESH_EXPIRED) {
        uint64_t now = r.due_ns;
        if (!refresh_on_due(&r, now))
            continue;
        assert_true(now - last_ns >= S);
        refresh_on_fetched(&r, &same, now, 0);
        last_ns = now;
        fetches++;
    }
    assert_in_range(fetches, 5, 30);
}

static void a_hanging_fetch_does_not_keep_a_set_from_expiring(void **state)
{
    struct refresh r = with_set(HOUR, false);
    assert_true(refresh_on_due(&r, r.due_ns));
    assert_int_equal(r.due_ns, start + HOUR - 5 * MIN);
    assert_false(refresh_on_due(&r, r.due_ns));
    assert_int_equal(r.state, REFRESH_LATE);
    assert_int_equal(r.due_ns, start + HOUR);
    assert_false(refresh_on_due(&r, r.due_ns));
    assert_int_equal(r.state, REFRESH_EXPIRED);
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    const struct refresh_set next = { start + 3 * HOUR, false, true, false };
    assert_true(refresh_on_fetched(&r, &next, start + 2 * HOUR, 0));
    assert_int_equal(r.state, REFRESH_FRESH);
}

static void a_loop_that_stood_still_skips_ages(void **state)
{
    struct refresh r = with_set(HOUR, false);
    assert_true(refresh_on_due(&r, start + 7 * HOUR));
    assert_int_equal(r.state, REFRESH_EXPIRED);
}

static void credentials_that_last_for_ever_are_left_alone(void **state)
{
    const struct refresh_set fixed = { REFRESH_NEVER, false, false, false };
    struct refresh r;
    refresh_init(&r);
    assert_true(refresh_on_fetched(&r, &fixed, start, UINT64_MAX));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    assert_false(refresh_on_due(&r, start + 1000 * HOUR));
    assert_false(refresh_on_refused(&r, start));
    assert_int_equal(r.state, REFRESH_FRESH);
}

static void credentials_that_cannot_change_expire_without_a_fetch(void **state)
{
    const struct refresh_set fixed = { start + HOUR, false, false, false };
    static const enum refresh_state ages[] = { REFRESH_STALE, REFRESH_LATE, REFRESH_EXPIRED };
    struct refresh r;
    refresh_init(&r);
    assert_true(refresh_on_fetched(&r, &fixed, start, 0));
    for (int i = 0; i < 3; i++) {
        assert_false(refresh_on_due(&r, r.due_ns));
        assert_int_equal(r.state, ages[i]);
    }
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    assert_false(refresh_on_refused(&r, start + 2 * HOUR));
}

static void credentials_for_ever_that_may_change_are_fetched_when_forced(void **state)
{
    const struct refresh_set file = { REFRESH_NEVER, false, true, false };
    struct refresh r;
    refresh_init(&r);
    assert_true(refresh_on_fetched(&r, &file, start, 0));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    assert_true(refresh_on_refused(&r, start + HOUR));
    assert_int_equal(r.due_ns, start + HOUR);
    assert_int_equal(r.state, REFRESH_STALE);
    assert_true(refresh_on_due(&r, r.due_ns));
    refresh_on_failed(&r, false, start + HOUR, 40);
    assert_true(refresh_has_set(&r));
    assert_int_equal(r.due_ns, start + HOUR + 40 * MS);
    assert_true(refresh_on_due(&r, r.due_ns));
    assert_true(refresh_on_fetched(&r, &file, start + HOUR + S, 0));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
}

static void a_fetch_is_forced_once_a_minute(void **state)
{
    struct refresh r = with_set(6 * HOUR, false);
    const struct refresh_set same = { start + 6 * HOUR, false, true, false };
    assert_true(refresh_on_refused(&r, start + S));
    assert_true(refresh_on_refused(&r, start + S)); /* it is due */
    assert_true(refresh_on_due(&r, start + S));
    assert_true(refresh_on_refused(&r, start + 2 * S)); /* it is under way */
    assert_true(refresh_on_fetched(&r, &same, start + 3 * S, 0));
    assert_false(refresh_on_refused(&r, start + 61 * S - 1));
    assert_int_equal(r.state, REFRESH_FRESH);
    assert_true(refresh_on_refused(&r, start + 61 * S));
    assert_true(refresh_has_set(&r));
}

static void a_refused_set_that_stays_the_same_is_fetched_each_minute_until_it_is_accepted(
    void **state)
{
    struct refresh r = with_set(6 * HOUR, false);
    const struct refresh_set same = { start + 6 * HOUR, false, true, true };
    uint64_t planned = r.due_ns, now = start + S;
    assert_true(refresh_on_refused(&r, now));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r.due_ns, now);
        assert_true(refresh_on_due(&r, now));
        assert_true(refresh_on_fetched(&r, &same, now, 0));
        assert_int_equal(r.due_ns, now + MIN);
        assert_false(refresh_on_refused(&r, now + S));
        now += MIN;
    }
    refresh_on_accepted(&r);
    assert_int_equal(r.due_ns, planned);
}

static void whoever_says_that_something_changed_need_not_wait(void **state)
{
    struct refresh r;
    refresh_init(&r);
    assert_true(refresh_on_due(&r, start));
    assert_true(refresh_now(&r, start)); /* it is under way */
    refresh_on_failed(&r, true, start, 0);
    assert_int_equal(r.due_ns, start + MIN);
    assert_true(refresh_now(&r, start + S));
    assert_int_equal(r.due_ns, start + S);
    assert_true(refresh_on_due(&r, start + S));
    const struct refresh_set fixed = { REFRESH_NEVER, false, false, false };
    assert_true(refresh_on_fetched(&r, &fixed, start + S, 0));
    assert_false(refresh_now(&r, start + 2 * S));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
}

static void nothing_is_forced_before_there_was_a_set(void **state)
{
    struct refresh r;
    refresh_init(&r);
    assert_false(refresh_on_refused(&r, start));
    assert_true(refresh_on_due(&r, start));
    refresh_on_failed(&r, true, start, 0);
    assert_false(refresh_on_refused(&r, start));
    assert_int_equal(r.due_ns, start + MIN);
}

static void what_needs_a_change_is_looked_at_every_minute(void **state)
{
    struct refresh r;
    refresh_init(&r);
    uint64_t now = start;
    for (int i = 0; i < 20; i++) {
        assert_true(refresh_on_due(&r, now));
        refresh_on_failed(&r, true, now, 12345);
        assert_int_equal(r.due_ns, now + MIN);
        now = r.due_ns;
    }
}

/* A source of credentials with moods, and what the policy must make of it. */
struct world {
    uint64_t seed;
    struct rng rng;
    struct refresh r;
    uint64_t now, ends_ns; /* of the fetch under way; REFRESH_NEVER: none is */
    uint64_t mood_ns, force_ns;
    bool well, kind_outlives;
    struct refresh_set set; /* what was taken last */
    bool got;
    uint64_t fetches[64]; /* the last instants, in a ring */
    size_t fetch_count;
};

/* A promise of the policy. The seed that breaks one prints itself. */
#define PROMISE(w, what)                                                                           \
    do {                                                                                           \
        if (!(what))                                                                               \
            fail_msg("seed %llu, state %d: %s", (unsigned long long)(w)->seed, (w)->r.state,       \
                     #what);                                                                       \
    } while (0)

static uint64_t up_to(struct world *w, uint64_t most)
{
    return rng_next(&w->rng) % (most + 1);
}

static void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world) {
        .seed = seed, .rng = { seed }, .now = start, .ends_ns = REFRESH_NEVER, .well = true
    };
    w->kind_outlives = seed % 2;
    w->force_ns = start + up_to(w, HOUR);
    w->mood_ns = start + up_to(w, 3 * HOUR);
    refresh_init(&w->r);
    w->r.due_ns = start;
}

/* No more than a few a second, however the source behaves: 45 in ten seconds. */
static void count_fetch(struct world *w)
{
    enum { MOST = 45, RING = sizeof w->fetches / sizeof *w->fetches };
    PROMISE(w, w->ends_ns == REFRESH_NEVER); /* one at a time */
    w->fetches[w->fetch_count % RING] = w->now;
    if (w->fetch_count >= MOST)
        PROMISE(w, w->now - w->fetches[(w->fetch_count - MOST) % RING] >= 10 * S);
    w->fetch_count++;
    w->ends_ns = w->now + up_to(w, up_to(w, 9) ? 200 * MS : 20 * MIN);
}

static void fetch_ends(struct world *w)
{
    w->ends_ns = REFRESH_NEVER;
    if (!w->well || up_to(w, 9) == 0) {
        refresh_on_failed(&w->r, up_to(w, 4) == 0, w->now, rng_next(&w->rng));
        return;
    }
    static const uint64_t lives[] = { 6 * HOUR, HOUR, 15 * MIN, 10 * S, 5 * MS, 0 };
    uint64_t expires = w->now + up_to(w, lives[up_to(w, 5)]);
    struct refresh_set set = { expires, w->kind_outlives, true, false };
    if (refresh_on_fetched(&w->r, &set, w->now, rng_next(&w->rng))) {
        w->set = set;
        w->got = true;
    } else {
        PROMISE(w, expires <= w->now);
    }
}

static void world_check(const struct world *w)
{
    bool good = w->got && w->now < w->set.expires_ns;
    PROMISE(w, refresh_has_set(&w->r) == (good || (w->got && w->set.outlives_expiry)));
    PROMISE(w, w->r.due_ns > w->now);
    bool busy = w->ends_ns != REFRESH_NEVER;
    if (!busy && w->r.state != REFRESH_FRESH)
        PROMISE(w, w->r.due_ns <= w->now + MIN);
    if (w->r.state == REFRESH_FRESH)
        PROMISE(w, w->now < w->set.expires_ns && w->r.due_ns < w->set.expires_ns);
    if (refresh_is_degraded(&w->r))
        PROMISE(w, w->set.expires_ns <= w->now + 5 * MIN);
    if (w->r.state == REFRESH_OUTLIVED || w->r.state == REFRESH_EXPIRED)
        PROMISE(w, !good);
}

static void world_step(struct world *w)
{
    uint64_t next = w->r.due_ns < w->ends_ns ? w->r.due_ns : w->ends_ns;
    next = next < w->force_ns ? next : w->force_ns;
    w->now = next < w->mood_ns ? next : w->mood_ns;
    if (w->now == w->mood_ns) {
        w->well = !w->well;
        w->mood_ns += 1 + up_to(w, w->well ? 24 * HOUR : 3 * HOUR);
    }
    if (w->now == w->force_ns) {
        w->force_ns += 1 + up_to(w, up_to(w, 1) ? S : HOUR);
        if (refresh_on_refused(&w->r, w->now))
            PROMISE(w, w->ends_ns != REFRESH_NEVER || w->r.due_ns <= w->now);
    }
    if (w->now == w->ends_ns)
        fetch_ends(w);
    if (refresh_on_due(&w->r, w->now))
        count_fetch(w);
    world_check(w);
}

static void years_of_trouble_keep_the_promises(void **state)
{
    enum { SEEDS = 40, STEPS = 5000 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        world_init(&w, seed);
        for (int i = 0; i < STEPS; i++)
            world_step(&w);
        PROMISE(&w, w.got && w.fetch_count > 1000);
    }
}

static void nothing_is_due_while_nobody_needs_the_set(void **state)
{
    struct refresh r;
    refresh_init(&r);
    refresh_set_idle(&r, true, start);
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    assert_false(refresh_on_due(&r, start));
    refresh_set_idle(&r, false, start);
    assert_true(refresh_on_due(&r, start));
    refresh_set_idle(&r, true, start); /* in the midst of the fetch */
    const struct refresh_set set = { start + HOUR, false, true, false };
    assert_true(refresh_on_fetched(&r, &set, start, 0));
    assert_int_equal(r.due_ns, REFRESH_NEVER);
    refresh_set_idle(&r, false, start + 50 * MIN);
    assert_int_equal(r.state, REFRESH_STALE);
    assert_true(refresh_has_set(&r));
    assert_true(refresh_on_due(&r, start + 50 * MIN));
}

static void a_set_that_expired_unneeded_is_as_if_it_had_never_been(void **state)
{
    struct refresh r = with_set(HOUR, false), outliving = with_set(HOUR, true);
    refresh_set_idle(&r, true, start);
    refresh_set_idle(&r, false, start + 2 * HOUR);
    assert_int_equal(r.state, REFRESH_NONE);
    assert_true(refresh_on_due(&r, start + 2 * HOUR));
    refresh_set_idle(&r, true, start + 2 * HOUR);
    refresh_set_idle(&r, false, start + 2 * HOUR);
    assert_false(refresh_on_due(&r, start + 2 * HOUR)); /* that fetch is under way */
    refresh_set_idle(&outliving, true, start);
    refresh_set_idle(&outliving, false, start + 2 * HOUR);
    assert_int_equal(outliving.state, REFRESH_OUTLIVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_while_nobody_needs_the_set),
        cmocka_unit_test(a_set_that_expired_unneeded_is_as_if_it_had_never_been),
        cmocka_unit_test(the_first_fetch_is_due_at_once_and_one_at_a_time),
        cmocka_unit_test(a_set_is_refreshed_a_quarter_of_an_hour_early_with_jitter),
        cmocka_unit_test(a_short_life_is_refreshed_after_its_half),
        cmocka_unit_test(a_set_serves_while_refreshing_fails),
        cmocka_unit_test(delays_double_up_to_a_minute_and_become_patient),
        cmocka_unit_test(a_late_set_is_tried_at_once_and_degraded),
        cmocka_unit_test(what_outlives_its_expiry_serves_on_while_it_is_retried),
        cmocka_unit_test(an_expired_set_is_taken_only_when_it_may_serve_and_nothing_is_better),
        cmocka_unit_test(the_same_set_again_is_asked_for_ever_sooner_but_not_madly),
        cmocka_unit_test(a_hanging_fetch_does_not_keep_a_set_from_expiring),
        cmocka_unit_test(a_loop_that_stood_still_skips_ages),
        cmocka_unit_test(credentials_that_last_for_ever_are_left_alone),
        cmocka_unit_test(credentials_that_cannot_change_expire_without_a_fetch),
        cmocka_unit_test(credentials_for_ever_that_may_change_are_fetched_when_forced),
        cmocka_unit_test(a_fetch_is_forced_once_a_minute),
        cmocka_unit_test(
            a_refused_set_that_stays_the_same_is_fetched_each_minute_until_it_is_accepted),
        cmocka_unit_test(whoever_says_that_something_changed_need_not_wait),
        cmocka_unit_test(nothing_is_forced_before_there_was_a_set),
        cmocka_unit_test(what_needs_a_change_is_looked_at_every_minute),
        cmocka_unit_test(years_of_trouble_keep_the_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
