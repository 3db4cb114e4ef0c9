/* SPDX-License-Identifier: MIT */
/* What the simulator says of requests. */
#include "sim/request_log.h"

#include "lib/check.h"

#include "base/buf.h"

static const uint64_t second_ns = 1000000000;

static const char *line_of(struct request_log *log, const struct sim_served *what, uint64_t now_ns)
{
    static char text[512];
    struct buf out = BUF_ON(text);
    return request_log_line(log, &out, what, now_ns) ? buf_cstr(&out) : NULL;
}

static void another_key_is_told_beside_the_expected_one_once_a_second(void **state)
{
    struct request_log log = { .access_key_id = STR("AKIDEXAMPLE") };
    const struct sim_served wrong = { .access_key_id = STR("AKIDOTHER"),
                                      .status = 400,
                                      .code = "UnrecognizedClientException" };
    const char *line = line_of(&log, &wrong, second_ns);
    assert_non_null(strstr(line, "the key AKIDOTHER, and AKIDEXAMPLE is expected"));
    assert_null(strstr(line, "more"));
    for (uint64_t i = 1; i <= 9; i++)
        assert_null(line_of(&log, &wrong, second_ns + i * second_ns / 10));
    line = line_of(&log, &wrong, 2 * second_ns);
    assert_non_null(strstr(line, "9 more"));
}

static void a_wrong_secret_is_told_apart_from_a_wrong_key(void **state)
{
    struct request_log log = { .access_key_id = STR("AKIDEXAMPLE") };
    struct sim_served wrong = { .access_key_id = STR("AKIDEXAMPLE"),
                                .status = 400,
                                .code = "InvalidSignatureException" };
    assert_non_null(strstr(line_of(&log, &wrong, second_ns), "another secret key"));
    wrong.code = "UnrecognizedClientException";
    assert_non_null(strstr(line_of(&log, &wrong, 9 * second_ns), "session token"));
    wrong.code = "ThrottlingException";
    assert_null(line_of(&log, &wrong, 99 * second_ns));
}

static void each_request_is_a_line_where_that_is_asked_for(void **state)
{
    struct request_log log = { .access_key_id = STR("AKIDEXAMPLE"), .all = true };
    const struct sim_served good = { .operation = STR("PollForJobs"),
                                     .region = STR("eu-west-1"),
                                     .access_key_id = STR("AKIDEXAMPLE"),
                                     .status = 200,
                                     .jobs = 3 };
    const struct sim_served bad = { .status = 0 };
    assert_string_equal(line_of(&log, &good, 1), "PollForJobs eu-west-1 AKIDEXAMPLE 200 3 jobs");
    assert_string_equal(line_of(&log, &bad, 1), "- - - reset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_key_is_told_beside_the_expected_one_once_a_second),
        cmocka_unit_test(a_wrong_secret_is_told_apart_from_a_wrong_key),
        cmocka_unit_test(each_request_is_a_line_where_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
