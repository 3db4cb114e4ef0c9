/* SPDX-License-Identifier: MIT */
#include "lib/check.h"
#include "poll/schedule.h"

enum { REGIONS = 3, TARGETS = 8 };

/* A schedule of three regions with eight targets each, all due at 1, 2, 3, ... */
struct world {
    struct schedule s;
    struct share shares[REGIONS];
    struct target targets[REGIONS][TARGETS];
};

static void world_init(struct world *w, uint32_t slots, uint32_t per_share)
{
    schedule_init(&w->s, (struct alloc) { 0 }, slots, per_share);
    uint64_t due_ns = 1;
    for (int r = 0; r < REGIONS; r++)
        assert_int_equal(schedule_share_add(&w->s, &w->shares[r], NULL), 0);
    for (int i = 0; i < TARGETS; i++)
        for (int r = 0; r < REGIONS; r++) {
            target_init(&w->targets[r][i], &w->shares[r], 1000);
            assert_int_equal(schedule_add(&w->s, &w->targets[r][i], due_ns++), 0);
        }
}

static void world_deinit(struct world *w)
{
    for (int r = 0; r < REGIONS; r++) {
        for (int i = 0; i < TARGETS; i++)
            if (!schedule_remove(&w->s, &w->targets[r][i]) && w->shares[r].in_flight)
                schedule_give(&w->s, &w->targets[r][i], TARGET_NEVER);
        schedule_share_remove(&w->s, &w->shares[r]);
    }
    schedule_deinit(&w->s);
}

/* Of a world without targets. */
static void world_end(struct world *w)
{
    for (int r = 0; r < REGIONS; r++)
        schedule_share_remove(&w->s, &w->shares[r]);
    schedule_deinit(&w->s);
}

static int region_of(const struct world *w, const struct target *t)
{
    return (int)(t->share - w->shares);
}

static void targets_become_ready_when_they_are_due_and_not_before(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    assert_int_equal(schedule_next_due(&w.s), 1);
    assert_null(schedule_take(&w.s, 1000));
    schedule_advance(&w.s, 2);
    assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[0][0]);
    assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[1][0]);
    assert_null(schedule_take(&w.s, 1000));
    assert_int_equal(schedule_next_due(&w.s), 3);
    world_deinit(&w);
}

static void slots_in_all_are_bounded(void **state)
{
    struct world w;
    world_init(&w, 5, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < 5; i++)
        assert_non_null(schedule_take(&w.s, 1000));
    assert_null(schedule_take(&w.s, 1000));
    assert_int_equal(w.s.in_flight, 5);
    world_deinit(&w);
}

static void a_region_that_hangs_fills_its_own_share_and_no_other(void **state)
{
    struct world w;
    world_init(&w, 9, 0); /* fair: three each */
    schedule_advance(&w.s, 1000);
    int taken[REGIONS] = { 0 };
    for (struct target *t; (t = schedule_take(&w.s, 1000)) != NULL;)
        taken[region_of(&w, t)]++;
    for (int r = 0; r < REGIONS; r++)
        assert_int_equal(taken[r], 3);
    /* Region 0 never answers; the others go on and on. */
    for (int i = 0; i < 50; i++)
        for (int r = 1; r < REGIONS; r++) {
            struct target *t = NULL;
            for (int k = 0; k < TARGETS && !t; k++)
                if (w.targets[r][k].state == TARGET_IN_FLIGHT)
                    t = &w.targets[r][k];
            schedule_give(&w.s, t, 1000);
            schedule_advance(&w.s, 1000);
            t = schedule_take(&w.s, 1000);
            assert_non_null(t);
            assert_int_equal(region_of(&w, t), r);
        }
    assert_int_equal(w.shares[0].in_flight, 3);
    world_deinit(&w);
}

static void regions_take_loop_stats_and_targets_of_one_are_first_come_first_served(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < TARGETS; i++)
        for (int r = 0; r < REGIONS; r++)
            assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[r][i]);
    world_deinit(&w);
}

