/* SPDX-License-Identifier: MIT */
/* What comes next for a job, event by event: the states of client/work_life.c in virtual time. */
#include "client/work_life.h"
#include "lib/check.h"

static struct work_answer answered(int meaning)
{
    return (struct work_answer) { .status = meaning ? PIPEPOLL_EREFUSED : PIPEPOLL_OK,
                                  .meaning = meaning,
                                  .now_ns = 1000,
                                  .roll = 500 };
}

static struct work_answer lost(void)
{
    return (struct work_answer) {
        .status = PIPEPOLL_ETIMEDOUT, .is_uncertain = true, .now_ns = 1000, .roll = 500
    };
}

static struct work_answer unreachable(void)
{
    return (struct work_answer) { .status = PIPEPOLL_ETRANSPORT, .now_ns = 1000, .roll = 500 };
}

static struct work_life detailed(void)
{
    struct work_life l = { 0 };
    assert_int_equal(work_on_token(&l, true, 5), WORK_ASK_DETAILS);
    return l;
}

static struct work_life claiming(void)
{
    struct work_life l = detailed();
    struct work_answer a = answered(0);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_HERE), WORK_ACKNOWLEDGE);
    return l;
}

static struct work_life running(void)
{
    struct work_life l = claiming();
    struct work_answer a = answered(0);
    assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_IN_PROGRESS), WORK_START);
    return l;
}

static struct work_life reporting(void)
{
    struct work_life l = running();
    assert_true(work_on_result(&l, PIPEPOLL_WORK_SUCCEEDED));
    return l;
}

static struct work_life resumed(enum pipepoll_journal_state state)
{
    struct work_life l = { .resumed = state,
                           .was_reported = state == PIPEPOLL_JOURNAL_REPORTING,
                           .result = PIPEPOLL_WORK_SUCCEEDED };
    assert_int_equal(work_on_token(&l, true, 5),
                     state == PIPEPOLL_JOURNAL_REPORTING ? WORK_REPORT : WORK_ASK_DETAILS);
    return l;
}

static void ends(const struct work_life *l, enum work_step step, enum pipepoll_work_outcome outcome)
{
    assert_int_equal(step, WORK_END);
    assert_int_equal(l->state, WORK_OVER);
    assert_string_equal(pipepoll_work_outcome_name(l->outcome),
                        pipepoll_work_outcome_name(outcome));
}

static void a_job_goes_from_found_to_confirmed(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(0);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_SUCCEEDED);
}

static void an_unknown_client_id_ends_what_is_not_claimed(void **state)
{
    struct work_life l = { 0 };
    ends(&l, work_on_token(&l, false, 5), PIPEPOLL_WORK_NO_TOKEN);
}

static void a_wrong_token_is_asked_for_once_more(void **state)
{
    struct work_life l = detailed();
    struct work_answer a = answered(JOB_CLIENT_TOKEN_WRONG);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_ABSENT), WORK_ASK_TOKEN);
    assert_int_equal(work_on_token(&l, true, 5), WORK_ASK_DETAILS);
    ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT), PIPEPOLL_WORK_NO_TOKEN);
}

static void what_refuses_the_details_decides_the_end(void **state)
{
    static const struct {
        int meaning;
        enum pipepoll_work_outcome outcome;
    } rows[] = {
        { JOB_UNKNOWN, PIPEPOLL_WORK_OVER },
        { JOB_STATE_INVALID, PIPEPOLL_WORK_OVER },
        { JOB_NONCE_INVALID, PIPEPOLL_WORK_REJECTED },
        { JOB_INPUT_INVALID, PIPEPOLL_WORK_REJECTED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct work_life l = detailed();
        struct work_answer a = answered(rows[i].meaning);
        ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT), rows[i].outcome);
    }
}

static void a_service_that_cannot_be_reached_keeps_what_is_not_claimed(void **state)
{
    struct work_life l = detailed();
    struct work_answer a = unreachable();
    ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT), PIPEPOLL_WORK_LEFT);
    l = claiming();
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), PIPEPOLL_WORK_LEFT);
}

static void details_without_a_nonce_claim_nothing(void **state)
{
    struct work_life l = detailed();
    struct work_answer a = answered(0);
    ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT), PIPEPOLL_WORK_REJECTED);
}

