/* SPDX-License-Identifier: MIT */
/* What a status is made of: words for every value, scales, texts that live as long as it does, and
 * the verdict, whose worst reason comes first. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"
#include "pipepoll.h"
#include "status/status.h"

static void test_words(void **state)
{
    for (int i = 0; i < STATUS_OUTCOMES; i++)
        assert_non_null(status_outcome_name((enum status_outcome)i));
    for (int i = 0; i < STATUS_STATES; i++)
        assert_non_null(status_state_name((enum status_state)i));
    assert_string_equal(status_job_end_name(3), "lost-race");
    assert_int_equal(status_outcome_of(PIPEPOLL_ETHROTTLED), STATUS_THROTTLED);
    assert_int_equal(status_outcome_of(PIPEPOLL_ESYSTEM), STATUS_OTHER);
    assert_int_equal(status_outcome_of(-9999), STATUS_OTHER);
}

static void test_durations(void **state)
{
    const struct status_scale *scale = &status_scale_poll;
    struct status_durations d = { .count = 0 }, sum = { .count = 0 };
    status_durations_add(&d, scale, 0);
    status_durations_add(&d, scale, 5000);
    status_durations_add(&d, scale, 5001);
    status_durations_add(&d, scale, UINT64_C(100000000));
    assert_int_equal(d.counts[0], 2);
    assert_int_equal(d.counts[1], 1);
    assert_int_equal(d.counts[scale->count], 1);
    status_durations_merge(&sum, &d);
    status_durations_merge(&sum, &d);
    assert_int_equal(sum.count, 8);
    assert_int_equal(sum.counts[0], 4);
    assert_int_equal(sum.sum_us, 2 * UINT64_C(100010001));
}

static void test_memory(void **state)
{
    struct status s = { .now_ms = 0 };
    char long_text[100000];
    memset(long_text, 'x', sizeof long_text);
    str first = status_text(&s, STR("first"));
    int *array = status_array(&s, 1000, sizeof *array);
    str whole = status_text(&s, (str) { long_text, sizeof long_text });
    str last = status_text(&s, STR("last"));
    assert_non_null(array);
    assert_int_equal(array[999], 0);
    array[999] = 7;
    assert_true(str_eq(first, STR("first")));
    assert_true(str_eq(last, STR("last")));
    assert_int_equal(whole.len, sizeof long_text);
    assert_null(status_array(&s, SIZE_MAX / 2, sizeof *array));
    assert_null(status_array(&s, 0, sizeof *array));
    status_deinit(&s);
    status_deinit(&s);
}

static void check_verdict(const struct status *s, bool alive, bool ready, bool well,
                          const char *why)
{
    struct status_verdict v;
    status_judge(s, &v);
    if (!strstr(v.why, why))
        fail_msg("\"%s\" is not in: %s", why, v.why);
    assert_int_equal(v.is_alive, alive);
    assert_int_equal(v.is_ready, ready);
    assert_int_equal(v.is_well, well);
}

static void test_verdict(void **state)
{
    struct status_loop loops[2] = { { .silent_ms = 5 }, { .silent_ms = 0 } };
    struct status_incident incident = { .words = STR("denied: no rights") };
    struct status s = { .loops = loops, .loop_count = 2 };
    check_verdict(&s, true, false, false, "starting");
    s.phase = STATUS_POLLING;
    check_verdict(&s, true, false, false, "no target");
    s.target_count = s.states[STATUS_WAITING] = 3;
    check_verdict(&s, true, false, false, "no poll has been answered");
    s.states[STATUS_WAITING] = 0;
    s.states[STATUS_FAILING] = 2;
    s.states[STATUS_LATE] = 1;
    check_verdict(&s, true, false, false, "none of 3 targets is polled: 2 failing, 1 late");
    s.incidents = &incident;
    s.incident_count = 1;
    check_verdict(&s, true, false, false, "none of 3 targets is polled: denied: no rights");
    s.incident_count = 0;
    s.states[STATUS_FAILING] = 1;
    s.states[STATUS_WELL] = 1;
    check_verdict(&s, true, true, false, "1 target failing");
    s.incidents = &incident;
    s.incident_count = 1;
    check_verdict(&s, true, true, false, "1 target failing: denied: no rights");
    s.states[STATUS_FAILING] = 0;
    check_verdict(&s, true, true, false, "1 target without a good poll");
    s.states[STATUS_LATE] = 0;
    s.states[STATUS_SLOWED] = 2;
    check_verdict(&s, true, true, true, "polling 3 targets");
    s.states[STATUS_ELSEWHERE] = 5;
    s.target_count = 8;
    check_verdict(&s, true, true, true, "polling 3 of 8 targets; the others are elsewhere");
    s.journal.is_open = true;
    check_verdict(&s, true, true, false, "journal");
    s.lost = 1;
    check_verdict(&s, true, true, false, "journal"); /* what is wrong now before what was */
    s.journal.is_well = true;
    check_verdict(&s, true, true, false, "1 job was lost");
    s.phase = STATUS_ENDING;
    check_verdict(&s, true, false, false, "ending");
    loops[1].silent_ms = STATUS_HANGS_MS + 1;
    check_verdict(&s, false, false, false, "loop 1 has not turned for 10 s");
}