static void fair_limits_follow_the_number_of_regions(void **state)
{
    struct schedule s;
    struct share a, b, c;
    schedule_init(&s, (struct alloc) { 0 }, 8, 0);
    schedule_share_add(&s, &a, NULL);
    assert_int_equal(s.limit, 8);
    schedule_share_add(&s, &b, NULL);
    schedule_share_add(&s, &c, NULL);
    assert_int_equal(s.limit, 2);
    schedule_share_remove(&s, &b);
    assert_int_equal(s.limit, 4);
    schedule_share_remove(&s, &a);
    schedule_share_remove(&s, &c);
    schedule_deinit(&s);
}

/* How many polls a share has out after it took all it could. */
static uint32_t fill(struct world *w, int share)
{
    while (schedule_take(&w->s, 1000))
        ;
    return w->shares[share].in_flight;
}

static void a_limit_that_rises_or_falls_holds_for_shares_with_work(void **state)
{
    struct world w;
    struct share extra[6];
    world_init(&w, 12, 0);
    schedule_advance(&w.s, 1000);
    assert_int_equal(fill(&w, 0), 4);
    for (int i = 0; i < 6; i++)
        schedule_share_add(&w.s, &extra[i], NULL);
    assert_int_equal(w.s.limit, 1);
    schedule_give(&w.s, &w.targets[0][0], 5000); /* three are out, and one is allowed */
    assert_false(schedule_has_next(&w.s, 1000));
    for (int i = 0; i < 6; i++)
        schedule_share_remove(&w.s, &extra[i]); /* back to four, without a word of theirs */
    assert_true(schedule_has_next(&w.s, 1000));
    assert_int_equal(fill(&w, 0), 4);
    for (int i = 0; i < TARGETS; i++) /* a line that stands when the limit falls */
        for (int r = 0; r < REGIONS; r++)
            if (w.targets[r][i].state == TARGET_IN_FLIGHT && r == 1)
                schedule_give(&w.s, &w.targets[r][i], 5000);
    assert_int_equal(w.shares[1].state, SHARE_IN_LINE);
    for (int i = 0; i < 6; i++)
        schedule_share_add(&w.s, &extra[i], NULL);
    assert_int_equal(fill(&w, 1), 1);
    assert_int_equal(w.shares[0].in_flight, 4);
    for (int i = 0; i < 6; i++)
        schedule_share_remove(&w.s, &extra[i]);
    for (int r = 0; r < REGIONS; r++)
        for (int i = 0; i < TARGETS; i++)
            if (!schedule_remove(&w.s, &w.targets[r][i]))
                schedule_give(&w.s, &w.targets[r][i], TARGET_NEVER);
    world_end(&w);
}

static void many_that_are_due_at_once_become_ready_in_slices(void **state)
{
    struct schedule s;
    struct share share;
    static struct target targets[3 * SCHEDULE_SLICE];
    schedule_init(&s, (struct alloc) { 0 }, 1000, 0);
    schedule_share_add(&s, &share, NULL);
    for (int i = 0; i < 3 * SCHEDULE_SLICE; i++) {
        target_init(&targets[i], &share, 1000);
        schedule_add(&s, &targets[i], 5);
    }
    for (int slice = 1; slice <= 3; slice++) {
        assert_int_equal(schedule_next_due(&s), 5);
        schedule_advance(&s, 5);
        assert_int_equal(s.ready, slice * SCHEDULE_SLICE);
    }
    assert_true(schedule_next_due(&s) == TARGET_NEVER);
    for (int i = 0; i < 3 * SCHEDULE_SLICE; i++)
        schedule_remove(&s, &targets[i]);
    schedule_share_remove(&s, &share);
    schedule_deinit(&s);
}

static void a_region_always_has_one_slot(void **state)
{
    struct world w;
    world_init(&w, 2, 0); /* two slots for three regions */
    assert_int_equal(w.s.limit, 1);
    world_deinit(&w);
}