static void only_a_job_in_progress_runs(void **state)
{
    static const struct {
        enum job_status status;
        enum pipepoll_work_outcome outcome;
    } rows[] = {
        { JOB_STATUS_CREATED, PIPEPOLL_WORK_LEFT },
        { JOB_STATUS_QUEUED, PIPEPOLL_WORK_LEFT },
        { JOB_STATUS_DISPATCHED, PIPEPOLL_WORK_LEFT },
        { JOB_STATUS_TIMED_OUT, PIPEPOLL_WORK_OVER },
        { JOB_STATUS_SUCCEEDED, PIPEPOLL_WORK_OVER },
        { JOB_STATUS_FAILED, PIPEPOLL_WORK_OVER },
        { JOB_STATUS_ABSENT, PIPEPOLL_WORK_UNRESOLVED },
        { JOB_STATUS_OTHER, PIPEPOLL_WORK_UNRESOLVED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct work_life l = claiming();
        struct work_answer a = answered(0);
        ends(&l, work_on_acknowledged(&l, &a, rows[i].status), rows[i].outcome);
    }
}

static void an_invalid_nonce_is_a_lost_race(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = answered(JOB_NONCE_INVALID);
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), PIPEPOLL_WORK_LOST_RACE);
}

static void a_claim_whose_answer_was_lost_is_asked_again(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = lost();
    assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), WORK_ACKNOWLEDGE);
    assert_true(l.due_ns > a.now_ns);
    a = answered(0);
    assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_IN_PROGRESS), WORK_START);
}

static void after_a_lost_answer_an_invalid_nonce_tells_nothing(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = lost();
    work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT);
    a = answered(JOB_NONCE_INVALID);
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), PIPEPOLL_WORK_UNRESOLVED);
}

static void a_claim_that_may_be_ours_is_asked_until_the_service_answers(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = lost();
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), WORK_ACKNOWLEDGE);
        assert_true(l.due_ns >= a.now_ns && l.due_ns < a.now_ns + 21000000000);
    }
    a = answered(0);
    assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_IN_PROGRESS), WORK_START);
}

static void a_claim_is_asked_no_longer_than_a_job_can_live(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = lost();
    unsigned asked = 1;
    for (; work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT) == WORK_ACKNOWLEDGE; asked++)
        a.now_ns = l.due_ns + 5000000000;
    assert_in_range(asked, 3000, 20000); /* a day, with 5 s to 25 s from one to the next */
    assert_int_equal(l.outcome, PIPEPOLL_WORK_OVER);
}

static void a_result_is_sent_until_it_is_confirmed(void **state)
{
    struct work_life l = reporting();
    for (unsigned i = 0; i < 1000; i++) {
        struct work_answer a = i % 2 ? unreachable() : lost();
        assert_int_equal(work_on_reported(&l, &a), WORK_REPORT);
        assert_true(l.due_ns >= a.now_ns && l.due_ns < a.now_ns + 21000000000);
    }
    struct work_answer a = answered(0);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_SUCCEEDED);
}

static void too_late_after_a_lost_answer_is_confirmed(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(JOB_STATE_INVALID);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_OVER);
    l = reporting();
    a = lost();
    work_on_reported(&l, &a);
    a = answered(JOB_STATE_INVALID);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_SUCCEEDED);
}

static void a_result_with_a_wrong_token_waits_for_another(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(JOB_CLIENT_TOKEN_WRONG);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(work_on_reported(&l, &a), WORK_ASK_TOKEN);
        assert_int_equal(work_on_token(&l, true, 5), WORK_REPORT);
    }
}

static void anothers_result_without_a_token_is_left(void **state)
{
    struct work_life l = { .resumed = PIPEPOLL_JOURNAL_REPORTING,
                           .was_reported = true,
                           .is_anothers = true,
                           .result = PIPEPOLL_WORK_SUCCEEDED };
    struct work_answer wrong = answered(JOB_CLIENT_TOKEN_WRONG);
    ends(&l, work_on_token(&l, false, 5), PIPEPOLL_WORK_NO_TOKEN);
    l = (struct work_life) { .resumed = PIPEPOLL_JOURNAL_REPORTING, .is_anothers = true };
    assert_int_equal(work_on_token(&l, true, 5), WORK_REPORT);
    assert_int_equal(work_on_reported(&l, &wrong), WORK_ASK_TOKEN);
    ends(&l, work_on_token(&l, false, 5), PIPEPOLL_WORK_NO_TOKEN);
}