/* A member that has no target of the fleet does what it should. */
static void test_elsewhere(void **state)
{
    struct status s = { .phase = STATUS_POLLING, .target_count = 3 };
    char line[STATUS_LINE_MAX];
    s.states[STATUS_ELSEWHERE] = 3;
    check_verdict(&s, true, true, true, "polling 0 of 3 targets");
    str text = { line, status_line(&s, line) };
    assert_true(str_eq(text, STR("3 targets, 3 elsewhere; 0.0 polls/s, 0 jobs found")));
    s.states[STATUS_ELSEWHERE] = 2;
    s.states[STATUS_WAITING] = 1;
    check_verdict(&s, true, false, false, "no poll has been answered");
    s.states[STATUS_WAITING] = 0;
    s.states[STATUS_FAILING] = 1;
    check_verdict(&s, true, false, false, "none of 1 target is polled: 1 failing");
}

static void test_fleet(void **state)
{
    struct status s = { .phase = STATUS_POLLING, .target_count = 3, .now_ms = 100000 };
    struct status_fleet *f = &s.fleet;
    s.states[STATUS_ELSEWHERE] = 3;
    *f = (struct status_fleet) { .is_in = true, .name = STR("ci"), .member = STR("m") };
    check_verdict(&s, true, false, false, "fleet ci: not connected to its servers yet");
    snprintf(f->trouble, sizeof f->trouble, "no answer of nats://a: is it there?");
    check_verdict(&s, true, false, false, "fleet ci: no answer of nats://a: is it there?");
    f->engine = STATUS_ENGINE_READY;
    check_verdict(&s, true, false, false, "fleet ci: joining");
    f->standing = STATUS_MEMBER_DRAINED; /* as it was told */
    f->alive = 2;
    check_verdict(&s, true, true, true, "drained, as was asked for: its 3 targets are elsewhere");
    f->unheld = 3; /* until the other has claimed them */
    check_verdict(&s, true, true, true, "drained, as was asked for");
    f->alive = 1;
    check_verdict(&s, true, false, false,
                  "drained, as was asked for, and no other member polls its 3 "
                  "targets: end that by `pipepoll fleet drain m --end`");
    f->alive = 2;
    f->unheld_ms = 1; /* of takeover_ms, which is 0 here */
    check_verdict(&s, true, false, false, "no other member polls its 3 targets");
    f->unheld = 0;
    f->unheld_ms = 0;
    f->standing = STATUS_MEMBER_ACTIVE;
    check_verdict(&s, true, true, true, "polling 0 of 3 targets");
    f->is_fenced = true;
    check_verdict(&s, true, false, false, "nothing is polled here");
    f->is_duplicate = true;
    check_verdict(&s, true, false, false, "another process is member m as well");
    s.states[STATUS_ELSEWHERE] = 2;
    s.states[STATUS_WELL] = 1;
    check_verdict(&s, true, true, false, "another process is member m as well");
    f->is_duplicate = f->is_fenced = false;
    check_verdict(&s, true, true, true, "polling 1 of 3 targets");
}

