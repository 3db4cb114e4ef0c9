/* SPDX-License-Identifier: MIT */
/* The text of a status's metrics: as it is written down in data/metrics.txt, with any text in its
 * labels and any number, with buckets that count up and sums that are sums, and of 10 000 targets
 * in a moment. What others read in it is in witness_metrics.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/check.h"
#include "lib/status_world.h"
#include "status/metric.h"
#include "status/metrics.h"

static char *text_of(const struct status *s, enum metrics_format format)
{
    size_t len = 0;
    char *text = metrics_text(s, format, &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    return text;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += len)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static void check_line(const char *text, const char *line)
{
    if (!has_line(text, line))
        fail_msg("no line %s", line);
}

/* The line at *at; false at the end. */
static bool next_line(const char **at, str *line)
{
    *line = (str) { *at, strcspn(*at, "\n") };
    *at += line->len;
    *at += **at == '\n';
    return line->len != 0;
}

static bool contains(str line, const char *part)
{
    size_t len = strlen(part);
    for (; line.len >= len; line = str_skip(line, 1))
        if (!memcmp(line.ptr, part, len))
            return true;
    return false;
}

static double value_of(str line)
{
    size_t at = line.len;
    while (at && line.ptr[at - 1] != ' ')
        at--;
    return strtod(line.ptr + at, NULL);
}

/* Over all samples that begin so and contain that. */
static double sum_of(const char *text, const char *begin, const char *part)
{
    double sum = 0;
    for (str line; next_line(&text, &line);)
        if (str_starts(line, str_of(begin)) && contains(line, part))
            sum += value_of(line);
    return sum;
}

static void as_it_is_written_down(void **state)
{
    static char want[65536];
    struct status s;
    FILE *file = fopen(TEST_DATA "/metrics.txt", "r");
    assert_non_null(file);
    want[fread(want, 1, sizeof want - 1, file)] = '\0';
    fclose(file);
    status_world_fill(&s, 1, 1, 0);
    char *text = text_of(&s, METRICS_PROMETHEUS);
    const char *got = text, *expected = want;
    for (str x, y; (int)next_line(&got, &x) | (int)next_line(&expected, &y);)
        if (!str_eq(x, y))
            fail_msg("%.*s, not %.*s", STR_ARG(x), STR_ARG(y));
    free(text);
    status_deinit(&s);
}

static void an_empty_status_has_metrics(void **state)
{
    struct status s = { .now_ms = 0 };
    char *text = text_of(&s, METRICS_OPENMETRICS);
    check_line(text, "pipepoll_alive 1");
    check_line(text, "pipepoll_ready 0");
    check_line(text, "pipepoll_build_info{version=\"\",libcurl=\"\",libuv=\"\",tls=\"\"} 1");
    assert_null(strstr(text, "pipepoll_journal")); /* there is none */
    assert_null(strstr(text, "pipepoll_fleet"));
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    free(text);
}

static void any_text_is_a_label(void **state)
{
    struct status_target targets[] = {
        { .name = STR_INIT("say \"hi\" \\ \n bye"), .region = STR_INIT("r") },
        { .name = STR_INIT("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"), .region = STR_INIT("r") },
        { .name = STR_INIT("\xff \xc3 \xed\xa0\x80 \r\x7f"), .region = STR_INIT("r") },
    };
    struct status s = { .targets = targets, .target_count = 3 };
#define BAD "\xef\xbf\xbd"
    char *text = text_of(&s, METRICS_PROMETHEUS);
    check_line(text,
               "pipepoll_target_state{target=\"say \\\"hi\\\" \\\\ \\n bye\",region=\"r\"} 5");
    check_line(text, "pipepoll_target_state{target=\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\","
                     "region=\"r\"} 5");
    check_line(text, "pipepoll_target_state{target=\"" BAD " " BAD " " BAD BAD BAD " " BAD BAD
                     "\",region=\"r\"} 5");
    free(text);
}

