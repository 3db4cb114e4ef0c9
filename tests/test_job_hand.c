/* SPDX-License-Identifier: MIT */
/* What the log is told of a job's end: of what kind it is, whatever is said of this one. And
 * credentials that nobody can use. */
#include "daemon/job.h"

#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>

/* The program is linked with --wrap of these. */
static struct job *the_job;
static char kind_told[256], line_told[2048];

void *__wrap_pipepoll_work_user(const struct pipepoll_work *work);
void *__wrap_pipepoll_work_user(const struct pipepoll_work *work)
{
    return the_job;
}

str __wrap_pipepoll_work_job_id(const struct pipepoll_work *work);
str __wrap_pipepoll_work_job_id(const struct pipepoll_work *work)
{
    return STR("of-letters");
}

str __wrap_pipepoll_work_region(const struct pipepoll_work *work);
str __wrap_pipepoll_work_region(const struct pipepoll_work *work)
{
    return STR("us-east-1");
}

void __wrap_logger_repeat(const struct logger *logger, enum pipepoll_level level,
                          const struct subject *about, str kind, uint32_t allowance, str line);
void __wrap_logger_repeat(const struct logger *logger, enum pipepoll_level level,
                          const struct subject *about, str kind, uint32_t allowance, str line)
{
    assert_int_equal(allowance, JOB_FAULT_LINES);
    str_copy(kind_told, sizeof kind_told, kind);
    str_copy(line_told, sizeof line_told, line);
}

/* What its handler says of its failure. */
static const char *failure = "";

/* Its kind, and line_told. */
static const char *end(enum pipepoll_work_outcome outcome, bool ran, const char *message)
{
    static char name[] = "web";
    static const struct logger logger = { .level = PIPEPOLL_DEBUG };
    struct target_set_entry found_at = { .name = name, .holds = 1 };
    struct job_tally tally = { .in_hand = 1 };
    uv_loop_t loop;
    struct job_runner *r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(uv_loop_init(&loop), 0);
    r->loop = &loop;
    r->logger = &logger;
    r->tally = &tally;
    list_init(&r->jobs);
    list_init(&r->runs);
    job_hand_fill(&r->handler);
    the_job = job_new(r, &found_at);
    assert_non_null(the_job);
    if (failure[0])
        job_note_failure(the_job, str_of(failure));
    const struct pipepoll_work_end e = {
        .size = sizeof e, .outcome = outcome, .ran = ran, .message = str_of(message)
    };
    kind_told[0] = line_told[0] = '\0';
    r->handler.ended(&r->handler, NULL, &e);
    assert_int_equal(tally.in_hand, 0);
    uv_loop_close(&loop);
    free(r);
    return kind_told;
}

static void the_outcome_alone_is_the_kind_of_an_end(void **state)
{
    static const enum pipepoll_work_outcome outcomes[] = { PIPEPOLL_WORK_FAILED,
                                                           PIPEPOLL_WORK_REJECTED,
                                                           PIPEPOLL_WORK_UNREPORTED };
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        const char *name = pipepoll_work_outcome_name(outcomes[i]);
        assert_string_equal(end(outcomes[i], true, "artifact of alice is refused"), name);
        assert_non_null(strstr(line_told, "job of-letters: "));
        assert_non_null(strstr(line_told, " s: artifact of alice is refused"));
        assert_string_equal(end(outcomes[i], true, "artifact of bob is refused"), name);
        assert_string_equal(end(outcomes[i], false, ""), name);
    }
}

static void a_failure_is_told_with_what_its_handler_says(void **state)
{
    failure = "no disk\nfor \033 alice";
    assert_string_equal(end(PIPEPOLL_WORK_FAILED, true, ""), "failed");
    assert_non_null(strstr(line_told, "job of-letters: failed after "));
    assert_non_null(strstr(line_told, " s: no disk?for ? alice"));
    end(PIPEPOLL_WORK_REJECTED, true, "the message is too long"); /* it has not arrived */
    assert_non_null(strstr(line_told, " s: the message is too long"));
    assert_null(strstr(line_told, "alice"));
    end(PIPEPOLL_WORK_UNREPORTED, true, "");
    assert_null(strstr(line_told, "alice"));
    failure = "";
}

static void an_end_that_is_well_is_always_written(void **state)
{
    assert_string_equal(end(PIPEPOLL_WORK_SUCCEEDED, true, ""), "");
    assert_string_equal(end(PIPEPOLL_WORK_CONTINUED, true, ""), "");
}

static void renewed_credentials_of_no_run_are_left(void **state)
{
    const struct pipepoll_artifact_credentials c = { .secret_access_key = STR("secret") };
    struct job without_run = { .run = NULL };
    struct pipepoll_handler handler;
    job_hand_fill(&handler);
    the_job = &without_run;
    handler.renewed(&handler, NULL, &c);
    the_job = NULL; /* there was no memory for it */
    handler.renewed(&handler, NULL, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outcome_alone_is_the_kind_of_an_end),
        cmocka_unit_test(a_failure_is_told_with_what_its_handler_says),
        cmocka_unit_test(an_end_that_is_well_is_always_written),
        cmocka_unit_test(renewed_credentials_of_no_run_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