static void without_another_token_a_result_waits(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(JOB_CLIENT_TOKEN_WRONG);
    work_on_reported(&l, &a);
    assert_int_equal(work_on_token(&l, false, 1000), WORK_ASK_TOKEN);
    assert_int_equal(l.state, WORK_REPORTING);
    assert_true(l.due_ns > 1000);
}

static void nothing_is_tried_for_longer_than_a_job_can_live(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = unreachable();
    const uint64_t hour_ns = 3600000000000;
    assert_int_equal(work_on_reported(&l, &a), WORK_REPORT);
    a.now_ns += 24 * hour_ns;
    assert_int_equal(work_on_reported(&l, &a), WORK_REPORT);
    a.now_ns += 1;
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_OVER);
}

static void a_job_that_the_service_does_not_know_any_more_is_over(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = lost();
    work_on_reported(&l, &a);
    a = answered(JOB_UNKNOWN);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_OVER);
}

static void a_result_that_breaks_a_rule_of_the_service_is_rejected(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(JOB_INPUT_INVALID);
    l.result = PIPEPOLL_WORK_FAILED;
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_REJECTED);
}

static void a_success_that_is_refused_is_reported_as_failed_once(void **state)
{
    static const int meanings[] = { JOB_INPUT_INVALID, JOB_OUTPUT_TOO_LARGE };
    for (size_t i = 0; i < 2; i++) {
        struct work_life l = reporting();
        struct work_answer a = lost();
        work_on_reported(&l, &a); /* which says nothing of the failure's first attempt */
        a = answered(meanings[i]);
        assert_int_equal(work_on_reported(&l, &a), WORK_REPORT);
        assert_true(l.is_refused && !l.is_uncertain);
        assert_int_equal(l.result, PIPEPOLL_WORK_FAILED);
        struct work_life other = l;
        a = (struct work_answer) { 0 };
        ends(&other, work_on_reported(&other, &a), PIPEPOLL_WORK_FAILED);
        a = answered(JOB_INPUT_INVALID);
        ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_REJECTED);
    }
}

static void a_success_that_is_refused_while_closing_is_left_to_the_next_run(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(JOB_INPUT_INVALID);
    work_on_close(&l, true);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_UNREPORTED);
    assert_true(work_is_open(&l));
}

static void only_a_running_job_takes_a_result(void **state)
{
    struct work_life l = claiming();
    assert_false(work_on_result(&l, PIPEPOLL_WORK_FAILED));
    l = reporting();
    assert_false(work_on_result(&l, PIPEPOLL_WORK_FAILED));
    assert_int_equal(l.result, PIPEPOLL_WORK_SUCCEEDED);
}

/* --- the end of the worker --- */

static void draining_leaves_what_is_not_claimed(void **state)
{
    struct work_life l = { 0 };
    ends(&l, work_on_drain(&l, false), PIPEPOLL_WORK_LEFT);
    l = detailed();
    struct work_answer a = answered(0);
    assert_int_equal(work_on_drain(&l, true), WORK_WAIT);
    ends(&l, work_on_details(&l, &a, WORK_NONCE_HERE), PIPEPOLL_WORK_LEFT);
}

static void draining_lets_go_on_what_may_be_claimed(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = answered(0);
    assert_int_equal(work_on_drain(&l, true), WORK_WAIT);
    assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_IN_PROGRESS), WORK_START);
    assert_int_equal(work_on_drain(&l, false), WORK_WAIT);
    assert_true(work_on_result(&l, PIPEPOLL_WORK_SUCCEEDED));
}

static void draining_leaves_a_claim_that_has_not_gone_out(void **state)
{
    struct work_life l = claiming();
    ends(&l, work_on_drain(&l, false), PIPEPOLL_WORK_LEFT);
    l = claiming();
    struct work_answer a = answered(JOB_CLIENT_TOKEN_WRONG);
    work_on_drain(&l, true);
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), PIPEPOLL_WORK_LEFT);
    assert_false(work_is_open(&l));
}

