/* SPDX-License-Identifier: MIT */
/* What thousands of targets do after a time in which nothing could be polled: the process stood
 * still, there was no credit, or there were no credentials. In virtual time, with the poller's own
 * schedule and targets; answers take 50 ms. */
#include <stdlib.h>

#include "base/rng.h"
#include "lib/check.h"
#include "poll/schedule.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

enum { TARGETS = 5000, LATENCY_MS = 50, WINDOWS = 4000, WINDOW_MS = 500 };

struct crowd {
    struct schedule schedule;
    struct share share;
    struct target *targets;
    uint64_t *started_ns,
        *gap_ns; /* of each: its last poll, and the longest gap since it was reset */
    uint32_t interval_ms;
    bool has_credit;
    uint64_t now_ns, polls;
    struct target **flying; /* a ring, in the order in which they end */
    size_t first, count;
    struct rng rng;
    uint32_t windows[WINDOWS]; /* polls started in each half second */
};

static void crowd_init(struct crowd *c, uint32_t interval_ms, uint32_t slots)
{
    *c = (struct crowd) { .interval_ms = interval_ms, .has_credit = true, .rng = { 7 } };
    c->now_ns = 1000 * S;
    c->targets = calloc(TARGETS, sizeof *c->targets);
    c->started_ns = calloc(TARGETS, sizeof *c->started_ns);
    c->gap_ns = calloc(TARGETS, sizeof *c->gap_ns);
    c->flying = calloc(TARGETS, sizeof(struct target *));
    schedule_init(&c->schedule, (struct alloc) { 0 }, slots, 0);
    assert_int_equal(schedule_share_add(&c->schedule, &c->share, NULL), 0);
    for (size_t i = 0; i < TARGETS; i++) {
        struct target *t = &c->targets[i];
        target_init(t, &c->share, interval_ms);
        uint64_t due_ns = target_first_due(t, c->now_ns, rng_next(&c->rng));
        assert_int_equal(schedule_add(&c->schedule, t, due_ns), 0);
    }
}

static void crowd_deinit(struct crowd *c)
{
    for (size_t i = 0; i < TARGETS; i++)
        if (!schedule_remove(&c->schedule, &c->targets[i]))
            schedule_give(&c->schedule, &c->targets[i], TARGET_NEVER);
    schedule_share_remove(&c->schedule, &c->share);
    schedule_deinit(&c->schedule);
    free(c->targets);
    free(c->started_ns);
    free(c->gap_ns);
    free(c->flying);
}

static void begin(struct crowd *c, struct target *t)
{
    size_t i = (size_t)(t - c->targets);
    uint64_t gap_ns = c->now_ns - c->started_ns[i];
    if (c->started_ns[i] && gap_ns > c->gap_ns[i])
        c->gap_ns[i] = gap_ns;
    c->started_ns[i] = c->now_ns;
    c->flying[(c->first + c->count++) % TARGETS] = t;
    c->polls++;
    c->windows[(c->now_ns - 1000 * S) / (WINDOW_MS * MS) % WINDOWS]++;
}

static void tick(struct crowd *c)
{
    do
        schedule_advance(&c->schedule, c->now_ns);
    while (schedule_next_due(&c->schedule) <= c->now_ns);
    while (schedule_has_next(&c->schedule, c->now_ns)) {
        if (!c->has_credit) {
            schedule_park(&c->schedule, c->now_ns);
            return;
        }
        schedule_resume(&c->schedule, c->now_ns);
        struct target *t = schedule_take(&c->schedule, c->now_ns);
        if (t)
            begin(c, t);
    }
}

static uint64_t end_of_first(const struct crowd *c)
{
    if (!c->count)
        return UINT64_MAX;
    return c->started_ns[c->flying[c->first] - c->targets] + LATENCY_MS * MS;
}

static void end_first(struct crowd *c)
{
    struct target *t = c->flying[c->first];
    struct poll_end end = { .started_ns = c->started_ns[t - c->targets],
                            .now_ns = c->now_ns,
                            .roll = rng_next(&c->rng) };
    c->first = (c->first + 1) % TARGETS;
    c->count--;
    schedule_give(&c->schedule, t, target_on_end(t, NULL, &end));
}

static void run_until(struct crowd *c, uint64_t until_ns)
{
    for (;;) {
        uint64_t due_ns = schedule_next_due(&c->schedule), end_ns = end_of_first(c);
        uint64_t next_ns = due_ns < end_ns ? due_ns : end_ns;
        if (next_ns > until_ns)
            break;
        if (next_ns > c->now_ns)
            c->now_ns = next_ns;
        while (end_of_first(c) <= c->now_ns)
            end_first(c);
        tick(c);
    }
    c->now_ns = until_ns;
}

