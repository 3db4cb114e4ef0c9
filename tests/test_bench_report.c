/* SPDX-License-Identifier: MIT */
/* What `pipepoll bench` prints of the figures of its loops. */
#include "cli/bench_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "lib/check.h"

enum { PRINTED_MAX = 1 << 16 };

/* What it prints on stdout. To be freed. */
static char *print(const struct bench_report *r)
{
    char *text = calloc(1, PRINTED_MAX);
    FILE *file = tmpfile();
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    bench_report_text(r);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    assert_true(fread(text, 1, PRINTED_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

static unsigned rows_of(size_t buckets)
{
    struct bench_options o = { .in_flight = 1, .regions = 1, .targets = 1, .loops = 1 };
    struct bench_report *r = calloc(1, sizeof *r);
    unsigned rows = 0;
    r->options = &o;
    for (size_t i = 0; i < buckets; i++)
        histogram_add(&r->sum.latency_us, histogram_least(i));
    char *text = print(r);
    for (char *at = text; (at = strstr(at, " .. ")) != NULL; at++)
        rows++;
    free(text);
    free(r);
    return rows;
}

static void a_plot_has_twenty_rows_at_most(void **state)
{
    assert_int_equal(rows_of(1), 1);
    assert_int_equal(rows_of(20), 20);
    assert_int_equal(rows_of(21), 11);
    assert_int_equal(rows_of(40), 20);
    assert_int_equal(rows_of(41), 11);
}

static void what_the_loops_did_is_added_up(void **state)
{
    struct bench_report *r = calloc(1, sizeof *r);
    struct load_figures *f = calloc(1, sizeof *f);
    f->polls = 5;
    f->jobs = 3;
    f->seconds = 2;
    f->cpu_s = 1;
    f->busy_ns = 7;
    f->turns = 11;
    f->longest_turn_ns = 13;
    f->connections = 17;
    f->connections_before = 19;
    f->failures = 23;
    f->failures_before = 29;
    bench_report_add(r, f);
    f->seconds = 1;
    f->longest_turn_ns = 12;
    bench_report_add(r, f);
    assert_int_equal(r->sum.polls, 10);
    assert_int_equal(r->sum.jobs, 6);
    assert_true(r->sum.seconds > 1.9 && r->sum.seconds < 2.1);
    assert_true(r->sum.cpu_s > 1.9 && r->sum.cpu_s < 2.1);
    assert_int_equal(r->sum.busy_ns, 14);
    assert_int_equal(r->sum.turns, 22);
    assert_int_equal(r->sum.longest_turn_ns, 13);
    assert_int_equal(r->sum.connections, 34);
    assert_int_equal(r->sum.connections_before, 38);
    assert_int_equal(r->sum.failures, 46);
    assert_int_equal(r->sum.failures_before, 58);
    free(f);
    free(r);
}

static void its_json_is_one_object_with_figures_of_any_size(void **state)
{
    struct bench_options o = { .endpoint_url = STR("http://a\"b"), .in_flight = 1, .loops = 1 };
    struct bench_report *r = calloc(1, sizeof *r);
    struct buf out = BUF_GROWING;
    r->options = &o;
    r->sum.seconds = 7200;
    r->sum.polls = 2;
    r->sum.failed[1] = 3;
    histogram_add(&r->sum.latency_us, 9);
    bench_report_json(&out, r);
    const char *text = buf_cstr(&out);
    assert_true(
        str_starts(buf_str(&out), STR("{\"endpointUrl\":\"http://a\\\"b\",\"inFlight\":1,")));
    assert_non_null(strstr(text, ",\"polls\":2,\"pollsPerSecond\":0.000277778,"));
    assert_non_null(strstr(text, "\":3},\"latency\":{"));
    assert_non_null(strstr(text, "\"maxUs\":9,\"buckets\":[{\"leastUs\":"));
    assert_non_null(strstr(text, ",\"count\":1}]}}"));
    buf_free(&out);
    free(r);
}

static void what_is_no_number_is_null(void **state)
{
    char text[64];
    struct buf b = BUF_ON(text);
    jsontext_number(&b, "a", (double)NAN);
    jsontext_number(&b, "b", (double)INFINITY);
    jsontext_number(&b, "c", 1234567);
    assert_string_equal(buf_cstr(&b), "\"a\":null,\"b\":null,\"c\":1.23457e+06");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plot_has_twenty_rows_at_most),
        cmocka_unit_test(what_the_loops_did_is_added_up),
        cmocka_unit_test(its_json_is_one_object_with_figures_of_any_size),
        cmocka_unit_test(what_is_no_number_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
