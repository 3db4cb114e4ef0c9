/* SPDX-License-Identifier: MIT */
/* What a plan comes to under a ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/estimate.h"

enum { TARGETS_MAX = 4 };

struct given {
    const char *region, *profile;
    uint32_t interval_ms, goal_ms, slowest_ms;
};

/* A section for each target. */
struct stage {
    struct plan_target targets[TARGETS_MAX];
    struct plan plan;
    struct estimate estimate;
};

static void make(struct stage *s, const struct given *given, size_t count, double ceiling_per_s)
{
    const struct estimate_limits limits = { .max_polls_per_s = ceiling_per_s,
                                            .max_in_flight = 256 };
    *s = (struct stage) { .plan = { .targets = s->targets, .count = count } };
    s->plan.targets = s->targets;
    s->plan.section_count = count;
    for (size_t i = 0; i < count; i++) {
        struct plan_target *t = &s->targets[i];
        t->options.region = str_of(given[i].region);
        t->options.interval_ms = given[i].interval_ms;
        t->options.pickup_goal_ms = given[i].goal_ms;
        t->options.slowest_interval_ms = given[i].slowest_ms;
        t->identity.profile = str_of(given[i].profile);
        t->section = i;
    }
    assert_int_equal(estimate_make(&s->estimate, &s->plan, &limits), 0);
}

#define MAKE(stage, ceiling_per_s, ...)                                                            \
    make(stage, (const struct given[]) { __VA_ARGS__ },                                            \
         sizeof((const struct given[]) { __VA_ARGS__ }) / sizeof(struct given), ceiling_per_s)

static void assert_near(double got, double want)
{
    if (fabs(got - want) > 1e-3 * fabs(want))
        fail_msg("got %g, want %g", got, want);
}

static void without_a_ceiling_each_target_has_its_interval(void **state)
{
    struct stage s;
    MAKE(&s, 0, { "a", "", 1000, 0, 0 }, { "a", "", 4000, 0, 0 });
    assert_int_equal(s.estimate.budget_count, 1);
    assert_near(s.estimate.polls_per_s, 1.25);
    assert_near(s.estimate.rows[0].interval_ms, 1000);
    assert_near(s.estimate.rows[1].pickup.p50_ms, 2000);
    assert_near(s.estimate.rows[1].pickup.p95_ms, 4000 * 0.9586);
    estimate_deinit(&s.estimate);
}

/* The fixed figure, found by drawing: residual lives of intervals of 0.9 to 1.1. */
static void the_p95_of_a_jittered_interval_is_that_of_a_renewal_process(void **state)
{
    enum { STEPS = 1000 };
    struct stage s;
    MAKE(&s, 0, { "a", "", 1000, 0, 0 });
    double late = 0, all = 0, p95_ms = s.estimate.rows[0].pickup.p95_ms;
    for (int i = 0; i < STEPS; i++) {
        double interval_ms = 900 + 200 * (i + 0.5) / STEPS;
        late += interval_ms > p95_ms ? interval_ms - p95_ms : 0;
        all += interval_ms;
    }
    assert_near(late / all, 0.05);
    estimate_deinit(&s.estimate);
}

static void a_goal_is_the_p95(void **state)
{
    struct stage s;
    MAKE(&s, 0, { "a", "", 0, 5000, 0 });
    double interval_ms = pipepoll_goal_interval_ms(5000);
    assert_near(s.estimate.rows[0].pickup.p95_ms, 5000);
    assert_near(s.estimate.rows[0].pickup.p50_ms, interval_ms / 2);
    assert_null(s.estimate.rows[0].late);
    estimate_deinit(&s.estimate);
}

static void a_slowest_interval_shorter_than_the_goal_is_the_interval(void **state)
{
    struct stage s;
    MAKE(&s, 0, { "a", "", 0, 5000, 1000 }, { "b", "", 0, 5000, 60000 });
    assert_near(s.estimate.budgets[0].polls_per_s, 1);
    assert_near(s.estimate.rows[0].pickup.p95_ms, 958.6);
    assert_near(s.estimate.rows[1].pickup.p95_ms, 5000);
    assert_near(s.estimate.rows[1].interval_ms, pipepoll_goal_interval_ms(5000));
    estimate_deinit(&s.estimate);
    MAKE(&s, 0.5, { "a", "", 0, 1500, 1000 });
    assert_ptr_equal(s.estimate.rows[0].late, s.plan.targets);
    estimate_deinit(&s.estimate);
}