static void what_closing_leaves_open_is_for_the_next_run(void **state)
{
    struct work_life l = claiming();
    struct work_answer a = lost();
    work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT);
    work_on_close(&l, false);
    assert_true(work_is_open(&l));
    l = claiming();
    a = answered(0);
    work_on_close(&l, true);
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_IN_PROGRESS), PIPEPOLL_WORK_UNREPORTED);
    assert_true(work_is_open(&l));
    l = claiming();
    a = lost();
    work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT);
    a = answered(JOB_NONCE_INVALID);
    work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT);
    assert_false(work_is_open(&l)); /* nobody will know more */
}

static void closing_gives_up_everything(void **state)
{
    struct work_life l = detailed();
    ends(&l, work_on_close(&l, false), PIPEPOLL_WORK_LEFT);
    l = claiming();
    struct work_answer a = lost();
    work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT);
    ends(&l, work_on_close(&l, false), PIPEPOLL_WORK_UNRESOLVED);
    l = running();
    ends(&l, work_on_close(&l, false), PIPEPOLL_WORK_UNREPORTED);
    l = reporting();
    assert_int_equal(work_on_close(&l, true), WORK_WAIT);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_UNREPORTED);
}

static void what_was_confirmed_while_closing_is_confirmed(void **state)
{
    struct work_life l = reporting();
    struct work_answer a = answered(0);
    work_on_close(&l, true);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_SUCCEEDED);
}

/* --- from a journal --- */

static void a_resumed_claim_can_have_had_its_effect(void **state)
{
    struct work_life l = resumed(PIPEPOLL_JOURNAL_CLAIMING);
    struct work_answer a = answered(0);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_HERE), WORK_ACKNOWLEDGE);
    a = answered(JOB_NONCE_INVALID);
    ends(&l, work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), PIPEPOLL_WORK_UNRESOLVED);
}

static void a_resumed_claim_is_asked_about_until_the_service_tells(void **state)
{
    struct work_life l = { .resumed = PIPEPOLL_JOURNAL_CLAIMING };
    struct work_answer a = unreachable();
    assert_int_equal(work_on_token(&l, false, 5), WORK_ASK_TOKEN);
    assert_int_equal(work_on_drain(&l, false), WORK_WAIT);
    assert_int_equal(work_on_token(&l, true, 5), WORK_ASK_DETAILS);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_ABSENT), WORK_ASK_DETAILS);
    a = answered(0);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_HERE), WORK_ACKNOWLEDGE);
    a = unreachable();
    for (int i = 0; i < 100; i++)
        assert_int_equal(work_on_acknowledged(&l, &a, JOB_STATUS_ABSENT), WORK_ACKNOWLEDGE);
    ends(&l, work_on_close(&l, false), PIPEPOLL_WORK_UNRESOLVED);
    assert_true(work_is_open(&l));
}

static void a_resumed_job_ends_when_the_service_says_so(void **state)
{
    static const int meanings[] = { JOB_UNKNOWN, JOB_STATE_INVALID, JOB_INPUT_INVALID };
    for (size_t i = 0; i < 3; i++) {
        struct work_life l = resumed(PIPEPOLL_JOURNAL_RUNNING);
        struct work_answer a = answered(meanings[i]);
        ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT),
             i == 2 ? PIPEPOLL_WORK_REJECTED : PIPEPOLL_WORK_OVER);
    }
}

static void a_claim_that_was_noted_is_not_made_for_a_later_hand_out(void **state)
{
    struct work_life l = resumed(PIPEPOLL_JOURNAL_CLAIMING);
    struct work_answer a = answered(0);
    ends(&l, work_on_details(&l, &a, WORK_NONCE_OTHER), PIPEPOLL_WORK_LEFT);
    l = resumed(PIPEPOLL_JOURNAL_CLAIMING);
    ends(&l, work_on_details(&l, &a, WORK_NONCE_ABSENT), PIPEPOLL_WORK_UNRESOLVED);
}

