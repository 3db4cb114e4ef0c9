/* SPDX-License-Identifier: MIT */
/* One status out of those of several loops: nothing is lost, counted twice or mixed up, in whatever
 * order the parts come. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"
#include "status/status_join.h"

struct row {
    const char *name, *region, *identity;
    size_t section;
    uint64_t polls;
};

/* A loop's part: a region for each row. */
static void fill(struct status *s, const struct row *rows, size_t count)
{
    *s = (struct status) { .now_ms = 0 };
    s->targets = status_array(s, count, sizeof *s->targets);
    s->regions = status_array(s, count, sizeof *s->regions);
    s->handlers = status_array(s, 1, sizeof *s->handlers);
    s->handlers[0] = (struct status_handler) { .name = STR("h"), .running = 1 };
    s->handler_count = 1;
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        s->targets[i] = (struct status_target) { .name = status_text(s, str_of(r->name)),
                                                 .region = str_of(r->region),
                                                 .section = r->section,
                                                 .region_index = i,
                                                 .state = STATUS_WELL };
        s->regions[i] = (struct status_region) { .region = status_text(s, str_of(r->region)),
                                                 .identity = str_of(r->identity) };
        s->regions[i].polls[STATUS_EMPTY] = r->polls;
        s->polls_started += r->polls;
    }
    s->target_count = s->region_count = count;
    s->found = 1;
    s->late_us_max = count;
    histogram_add(&s->pickup, 1000 * count);
}

static const struct row first[] = { { "web", "us-east-1", "default", 1, 10 },
                                    { "api", "eu-west-1", "profile b", 0, 20 } };
static const struct row second[] = { { "web", "ap-south-1", "default", 1, 30 },
                                     { "api", "ca-central-1", "profile a", 0, 40 },
                                     { "cron", "us-east-1", "default", 2, 50 } };

static void assert_whole(const struct status *s)
{
    static const struct row want[] = { { "api", "ca-central-1", "profile a", 0, 40 },
                                       { "api", "eu-west-1", "profile b", 0, 20 },
                                       { "web", "ap-south-1", "default", 1, 30 },
                                       { "web", "us-east-1", "default", 1, 10 },
                                       { "cron", "us-east-1", "default", 2, 50 } };
    assert_int_equal(s->target_count, 5);
    assert_int_equal(s->region_count, 5);
    for (size_t i = 0; i < s->target_count; i++) {
        const struct status_target *t = &s->targets[i];
        const struct status_region *r = &s->regions[t->region_index];
        assert_true(str_eq(t->name, str_of(want[i].name)));
        assert_true(str_eq(t->region, str_of(want[i].region)));
        assert_true(str_eq(r->region, t->region));
        assert_true(str_eq(r->identity, str_of(want[i].identity)));
        assert_int_equal(r->polls[STATUS_EMPTY], want[i].polls);
        assert_int_equal(r->targets[STATUS_WELL], 1);
    }
    for (size_t i = 1; i < s->region_count; i++)
        assert_true(memcmp(s->regions[i - 1].identity.ptr, s->regions[i].identity.ptr, 7) <= 0);
    assert_int_equal(s->states[STATUS_WELL], 5);
    assert_int_equal(s->polls[STATUS_EMPTY], 150);
    assert_int_equal(s->polls_started, 150);
    assert_int_equal(s->found, 2);
    assert_int_equal(s->late_us_max, 3);
    assert_int_equal(s->pickup.count, 2);
    assert_int_equal(s->handler_count, 1);
    assert_int_equal(s->handlers[0].running, 2);
}

static void make(struct status *whole, bool second_first)
{
    struct status parts[2];
    fill(&parts[second_first], first, 2);
    fill(&parts[!second_first], second, 3);
    *whole = (struct status) { .now_ms = 0 };
    status_join(whole, parts, 2);
    status_settle(whole);
    assert_null(parts[0].arena.first);
    assert_null(parts[1].arena.first);
}

static void all_parts_are_there_in_the_order_of_the_file(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct status s;
        make(&s, i == 1);
        assert_whole(&s);
        status_deinit(&s);
    }
}