static void a_ceiling_holds_back_those_that_want_most(void **state)
{
    struct stage s;
    MAKE(&s, 3, { "a", "", 100, 0, 0 }, { "a", "", 2000, 0, 0 }, { "a", "", 200, 0, 0 });
    assert_near(s.estimate.polls_per_s, 3);
    assert_near(s.estimate.budgets[0].wanted_per_s, 15.5);
    assert_near(s.estimate.rows[1].interval_ms, 2000);
    assert_near(s.estimate.rows[0].interval_ms, 800);
    assert_near(s.estimate.rows[2].interval_ms, 800);
    assert_near(s.estimate.budgets[0].pickup.p50_ms, 1000); /* of the slowest */
    estimate_deinit(&s.estimate);
}

static void each_account_and_region_has_a_ceiling_of_its_own(void **state)
{
    struct stage s;
    MAKE(&s, 1, { "a", "", 500, 0, 0 }, { "b", "", 500, 0, 0 }, { "a", "acme", 500, 0, 0 },
         { "a", "", 500, 0, 0 });
    assert_int_equal(s.estimate.budget_count, 3);
    assert_int_equal(s.estimate.regions, 2);
    assert_near(s.estimate.polls_per_s, 3);
    assert_near(s.estimate.rows[0].interval_ms, 2000);
    assert_near(s.estimate.rows[1].interval_ms, 1000);
    assert_near(s.estimate.rows[2].interval_ms, 1000);
    estimate_deinit(&s.estimate);
}

static void what_a_goal_would_need_is_what_holds_it(void **state)
{
    struct stage s;
    MAKE(&s, 0.3, { "a", "", 0, 5000, 0 }, { "a", "", 1000, 0, 0 }, { "a", "", 60000, 0, 0 });
    const struct estimate_row *row = &s.estimate.rows[0];
    double needed = row->needed_per_s;
    assert_ptr_equal(row->late, s.plan.targets);
    assert_true(row->pickup.p95_ms > 5000);
    estimate_deinit(&s.estimate);
    MAKE(&s, needed * 1.01, { "a", "", 0, 5000, 0 }, { "a", "", 1000, 0, 0 },
         { "a", "", 60000, 0, 0 });
    assert_null(s.estimate.rows[0].late);
    estimate_deinit(&s.estimate);
    MAKE(&s, needed * 0.98, { "a", "", 0, 5000, 0 }, { "a", "", 1000, 0, 0 },
         { "a", "", 60000, 0, 0 });
    assert_non_null(s.estimate.rows[0].late);
    estimate_deinit(&s.estimate);
}

/* The goal that a warning names, put in place of the one that it warns of, is warned of no more. */
static void the_goal_that_is_advised_holds(void **state)
{
    static const double ceilings_per_s[] = { 0.0957, 0.1937, 0.0123, 0.191 };
    for (size_t i = 0; i < sizeof ceilings_per_s / sizeof *ceilings_per_s; i++) {
        const struct estimate_limits limits = { .max_polls_per_s = ceilings_per_s[i],
                                                .max_in_flight = 256 };
        struct stage s;
        struct diagnostics c = { .file = STR("p.ini") };
        double goal_s = 0;
        MAKE(&s, ceilings_per_s[i], { "a", "", 0, 4000, 0 });
        estimate_complain(&s.estimate, &limits, (struct location) { 0 }, &c);
        assert_int_equal(c.count, 1);
        const char *advice = strstr(c.list[0].text, "or a goal of ");
        assert_non_null(advice);
        assert_int_equal(sscanf(advice, "or a goal of %lf s", &goal_s), 1);
        estimate_deinit(&s.estimate);
        MAKE(&s, ceilings_per_s[i], { "a", "", 0, (uint32_t)(goal_s * 1000 + 0.5), 0 });
        assert_null(s.estimate.rows[0].late);
        estimate_deinit(&s.estimate);
    }
}

