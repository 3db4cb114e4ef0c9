/* SPDX-License-Identifier: MIT */
/* The lines of `pipepoll run`, and the JSON they are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/jsontext.h"
#include "daemon/event.h"

static const int64_t unix_ms = 1782115200045;
static const struct record_target web = {
    .name = STR_INIT("web"),
    .region = STR_INIT("us-east-1"),
    .action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("P"), STR_INIT("1") },
};

static struct record job_of(const struct record_target *from, str client_id, str job_id,
                            str request_id)
{
    return (struct record) { .kind = RECORD_JOB,
                             .unix_ms = unix_ms,
                             .job = { *from, client_id, job_id, request_id } };
}

static struct record health_of(enum health health, int status)
{
    return (struct record) { .kind = RECORD_HEALTH,
                             .unix_ms = unix_ms,
                             .health = { .from = web, .health = health, .status = status } };
}

#define TIME "\"time\":\"2026-06-22T08:00:00.045Z\""
#define SOURCE                                                                                     \
    TIME ",\"region\":\"us-east-1\",\"actionTypeId\":{"                                            \
         "\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"P\",\"version\":\"1\"}"

static void a_job_is_one_line_with_fixed_members(void **state)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    const struct record job = job_of(&web, STR("c-1"), STR("j-1"), STR("r-1"));
    event_put(&line, &job);
    assert_string_equal(buf_cstr(&line), "{\"event\":\"job\"," SOURCE ",\"clientId\":\"c-1\","
                                         "\"jobId\":\"j-1\",\"amzRequestId\":\"r-1\"}");
}

static void a_custom_job_has_a_nonce_and_an_account(void **state)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct record job = job_of(&web, STR(""), STR("j-1"), STR("r-1"));
    job.job.nonce = STR("3");
    job.job.account_id = STR("111111111111");
    event_put(&line, &job);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"job\"," SOURCE ",\"jobId\":\"j-1\",\"nonce\":\"3\","
                        "\"accountId\":\"111111111111\",\"amzRequestId\":\"r-1\"}");
}

static void an_id_the_service_left_out_is_left_out(void **state)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    const struct record job = job_of(&web, STR(""), STR("j-1"), STR(""));
    event_put(&line, &job);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"job\"," SOURCE ",\"jobId\":\"j-1\",\"amzRequestId\":\"\"}");
}

static void health_says_what_is_wrong_or_that_nothing_is(void **state)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct record r = health_of(HEALTH_THROTTLED, PIPEPOLL_ETHROTTLED);
    r.health.cause = PIPEPOLL_CAUSE_THROTTLED;
    r.health.http_status = 400;
    r.health.retry_in_ms = 250;
    r.health.code = STR("ThrottlingException");
    r.health.message = STR("Rate \"exceeded\"");
    r.health.request_id = STR("r-1");
    event_put(&line, &r);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"health\"," SOURCE ",\"target\":\"web\",\"healthy\":true,"
                        "\"status\":\"throttled\",\"cause\":\"throttled\","
                        "\"code\":\"ThrottlingException\","
                        "\"message\":\"Rate \\\"exceeded\\\"\",\"amzRequestId\":\"r-1\","
                        "\"httpStatus\":400,\"retryInMs\":250}");
    buf_reset(&line);
    r = health_of(HEALTH_WELL, PIPEPOLL_OK);
    event_put(&line, &r);
    assert_string_equal(buf_cstr(&line), "{\"event\":\"health\"," SOURCE ",\"target\":\"web\","
                                         "\"healthy\":true,\"status\":\"ok\"}");
    buf_reset(&line);
    r = health_of(HEALTH_ILL, PIPEPOLL_EDENIED);
    event_put(&line, &r);
    assert_non_null(strstr(buf_cstr(&line), "\"healthy\":false,\"status\":\"denied\""));
    buf_reset(&line);
    r.health.removed = true;
    event_put(&line, &r);
    assert_string_equal(buf_cstr(&line), "{\"event\":\"health\"," SOURCE ",\"target\":\"web\","
                                         "\"healthy\":true,\"status\":\"removed\"}");
}

static void a_change_of_credentials_says_where_they_come_from_and_how_they_are(void **state)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct record r = { .kind = RECORD_CREDENTIALS, .unix_ms = unix_ms };
    r.credentials = (struct record_credentials) { .usable = true,
                                                  .expires_s = 1795334400,
                                                  .source = STR("profile acme") };
    event_put(&line, &r);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"credentials\"," TIME ",\"source\":\"profile acme\","
                        "\"usable\":true,\"degraded\":false,"
                        "\"expires\":\"2026-11-22T08:00:00Z\",\"reason\":\"\"}");
    buf_reset(&line);
    r.credentials = (struct record_credentials) { .expires_s = INT64_MAX,
                                                  .cause = PIPEPOLL_CAUSE_FILE,
                                                  .subject = STR("/keys"),
                                                  .source = STR("environment"),
                                                  .reason = STR("none \"there\"") };
    event_put(&line, &r);
    assert_string_equal(
        buf_cstr(&line),
        "{\"event\":\"credentials\"," TIME ",\"source\":\"environment\","
        "\"usable\":false,\"degraded\":false,\"expires\":null,"
        "\"reason\":\"none \\\"there\\\"\",\"cause\":\"file\",\"subject\":\"/keys\"}");
}

static void the_worst_texts_fit_into_one_line(void **state)
{
    static char worst[4096];
    char text[EVENT_LINE_MAX];
    memset(worst, 1, sizeof worst); /* each byte becomes six */
    const str all = { worst, sizeof worst };
    const struct record_target far = {
        all,
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 63 },
        { STR("Build"),
          STR("ThirdParty"),
          { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 35 },
          STR("123456789") }
    };
    struct record custom = job_of(&far, STR(""), (str) { worst, 512 }, all);
    custom.job.nonce = (str) { worst, RECORD_NONCE_MAX };
    custom.job.account_id = (str) { worst, RECORD_ACCOUNT_MAX };
    const struct record rows[] = {
        job_of(&far, (str) { worst, 512 }, (str) { worst, 512 }, all),
        custom,
        { .kind = RECORD_HEALTH,
          .health = { .from = far,
                      .health = HEALTH_ILL,
                      .code = all,
                      .message = all,
                      .request_id = all,
                      .subject = all } },
        { .kind = RECORD_CREDENTIALS,
          .credentials = { .source = all, .reason = all, .subject = all } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf line = BUF_ON(text);
        event_put(&line, &rows[i]);
        assert_false(line.overflow);
    }
}

