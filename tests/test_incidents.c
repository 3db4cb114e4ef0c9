/* SPDX-License-Identifier: MIT */
/* One cause, one line: gathered, repeated with growing pauses, over. In virtual time. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/incidents.h"
#include "lib/check.h"

enum { START_MS = 5000, UNIX_OFFSET_MS = 1000000000 };

struct lines {
    size_t count;
    enum pipepoll_level level;
    char last[2048], members[1024];
};

static void note(void *ctx, enum pipepoll_level level, const struct subject *about, str text)
{
    struct lines *l = ctx;
    l->count++;
    l->level = level;
    snprintf(l->last, sizeof l->last, "%.*s", STR_ARG(text));
    struct buf members = BUF_ON(l->members);
    buf_put_char(&members, '{');
    subject_put(&members, about);
    buf_cstr(&members);
}

/* How many lines came. */
static size_t tell(struct incidents *in, int64_t now_ms, struct lines *l)
{
    size_t before = l->count;
    incidents_tell(in, now_ms, false, note, l);
    return l->count - before;
}

static struct incidents *incidents_new(void)
{
    struct incidents *in = calloc(1, sizeof *in);
    assert_non_null(in);
    in->unix_offset_ms = UNIX_OFFSET_MS;
    return in;
}

static struct incident *enter(struct incidents *in, const char *code, const char *identity,
                              const char *region, int64_t now_ms)
{
    const struct incident_cause cause = { PIPEPOLL_ESERVICE, PIPEPOLL_CAUSE_SERVICE, str_of(code),
                                          str_of(identity) };
    struct incident *i;
    if (incidents_enter(in, &cause, str_of(region), now_ms, &i))
        incident_describe(i, STR("it is down"), STR("web"), str_of(region));
    return i;
}

static void many_targets_of_one_cause_are_one_line(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    for (int i = 0; i < 3412; i++) {
        char region[16];
        snprintf(region, sizeof region, "region-%d", i % 29);
        enter(in, "Down", "", region, START_MS + i / 10);
    }
    assert_int_equal(tell(in, START_MS + INCIDENTS_GATHER_MS - 1, &l), 0);
    assert_int_equal(tell(in, START_MS + INCIDENTS_GATHER_MS, &l), 1);
    assert_int_equal(l.level, PIPEPOLL_WARNING);
    assert_string_equal(l.last, "3412 targets in 29 regions ([target web] in region-0 was the "
                                "first): it is down; 3412 failed polls since "
                                "1970-01-12T13:46:45Z; see pipepoll doctor");
    free(in);
}

static void a_line_says_what_it_is_about_as_members(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    const struct pipepoll_failure failure = { .request_id = STR("req-1"), .http_status = 503 };
    struct incident *i = enter(in, "Down", "profile a", "us-east-1", START_MS);
    incident_note_request(i, &failure);
    enter(in, "Down", "profile a", "eu-west-1", START_MS);
    tell(in, START_MS + INCIDENTS_GATHER_MS, &l);
    assert_string_equal(
        l.members,
        "{\"target\":\"web\",\"region\":\"us-east-1\","
        "\"identity\":\"profile a\",\"status\":\"service-failed\",\"cause\":\"service-failed\","
        "\"code\":\"Down\",\"amzRequestId\":\"req-1\",\"httpStatus\":503,"
        "\"targets\":2,\"regions\":2");
    incident_leave(i, STR("us-east-1"), false, 9000);
    incident_leave(i, STR("eu-west-1"), false, 9000);
    tell(in, 60000, &l);
    assert_string_equal(l.members, "{\"target\":\"web\",\"region\":\"us-east-1\","
                                   "\"identity\":\"profile a\",\"status\":\"ok\","
                                   "\"targets\":2,\"regions\":2");
    free(in);
}

static void it_is_repeated_with_growing_pauses(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    int64_t times[16];
    size_t count = 0;
    enter(in, "Down", "", "us-east-1", 0);
    for (int64_t ms = 0; ms < 6 * 3600 * 1000; ms += 500)
        if (tell(in, ms, &l) && count < 16)
            times[count++] = ms;
    assert_true(count >= 8 && count <= 12);
    assert_int_equal(times[0], INCIDENTS_GATHER_MS);
    assert_int_equal(times[1] - times[0], INCIDENTS_PAUSE_MS);
    assert_int_equal(times[2] - times[1], 2 * INCIDENTS_PAUSE_MS);
    assert_int_equal(times[count - 1] - times[count - 2], INCIDENTS_PAUSE_MAX_MS);
    assert_string_equal(l.last, "[target web] in us-east-1: it is down; 1 failed poll since "
                                "1970-01-12T13:46:40Z; see pipepoll doctor");
    free(in);
}