static void a_resumed_job_that_ran_starts_without_a_claim(void **state)
{
    struct work_life l = resumed(PIPEPOLL_JOURNAL_RUNNING);
    struct work_answer a = unreachable();
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_ABSENT), WORK_ASK_DETAILS);
    assert_int_equal(work_on_drain(&l, false), WORK_WAIT);
    a = answered(0);
    assert_int_equal(work_on_details(&l, &a, WORK_NONCE_ABSENT), WORK_START);
    assert_int_equal(l.state, WORK_RUNNING);
}

static void a_resumed_result_counts_as_sent(void **state)
{
    struct work_life l = resumed(PIPEPOLL_JOURNAL_REPORTING);
    struct work_answer a = answered(JOB_STATE_INVALID);
    ends(&l, work_on_reported(&l, &a), PIPEPOLL_WORK_SUCCEEDED);
}

static void a_claimed_job_waits_for_its_token(void **state)
{
    struct work_life l = { .resumed = PIPEPOLL_JOURNAL_RUNNING };
    assert_int_equal(work_on_token(&l, false, 5), WORK_ASK_TOKEN);
    assert_true(l.due_ns > 5);
    ends(&l, work_on_close(&l, false), PIPEPOLL_WORK_UNREPORTED);
}

static void without_its_note_nothing_is_claimed(void **state)
{
    struct work_life l = claiming();
    ends(&l, work_on_declined(&l), PIPEPOLL_WORK_LEFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_goes_from_found_to_confirmed),
        cmocka_unit_test(an_unknown_client_id_ends_what_is_not_claimed),
        cmocka_unit_test(a_wrong_token_is_asked_for_once_more),
        cmocka_unit_test(what_refuses_the_details_decides_the_end),
        cmocka_unit_test(a_service_that_cannot_be_reached_keeps_what_is_not_claimed),
        cmocka_unit_test(details_without_a_nonce_claim_nothing),
        cmocka_unit_test(only_a_job_in_progress_runs),
        cmocka_unit_test(an_invalid_nonce_is_a_lost_race),
        cmocka_unit_test(a_claim_whose_answer_was_lost_is_asked_again),
        cmocka_unit_test(after_a_lost_answer_an_invalid_nonce_tells_nothing),
        cmocka_unit_test(a_claim_that_may_be_ours_is_asked_until_the_service_answers),
        cmocka_unit_test(a_claim_is_asked_no_longer_than_a_job_can_live),
        cmocka_unit_test(a_result_is_sent_until_it_is_confirmed),
        cmocka_unit_test(too_late_after_a_lost_answer_is_confirmed),
        cmocka_unit_test(a_result_with_a_wrong_token_waits_for_another),
        cmocka_unit_test(anothers_result_without_a_token_is_left),
        cmocka_unit_test(without_another_token_a_result_waits),
        cmocka_unit_test(nothing_is_tried_for_longer_than_a_job_can_live),
        cmocka_unit_test(a_job_that_the_service_does_not_know_any_more_is_over),
        cmocka_unit_test(a_result_that_breaks_a_rule_of_the_service_is_rejected),
        cmocka_unit_test(a_success_that_is_refused_is_reported_as_failed_once),
        cmocka_unit_test(a_success_that_is_refused_while_closing_is_left_to_the_next_run),
        cmocka_unit_test(only_a_running_job_takes_a_result),
        cmocka_unit_test(draining_leaves_what_is_not_claimed),
        cmocka_unit_test(draining_lets_go_on_what_may_be_claimed),
        cmocka_unit_test(draining_leaves_a_claim_that_has_not_gone_out),
        cmocka_unit_test(what_closing_leaves_open_is_for_the_next_run),
        cmocka_unit_test(closing_gives_up_everything),
        cmocka_unit_test(what_was_confirmed_while_closing_is_confirmed),
        cmocka_unit_test(a_resumed_claim_can_have_had_its_effect),
        cmocka_unit_test(a_resumed_claim_is_asked_about_until_the_service_tells),
        cmocka_unit_test(a_resumed_job_ends_when_the_service_says_so),
        cmocka_unit_test(a_claim_that_was_noted_is_not_made_for_a_later_hand_out),
        cmocka_unit_test(a_resumed_job_that_ran_starts_without_a_claim),
        cmocka_unit_test(a_resumed_result_counts_as_sent),
        cmocka_unit_test(a_claimed_job_waits_for_its_token),
        cmocka_unit_test(without_its_note_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
