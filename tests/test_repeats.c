/* SPDX-License-Identifier: MIT */
/* Lines that repeat, summed up: of what kind they are, and how many get out. In virtual time. */
#include "daemon/repeats.h"

#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNIX_OFFSET_MS = 1000000000, HOUR_MS = 3600000 };

struct seen {
    size_t count;
    enum pipepoll_level level;
    char last[2 * REPEATS_LINE_MAX], members[REPEATS_MEMBERS_MAX];
};

static void note(void *ctx, enum pipepoll_level level, str members, str text)
{
    struct seen *s = ctx;
    s->count++;
    s->level = level;
    snprintf(s->last, sizeof s->last, "%.*s", STR_ARG(text));
    snprintf(s->members, sizeof s->members, "%.*s", STR_ARG(members));
}

static struct repeats *repeats_new(void)
{
    struct repeats *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->unix_offset_ms = UNIX_OFFSET_MS;
    return r;
}

static bool admit_level(struct repeats *r, enum pipepoll_level level, const char *text,
                        int64_t now_ms)
{
    const struct repeats_line line = {
        .kind = repeats_kind_of(str_of(text)), .level = level, .text = str_of(text), .allowance = 1
    };
    return repeats_admit(r, &line, now_ms);
}

static bool admit(struct repeats *r, const char *text, int64_t now_ms)
{
    return admit_level(r, PIPEPOLL_WARNING, text, now_ms);
}

static size_t tell(struct repeats *r, int64_t now_ms, struct seen *s)
{
    size_t before = s->count;
    repeats_tell(r, now_ms, false, note, s);
    return s->count - before;
}

static bool same_kind(const char *a, const char *b)
{
    return repeats_kind_of(str_of(a)) == repeats_kind_of(str_of(b));
}

static void lines_that_differ_in_ids_and_numbers_are_of_a_kind(void **state)
{
    assert_true(same_kind("job 4f2a-11: no token", "job 9b0c-22: no token"));
    assert_true(same_kind("a write took 5001 ms", "a write took 73000 ms"));
    assert_true(same_kind("connect to 10.0.0.1:443 failed", "connect to 10.0.0.27:8443 failed"));
    assert_false(same_kind("job 4f2a-11: no token", "job 4f2a-11: no details"));
    assert_false(same_kind("profile a failed", "profile b failed"));
    assert_true(repeats_kind_of(STR("")) != 0);
}

static void the_first_is_written_and_the_others_are_one_line_with_their_number(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    assert_true(admit(r, "lookup 0 failed", 0));
    for (int i = 1; i <= 312; i++) {
        char text[32];
        snprintf(text, sizeof text, "lookup %d failed", i);
        assert_false(admit(r, text, 10000 + i));
    }
    assert_int_equal(tell(r, REPEATS_PAUSE_MS - 1, &s), 0);
    assert_int_equal(tell(r, REPEATS_PAUSE_MS, &s), 1);
    assert_int_equal(s.level, PIPEPOLL_WARNING);
    assert_string_equal(s.last, "lookup 312 failed (312 like it since 1970-01-12T13:46:50Z, "
                                "the last at 1970-01-12T13:46:50Z)");
    assert_int_equal(tell(r, 10 * HOUR_MS, &s), 0);
    free(r);
}

static void a_single_one_more_is_written_as_it_is(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    const struct subject about = { .job_id = STR("J2"), .target = STR("web") };
    admit(r, "job 1: left", 0);
    const struct repeats_line line = { repeats_kind_of(STR("job 1: left")), PIPEPOLL_INFO, &about,
                                       STR("job 2: left"), 1 };
    assert_false(repeats_admit(r, &line, 100));
    repeats_tell(r, 200, true, note, &s);
    assert_string_equal(s.last, "job 2: left");
    assert_int_equal(s.level, PIPEPOLL_INFO);
    assert_string_equal(s.members, "\"jobId\":\"J2\",\"target\":\"web\"");
    free(r);
}

static void one_that_is_written_late_says_when_it_was(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    admit(r, "it failed", 0);
    admit(r, "it failed", 7000);
    tell(r, REPEATS_PAUSE_MS, &s);
    assert_string_equal(s.last, "it failed (at 1970-01-12T13:46:47Z)");
    free(r);
}

static void pauses_grow_while_they_come_whatever_their_period(void **state)
{
    static const int64_t periods[] = { 100, 1000, 61000, 130000 };
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        struct repeats *r = repeats_new();
        struct seen s = { 0 };
        size_t lines = 0;
        for (int64_t ms = 0; ms < HOUR_MS; ms += periods[i]) {
            lines += admit(r, "it failed", ms);
            tell(r, ms, &s);
        }
        assert_in_range(lines + s.count, 5, 12);
        free(r);
    }
}

