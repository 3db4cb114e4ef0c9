/* SPDX-License-Identifier: MIT */
#include "handler/report.h"

#include <stdlib.h>

#include "base/buf.h"
#include "lib/check.h"

static char room[65536];

static struct report read_text(str text)
{
    struct report r;
    memcpy(room, text.ptr, text.len);
    assert_int_equal(report_read(&r, room, text.len), 0);
    return r;
}

static struct report read_line(const char *line)
{
    return read_text(str_of(line));
}

static void progress_is_read(void **state)
{
    struct report r = read_line("{\"progress\": {\"percent\": 40, \"summary\": \"a\\nb\","
                                "\"externalExecutionId\": \"run-1\"}}");
    assert_int_equal(r.kind, REPORT_PROGRESS);
    assert_true(r.has_percent);
    assert_int_equal(r.percent, 40);
    assert_str_equal(r.summary, "a\nb");
    assert_str_equal(r.execution_id, "run-1");
    r = read_line("{\"progress\": {}}");
    assert_int_equal(r.kind, REPORT_PROGRESS);
    assert_false(r.has_percent);
}

static void progress_that_is_wrong_is_any_line(void **state)
{
    static const char *const lines[] = {
        "{\"progress\": 40}",
        "{\"progress\": {\"percent\": 101}}",
        "{\"progress\": {\"percent\": -1}}",
        "{\"progress\": {\"percent\": 4.5}}",
        "{\"progress\": {\"percent\": 99999999999999999999}}",
        "{\"progress\": {\"summary\": []}}",
        "{\"progress\": {\"percent\": 40}",
        "{\"progress\": null}",
        "{\"other\": 1}",
        "{}",
        "[]",
        "progress",
        "",
        "   ",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(read_line(lines[i]).kind, REPORT_OTHER);
}

static void a_success_is_read_with_all_it_brings(void **state)
{
    struct report r =
        read_line("  {\"result\": {\"status\": \"succeeded\", \"summary\": \"s\", "
                  "\"externalExecutionId\": \"e\", \"percentComplete\": 100, \"message\": null, "
                  "\"revision\": {\"revision\": \"abc\", \"changeIdentifier\": \"c\", "
                  "\"summary\": \"rs\", \"created\": 1764360000}}}\r");
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
    assert_str_equal(r.summary, "s");
    assert_str_equal(r.execution_id, "e");
    assert_int_equal(r.percent, 100);
    assert_true(r.has_revision);
    assert_str_equal(r.revision, "abc");
    assert_str_equal(r.change_identifier, "c");
    assert_str_equal(r.revision_summary, "rs");
    assert_int_equal(r.revision_created_s, 1764360000);
}

static void a_failure_has_a_type_of_the_api(void **state)
{
    struct report r = read_line("{\"result\":{\"status\":\"failed\",\"message\":\"m\"}}");
    assert_int_equal(r.kind, REPORT_FAILED);
    assert_int_equal(r.failure, PIPEPOLL_FAILURE_JOB);
    assert_str_equal(r.message, "m");
    r = read_line("{\"result\":{\"status\":\"failed\",\"failureType\":\"PermissionError\"}}");
    assert_int_equal(r.failure, PIPEPOLL_FAILURE_PERMISSION);
    assert_string_equal(pipepoll_failure_type_name(r.failure), "PermissionError");
}

static void a_continuation_needs_a_token(void **state)
{
    struct report r =
        read_line("{\"result\":{\"status\":\"continue\",\"continuationToken\":\"t\"}}");
    assert_int_equal(r.kind, REPORT_CONTINUE);
    assert_str_equal(r.continuation_token, "t");
    r = read_line("{\"result\":{\"status\":\"continue\"}}");
    assert_int_equal(r.kind, REPORT_BAD);
    assert_string_equal(r.why.text, "status is continue, and there is no continuationToken");
}

static void check_bad(const char *line, const char *why)
{
    struct report r = read_line(line);
    assert_int_equal(r.kind, REPORT_BAD);
    assert_string_equal(r.why.text, why);
}

static void what_is_wrong_with_a_result_is_told(void **state)
{
    check_bad("{\"result\": \"succeeded\"}", "result is a string, not an object");
    check_bad("{\"result\": {}}", "it has no status");
    check_bad("{\"result\": {\"status\": 1}}", "status is a number, not a string");
    check_bad(
        "{\"result\": {\"status\": \"succeededd\"}}",
        "status is \"succeededd\" (did you mean \"succeeded\"?): there are succeeded, failed and "
        "continue");
    check_bad("{\"result\": {\"status\": \"succeeded\", \"percentComplete\": 101}}",
              "percentComplete is 101, not a whole number from 0 to 100");
    check_bad("{\"result\": {\"status\": \"succeeded\", \"revision\": {\"revision\": \"a\"}}}",
              "revision needs both revision and changeIdentifier");
    check_bad("{\"result\": {\"status\": \"succeeded\", \"summary\": {}}}",
              "summary is an object, not a string");
    assert_int_equal(read_line("{ \"result\": {\"status\": \"failed\"").kind, REPORT_BAD);
    assert_int_equal(read_line("{\"result\": {\"status\": \"failed\"}} trailing").kind, REPORT_BAD);
}

static struct report read_long(const char *name, const char *character, size_t count)
{
    static char text[40000];
    struct buf b = BUF_ON(text);
    buf_printf(&b, "{\"result\":{\"status\":\"failed\",\"%s\":\"", name);
    for (size_t i = 0; i < count; i++)
        buf_put(&b, str_of(character));
    buf_put(&b, STR("\"}}"));
    return read_text(buf_str(&b));
}

static void texts_for_people_are_cut_between_characters(void **state)
{
    assert_int_equal(read_long("message", "x", 6000).message.len, 5000);
    assert_int_equal(read_long("message", "\xc3\xa4", 5001).message.len, 10000);
    assert_int_equal(read_long("summary", "x", 2049).summary.len, 2048);
}

static void texts_for_machines_are_never_cut(void **state)
{
    assert_int_equal(read_long("externalExecutionId", "x", 1500).kind, REPORT_FAILED);
    struct report r = read_long("externalExecutionId", "x", 1501);
    assert_int_equal(r.kind, REPORT_BAD);
    assert_string_equal(r.why.text, "externalExecutionId has more than 1500 characters");
    assert_int_equal(read_long("continuationToken", "x", 2049).kind, REPORT_BAD);
}

static void a_result_with_many_members_is_read(void **state)
{
    static char text[8192];
    struct buf b = BUF_ON(text);
    buf_put(&b, STR("{\"result\":{\"list\":["));
    for (int i = 0; i < 500; i++)
        buf_put(&b, STR("1,"));
    buf_put(&b, STR("1],\"status\":\"succeeded\"}}"));
    assert_int_equal(read_text(buf_str(&b)).kind, REPORT_SUCCEEDED);
}

static void a_line_may_say_which_job_it_is_about(void **state)
{
    struct report r = read_line("{\"jobId\":\"1-2\",\"progress\":{\"percent\":4}}");
    assert_int_equal(r.kind, REPORT_PROGRESS);
    assert_str_equal(r.job_id, "1-2");
    r = read_line("{\"result\": {\"status\": \"succeeded\"}, \"jobId\": \"1-\\u0032\"}");
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
    assert_str_equal(r.job_id, "1-2");
    r = read_line("{\"jobId\": \"1-2\", \"result\": 3}");
    assert_int_equal(r.kind, REPORT_BAD);
    assert_str_equal(r.job_id, "1-2");
    assert_str_equal(read_line("{\"jobId\": \"1-2\", \"other\": 3}").job_id, "1-2");
    assert_int_equal(read_line("{\"jobId\": 12, \"progress\": {}}").job_id.len, 0);
    assert_int_equal(read_line("{\"progress\": {}}").job_id.len, 0);
}

static void a_result_that_is_no_json_still_says_its_job(void **state)
{
    struct report r = read_line(" { \"jobId\" : \"1-2\" , \"result\": {\"status\": ");
    assert_int_equal(r.kind, REPORT_BAD);
    assert_str_equal(r.job_id, "1-2");
    r = read_line("{\"result\": {\"status\": ");
    assert_int_equal(r.kind, REPORT_BAD);
    assert_int_equal(r.job_id.len, 0);
}

static void the_beginning_of_a_line_shows_a_result(void **state)
{
    static const char *const others[] = { "",
                                          "{",
                                          "{\"jobId\"",
                                          "{\"jobId\":\"",
                                          "{\"jobId\":\"1-2",
                                          "{\"jobId\":\"1-2\"",
                                          "{\"jobId\":\"1-2\",",
                                          "{\"jobId\":\"1-2\",\"progress\"",
                                          "{\"jobId\":12,\"result\"",
                                          "\"result\"" };
    str job_id = STR("not changed");
    assert_false(report_begins_result(STR("result"), &job_id));
    assert_int_equal(job_id.len, 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(report_begins_result(str_of(others[i]), &job_id));
    assert_true(report_begins_result(STR("{\"jobId\":\"1-2\",\"result\":{\"sta"), &job_id));
    assert_str_equal(job_id, "1-2");
    assert_true(report_begins_result(STR("{\"result\""), &job_id));
    assert_int_equal(job_id.len, 0);
    assert_true(report_begins_result(STR("{\"result\""), NULL));
}

/* --- output variables --- */

static void output_variables_are_read_and_copied(void **state)
{
    struct pipepoll_variable *v;
    struct report copy,
        r = read_line("{\"result\": {\"outputVariables\": {\"a@1\": \"x\\ny\\u00e9\","
                      " \"b\": \"\"}, \"status\": \"succeeded\","
                      "\"summary\": \"a\\tb\"}}");
    void *block;
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
    assert_int_equal(r.variable_count, 2);
    assert_int_equal(report_copy(&copy, &block, &r), 0);
    memset(room, 0x55, sizeof room);
    for (int i = 0; i < 2; i++) { /* as often as wanted */
        assert_int_equal(report_variables(&v, &copy), 0);
        assert_str_equal(v[0].name, "a@1");
        assert_str_equal(v[0].value, "x\ny\xc3\xa9");
        assert_str_equal(v[1].name, "b");
        assert_str_equal(v[1].value, "");
        free(v);
    }
    free(block);
}

static void many_output_variables_are_read(void **state)
{
    struct pipepoll_variable *v;
    char line[32768];
    struct buf b = BUF_ON(line);
    buf_printf(&b, "{\"result\": {\"status\": \"succeeded\", \"outputVariables\": {");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%s\"v%d\":\"%d\"", i ? "," : "", i, i);
    buf_printf(&b, "}}}");
    struct report r = read_text(buf_str(&b));
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
    assert_int_equal(r.variable_count, 1000);
    assert_int_equal(report_variables(&v, &r), 0);
    assert_str_equal(v[999].name, "v999");
    free(v);
}

static void no_output_variables_are_none(void **state)
{
    struct pipepoll_variable *v;
    struct report r = read_line("{\"result\": {\"status\": \"succeeded\","
                                "\"outputVariables\": {}}}");
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
    assert_int_equal(report_variables(&v, &r), 0);
    assert_null(v);
    r = read_line("{\"result\": {\"status\": \"succeeded\", \"outputVariables\": null}}");
    assert_int_equal(r.kind, REPORT_SUCCEEDED);
}

static void output_variables_that_are_no_texts_are_told(void **state)
{
    struct report r = read_line("{\"result\": {\"status\": \"succeeded\","
                                "\"outputVariables\": {\"a\": 1}}}");
    assert_int_equal(r.kind, REPORT_BAD);
    assert_string_equal(r.why.text, "a value of outputVariables is a number, not a string");
    r = read_line("{\"result\": {\"status\": \"succeeded\", \"outputVariables\": []}}");
    assert_int_equal(r.kind, REPORT_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_read),
        cmocka_unit_test(progress_that_is_wrong_is_any_line),
        cmocka_unit_test(a_success_is_read_with_all_it_brings),
        cmocka_unit_test(a_failure_has_a_type_of_the_api),
        cmocka_unit_test(a_continuation_needs_a_token),
        cmocka_unit_test(what_is_wrong_with_a_result_is_told),
        cmocka_unit_test(texts_for_people_are_cut_between_characters),
        cmocka_unit_test(texts_for_machines_are_never_cut),
        cmocka_unit_test(a_result_with_many_members_is_read),
        cmocka_unit_test(a_line_may_say_which_job_it_is_about),
        cmocka_unit_test(a_result_that_is_no_json_still_says_its_job),
        cmocka_unit_test(the_beginning_of_a_line_shows_a_result),
        cmocka_unit_test(output_variables_are_read_and_copied),
        cmocka_unit_test(many_output_variables_are_read),
        cmocka_unit_test(no_output_variables_are_none),
        cmocka_unit_test(output_variables_that_are_no_texts_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