static void one_line_says_that_it_has_passed(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    struct incident *i = enter(in, "Down", "", "us-east-1", 0);
    enter(in, "Down", "", "eu-west-1", 0);
    tell(in, 1000, &l);
    incident_leave(i, STR("us-east-1"), false, 30000);
    assert_int_equal(tell(in, 32000, &l), 0);
    incident_leave(i, STR("eu-west-1"), false, 40000);
    assert_int_equal(tell(in, 40000 + INCIDENTS_GATHER_MS - 1, &l), 0);
    assert_int_equal(tell(in, 40000 + INCIDENTS_GATHER_MS, &l), 1);
    assert_int_equal(l.level, PIPEPOLL_INFO);
    assert_string_equal(l.last, "2 targets in 2 regions ([target web] in us-east-1 was the first) "
                                "are healthy again, after 40 s");
    assert_int_equal(tell(in, 10 * INCIDENTS_PAUSE_MAX_MS, &l), 0);
    i = enter(in, "Down", "", "us-east-1", 0);
    tell(in, 1000, &l);
    incident_leave(i, STR("us-east-1"), true, 5000);
    tell(in, 6000, &l);
    assert_string_equal(l.last, "[target web] in us-east-1 is not polled any more, after 5 s");
    free(in);
}

static void what_fails_for_another_cause_is_not_called_healthy(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    struct incident *i = enter(in, "Down", "", "us-east-1", 0);
    enter(in, "Down", "", "eu-west-1", 0);
    tell(in, 1000, &l);
    incident_leave(i, STR("us-east-1"), false, 30000);
    incident_note_replaced(i);
    incident_leave(i, STR("eu-west-1"), false, 40000); /* this one is healthy */
    assert_int_equal(tell(in, 40000 + INCIDENTS_GATHER_MS, &l), 1);
    assert_string_equal(l.last,
                        "2 targets in 2 regions ([target web] in us-east-1 was the first) "
                        "no longer fail as service-failed, after 40 s: another cause followed");
    i = enter(in, "Down", "", "us-east-1", 50000); /* it is back, and heals this time */
    tell(in, 60000, &l);
    incident_leave(i, STR("us-east-1"), false, 65000);
    tell(in, 80000, &l);
    assert_string_equal(l.last, "[target web] in us-east-1 is healthy again, after 15 s");
    free(in);
}

static void what_comes_and_goes_is_one_incident_and_what_is_short_is_none(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    for (int64_t ms = 0; ms < 50000; ms += 500) {
        struct incident *i = enter(in, "Flaps", "", "us-east-1", ms);
        tell(in, ms + 250, &l);
        incident_leave(i, STR("us-east-1"), false, ms + 250);
        tell(in, ms + 499, &l);
    }
    assert_int_equal(l.count, 1);
    tell(in, 60000, &l);
    assert_int_equal(l.count, 2);
    struct incident *i = enter(in, "Short", "", "us-east-1", 70000);
    incident_leave(i, STR("us-east-1"), false, 70100);
    assert_int_equal(tell(in, 90000, &l), 0);
    free(in);
}

static void causes_are_told_apart(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    struct incident *a = enter(in, "Denied", "profile a", "us-east-1", 0);
    assert_ptr_not_equal(a, enter(in, "Denied", "profile b", "us-east-1", 0));
    assert_ptr_not_equal(a, enter(in, "Other", "profile a", "us-east-1", 0));
    assert_ptr_equal(a, enter(in, "Denied", "profile a", "eu-west-1", 0));
    assert_int_equal(tell(in, 1000, &l), 3);
    free(in);
}

static void the_end_tells_what_was_not_told_and_nothing_twice(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    enter(in, "Down", "", "us-east-1", 0);
    incidents_tell(in, 10, true, note, &l);
    incidents_tell(in, 20, true, note, &l);
    assert_int_equal(l.count, 1);
    free(in);
}

static void memory_is_bounded_whatever_there_is(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    struct incident *all[1000];
    char code[200];
    memset(code, 'x', sizeof code);
    for (int i = 0; i < 1000; i++) {
        snprintf(code + 20, sizeof code - 20, "%d%0150d", i, 0);
        all[i] = enter(in, code + 20, "", code, 0);
    }
    assert_ptr_equal(all[0], &in->list[0]);
    assert_ptr_equal(all[1], &in->list[1]);
    assert_ptr_equal(all[999], &in->list[INCIDENTS_MAX - 1]); /* the last is for all the others */
    assert_true(tell(in, 1000, &l) <= INCIDENTS_MAX);
    for (int i = 0; i < 1000; i++) {
        snprintf(code + 20, sizeof code - 20, "%d%0150d", i, 0);
        incident_leave(all[i], str_of(code), false, 2000);
    }
    tell(in, 4000, &l);
    tell(in, 4000 + INCIDENTS_RECALL_MS, &l);
    for (int i = 0; i < INCIDENTS_MAX; i++)
        assert_int_equal(in->list[i].status, PIPEPOLL_OK);
    free(in);
}