static void run(struct crowd *c, double seconds)
{
    run_until(c, c->now_ns + (uint64_t)(seconds * 1e9));
}

/* --- the three stalls --- */

static void stand_still(struct crowd *c, double seconds)
{
    c->now_ns += (uint64_t)(seconds * 1e9); /* and whatever was due meanwhile is late */
}

static void be_without_credit(struct crowd *c, double seconds)
{
    c->has_credit = false;
    run(c, seconds);
    c->has_credit = true;
    tick(c); /* pipepoll_wake() */
}

static void be_without_credentials(struct crowd *c, double seconds)
{
    schedule_share_hold(&c->schedule, &c->share, true, c->now_ns);
    run(c, seconds);
    schedule_share_hold(&c->schedule, &c->share, false, c->now_ns);
    tick(c);
}

typedef void stall_fn(struct crowd *c, double seconds);
static const struct {
    stall_fn *fn;
    double seconds;
} stalls[] = { { stand_still, 20 }, { be_without_credit, 15 }, { be_without_credentials, 8 } };
enum { STALLS = sizeof stalls / sizeof *stalls };

/* --- what is expected of them --- */

/* The fewest and the most polls that started in a half second of this time. */
static void most_and_fewest(struct crowd *c, uint64_t since_ns, uint64_t until_ns, uint32_t *fewest,
                            uint32_t *most)
{
    size_t first = (since_ns - 1000 * S + WINDOW_MS * MS - 1) / (WINDOW_MS * MS);
    size_t last = (until_ns - 1000 * S) / (WINDOW_MS * MS);
    *fewest = UINT32_MAX, *most = 0;
    for (size_t i = first; i < last; i++) {
        *fewest = c->windows[i] < *fewest ? c->windows[i] : *fewest;
        *most = c->windows[i] > *most ? c->windows[i] : *most;
    }
}

static void forget_gaps(struct crowd *c)
{
    for (size_t i = 0; i < TARGETS; i++)
        c->gap_ns[i] = 0;
}

static uint64_t last_first_ns(const struct crowd *c, uint64_t since_ns)
{
    uint64_t last_ns = 0;
    for (size_t i = 0; i < TARGETS; i++) {
        assert_true(c->started_ns[i] >= since_ns);
        last_ns = c->started_ns[i] > last_ns ? c->started_ns[i] : last_ns;
    }
    return last_ns;
}

static void after_a_long_stall_polls_are_spread_and_stay_so(void **state)
{
    enum { INTERVAL_MS = 5000, FAIR = TARGETS * WINDOW_MS / INTERVAL_MS };
    for (size_t i = 0; i < STALLS; i++) {
        static struct crowd c;
        uint32_t fewest, most;
        crowd_init(&c, INTERVAL_MS, TARGETS);
        run(&c, 30);
        stalls[i].fn(&c, stalls[i].seconds);
        uint64_t end_ns = c.now_ns;
        run(&c, INTERVAL_MS / 2000.0 + 0.1);
        assert_in_range(last_first_ns(&c, end_ns), end_ns, c.now_ns); /* all, in half an interval */
        forget_gaps(&c);
        most_and_fewest(&c, end_ns, c.now_ns, &fewest, &most);
        assert_in_range(most, FAIR, FAIR * 5 / 2); /* twice as many as by plan */
        uint64_t after_ns = c.now_ns;
        run(&c, 60);
        most_and_fewest(&c, after_ns, c.now_ns, &fewest, &most);
        assert_in_range(most, FAIR, FAIR * 13 / 10);
        assert_in_range(fewest, FAIR * 7 / 10, FAIR);
        for (size_t k = 0; k < TARGETS; k++)
            assert_in_range(c.gap_ns[k], 1, INTERVAL_MS * MS * 111 / 100);
        crowd_deinit(&c);
    }
}

static void after_a_short_stall_only_what_was_missed_is_late_and_by_no_more(void **state)
{
    enum { INTERVAL_MS = 120000, FAIR = TARGETS * WINDOW_MS / INTERVAL_MS };
    for (size_t i = 0; i < STALLS; i++) {
        static struct crowd c;
        uint32_t fewest, most;
        crowd_init(&c, INTERVAL_MS, TARGETS);
        run(&c, 200);
        forget_gaps(&c);
        stalls[i].fn(&c, stalls[i].seconds);
        uint64_t end_ns = c.now_ns;
        run(&c, 300);
        most_and_fewest(&c, end_ns, c.now_ns, &fewest, &most);
        assert_in_range(most, FAIR, FAIR * 4); /* of some 20: noise is 4 */
        for (size_t k = 0; k < TARGETS; k++) {
            double most_s = INTERVAL_MS * 1.1 / 1000 + 2 * stalls[i].seconds + 0.1;
            assert_in_range(c.gap_ns[k], 1, (uint64_t)(most_s * 1e9));
        }
        crowd_deinit(&c);
    }
}

