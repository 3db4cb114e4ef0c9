/* SPDX-License-Identifier: MIT */
/* What became of each job of a demo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "sim/job_tracker.h"

enum { MS = 1000000 };

static struct job_tracker *new_tally(void)
{
    struct job_tracker *t = calloc(1, sizeof *t); /* large for a stack */
    assert_non_null(t);
    return t;
}

static void free_tally(struct job_tracker *t)
{
    job_tracker_deinit(t);
    free(t);
}

static void a_job_found_twice_is_doubled_and_one_never_handed_out_is_strange(void **state)
{
    struct job_tracker *t = new_tally();
    job_tracker_found(t, STR("a"), 0);
    assert_int_equal(t->strange, 1);
    assert_int_equal(job_tracker_handed_out(t, STR("a"), 0), 0);
    assert_int_equal(job_tracker_handed_out(t, STR("a"), 5 * MS), 0); /* again, after its lease */
    assert_int_equal(t->count, 1);
    job_tracker_found(t, STR("a"), 9 * MS);
    job_tracker_found(t, STR("a"), 99 * MS);
    assert_int_equal(t->found, 1);
    assert_int_equal(t->doubled, 1);
    assert_int_equal(t->max_ms, 9);
    job_tracker_found(t, STR("b"), 0);
    assert_int_equal(t->strange, 2);
    free_tally(t);
}

static void an_id_that_cannot_be_kept_is_refused(void **state)
{
    struct job_tracker *t = new_tally();
    char id[JOB_TRACKER_ID_MAX + 1];
    memset(id, 'x', sizeof id);
    assert_int_equal(job_tracker_handed_out(t, STR(""), 0), PIPEPOLL_EINVAL);
    assert_int_equal(job_tracker_handed_out(t, (str) { id, sizeof id }, 0), PIPEPOLL_EINVAL);
    assert_int_equal(job_tracker_handed_out(t, (str) { id, sizeof id - 1 }, 0), 0);
    free_tally(t);
}

static void shares_of_the_waits_are_exact_to_the_millisecond(void **state)
{
    struct job_tracker *t = new_tally();
    assert_int_equal(job_tracker_wait_ms(t, 0.5), 0);
    for (int i = 1; i <= 10000; i++) {
        char id[16];
        snprintf(id, sizeof id, "job-%d", i);
        assert_int_equal(job_tracker_handed_out(t, str_of(id), MS), 0);
        job_tracker_found(t, str_of(id), (uint64_t)(i + 1) * MS);
    }
    assert_int_equal(t->found, 10000);
    assert_int_equal(job_tracker_wait_ms(t, 0.5), 5000);
    assert_int_equal(job_tracker_wait_ms(t, 0.99), 9900);
    assert_int_equal(job_tracker_wait_ms(t, 1), 10000);
    free_tally(t);
}

static void a_wait_beyond_the_scale_keeps_its_maximum(void **state)
{
    struct job_tracker *t = new_tally();
    assert_int_equal(job_tracker_handed_out(t, STR("late"), 0), 0);
    job_tracker_found(t, STR("late"), (uint64_t)100000 * MS);
    assert_int_equal(t->max_ms, 100000);
    assert_int_equal(job_tracker_wait_ms(t, 0.5), JOB_TRACKER_WAIT_MAX_MS);
    free_tally(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_found_twice_is_doubled_and_one_never_handed_out_is_strange),
        cmocka_unit_test(an_id_that_cannot_be_kept_is_refused),
        cmocka_unit_test(shares_of_the_waits_are_exact_to_the_millisecond),
        cmocka_unit_test(a_wait_beyond_the_scale_keeps_its_maximum),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