static void a_target_can_be_removed_in_every_state(void **state)
{
    struct world w;
    world_init(&w, 1, 0);
    assert_true(schedule_remove(&w.s, &w.targets[0][0])); /* waiting */
    assert_false(schedule_remove(&w.s, &w.targets[0][0]));
    schedule_advance(&w.s, 3);
    struct target *out = schedule_take(&w.s, 1000);
    assert_ptr_equal(out, &w.targets[1][0]);
    assert_true(schedule_remove(&w.s, &w.targets[2][0])); /* ready */
    assert_false(schedule_remove(&w.s, out));             /* in flight */
    schedule_give(&w.s, out, 9);
    assert_int_equal(out->state, TARGET_REMOVED);
    assert_int_equal(schedule_next_due(&w.s), 4); /* it does not wait again */
    assert_int_equal(w.s.in_flight, 0);
    assert_int_equal(w.s.ready, 0);
    world_deinit(&w);
}

static void a_given_back_target_waits_for_its_next_instant(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1);
    struct target *t = schedule_take(&w.s, 1000);
    schedule_give(&w.s, t, 500);
    schedule_advance(&w.s, 499);
    while (schedule_take(&w.s, 1000))
        ;
    assert_int_equal(t->state, TARGET_WAITING);
    schedule_advance(&w.s, 500);
    assert_ptr_equal(schedule_take(&w.s, 1000), t);
    world_deinit(&w);
}

/* Targets that now have a token and a slot, by region. */
static void take_all(struct world *w, uint64_t now_ns, int taken[REGIONS])
{
    schedule_advance(&w->s, now_ns);
    for (struct target *t; (t = schedule_take(&w->s, now_ns)) != NULL;)
        taken[region_of(w, t)]++;
}

static void a_region_without_a_token_waits_for_it_and_no_other_does(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 2, 0);
    schedule_share_use(&w.s, &w.shares[1], &b);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    assert_int_equal(taken[1], 2);
    assert_int_equal(taken[2], TARGETS);
    assert_false(schedule_has_next(&w.s, 1000));
    uint64_t token_ns = schedule_next_due(&w.s);
    assert_in_range(token_ns, 500000000, 500001000);
    take_all(&w, token_ns - 1000, taken);
    assert_int_equal(taken[1], 2);
    take_all(&w, token_ns, taken);
    assert_int_equal(taken[1], 3);
    world_deinit(&w);
}

static void shares_of_one_budget_take_loop_stats_at_its_tokens(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    for (int r = 0; r < REGIONS; r++)
        schedule_share_use(&w.s, &w.shares[r], &b);
    uint64_t now_ns = 1000;
    for (int tokens = 1; tokens <= REGIONS * TARGETS; tokens++) {
        take_all(&w, now_ns, taken);
        for (int r = 0; r < REGIONS; r++)
            assert_in_range(taken[r], tokens / REGIONS, (tokens + REGIONS - 1) / REGIONS);
        assert_int_equal(taken[0] + taken[1] + taken[2], tokens);
        now_ns = schedule_next_due(&w.s);
    }
    assert_true(now_ns == TARGET_NEVER); /* all are in flight */
    world_deinit(&w);
}

static void a_rate_that_rose_is_noticed_within_a_second(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 0.01, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    assert_int_equal(schedule_next_due(&w.s), 1000000000 + 1000);
    world_deinit(&w);
}

static void a_share_changes_its_budget_at_any_time(void **state)
{
    struct world w;
    struct budget a, b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&a, 1, 0);
    budget_init(&b, 3, 0);
    schedule_share_use(&w.s, &w.shares[0], &a);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], 1);
    schedule_share_use(&w.s, &w.shares[0], &b); /* while it waits at a */
    memset(&a, 0xee, sizeof a);                 /* which may end */
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], 4);
    schedule_share_use(&w.s, &w.shares[0], NULL);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    world_deinit(&w);
}