static void failing_targets_are_counted_by_what_they_fail_of(void **state)
{
    struct status s;
    fill(&s, second, 3);
    for (size_t i = 0; i < s.target_count; i++) {
        s.targets[i].state = i < 2 ? STATUS_FAILING : STATUS_WELL;
        s.targets[i].failing = STATUS_DENIED; /* of no interest while it is well */
        s.targets[i].region_index = 0;
    }
    status_settle(&s);
    const struct status_region *r = &s.regions[s.targets[0].region_index];
    assert_int_equal(r->targets[STATUS_FAILING], 2);
    assert_int_equal(r->targets[STATUS_WELL], 1);
    for (int i = 0; i < STATUS_OUTCOMES; i++)
        assert_int_equal(r->failing[i], i == STATUS_DENIED ? 2 : 0);
    status_deinit(&s);
}

static void a_loop_without_targets_adds_nothing(void **state)
{
    struct status whole = { .now_ms = 0 }, parts[3] = { { .now_ms = 0 } };
    fill(&parts[1], first, 2);
    status_join(&whole, parts, 3);
    status_settle(&whole);
    assert_int_equal(whole.target_count, 2);
    assert_true(str_eq(whole.targets[0].name, STR("api")));
    status_deinit(&whole);
}

static void credentials_of_several_loops_are_told_once_the_worst(void **state)
{
    struct status whole = { .now_ms = 0 }, parts[2];
    for (int i = 0; i < 2; i++) {
        fill(&parts[i], first, 2);
        parts[i].credentials = status_array(&parts[i], 2, sizeof *parts[i].credentials);
        parts[i].credentials[0].source = STR("environment");
        parts[i].credentials[1].source = i ? STR("profile a") : STR("profile b");
        parts[i].credentials[0].usable = i == 0;
        parts[i].credentials_count = 2;
    }
    status_join(&whole, parts, 2);
    status_settle(&whole);
    assert_int_equal(whole.credentials_count, 3);
    assert_true(str_eq(whole.credentials[0].source, STR("environment")));
    assert_false(whole.credentials[0].usable); /* the worse one of both */
    status_deinit(&whole);
}

static void jobs_in_hand_come_first_and_the_newest_before_others(void **state)
{
    struct status whole = { .now_ms = 0 }, part = { .now_ms = 0 };
    const struct status_job jobs[] = { { .job_id = STR("old end"), .end = 0, .ended_ms = 10 },
                                       { .job_id = STR("hand 5"), .end = -1, .found_ms = 5 },
                                       { .job_id = STR("new end"), .end = 2, .ended_ms = 20 },
                                       { .job_id = STR("hand 9"), .end = -1, .found_ms = 9 } };
    static const char *const want[] = { "hand 9", "hand 5", "new end", "old end" };
    part.jobs = status_array(&part, 4, sizeof *part.jobs);
    memcpy(part.jobs, jobs, sizeof jobs);
    part.job_count = 4;
    status_join(&whole, &part, 1);
    status_settle(&whole);
    for (size_t i = 0; i < 4; i++)
        assert_true(str_eq(whole.jobs[i].job_id, str_of(want[i])));
    status_deinit(&whole);
}

static void a_rate_is_what_was_counted_since_the_status_before(void **state)
{
    struct status before = { .now_ms = 0 }, s, old;
    make(&s, false);
    status_rate(&s, &before, 10);
    assert_int_equal((int)s.polls_per_s, 15);
    assert_int_equal((int)s.regions[s.targets[4].region_index].polls_per_s, 5);
    fill(&old, first, 2); /* other targets came since */
    struct status whole = { .now_ms = 0 };
    status_join(&whole, &old, 1);
    status_settle(&whole);
    status_rate(&s, &whole, 10);
    assert_int_equal((int)s.polls_per_s, 12);
    assert_int_equal((int)s.regions[s.targets[3].region_index].polls_per_s, 0);
    assert_int_equal((int)s.regions[s.targets[1].region_index].polls_per_s, 0);
    assert_int_equal((int)s.regions[s.targets[0].region_index].polls_per_s, 4);
    status_deinit(&whole);
    status_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_are_there_in_the_order_of_the_file),
        cmocka_unit_test(failing_targets_are_counted_by_what_they_fail_of),
        cmocka_unit_test(a_loop_without_targets_adds_nothing),
        cmocka_unit_test(credentials_of_several_loops_are_told_once_the_worst),
        cmocka_unit_test(jobs_in_hand_come_first_and_the_newest_before_others),
        cmocka_unit_test(a_rate_is_what_was_counted_since_the_status_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