static void any_number_is_a_value(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = { { NAN, "NaN" },
                 { INFINITY, "+Inf" },
                 { -INFINITY, "-Inf" },
                 { 0, "0" },
                 { -0.5, "-0.5" },
                 { 0.0000004, "0" },
                 { 34.125, "34.125" },
                 { 181.42, "181.42" },
                 { 999999.9999996, "1000000" },
                 { 1e15, "1000000000000000" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char memory[256], want[64];
        struct buf b = BUF_ON(memory);
        struct metric_out m = { .to = &b, .name = STR("x") };
        snprintf(want, sizeof want, "x{le=\"a\"} %s\n", rows[i].text);
        metric_real(&m, LABELS({ "le", STR("a") }), rows[i].value);
        assert_string_equal(buf_cstr(&b), want);
    }
}

/* Each bucket counts what the one before it does, and the last one is the count. */
static void check_buckets(const char *text)
{
    double before = 0, last = -1;
    size_t histograms = 0;
    for (str line; next_line(&text, &line);) {
        if (contains(line, "_bucket{")) {
            last = value_of(line);
            if (last < before)
                fail_msg("%.*s", STR_ARG(line));
            before = last;
        } else if (contains(line, "_seconds_count") && last >= 0) {
            if (value_of(line) < last || value_of(line) > last)
                fail_msg("%.*s, not %f", STR_ARG(line), last);
            last = -1;
            before = 0;
            histograms++;
        }
    }
    assert_int_equal(histograms, 25 + 1 + 3 + 2);
}

static void sums_are_sums(void **state)
{
    struct status s;
    status_world_fill(&s, 10, 25, 7);
    status_durations_add(&s.regions[3].poll_time, &status_scale_poll, UINT64_C(31000000));
    char *text = text_of(&s, METRICS_PROMETHEUS);
    check_buckets(text);
    double empty = (double)s.polls[STATUS_EMPTY], jobs = (double)s.polls[STATUS_JOBS];
    double all = (double)s.polls_started;
    assert_true(sum_of(text, "pipepoll_polls_total{", "\"empty\"") == empty);
    assert_true(sum_of(text, "pipepoll_target_polls_total{", "") == empty + jobs);
    assert_true(sum_of(text, "pipepoll_polls_total{", "") == all);
    assert_true(sum_of(text, "pipepoll_budget_polls_total{", "") == all);
    assert_true(sum_of(text, "pipepoll_poll_schedule_lag_seconds_count", "") == all);
    assert_true(sum_of(text, "pipepoll_targets{", "") == (double)s.target_count);
    assert_true(sum_of(text, "pipepoll_targets{", "failing") == (double)s.states[STATUS_FAILING]);
    assert_true(sum_of(text, "pipepoll_targets_failing{", "") == (double)s.states[STATUS_FAILING]);
    assert_true(sum_of(text, "pipepoll_jobs_found_total{", "") == (double)s.found);
    assert_true(sum_of(text, "pipepoll_target_jobs_total{", "") == (double)s.found);
    free(text);
    status_deinit(&s);
}

static void accounts_in_one_region_are_added_up(void **state)
{
    struct status_region regions[] = {
        { .region = STR_INIT("b"), .identity = STR_INIT("x"), .jobs = 3, .clock_skew_ms = -1500 },
        { .region = STR_INIT("a"), .identity = STR_INIT("y"), .jobs = 4, .clock_skew_ms = 20 },
        { .region = STR_INIT("b"), .identity = STR_INIT("y"), .jobs = 5, .clock_skew_ms = 1000 },
    };
    regions[0].polls[STATUS_THROTTLED] = 2;
    regions[2].polls[STATUS_THROTTLED] = 40;
    regions[0].failing[STATUS_DENIED] = 1;
    regions[2].failing[STATUS_DENIED] = 3;
    regions[2].allowed_per_s = 2.5;
    status_durations_add(&regions[0].poll_time, &status_scale_poll, 5000);
    status_durations_add(&regions[2].poll_time, &status_scale_poll, 5001);
    struct status s = { .regions = regions, .region_count = 3 };
    char *text = text_of(&s, METRICS_PROMETHEUS);
    check_line(text, "pipepoll_jobs_found_total{region=\"a\"} 4");
    check_line(text, "pipepoll_jobs_found_total{region=\"b\"} 8");
    check_line(text, "pipepoll_clock_skew_seconds{region=\"b\"} -1.5");
    check_line(text, "pipepoll_polls_total{region=\"b\",outcome=\"throttled\"} 42");
    check_line(text, "pipepoll_targets_failing{region=\"b\",outcome=\"denied\"} 4");
    check_line(text, "pipepoll_poll_duration_seconds_bucket{region=\"b\",le=\"0.005\"} 1");
    check_line(text, "pipepoll_poll_duration_seconds_bucket{region=\"b\",le=\"+Inf\"} 2");
    check_line(text, "pipepoll_poll_duration_seconds_sum{region=\"b\"} 0.010001");
    check_line(text, "pipepoll_budget_throttled_total{identity=\"y\",region=\"b\"} 40");
    check_line(text, "pipepoll_budget_allowed_polls_per_second{identity=\"y\",region=\"b\"} 2.5");
    assert_null(strstr(text, "allowed_polls_per_second{identity=\"x\"")); /* no limit is known */
    free(text);
}

static void no_id_and_no_message_is_told(void **state)
{
    static const char *const words[] = { "f4f4ff82",       "AccessDenied", "exit status",
                                         "did not answer", "may not",      "/etc/" };
    struct status s;
    status_world_fill(&s, 4, 5, 0);
    char *text = text_of(&s, METRICS_PROMETHEUS);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]))
            fail_msg("%s", words[i]);
    free(text);
    status_deinit(&s);
}

static void ten_thousand_targets_take_a_moment(void **state)
{
    struct status s;
    status_world_fill(&s, 400, 25, 0);
    clock_t before = clock();
    char *text = text_of(&s, METRICS_OPENMETRICS);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    print_message("10 000 targets: %zu bytes in %.1f ms\n", strlen(text), ms);
    assert_true(strlen(text) < 5000000);
    assert_true(ms < 1000); /* with sanitizers or valgrind; 7 ms without */
    free(text);
    status_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_is_written_down),
        cmocka_unit_test(an_empty_status_has_metrics),
        cmocka_unit_test(any_text_is_a_label),
        cmocka_unit_test(any_number_is_a_value),
        cmocka_unit_test(sums_are_sums),
        cmocka_unit_test(accounts_in_one_region_are_added_up),
        cmocka_unit_test(no_id_and_no_message_is_told),
        cmocka_unit_test(ten_thousand_targets_take_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