static void a_held_share_uses_no_slot_and_loses_no_target(void **state)
{
    struct world w;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    schedule_share_hold(&w.s, &w.shares[2], true, 1000);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    assert_int_equal(taken[2], 0);
    assert_int_equal(w.s.ready, TARGETS);
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER);
    schedule_share_hold(&w.s, &w.shares[2], false, 1000);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[2], TARGETS);
    world_deinit(&w);
}

static void a_held_share_can_be_held_back_from_the_midst_of_its_work(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    schedule_share_hold(&w.s, &w.shares[0], true, 1000); /* while its budget waits for a token */
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER);
    take_all(&w, 10000000000, taken);
    assert_int_equal(taken[0], 1);
    world_deinit(&w);
}

static void a_target_that_waits_for_a_token_can_be_removed(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    for (int i = 0; i < TARGETS; i++)
        schedule_remove(&w.s, &w.targets[0][i]);
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER); /* nobody waits for it any more */
    schedule_give(&w.s, &w.targets[0][0], TARGET_NEVER);
    world_deinit(&w);
}

/* --- calls that are no polls --- */

enum { CALLS = 6 };

/* What is in flight, first come first: one ends and starts anew with each turn, so that there is
 * always work of both kinds. */
struct traffic {
    struct world w;
    struct schedule_call calls[REGIONS][CALLS];
    struct target *polls_out[64];
    struct schedule_call *calls_out[64];
    unsigned polls_count, calls_count, polls[REGIONS], made[REGIONS];
};

static void start_all(struct traffic *f, bool has_credit)
{
    struct schedule *s = &f->w.s;
    for (;;) {
        bool is_call = schedule_call_is_next(s, has_credit, 1000);
        if (!is_call && !(has_credit && schedule_has_next(s, 1000)))
            return;
        if (is_call) {
            struct schedule_call *c = schedule_take_call(s);
            f->calls_out[f->calls_count++] = c;
            f->made[c->share - f->w.shares]++;
        } else {
            struct target *t = schedule_take(s, 1000);
            f->polls_out[f->polls_count++] = t;
            f->polls[region_of(&f->w, t)]++;
        }
    }
}

static void end_poll(struct traffic *f, bool again)
{
    schedule_give(&f->w.s, f->polls_out[0], again ? 1000 : TARGET_NEVER);
    f->polls_count--;
    memmove(f->polls_out, f->polls_out + 1, f->polls_count * sizeof *f->polls_out);
    schedule_advance(&f->w.s, 1000);
}

static void end_call(struct traffic *f, bool again)
{
    struct schedule_call *c = f->calls_out[0];
    schedule_give_call(&f->w.s, c);
    f->calls_count--;
    memmove(f->calls_out, f->calls_out + 1, f->calls_count * sizeof *f->calls_out);
    if (again)
        schedule_queue_call(&f->w.s, c, c->share);
}

/* Any of those in flight ends, the older of a kind first. */
static void run_traffic(struct traffic *f, unsigned steps)
{
    uint64_t dice = 7;
    for (unsigned i = 0; i < steps; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        bool poll = (dice >> 33) % (f->polls_count + f->calls_count) < f->polls_count;
        if (poll)
            end_poll(f, true);
        else
            end_call(f, true);
        start_all(f, true);
    }
}

static void traffic_open(struct traffic *f, uint32_t slots, uint32_t per_share)
{
    *f = (struct traffic) { 0 };
    world_init(&f->w, slots, per_share);
    schedule_advance(&f->w.s, 1000);
}

static void want_calls(struct traffic *f, int region, int count)
{
    for (int i = 0; i < count; i++)
        schedule_queue_call(&f->w.s, &f->calls[region][i], &f->w.shares[region]);
}

