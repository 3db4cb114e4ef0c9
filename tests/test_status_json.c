/* SPDX-License-Identifier: MIT */
/* The document of a status: members that a reader relies on, sums that are sums, any text in it,
 * and 10 000 targets in a moment. */
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include "lib/check.h"
#include "lib/status_world.h"
#include "status/status_json.h"

static json_t *document(const struct status *s)
{
    size_t len = 0;
    char *text = status_json(s, &len);
    json_error_t why;
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    json_t *read = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!read)
        fail_msg("at %d: %s", why.position, why.text);
    free(text);
    return read;
}

/* The value at a path: member names, and indexes of arrays, parted by dots. */
static json_t *at(json_t *from, const char *path)
{
    char name[64];
    for (int n = 0; from && *path; path += n + (path[n] == '.'), n = 0) {
        assert_int_equal(sscanf(path, "%63[^.]%n", name, &n), 1);
        bool is_index = json_is_array(from);
        from =
            is_index ? json_array_get(from, strtoul(name, NULL, 10)) : json_object_get(from, name);
    }
    if (!from)
        fail_msg("no %s", path);
    return from;
}

static void check_text(json_t *from, const char *path, const char *want)
{
    assert_string_equal(json_string_value(at(from, path)), want);
}

static void check_number(json_t *from, const char *path, double want)
{
    double got = json_number_value(at(from, path));
    if (got < want - 1e-9 || got > want + 1e-9)
        fail_msg("%s: %f, not %f", path, got, want);
}

static void an_empty_status_is_a_whole_document(void **state)
{
    struct status s = { .now_ms = 0 };
    json_t *d = document(&s);
    check_number(d, "format", 1);
    check_text(d, "phase", "starting");
    assert_true(json_is_null(at(d, "time")));
    assert_true(json_is_null(at(d, "journal")));
    assert_true(json_is_null(at(d, "fleet")));
    check_text(d, "verdict.why", "starting");
    check_number(d, "summary.states.well", 0);
    assert_int_equal(json_array_size(at(d, "targets")), 0);
    json_decref(d);
}

static void members_are_as_documented(void **state)
{
    struct status s;
    status_world_fill(&s, 4, 5, 0);
    json_t *d = document(&s);
    check_text(d, "time", "2026-11-29T12:00:00.000Z");
    check_text(d, "versions.pipepoll", "0.1.0");
    assert_true(json_is_true(at(d, "verdict.ready")));
    check_text(d, "targets.0.target", STATUS_WORLD_HOSTILE);
    check_text(d, "targets.3.state", "failing");
    check_text(d, "targets.3.actionTypeId.provider", "Snapdeploy");
    check_number(d, "targets.3.incident", 0);
    assert_non_null(strstr(json_string_value(at(d, "targets.3.reason")), "may not call"));
    assert_true(json_is_null(at(d, "targets.0.incident")));
    check_number(d, "targets.0.intervalMs", 1000);
    check_number(d, "targets.3.polls.denied", 12);
    assert_null(json_object_get(at(d, "targets.0.polls"), "transport"));
    assert_true(json_is_null(at(d, "regions.4.allowedPerS")));
    check_number(d, "regions.3.clockSkewMs", -120);
    assert_true(json_is_null(at(d, "credentials.2.expires")));
    check_text(d, "jobs.last.0.state", "running");
    check_text(d, "jobs.last.4.state", "failed");
    check_number(d, "jobs.inHand.sending", 1);
    check_number(d, "handlers.1.ends.failed", 22);
    check_number(d, "handlers.1.runSeconds.sum", 13612);
    check_number(d, "journal.lagSeconds", 0.0018);
    check_text(d, "fleet.fleet", "ci");
    check_text(d, "fleet.engine.server", "nats://10.0.0.7:4222");
    check_number(d, "fleet.targets.held", 20);
    check_number(d, "fleet.queue.waiting", 14);
    check_text(d, "fleet.members.3.member", "mill-4");
    check_text(d, "fleet.members.3.state", "dead");
    check_number(d, "loops.1.longestSeconds", 0.0128);
    check_number(d, "process.cpuSeconds", 181.42);
    assert_true(json_number_value(at(d, "pickupSeconds.p50")) > 0.4);
    json_decref(d);
    status_deinit(&s);
}

static void sums_are_sums(void **state)
{
    struct status s;
    status_world_fill(&s, 10, 10, 3);
    json_t *d = document(&s);
    double well = 0, empty = 0;
    for (size_t i = 0; i < s.region_count; i++) {
        json_t *region = json_array_get(at(d, "regions"), i);
        well += json_number_value(at(region, "targets.well"));
        empty += json_number_value(at(region, "polls.empty"));
    }
    assert_int_equal(json_array_size(at(d, "targets")), 100);
    check_number(d, "summary.states.well", well);
    check_number(d, "summary.polls.empty", empty);
    json_decref(d);
    status_deinit(&s);
}

/* What is no rate, no UTF-8 and no index must not spoil the document. */
static void any_value_gives_json(void **state)
{
    struct status_region region = { .allowed_per_s = 1e300, .polls_per_s = -1 };
    struct status_target target = { .name = STR("\xff\"\\\n</script>"), .incident_index = 7 };
    struct status s = { .targets = &target,
                        .target_count = 1,
                        .regions = &region,
                        .region_count = 1,
                        .polls_per_s = 0.0005,
                        .now_ms = INT64_C(253402300799999) };
    json_t *d = document(&s);
    check_text(d, "time", "9999-12-31T23:59:59.999Z");
    check_text(d, "targets.0.target", "\xef\xbf\xbd\"\\\n</script>");
    assert_true(json_is_null(at(d, "targets.0.incident")));
    check_number(d, "regions.0.pollsPerS", 0);
    check_number(d, "summary.pollsPerS", 0.001);
    json_decref(d);
}

static void ten_thousand_targets_take_a_moment(void **state)
{
    struct status s;
    size_t len = 0;
    status_world_fill(&s, 400, 25, 0);
    clock_t before = clock();
    char *text = status_json(&s, &len);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    assert_non_null(text);
    print_message("10 000 targets: %zu bytes in %.1f ms\n", len, ms);
    assert_true(len < 6000000);
    assert_true(ms < 1000); /* with sanitizers or valgrind; 15 ms without */
    free(text);
    status_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_status_is_a_whole_document),
        cmocka_unit_test(members_are_as_documented),
        cmocka_unit_test(sums_are_sums),
        cmocka_unit_test(any_value_gives_json),
        cmocka_unit_test(ten_thousand_targets_take_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