/* jansson is the judge: it takes only UTF-8 without control characters. */
static void whatever_the_bytes_the_string_is_json(void **state)
{
    static const struct {
        const char *bytes, *want;
    } rows[] = {
        { "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\"\\\n\x1f\x7f", "\"\\\n\x1f\x7f" },
        { "\x80 \xc3 \xc0\x80 \xe2\x82", "\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd "
                                         "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80 \xff",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        struct buf b = BUF_ON(text);
        json_error_t why;
        jsontext_string(&b, str_of(rows[i].bytes));
        json_t *root = json_loadb(b.at, b.len, JSON_DECODE_ANY, &why);
        if (!root)
            fail_msg("row %zu: %s", i, why.text);
        assert_string_equal(json_string_value(root), rows[i].want);
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_one_line_with_fixed_members),
        cmocka_unit_test(a_custom_job_has_a_nonce_and_an_account),
        cmocka_unit_test(an_id_the_service_left_out_is_left_out),
        cmocka_unit_test(health_says_what_is_wrong_or_that_nothing_is),
        cmocka_unit_test(a_change_of_credentials_says_where_they_come_from_and_how_they_are),
        cmocka_unit_test(the_worst_texts_fit_into_one_line),
        cmocka_unit_test(whatever_the_bytes_the_string_is_json),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