static void one_that_has_been_silent_is_written_at_once_again(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    for (int i = 0; i < 1000; i++) {
        admit(r, "it failed", i * 1000);
        tell(r, i * 1000, &s);
    }
    repeats_tell(r, 1000000, true, note, &s);
    assert_true(admit(r, "it failed", 1000000 + REPEATS_RECALL_MS));
    assert_false(admit(r, "it failed", 1000001 + REPEATS_RECALL_MS));
    assert_int_equal(tell(r, 1000000 + REPEATS_RECALL_MS + REPEATS_PAUSE_MS, &s), 1);
    free(r);
}

/* Three in a pause that has grown to an hour, and then no more. Returns when the last came. */
static int64_t count_in_a_long_pause(struct repeats *r, struct seen *s)
{
    int64_t ms = 0;
    for (; r->list[0].pause_ms < REPEATS_PAUSE_MAX_MS || r->list[0].counted; ms += 1000) {
        admit(r, "it failed", ms);
        tell(r, ms, s);
    }
    for (int i = 0; i < 4; i++)
        admit(r, "it failed", ms++);
    assert_int_equal(r->list[0].counted, 3);
    assert_true(r->list[0].due_ms > ms + 2 * REPEATS_RECALL_MS);
    return ms - 1;
}

static void a_sum_is_written_before_its_kind_is_forgotten(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    int64_t last_ms = count_in_a_long_pause(r, &s);
    assert_int_equal(tell(r, last_ms + REPEATS_RECALL_MS - 1, &s), 0);
    assert_int_equal(tell(r, last_ms + REPEATS_RECALL_MS, &s), 1);
    assert_non_null(strstr(s.last, "it failed (3 like it"));
    assert_true(admit(r, "it failed", last_ms + REPEATS_RECALL_MS + 1));
    free(r);
}

static void a_sum_is_not_lost_when_its_kind_comes_back_first(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    int64_t last_ms = count_in_a_long_pause(r, &s);
    assert_false(admit(r, "it failed", last_ms + 2 * REPEATS_RECALL_MS));
    assert_int_equal(tell(r, last_ms + 2 * REPEATS_RECALL_MS, &s), 1);
    assert_non_null(strstr(s.last, "it failed (4 like it"));
    free(r);
}

static void a_kind_may_have_several_lines_in_each_pause(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    struct repeats_line line = { 7, PIPEPOLL_WARNING, NULL, STR("x"), 3 };
    for (int i = 0; i < 10; i++)
        assert_int_equal(repeats_admit(r, &line, i), i < 3);
    tell(r, REPEATS_PAUSE_MS, &s);
    assert_string_equal(s.last, "x (7 like it since 1970-01-12T13:46:40Z, "
                                "the last at 1970-01-12T13:46:40Z)");
    assert_true(repeats_admit(r, &line, REPEATS_PAUSE_MS + 1));
    free(r);
}

static void information_that_was_given_just_now_is_not_counted(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    assert_true(admit_level(r, PIPEPOLL_INFO, "credentials from A", 0));
    assert_false(admit_level(r, PIPEPOLL_INFO, "credentials from A", 3));
    repeats_tell(r, 10, true, note, &s);
    assert_int_equal(s.count, 0);
    assert_false(admit_level(r, PIPEPOLL_INFO, "credentials from A", REPEATS_SAME_MS));
    repeats_tell(r, REPEATS_SAME_MS, true, note, &s);
    assert_int_equal(s.count, 1);
    free(r);
}

static void information_that_is_given_all_the_time_is_counted_at_times(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    for (int64_t ms = 0; ms < 100000; ms += REPEATS_SAME_MS - 1000)
        admit_level(r, PIPEPOLL_INFO, "credentials from A", ms);
    repeats_tell(r, 100000, true, note, &s);
    assert_non_null(strstr(s.last, "(12 like it since"));
    free(r);
}

static void a_long_line_is_known_again_and_not_cut_in_a_character(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    char text[2 * REPEATS_LINE_MAX] = "";
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    assert_true(admit_level(r, PIPEPOLL_INFO, text, 0));
    assert_false(admit_level(r, PIPEPOLL_INFO, text, 1));
    repeats_tell(r, 2, true, note, &s);
    assert_int_equal(s.count, 0);
    assert_int_equal(strlen(r->list[0].line), REPEATS_LINE_MAX - 2);
    free(r);
}