static void traffic_close(struct traffic *f)
{
    while (f->polls_count)
        end_poll(f, false);
    while (f->calls_count)
        end_call(f, false);
    for (int r = 0; r < REGIONS; r++)
        while (!list_empty(&f->w.shares[r].calls))
            schedule_drop_call(&f->w.s,
                               CONTAINER_OF(f->w.shares[r].calls.next, struct schedule_call, link));
    assert_int_equal(f->w.s.in_flight, 0);
    assert_true(list_empty(&f->w.s.callers));
    world_deinit(&f->w);
}

static void a_call_goes_before_polls_that_wait(void **state)
{
    struct traffic f;
    traffic_open(&f, 3, 3);
    start_all(&f, true);
    assert_int_equal(f.polls_count, 3);
    want_calls(&f, 2, 1);
    start_all(&f, true);
    assert_int_equal(f.calls_count, 0); /* no slot is free, and no poll is ended for it */
    end_poll(&f, true);
    start_all(&f, true);
    assert_int_equal(f.calls_count, 1);
    assert_int_equal(f.w.s.in_flight, 3);
    traffic_close(&f);
}

static void polls_and_calls_of_all_regions_share_the_slots(void **state)
{
    static const uint32_t slots[] = { 1, 2, 3, 7, 16 };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        struct traffic f;
        unsigned polls = 0, made = 0;
        traffic_open(&f, slots[i], slots[i]);
        for (int r = 0; r < REGIONS; r++)
            want_calls(&f, r, CALLS);
        start_all(&f, true);
        run_traffic(&f, 3000);
        for (int r = 0; r < REGIONS; r++) {
            polls += f.polls[r];
            made += f.made[r];
            assert_in_range(f.polls[r], 350, 650);
            assert_in_range(f.made[r], 350, 650);
        }
        assert_in_range(polls, 1300, 1800);
        assert_in_range(made, 1300, 1800);
        traffic_close(&f);
    }
}

/* Region 0 alone has calls, and one slot; the others' polls would take every turn. */
static void in_a_share_of_one_slot_neither_keeps_the_other_out(void **state)
{
    struct traffic f;
    traffic_open(&f, REGIONS, 1);
    want_calls(&f, 0, CALLS);
    start_all(&f, true);
    run_traffic(&f, 3000);
    assert_in_range(f.polls[0], 400, 600);
    assert_in_range(f.made[0], 400, 600);
    assert_in_range(f.polls[1], 900, 1100);
    traffic_close(&f);
}

static void the_calls_of_one_region_leave_room_for_the_polls_of_others(void **state)
{
    struct traffic f;
    traffic_open(&f, 2, 2);
    for (int i = 0; i < TARGETS; i++)
        schedule_remove(&f.w.s, &f.w.targets[0][i]);
    want_calls(&f, 0, CALLS);
    start_all(&f, true);
    run_traffic(&f, 3000);
    assert_in_range(f.made[0], 1300, 1700);
    assert_in_range(f.polls[1] + f.polls[2], 1300, 1700);
    traffic_close(&f);
}

static void a_call_needs_neither_token_nor_credit(void **state)
{
    struct traffic f;
    struct budget b;
    traffic_open(&f, 8, 8);
    budget_init(&b, 1, 0);
    for (int i = 0; i < 1000; i++) /* as deep in debt as can be */
        budget_take(&b, BUDGET_LIFECYCLE, 0);
    for (int r = 0; r < REGIONS; r++)
        schedule_share_use(&f.w.s, &f.w.shares[r], &b);
    want_calls(&f, 0, 3);
    start_all(&f, true);
    assert_int_equal(f.calls_count, 3);
    assert_int_equal(f.polls_count, 0);
    for (int r = 0; r < REGIONS; r++)
        schedule_share_use(&f.w.s, &f.w.shares[r], NULL);
    want_calls(&f, 1, 3);
    start_all(&f, false);
    assert_int_equal(f.calls_count, 6);
    assert_int_equal(f.polls_count, 0);
    traffic_close(&f);
}

