/* SPDX-License-Identifier: MIT */
/* aws/job_status: what an acknowledgement may answer. */
#include "aws/job_status.h"

#include <stdio.h>

#include "lib/check.h"

static enum decode_result decode(enum job_status *status, const char *text,
                                 struct pipepoll_error *why)
{
    static char body[256];
    struct json_token tokens[16];
    struct decode_memory memory = { tokens, 16, NULL, 0, 0, 0 };
    snprintf(body, sizeof body, "%s", text);
    return job_status_decode(status, &memory, str_of(body), why);
}

static void assert_status(const char *body, enum job_status want)
{
    enum job_status status = JOB_STATUS_FAILED;
    assert_int_equal(decode(&status, body, NULL), DECODE_OK);
    assert_int_equal(status, want);
}

static void every_status_of_the_model_is_read(void **state)
{
    static const char *const names[] = { "Created",  "Queued",    "Dispatched", "InProgress",
                                         "TimedOut", "Succeeded", "Failed" };
    for (size_t i = 0; i < 7; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"status\":\"%s\"}", names[i]);
        assert_status(body, (enum job_status)(JOB_STATUS_CREATED + i));
        assert_string_equal(job_status_name((enum job_status)(JOB_STATUS_CREATED + i)), names[i]);
    }
    assert_string_equal(job_status_name(JOB_STATUS_ABSENT), "absent");
    assert_string_equal(job_status_name(JOB_STATUS_OTHER), "other");
    assert_status("{\"x\":{\"status\":1},\"st\\u0061tus\":\"In\\u0050rogress\"}",
                  JOB_STATUS_IN_PROGRESS);
}

static void an_absent_status_and_an_unknown_one_are_no_other(void **state)
{
    assert_status("{}", JOB_STATUS_ABSENT);
    assert_status("{\"status\":null}", JOB_STATUS_ABSENT);
    assert_status("{\"status\":\"\"}", JOB_STATUS_OTHER);
    assert_status("{\"status\":\"inprogress\"}", JOB_STATUS_OTHER);
    assert_status("{\"status\":\"InProgress \"}", JOB_STATUS_OTHER);
    assert_status("{\"status\":\"absent\"}", JOB_STATUS_OTHER);
    assert_status("{\"status\":\"Stopped\"}", JOB_STATUS_OTHER);
}

static void what_is_no_answer_is_no_status(void **state)
{
    static const struct {
        const char *body, *sentence;
    } rows[] = {
        { "", "the body is empty" },
        { "{\"message\":\"InProgress\"}", "the answer has no status, but message" },
        { "{\"status\":1}", "status is a number, not a string" },
        { "{\"status\":\"Failed\",\"status\":\"InProgress\"}", "status is there twice" },
        { "{\"status\":\"InProgress\\u0000\"}", "status has a NUL in it" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_error why;
        enum job_status status = JOB_STATUS_IN_PROGRESS;
        assert_int_equal(decode(&status, rows[i].body, &why), DECODE_BAD);
        assert_int_equal(status, JOB_STATUS_ABSENT);
        assert_string_equal(why.text, rows[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_of_the_model_is_read),
        cmocka_unit_test(an_absent_status_and_an_unknown_one_are_no_other),
        cmocka_unit_test(what_is_no_answer_is_no_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