static void an_hour_of_whatever_fails_is_some_hundred_lines(void **state)
{
    static const int kinds[] = { 1, 50, 1000 };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct repeats *r = repeats_new();
        struct seen s = { 0 };
        size_t lines = 0, tried = 0;
        for (int64_t ms = 0; ms < HOUR_MS; ms += 500) {
            for (int n = 0; n < 20; n++) {
                const struct repeats_line line = { 1 + tried++ % (size_t)kinds[i], PIPEPOLL_ERROR,
                                                   NULL, STR("x"), 1 + (uint32_t)n % 4 };
                lines += repeats_admit(r, &line, ms);
            }
            tell(r, ms, &s);
        }
        print_message("%d kinds: %zu lines\n", kinds[i], lines + s.count);
        assert_in_range(lines + s.count, 5, REPEATS_LINES + HOUR_MS / REPEATS_LINE_EVERY_MS);
        free(r);
    }
}

static void what_finds_no_place_is_counted_with_others(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    struct repeats_line line = { 0, PIPEPOLL_WARNING, NULL, STR("x"), 1 };
    size_t lines = 0;
    for (int round = 0; round < 2; round++)
        for (line.kind = 1; line.kind <= 2 * REPEATS_MAX; line.kind++)
            lines += repeats_admit(r, &line, round);
    repeats_tell(r, HOUR_MS, true, note, &s);
    assert_int_equal(lines, REPEATS_MAX);
    assert_int_equal(s.count, REPEATS_MAX);
    free(r);
}

static void of_what_shares_a_place_the_worst_is_told(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    struct repeats_line line = { 0, PIPEPOLL_WARNING, NULL, STR("x"), 1 };
    for (line.kind = 1; line.kind <= REPEATS_MAX; line.kind++)
        repeats_admit(r, &line, 0);
    const struct repeats_line bad = { 100, PIPEPOLL_ERROR, NULL, STR("it is bad"), 1 };
    const struct repeats_line fine = { 101, PIPEPOLL_INFO, NULL, STR("it is fine"), 1 };
    repeats_admit(r, &fine, 1);
    repeats_admit(r, &bad, 2);
    repeats_admit(r, &fine, 3);
    tell(r, REPEATS_PAUSE_MS, &s);
    assert_int_equal(s.level, PIPEPOLL_ERROR);
    assert_non_null(strstr(s.last, "it is bad (one of 3 of several kinds since "));
    free(r);
}

static void of_one_kind_the_last_is_told(void **state)
{
    struct repeats *r = repeats_new();
    struct seen s = { 0 };
    struct repeats_line line = { 1, PIPEPOLL_ERROR, NULL, STR("no credentials"), 1 };
    repeats_admit(r, &line, 0);
    repeats_admit(r, &line, 1);
    line.level = PIPEPOLL_INFO;
    line.text = STR("credentials");
    repeats_admit(r, &line, 2);
    tell(r, REPEATS_PAUSE_MS, &s);
    assert_int_equal(s.level, PIPEPOLL_INFO);
    assert_non_null(strstr(s.last, "credentials (2 like it since "));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_differ_in_ids_and_numbers_are_of_a_kind),
        cmocka_unit_test(the_first_is_written_and_the_others_are_one_line_with_their_number),
        cmocka_unit_test(a_single_one_more_is_written_as_it_is),
        cmocka_unit_test(one_that_is_written_late_says_when_it_was),
        cmocka_unit_test(pauses_grow_while_they_come_whatever_their_period),
        cmocka_unit_test(one_that_has_been_silent_is_written_at_once_again),
        cmocka_unit_test(a_sum_is_written_before_its_kind_is_forgotten),
        cmocka_unit_test(a_sum_is_not_lost_when_its_kind_comes_back_first),
        cmocka_unit_test(a_kind_may_have_several_lines_in_each_pause),
        cmocka_unit_test(information_that_was_given_just_now_is_not_counted),
        cmocka_unit_test(information_that_is_given_all_the_time_is_counted_at_times),
        cmocka_unit_test(a_long_line_is_known_again_and_not_cut_in_a_character),
        cmocka_unit_test(an_hour_of_whatever_fails_is_some_hundred_lines),
        cmocka_unit_test(what_finds_no_place_is_counted_with_others),
        cmocka_unit_test(of_what_shares_a_place_the_worst_is_told),
        cmocka_unit_test(of_one_kind_the_last_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