static void a_held_share_makes_no_call_and_a_dropped_one_is_none(void **state)
{
    struct traffic f;
    traffic_open(&f, 100, 100);
    schedule_share_hold(&f.w.s, &f.w.shares[0], true, 1);
    want_calls(&f, 0, 2);
    start_all(&f, true);
    assert_int_equal(f.calls_count, 0);
    schedule_drop_call(&f.w.s, &f.calls[0][0]);
    schedule_share_hold(&f.w.s, &f.w.shares[0], false, 2);
    start_all(&f, true);
    assert_int_equal(f.calls_count, 1);
    assert_ptr_equal(f.calls_out[0], &f.calls[0][1]);
    traffic_close(&f);
}

static void calls_of_a_region_stay_within_its_share_as_that_changes(void **state)
{
    struct schedule s;
    struct share one, other;
    struct schedule_call calls[4];
    schedule_init(&s, (struct alloc) { 0 }, 4, 0);
    assert_int_equal(schedule_share_add(&s, &one, NULL), 0);
    assert_int_equal(schedule_share_add(&s, &other, NULL), 0); /* two slots each */
    for (int i = 0; i < 4; i++)
        schedule_queue_call(&s, &calls[i], &one);
    for (int i = 0; i < 2; i++) {
        assert_true(schedule_call_is_next(&s, true, 0));
        assert_ptr_equal(schedule_take_call(&s), &calls[i]);
    }
    assert_false(schedule_call_is_next(&s, true, 0));
    schedule_share_remove(&s, &other); /* all are one's now */
    assert_true(schedule_call_is_next(&s, true, 0));
    assert_ptr_equal(schedule_take_call(&s), &calls[2]);
    assert_int_equal(schedule_share_add(&s, &other, NULL), 0);
    assert_false(schedule_call_is_next(&s, true, 0));
    for (int i = 0; i < 3; i++)
        schedule_give_call(&s, &calls[i]);
    assert_true(schedule_call_is_next(&s, true, 0));
    schedule_drop_call(&s, &calls[3]);
    assert_false(schedule_call_is_next(&s, true, 0));
    schedule_share_remove(&s, &one);
    schedule_share_remove(&s, &other);
    schedule_deinit(&s);
}

/* --- targets aside --- */

static void what_is_set_aside_lets_others_pass_and_comes_back_in_its_order(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 4);
    for (int i = 0; i < 2; i++)
        schedule_set_aside(&w.s, schedule_first(&w.s, 4), 1, 4);
    assert_int_equal(w.s.ready, 2);
    assert_int_equal(w.s.aside[1].count, 2);
    assert_ptr_equal(schedule_take(&w.s, 4), &w.targets[1][0]);
    schedule_advance(&w.s, 7);
    assert_false(schedule_return(&w.s, 0, 7));
    assert_true(schedule_return(&w.s, 1, 7));
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[2][0]);
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[1][1]);
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[0][0]); /* before targets[0][2] */
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[2][1]);
    assert_true(schedule_return(&w.s, 1, 7));
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[0][1]);
    assert_ptr_equal(schedule_take(&w.s, 7), &w.targets[0][2]);
    assert_null(schedule_take(&w.s, 7));
    assert_false(schedule_return(&w.s, 1, 7));
    world_deinit(&w);
}

static void what_is_set_aside_can_be_removed(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1);
    struct target *t = schedule_first(&w.s, 1);
    schedule_set_aside(&w.s, t, 0, 1);
    assert_true(schedule_remove(&w.s, t));
    assert_int_equal(w.s.aside_count, 0);
    assert_false(schedule_return(&w.s, 0, 2));
    world_deinit(&w);
}

static void what_is_set_aside_can_be_recalled(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 4);
    struct target *t = schedule_first(&w.s, 4);
    schedule_set_aside(&w.s, t, 0, 4);
    schedule_recall(&w.s, t);
    assert_int_equal(w.s.aside_count, 0);
    schedule_recall(&w.s, t); /* nothing */
    assert_int_equal(w.s.ready, 4);
    assert_int_equal(t->state, TARGET_READY);
    world_deinit(&w);
}

