/* SPDX-License-Identifier: MIT */
/* Which format an Accept header gets: those that Prometheus and others send, and strange ones. */
#include "lib/check.h"
#include "status/metrics_format.h"

static void check(const char *accept, enum metrics_format want)
{
    if (metrics_format_of(str_of(accept)) != want)
        fail_msg("%s", accept);
}

static void what_scrapers_send(void **state)
{
    check("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
          "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          METRICS_OPENMETRICS);
    check("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
          "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
          "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
          METRICS_OPENMETRICS);
    check("text/plain;version=0.0.4;q=1,*/*;q=0.1", METRICS_PROMETHEUS);
    check("", METRICS_PROMETHEUS);
    check("*/*", METRICS_PROMETHEUS);
    check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", METRICS_PROMETHEUS);
}

static void the_better_liked_one(void **state)
{
    check("application/openmetrics-text", METRICS_OPENMETRICS);
    check("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.001", METRICS_OPENMETRICS);
    check("text/plain, application/openmetrics-text", METRICS_OPENMETRICS);
    check("text/plain;q=0.5, application/openmetrics-text;q=0.49", METRICS_PROMETHEUS);
    check("text/plain;q=0.123, application/openmetrics-text;q=0.124", METRICS_OPENMETRICS);
    check("application/openmetrics-text;q=0", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=0, */*", METRICS_PROMETHEUS);
    check("text/plain;q=0, */*", METRICS_OPENMETRICS);
    check("text/*;q=0.2, application/*;q=0.3", METRICS_OPENMETRICS);
    /* The most exact range counts, wherever it is. */
    check("text/plain, */*;q=0.1, application/openmetrics-text;q=0.2", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=0.1, */*;q=0.9", METRICS_PROMETHEUS);
    check("application/openmetrics-text;version=0.0.1", METRICS_PROMETHEUS);
    check("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", METRICS_PROMETHEUS);
}

static void strange_headers(void **state)
{
    check(",, ;;q=, ;", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=2", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=1.001", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=0.1234", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=-1", METRICS_PROMETHEUS);
    check("application/openmetrics-text;q=", METRICS_PROMETHEUS);
    check("application/openmetrics-textual", METRICS_PROMETHEUS);
    check("text/plain;q=0.9;a=\",\\\",application/openmetrics-text;q=1\"", METRICS_PROMETHEUS);
    check("application/openmetrics-text;a=\"never closed", METRICS_OPENMETRICS);
    check("application/openmetrics-text;a=\"\\", METRICS_OPENMETRICS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_scrapers_send),
        cmocka_unit_test(the_better_liked_one),
        cmocka_unit_test(strange_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
