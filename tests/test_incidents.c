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
    (void)state;
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
                                "first): it is down; since 1970-01-12T13:46:45Z; see pipepoll "
                                "doctor");
    free(in);
}

static void a_line_says_what_it_is_about_as_members(void **state)
{
    (void)state;
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
    (void)state;
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
    assert_string_equal(l.last, "[target web] in us-east-1: it is down; since "
                                "1970-01-12T13:46:40Z; see pipepoll doctor");
    free(in);
}

static void one_line_says_that_it_has_passed(void **state)
{
    (void)state;
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

static void what_comes_and_goes_is_one_incident_and_what_is_short_is_none(void **state)
{
    (void)state;
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
    (void)state;
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
    (void)state;
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
    (void)state;
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
    for (int i = 0; i < INCIDENTS_MAX; i++)
        assert_int_equal(in->list[i].status, PIPEPOLL_OK);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_targets_of_one_cause_are_one_line),
        cmocka_unit_test(a_line_says_what_it_is_about_as_members),
        cmocka_unit_test(it_is_repeated_with_growing_pauses),
        cmocka_unit_test(one_line_says_that_it_has_passed),
        cmocka_unit_test(what_comes_and_goes_is_one_incident_and_what_is_short_is_none),
        cmocka_unit_test(causes_are_told_apart),
        cmocka_unit_test(the_end_tells_what_was_not_told_and_nothing_twice),
        cmocka_unit_test(memory_is_bounded_whatever_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