static void after_a_long_time_aside_not_all_are_polled_at_once(void **state)
{
    static const uint64_t s_ns = 1000000000;
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 100);
    for (struct target *t; (t = schedule_first(&w.s, 100)) != NULL;)
        schedule_set_aside(&w.s, t, 0, 100);
    assert_int_equal(w.s.aside_count, REGIONS * TARGETS);
    while (schedule_return(&w.s, 0, 10 * s_ns))
        ;
    assert_int_equal(w.s.ready, 0); /* all wait, for up to half an interval */
    schedule_advance(&w.s, 10 * s_ns + s_ns / 4);
    assert_in_range(w.s.ready, 4, 20);
    schedule_advance(&w.s, 10 * s_ns + s_ns / 2);
    assert_int_equal(w.s.ready, REGIONS * TARGETS);
    world_deinit(&w);
}

/* --- paused targets --- */

static void a_target_can_be_paused_in_every_state_and_goes_on_where_it_is_told(void **state)
{
    struct world w;
    world_init(&w, 1, 1);
    schedule_advance(&w.s, 3);
    struct target *out = schedule_take(&w.s, 3), *aside = &w.targets[1][0];
    struct target *ready = &w.targets[2][0], *waiting = &w.targets[0][1];
    schedule_give(&w.s, out, 3);
    schedule_advance(&w.s, 3);
    schedule_set_aside(&w.s, aside, 1, 3);
    assert_ptr_equal(schedule_take(&w.s, 3), ready);
    ready = out, out = &w.targets[2][0];
    struct target *all[] = { out, aside, ready, waiting };
    const enum target_state states[] = { TARGET_IN_FLIGHT, TARGET_ASIDE, TARGET_READY,
                                         TARGET_WAITING };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(all[i]->state, states[i]);
        schedule_pause(&w.s, all[i]);
        schedule_pause(&w.s, all[i]);
        assert_int_equal(all[i]->state, i ? TARGET_PAUSED : TARGET_IN_FLIGHT);
    }
    assert_int_equal(w.s.ready + w.s.aside_count, 0);
    assert_int_equal(schedule_next_due(&w.s), 5); /* targets[1][1] */
    schedule_give(&w.s, out, 4);
    assert_int_equal(out->state, TARGET_PAUSED);
    schedule_advance(&w.s, 4);
    assert_null(schedule_take(&w.s, 4));
    for (int i = 0; i < 4; i++)
        schedule_unpause(&w.s, all[i], 4);
    schedule_unpause(&w.s, out, 1); /* nothing */
    schedule_advance(&w.s, 4);
    assert_int_equal(w.s.ready, 4);
    world_deinit(&w);
}

static void a_pause_that_ends_while_the_poll_is_out_changes_nothing(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1);
    struct target *t = schedule_take(&w.s, 1);
    schedule_pause(&w.s, t);
    schedule_unpause(&w.s, t, 2);
    assert_int_equal(t->state, TARGET_IN_FLIGHT);
    schedule_give(&w.s, t, 50);
    assert_int_equal(t->state, TARGET_WAITING);
    assert_int_equal(t->due_ns, 50);
    world_deinit(&w);
}

static void a_paused_target_can_be_removed_in_flight_or_not(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1);
    struct target *t = schedule_take(&w.s, 1), *other = &w.targets[0][1];
    schedule_pause(&w.s, t);
    assert_false(schedule_remove(&w.s, t));
    schedule_pause(&w.s, t);
    schedule_unpause(&w.s, t, 1);
    schedule_give(&w.s, t, 50);
    assert_int_equal(t->state, TARGET_REMOVED);
    schedule_pause(&w.s, other);
    assert_true(schedule_remove(&w.s, other));
    assert_int_equal(w.shares[0].targets, TARGETS - 2);
    assert_int_equal(w.shares[0].paused, 0);
    world_deinit(&w);
}