static void test_fleet_trouble(void **state)
{
    struct status s = { .phase = STATUS_POLLING, .target_count = 3, .now_ms = 100000 };
    struct status_fleet *f = &s.fleet;
    s.states[STATUS_WELL] = 3;
    *f = (struct status_fleet) { .is_in = true, .name = STR("ci"), .takeover_ms = 20000 };
    f->engine = STATUS_ENGINE_AWAY;
    check_verdict(&s, true, true, false, "not connected");
    f->engine = STATUS_ENGINE_UNUSABLE;
    check_verdict(&s, true, true, false, "of no use");
    f->engine = STATUS_ENGINE_READY;
    f->unheld = 2;
    f->unheld_ms = 20000;
    check_verdict(&s, true, true, true, "polling 3 targets"); /* it takes its time */
    f->unheld_ms = 21000;
    check_verdict(&s, true, true, false, "2 targets polled by no member for 21 s");
    f->jobs_held = 1;
    f->oldest_ms = s.now_ms - STATUS_QUEUE_STUCK_MS;
    check_verdict(&s, true, true, false, "2 targets polled by no member");
    f->oldest_ms--;
    check_verdict(&s, true, true, false, "1 found job wait for a place in the queue, the first");
    f->is_queue_full = true;
    check_verdict(&s, true, true, false, "its queue is full");
    f->is_in = false;
    check_verdict(&s, true, true, true, "polling 3 targets");
}

static void test_line(void **state)
{
    struct status s = { .phase = STATUS_POLLING, .target_count = 120, .polls_per_s = 34 };
    char line[STATUS_LINE_MAX];
    s.states[STATUS_WELL] = 118;
    s.states[STATUS_FAILING] = 2;
    s.found = 1;
    str text = { line, status_line(&s, line) };
    assert_true(str_eq(text, STR("120 targets, 2 failing; 34.0 polls/s, 1 job found")));
    struct status_incident incident = { .words = STR("denied: no rights") };
    s.incidents = &incident;
    s.incident_count = 1;
    text.len = status_line(&s, line);
    assert_true(str_eq(text, STR("120 targets, 2 failing; 34.0 polls/s, 1 job found; 2 targets "
                                 "failing: denied: no rights")));
    s.states[STATUS_FAILING] = s.incident_count = 0;
    s.config_refused = true;
    text.len = status_line(&s, line);
    assert_true(str_eq(text, STR("120 targets; 34.0 polls/s, 1 job found; the config file was read "
                                 "again and refused: the log says why")));
    char words[300];
    memset(words, 'x', sizeof words);
    incident.words = (str) { words, sizeof words };
    s.states[STATUS_FAILING] = s.incident_count = 1;
    assert_in_range(status_line(&s, line), 200, STATUS_LINE_MAX);
    s.phase = STATUS_STARTING;
    text.len = status_line(&s, line);
    assert_true(str_eq(text, STR("starting")));
}

static void test_stale(void **state)
{
    assert_int_equal(status_stale_ms(1), 60000);
    assert_int_equal(status_stale_ms(5000), 60000);
    assert_int_equal(status_stale_ms(6001), 60010);
    assert_int_equal(status_stale_ms(86400000), INT64_C(864000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),         cmocka_unit_test(test_durations),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_elsewhere),     cmocka_unit_test(test_fleet),
        cmocka_unit_test(test_fleet_trouble), cmocka_unit_test(test_line),
        cmocka_unit_test(test_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