static void all_sockets_are_those_of_the_regions(void **state)
{
    const struct estimate_limits limits = { .max_in_flight = 256, .max_in_flight_per_region = 2 };
    struct stage s;
    struct estimate f;
    MAKE(&s, 0, { "a", "", 1000, 0, 0 }, { "a", "", 2000, 0, 0 }, { "a", "", 3000, 0, 0 },
         { "b", "", 1000, 0, 0 });
    assert_int_equal(s.estimate.connections, 4);
    assert_int_equal(estimate_make(&f, &s.plan, &limits), 0);
    assert_int_equal(f.connections, 3);
    estimate_deinit(&f);
    estimate_deinit(&s.estimate);
}

static void idle_connections_count_beside_those_of_the_polls_in_flight(void **state)
{
    struct estimate_limits limits = { .max_in_flight = 1 };
    struct stage s;
    struct estimate f;
    MAKE(&s, 0, { "a", "", 1000, 0, 0 }, { "a", "p", 1000, 0, 0 }, { "b", "", 1000, 0, 0 });
    assert_int_equal(estimate_make(&f, &s.plan, &limits), 0);
    assert_int_equal(f.in_flight, 1);
    assert_int_equal(f.connections, 3);
    estimate_deinit(&f);
    limits = (struct estimate_limits) { .max_in_flight = 256, .max_connections = 2 };
    assert_int_equal(estimate_make(&f, &s.plan, &limits), 0);
    assert_int_equal(f.in_flight, 2);
    assert_int_equal(f.connections, 2);
    assert_int_equal(f.connections_wanted, 3);
    estimate_deinit(&f);
    estimate_deinit(&s.estimate);
}

static void a_late_goal_is_told_once_a_section(void **state)
{
    struct stage s;
    struct diagnostics c = { .file = STR("p.ini") };
    const struct estimate_limits limits = { .max_polls_per_s = 0.1, .max_in_flight = 256 };
    MAKE(&s, 0.1, { "a", "", 0, 1000, 0 }, { "b", "", 0, 600000, 0 });
    estimate_complain(&s.estimate, &limits, (struct location) { 0 }, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.errors, 0);
    estimate_deinit(&s.estimate);
}

static void more_polls_than_their_slots_can_do_are_warned_of(void **state)
{
    struct stage s;
    struct diagnostics c = { .file = STR("p.ini") };
    struct estimate_limits limits = { .max_in_flight = 3 };
    MAKE(&s, 0, { "a", "", 10, 0, 0 }, { "b", "", 10, 0, 0 });
    estimate_complain(&s.estimate, &limits, (struct location) { 4, 17 }, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.errors, 0);
    assert_int_equal(c.list[0].at.line, 4);
    assert_non_null(strstr(c.list[0].text, "200 polls a second"));
    assert_non_null(strstr(c.list[0].text, "it allows 30;"));
    assert_non_null(strstr(c.list[0].text, "it takes max-in-flight = 20"));
    limits = (struct estimate_limits) { .max_in_flight = 100, .max_connections = 3 };
    c.count = 0;
    estimate_complain(&s.estimate, &limits, (struct location) { 4, 17 }, &c);
    assert_int_equal(c.count, 1);
    assert_non_null(strstr(c.list[0].text, "max-connections = 3 is too low"));
    limits = (struct estimate_limits) { .max_in_flight = 20 }; /* what it said, taken */
    c.count = 0;
    estimate_complain(&s.estimate, &limits, (struct location) { 4, 17 }, &c);
    assert_int_equal(c.count, 0);
    estimate_deinit(&s.estimate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ceiling_each_target_has_its_interval),
        cmocka_unit_test(the_p95_of_a_jittered_interval_is_that_of_a_renewal_process),
        cmocka_unit_test(a_goal_is_the_p95),
        cmocka_unit_test(a_slowest_interval_shorter_than_the_goal_is_the_interval),
        cmocka_unit_test(a_ceiling_holds_back_those_that_want_most),
        cmocka_unit_test(each_account_and_region_has_a_ceiling_of_its_own),
        cmocka_unit_test(what_a_goal_would_need_is_what_holds_it),
        cmocka_unit_test(the_goal_that_is_advised_holds),
        cmocka_unit_test(all_sockets_are_those_of_the_regions),
        cmocka_unit_test(idle_connections_count_beside_those_of_the_polls_in_flight),
        cmocka_unit_test(a_late_goal_is_told_once_a_section),
        cmocka_unit_test(more_polls_than_their_slots_can_do_are_warned_of),
    };
    return cmocka_run_group_tests_name("estimate", tests, NULL, NULL);
}
