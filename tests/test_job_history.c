/* SPDX-License-Identifier: MIT */
/* The last jobs that ended, the newest first; texts are cut between characters. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/job_history.h"
#include "lib/check.h"

static void add(struct job_history *h, unsigned number)
{
    char id[32];
    snprintf(id, sizeof id, "job-%u", number);
    const struct status_job job = { .job_id = str_of(id), .end = (int)number % STATUS_JOB_ENDS };
    job_history_add(h, &job);
}

static void the_last_come_first_and_older_ones_go(void **state)
{
    static struct job_history h;
    struct status_job job;
    assert_false(job_history_get(&h, 0, &job));
    add(&h, 1);
    add(&h, 2);
    assert_true(job_history_get(&h, 0, &job) && str_eq(job.job_id, STR("job-2")));
    assert_true(job_history_get(&h, 1, &job) && str_eq(job.job_id, STR("job-1")));
    assert_false(job_history_get(&h, 2, &job));
    for (unsigned i = 3; i <= 50; i++)
        add(&h, i);
    for (unsigned i = 0; i < JOB_HISTORY_JOBS; i++) {
        char id[32];
        snprintf(id, sizeof id, "job-%u", 50 - i);
        assert_true(job_history_get(&h, i, &job) && str_eq(job.job_id, str_of(id)));
    }
    assert_false(job_history_get(&h, JOB_HISTORY_JOBS, &job));
}

static void long_texts_are_cut_between_characters(void **state)
{
    static struct job_history h;
    char text[2 * JOB_HISTORY_TEXT_MAX] = "x";
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    struct status_job whole = {
        .job_id = str_of(text), .target = str_of(text + 1), .message = STR("short"), .end = 2
    };
    struct status_job job;
    job_history_add(&h, &whole);
    assert_true(job_history_get(&h, 0, &job));
    whole.job_id.len = JOB_HISTORY_TEXT_MAX - 1; /* fits to the byte */
    whole.target.len = JOB_HISTORY_TEXT_MAX - 2; /* half a character more would fit */
    assert_true(str_eq(job.job_id, whole.job_id));
    assert_true(str_eq(job.target, whole.target));
    assert_true(str_eq(job.message, STR("short")));
    assert_int_equal(job.end, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_come_first_and_older_ones_go),
        cmocka_unit_test(long_texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