static void a_repetition_counts_the_polls_that_failed(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    struct incident *i = enter(in, "Throttled", "", "us-east-1", 0);
    tell(in, 1000, &l);
    for (int n = 0; n < 311; n++)
        incident_note_failed(i);
    tell(in, 1000 + INCIDENTS_PAUSE_MS, &l);
    assert_non_null(strstr(l.last, "; 312 failed polls since 1970-01-12T13:46:40Z;"));
    free(in);
}

static void what_comes_back_soon_is_the_same_and_takes_longer_each_time(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    for (int64_t ms = 0; ms < 3600000; ms += 20000) {
        struct incident *i = enter(in, "Flaps", "", "us-east-1", ms);
        for (int64_t in_ms = 0; in_ms < 10000; in_ms += 500)
            tell(in, ms + in_ms, &l);
        incident_leave(i, STR("us-east-1"), false, ms + 10000);
        for (int64_t in_ms = 10000; in_ms < 20000; in_ms += 500)
            tell(in, ms + in_ms, &l);
    }
    assert_in_range(l.count, 8, 16);
    assert_non_null(strstr(l.last, "; it came back "));
    tell(in, 3600000 + INCIDENTS_GATHER_MAX_MS, &l);
    assert_non_null(strstr(l.last, " healthy again, after "));
    tell(in, 3600000 + INCIDENTS_GATHER_MAX_MS + INCIDENTS_RECALL_MS, &l);
    enter(in, "Flaps", "", "us-east-1", 9000000);
    assert_int_equal(tell(in, 9001000, &l), 1);
    assert_null(strstr(l.last, "; it came back "));
    free(in);
}

static void one_that_is_over_makes_room_for_a_new_one(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    char code[16];
    for (int n = 0; n < INCIDENTS_MAX; n++) {
        snprintf(code, sizeof code, "C%d", n);
        incident_leave(enter(in, code, "", "us-east-1", 1000 + n), STR("us-east-1"), false, 9000);
        enter(in, code, "", "us-east-1", 9000);
    }
    tell(in, 20000, &l);
    incident_leave(&in->list[7], STR("us-east-1"), false, 30000);
    tell(in, 600000, &l);
    assert_true(in->list[7].over);
    assert_ptr_equal(enter(in, "New", "", "us-east-1", 600000), &in->list[7]);
    free(in);
}

static void of_several_that_are_over_the_oldest_makes_room(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    char code[16];
    for (int n = 0; n < INCIDENTS_MAX; n++) {
        snprintf(code, sizeof code, "C%d", n);
        enter(in, code, "", "us-east-1", 1000);
    }
    tell(in, 20000, &l);
    incident_leave(&in->list[3], STR("us-east-1"), false, 30002);
    incident_leave(&in->list[7], STR("us-east-1"), false, 30000);
    incident_leave(&in->list[9], STR("us-east-1"), false, 30001);
    tell(in, 60000, &l);
    assert_ptr_equal(enter(in, "New", "", "us-east-1", 60000), &in->list[7]);
    assert_ptr_equal(enter(in, "C3", "", "us-east-1", 60000), &in->list[3]); /* it is known still */
    assert_int_equal(in->list[3].returns, 1);
    free(in);
}

static void a_region_without_targets_is_none_of_an_incident(void **state)
{
    struct incidents *in = incidents_new();
    struct lines l = { 0 };
    static const char *const regions[] = { "us-east-1", "eu-west-1", "eu-west-1", "ap-south-1" };
    struct incident *i = NULL;
    for (size_t n = 0; n < 4; n++)
        i = enter(in, "Down", "", regions[n], 0);
    incident_leave(i, STR("eu-west-1"), false, 100);
    assert_int_equal(i->region_count, 3);
    incident_leave(i, STR("us-east-1"), false, 100);
    tell(in, 1000, &l);
    assert_non_null(strstr(l.last, "2 targets in 2 regions ("));
    incident_leave(i, STR("ap-south-1"), false, 2000);
    enter(in, "Down", "", "eu-west-1", 2000);
    tell(in, 1000 + INCIDENTS_PAUSE_MS, &l);
    assert_non_null(strstr(l.last, "2 targets in 1 region ("));
    assert_int_equal(i->most_regions, 3);
    free(in);
}

