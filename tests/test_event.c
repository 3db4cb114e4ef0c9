/* The lines of `pipepoll run`, and the JSON they are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/jsontext.h"
#include "daemon/event.h"

static const struct event_source source = {
    .unix_ms = 1782115200045,
    .region = STR_INIT("us-east-1"),
    .action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("P"), STR_INIT("1") },
};

#define TIME "\"time\":\"2026-06-22T08:00:00.045Z\""
#define SOURCE                                                                                     \
    TIME ",\"region\":\"us-east-1\",\"actionTypeId\":{"                                            \
         "\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"P\",\"version\":\"1\"}"

static void a_job_is_one_line_with_fixed_members(void **state)
{
    (void)state;
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    const struct pipepoll_job job = { STR_INIT("c-1"), STR_INIT("j-1") };
    event_job(&line, &source, &job, STR("r-1"));
    assert_true(event_is_job(buf_str(&line)));
    assert_string_equal(buf_cstr(&line), "{\"event\":\"job\"," SOURCE ",\"clientId\":\"c-1\","
                                         "\"jobId\":\"j-1\",\"amzRequestId\":\"r-1\"}");
}

static void an_id_the_service_left_out_is_left_out(void **state)
{
    (void)state;
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    const struct pipepoll_job job = { .job_id = STR_INIT("j-1") };
    event_job(&line, &source, &job, STR(""));
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"job\"," SOURCE ",\"jobId\":\"j-1\",\"amzRequestId\":\"\"}");
}

static void health_says_what_is_wrong_or_that_nothing_is(void **state)
{
    (void)state;
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct pipepoll_failure failure = { .status = PIPEPOLL_ETHROTTLED,
                                        .http_status = 400,
                                        .retry_in_ms = 250,
                                        .code = STR_INIT("ThrottlingException"),
                                        .message = STR_INIT("Rate \"exceeded\""),
                                        .request_id = STR_INIT("r-1") };
    event_health(&line, &source, STR("web"), &failure);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"health\"," SOURCE ",\"target\":\"web\",\"healthy\":true,"
                        "\"status\":\"throttled\",\"code\":\"ThrottlingException\","
                        "\"message\":\"Rate \\\"exceeded\\\"\",\"amzRequestId\":\"r-1\","
                        "\"httpStatus\":400,\"retryInMs\":250}");
    assert_false(event_is_job(buf_str(&line)));
    buf_reset(&line);
    event_health(&line, &source, STR("web"), NULL);
    assert_string_equal(buf_cstr(&line), "{\"event\":\"health\"," SOURCE ",\"target\":\"web\","
                                         "\"healthy\":true,\"status\":\"ok\"}");
    buf_reset(&line);
    failure.status = PIPEPOLL_EDENIED;
    event_health(&line, &source, STR("web"), &failure);
    assert_non_null(strstr(buf_cstr(&line), "\"healthy\":false,\"status\":\"denied\""));
    buf_reset(&line);
    event_removed(&line, &source, STR("web"));
    assert_string_equal(buf_cstr(&line), "{\"event\":\"health\"," SOURCE ",\"target\":\"web\","
                                         "\"healthy\":true,\"status\":\"removed\"}");
}

static void a_change_of_credentials_says_where_they_come_from_and_how_they_are(void **state)
{
    (void)state;
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    struct pipepoll_identity id = { .usable = true,
                                    .expires_s = 1795334400,
                                    .source = STR_INIT("profile acme") };
    event_credentials(&line, source.unix_ms, &id);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"credentials\"," TIME ",\"source\":\"profile acme\","
                        "\"usable\":true,\"degraded\":false,"
                        "\"expires\":\"2026-11-22T08:00:00Z\",\"reason\":\"\"}");
    buf_reset(&line);
    id = (struct pipepoll_identity) { .expires_s = INT64_MAX,
                                      .source = STR_INIT("environment"),
                                      .reason = STR_INIT("none \"there\"") };
    event_credentials(&line, source.unix_ms, &id);
    assert_string_equal(buf_cstr(&line),
                        "{\"event\":\"credentials\"," TIME ",\"source\":\"environment\","
                        "\"usable\":false,\"degraded\":false,\"expires\":null,"
                        "\"reason\":\"none \\\"there\\\"\"}");
}

static void the_worst_texts_fit_into_one_line(void **state)
{
    (void)state;
    static char worst[4096];
    char text[EVENT_LINE_MAX];
    memset(worst, 1, sizeof worst); /* each byte becomes six */
    const struct pipepoll_job job = { { worst, 512 }, { worst, 512 } };
    const struct pipepoll_failure failure = { .code = { worst, sizeof worst },
                                              .message = { worst, sizeof worst },
                                              .request_id = { worst, sizeof worst } };
    struct event_source far = source;
    far.region = (str) { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 63 };
    far.action_type.provider = (str) { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 35 };
    struct buf line = BUF_ON(text);
    event_job(&line, &far, &job, (str) { worst, sizeof worst });
    assert_false(line.overflow);
    buf_reset(&line);
    event_health(&line, &far, (str) { worst, sizeof worst }, &failure);
    assert_false(line.overflow);
    buf_reset(&line);
    const struct pipepoll_identity id = { .source = { worst, sizeof worst },
                                          .reason = { worst, sizeof worst } };
    event_credentials(&line, far.unix_ms, &id);
    assert_false(line.overflow);
}

/* jansson is the judge: it takes only UTF-8 without control characters. */
static void whatever_the_bytes_the_string_is_json(void **state)
{
    (void)state;
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
        cmocka_unit_test(an_id_the_service_left_out_is_left_out),
        cmocka_unit_test(health_says_what_is_wrong_or_that_nothing_is),
        cmocka_unit_test(a_change_of_credentials_says_where_they_come_from_and_how_they_are),
        cmocka_unit_test(the_worst_texts_fit_into_one_line),
        cmocka_unit_test(whatever_the_bytes_the_string_is_json),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