static void a_share_of_paused_targets_leaves_its_slots_to_others(void **state)
{
    struct world w;
    world_init(&w, 12, 0);
    assert_int_equal(w.s.limit, 4);
    for (int i = 0; i < TARGETS; i++)
        schedule_pause(&w.s, &w.targets[0][i]);
    assert_int_equal(w.s.share_count, 2);
    assert_int_equal(w.s.limit, 6);
    for (int i = 1; i < TARGETS; i++)
        assert_true(schedule_remove(&w.s, &w.targets[0][i]));
    assert_int_equal(w.s.limit, 6);
    schedule_unpause(&w.s, &w.targets[0][0], 1);
    assert_int_equal(w.s.limit, 4);
    schedule_pause(&w.s, &w.targets[0][0]);
    assert_true(schedule_remove(&w.s, &w.targets[0][0]));
    assert_int_equal(w.s.limit, 4); /* it has none, as a share that has just come */
    world_deinit(&w);
    assert_int_equal(w.s.share_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_become_ready_when_they_are_due_and_not_before),
        cmocka_unit_test(slots_in_all_are_bounded),
        cmocka_unit_test(a_region_that_hangs_fills_its_own_share_and_no_other),
        cmocka_unit_test(regions_take_loop_stats_and_targets_of_one_are_first_come_first_served),
        cmocka_unit_test(fair_limits_follow_the_number_of_regions),
        cmocka_unit_test(a_limit_that_rises_or_falls_holds_for_shares_with_work),
        cmocka_unit_test(many_that_are_due_at_once_become_ready_in_slices),
        cmocka_unit_test(a_region_always_has_one_slot),
        cmocka_unit_test(a_target_can_be_paused_in_every_state_and_goes_on_where_it_is_told),
        cmocka_unit_test(a_pause_that_ends_while_the_poll_is_out_changes_nothing),
        cmocka_unit_test(a_paused_target_can_be_removed_in_flight_or_not),
        cmocka_unit_test(a_share_of_paused_targets_leaves_its_slots_to_others),
        cmocka_unit_test(a_target_can_be_removed_in_every_state),
        cmocka_unit_test(a_given_back_target_waits_for_its_next_instant),
        cmocka_unit_test(a_region_without_a_token_waits_for_it_and_no_other_does),
        cmocka_unit_test(shares_of_one_budget_take_loop_stats_at_its_tokens),
        cmocka_unit_test(a_rate_that_rose_is_noticed_within_a_second),
        cmocka_unit_test(a_share_changes_its_budget_at_any_time),
        cmocka_unit_test(a_held_share_uses_no_slot_and_loses_no_target),
        cmocka_unit_test(a_held_share_can_be_held_back_from_the_midst_of_its_work),
        cmocka_unit_test(a_target_that_waits_for_a_token_can_be_removed),
        cmocka_unit_test(a_call_goes_before_polls_that_wait),
        cmocka_unit_test(polls_and_calls_of_all_regions_share_the_slots),
        cmocka_unit_test(in_a_share_of_one_slot_neither_keeps_the_other_out),
        cmocka_unit_test(the_calls_of_one_region_leave_room_for_the_polls_of_others),
        cmocka_unit_test(a_call_needs_neither_token_nor_credit),
        cmocka_unit_test(a_held_share_makes_no_call_and_a_dropped_one_is_none),
        cmocka_unit_test(calls_of_a_region_stay_within_its_share_as_that_changes),
        cmocka_unit_test(what_is_set_aside_lets_others_pass_and_comes_back_in_its_order),
        cmocka_unit_test(what_is_set_aside_can_be_removed),
        cmocka_unit_test(what_is_set_aside_can_be_recalled),
        cmocka_unit_test(after_a_long_time_aside_not_all_are_polled_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