static void long_texts_are_cut_between_characters_and_known_again(void **state)
{
    struct incidents *in = incidents_new();
    char text[2001] = "";
    for (size_t n = 0; n + 2 < sizeof text; n += 2)
        memcpy(text + n, "\xc3\xa9", 3);
    struct incident *i = enter(in, text, text, text, 0);
    assert_ptr_equal(enter(in, text, text, text, 0), i);
    assert_int_equal(i->region_count, 1);
    assert_int_equal(strlen(i->code), sizeof i->code - 2);
    assert_int_equal(strlen(i->region), sizeof i->region - 2);
    assert_int_equal(i->regions[0].targets, 2);
    incident_leave(i, str_of(text), false, 1);
    incident_leave(i, str_of(text), false, 1);
    assert_int_equal(i->region_count, 0);
    free(in);
}

/* --- an hour of whatever fails --- */

enum { HOUR_MS = 3600000, TARGETS = 1000, REGIONS = 30, STEP_MS = 500 };

struct hour {
    struct incidents *in;
    struct incident *of[TARGETS]; /* that it is in */
    uint32_t seed;
    size_t entered, failed;
};

static uint32_t draw(struct hour *h, uint32_t below)
{
    h->seed = h->seed * 1664525 + 1013904223;
    return (h->seed >> 8) % below;
}

static const char *region_name(int target)
{
    static char text[24];
    snprintf(text, sizeof text, "region-%d", target % REGIONS);
    return text;
}

/* Why it fails just now; NULL: it does not. Each third of the regions has troubles of its own. */
static const char *trouble_of(struct hour *h, int target, int64_t now_ms)
{
    static const char *const codes[] = { "ServiceUnavailable", "InternalFailure", "Throttled" };
    int region = target % REGIONS;
    if (region < 10) /* down, all the time */
        return "";
    if (region < 20) /* a region comes and goes, each with a period of its own */
        return now_ms / (1000 * (3 + region * 5)) % 2 ? "ServiceUnavailable" : NULL;
    return draw(h, 10) ? NULL : codes[draw(h, 3)]; /* each target as chance has it */
}

static void step(struct hour *h, int target, const char *identity, int64_t now_ms)
{
    const char *code = trouble_of(h, target, now_ms);
    struct incident **of = &h->of[target];
    if (*of && code && strcmp((*of)->code, code) == 0) {
        incident_note_failed(*of);
        h->failed++;
        return;
    }
    if (*of)
        incident_leave(*of, str_of(region_name(target)), false, now_ms);
    *of = code ? enter(h->in, code, identity, region_name(target), now_ms) : NULL;
    h->entered += code != NULL;
}

/* With so many identities, whose failures are incidents of their own. */
static size_t lines_of_an_hour(int identities)
{
    struct hour h = { .in = incidents_new(), .seed = (uint32_t)identities };
    struct lines l = { 0 };
    for (int64_t ms = 0; ms < HOUR_MS; ms += STEP_MS) {
        for (int target = (int)(ms / STEP_MS % 5); target < TARGETS; target += 5) {
            char identity[24] = "";
            if (identities > 1)
                snprintf(identity, sizeof identity, "profile %d", (target / 5) % identities);
            step(&h, target, identity, ms);
        }
        tell(h.in, ms, &l);
    }
    assert_true(h.entered + h.failed > 500000); /* polls */
    free(h.in);
    return l.count;
}

static void an_hour_of_outages_of_1000_targets_is_some_hundred_lines(void **state)
{
    static const int identities[] = { 1, 5, 200 };
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++) {
        size_t lines = lines_of_an_hour(identities[i]);
        print_message("%d identities: %zu lines\n", identities[i], lines);
        assert_in_range(lines, 4, INCIDENTS_LINES + HOUR_MS / INCIDENTS_LINE_EVERY_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_targets_of_one_cause_are_one_line),
        cmocka_unit_test(a_line_says_what_it_is_about_as_members),
        cmocka_unit_test(it_is_repeated_with_growing_pauses),
        cmocka_unit_test(one_line_says_that_it_has_passed),
        cmocka_unit_test(what_fails_for_another_cause_is_not_called_healthy),
        cmocka_unit_test(what_comes_and_goes_is_one_incident_and_what_is_short_is_none),
        cmocka_unit_test(causes_are_told_apart),
        cmocka_unit_test(the_end_tells_what_was_not_told_and_nothing_twice),
        cmocka_unit_test(memory_is_bounded_whatever_there_is),
        cmocka_unit_test(a_repetition_counts_the_polls_that_failed),
        cmocka_unit_test(what_comes_back_soon_is_the_same_and_takes_longer_each_time),
        cmocka_unit_test(one_that_is_over_makes_room_for_a_new_one),
        cmocka_unit_test(of_several_that_are_over_the_oldest_makes_room),
        cmocka_unit_test(a_region_without_targets_is_none_of_an_incident),
        cmocka_unit_test(long_texts_are_cut_between_characters_and_known_again),
        cmocka_unit_test(an_hour_of_outages_of_1000_targets_is_some_hundred_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