static void credentials_that_are_late_at_the_start_bring_no_herd(void **state)
{
    enum { INTERVAL_MS = 5000, FAIR = TARGETS * WINDOW_MS / INTERVAL_MS };
    static struct crowd c;
    uint32_t fewest, most;
    crowd_init(&c, INTERVAL_MS, TARGETS);
    be_without_credentials(&c, 8);
    uint64_t end_ns = c.now_ns;
    run(&c, 30);
    most_and_fewest(&c, end_ns - WINDOW_MS * MS, c.now_ns, &fewest, &most);
    assert_in_range(most, FAIR, FAIR * 5 / 2);
    crowd_deinit(&c);
}

/* Who waits for slots is late all the time, and to put it off would leave slots empty. */
static void a_queue_for_slots_is_no_stall(void **state)
{
    enum { SLOTS = 10, POLLS_A_S = SLOTS * 1000 / LATENCY_MS };
    static struct crowd c;
    crowd_init(&c, 5000, SLOTS); /* that want a thousand a second */
    run(&c, 20);
    uint64_t polls = c.polls;
    run(&c, 20);
    assert_in_range(c.polls - polls, 20 * POLLS_A_S - SLOTS, 20 * POLLS_A_S + SLOTS);
    crowd_deinit(&c);
}

/* Credit that comes and goes with each poll is a bound as slots are. */
static void a_short_lack_of_credit_is_no_stall(void **state)
{
    static struct crowd c;
    crowd_init(&c, 5000, TARGETS);
    run(&c, 10);
    uint64_t polls = c.polls;
    for (int i = 0; i < 100; i++) {
        be_without_credit(&c, 0.1);
        run(&c, 0.1);
    }
    assert_in_range(c.polls - polls, 4 * TARGETS * 95 / 100, 4 * TARGETS * 105 / 100);
    crowd_deinit(&c);
}

static void a_target_with_more_jobs_to_fetch_is_not_put_off(void **state)
{
    struct share share = { 0 };
    struct target t;
    const struct stall stall = { .end_ns = 100 * S, .length_ns = 20 * S };
    struct poll_end end = { .started_ns = 79 * S, .now_ns = 80 * S, .jobs = 5, .full = true };
    target_init(&t, &share, 5000);
    t.state = TARGET_IN_FLIGHT;
    t.due_ns = target_on_end(&t, NULL, &end);
    assert_int_equal(t.due_ns, 80 * S);
    assert_false(target_missed(&t, &stall));
    end.full = false;
    t.due_ns = target_on_end(&t, NULL, &end);
    assert_true(target_missed(&t, &stall));
}

static void a_pace_learns_nothing_from_a_stall(void **state)
{
    struct share share = { 0 };
    struct target t;
    const struct stall stall = { .end_ns = 100 * S, .length_ns = 20 * S };
    target_init_goal(&t, &share, 5000, 0);
    t.state = TARGET_IN_FLIGHT;
    struct poll_end end = { .started_ns = 79 * S, .now_ns = 79 * S };
    t.due_ns = target_on_end(&t, NULL, &end);
    assert_true(target_missed(&t, &stall));
    assert_in_range(target_after_stall(&t, &stall), 100 * S, 102 * S + 500 * MS);
    float quiet_ms = t.pace.quiet_ms;
    end = (struct poll_end) { .started_ns = 101 * S, .now_ns = 101 * S, .jobs = 9 };
    target_on_end(&t, NULL, &end);
    end = (struct poll_end) { .started_ns = 104 * S, .now_ns = 104 * S };
    target_on_end(&t, NULL, &end);
    assert_true(t.pace.quiet_ms == quiet_ms);
}

static void a_target_is_put_off_once_a_stall(void **state)
{
    struct share share = { 0 };
    struct target t;
    struct stall stall = { .end_ns = 100 * S, .length_ns = 20 * S };
    target_init(&t, &share, 5000);
    t.due_ns = 80 * S;
    assert_true(target_missed(&t, &stall));
    target_after_stall(&t, &stall);
    stall.end_ns = 200 * S;
    assert_false(target_missed(&t, &stall));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_long_stall_polls_are_spread_and_stay_so),
        cmocka_unit_test(after_a_short_stall_only_what_was_missed_is_late_and_by_no_more),
        cmocka_unit_test(credentials_that_are_late_at_the_start_bring_no_herd),
        cmocka_unit_test(a_queue_for_slots_is_no_stall),
        cmocka_unit_test(a_short_lack_of_credit_is_no_stall),
        cmocka_unit_test(a_target_with_more_jobs_to_fetch_is_not_put_off),
        cmocka_unit_test(a_pace_learns_nothing_from_a_stall),
        cmocka_unit_test(a_target_is_put_off_once_a_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
