/* SPDX-License-Identifier: MIT */
/* The states of a job: every event in every state. */
#include "sim/job_life.h"

#include "lib/check.h"

enum { STATES = JOB_TIMED_OUT + 1, NONE = STATES };

/* What the event makes of each state, in the order of the states; NONE: it may not happen there. */
static void assert_leads(bool (*event)(struct job_life *life), const int to[STATES])
{
    for (int from = 0; from < STATES; from++) {
        struct job_life life = { .state = (enum job_state)from, .nonce = 1 };
        assert_int_equal(event(&life), to[from] != NONE);
        assert_int_equal(life.state, to[from] == NONE ? from : to[from]);
    }
}

static void each_event_has_its_states_and_no_others(void **state)
{
    assert_leads(job_life_due, (int[]) { JOB_QUEUED, NONE, NONE, NONE, NONE, NONE, NONE });
    assert_leads(job_life_handed_out, (int[]) { NONE, JOB_LEASED, NONE, NONE, NONE, NONE, NONE });
    assert_leads(job_life_lease_ended, (int[]) { NONE, NONE, JOB_QUEUED, NONE, NONE, NONE, NONE });
    assert_leads(job_life_succeeded, (int[]) { NONE, NONE, NONE, JOB_SUCCEEDED, NONE, NONE, NONE });
    assert_leads(job_life_failed, (int[]) { NONE, NONE, NONE, JOB_FAILED, NONE, NONE, NONE });
    assert_leads(job_life_timed_out, (int[]) { NONE, NONE, NONE, JOB_TIMED_OUT, NONE, NONE, NONE });
}

static void a_claim_wins_a_leased_job_by_the_nonce_of_the_lease_alone(void **state)
{
    static const enum job_claim right[STATES] = { JOB_CLAIM_LOST,     JOB_CLAIM_LOST,
                                                  JOB_CLAIM_WON,      JOB_CLAIM_REPEATED,
                                                  JOB_CLAIM_REPEATED, JOB_CLAIM_REPEATED,
                                                  JOB_CLAIM_REPEATED };
    static const char *const wrong[] = { "1", "3", "02", "2 ", "", "two", "18446744073709551618" };
    for (int from = 0; from < STATES; from++) {
        struct job_life life = { .state = (enum job_state)from, .nonce = 2 };
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            assert_int_equal(job_life_acknowledged(&life, str_of(wrong[i])), JOB_CLAIM_LOST);
            assert_int_equal(life.state, from);
        }
        assert_int_equal(job_life_acknowledged(&life, STR("2")), right[from]);
        assert_int_equal(life.state, right[from] == JOB_CLAIM_WON ? JOB_IN_PROGRESS : from);
    }
}

static void each_hand_out_has_a_nonce_of_its_own(void **state)
{
    struct job_life life = { .state = JOB_QUEUED };
    for (uint64_t i = 1; i < 4; i++) {
        assert_true(job_life_handed_out(&life));
        assert_true(life.nonce == i);
        assert_true(job_life_lease_ended(&life));
        assert_true(life.nonce == i);
    }
}

static void the_states_have_the_names_of_the_model(void **state)
{
    static const char *const names[STATES] = { "Created",   "Queued", "Dispatched", "InProgress",
                                               "Succeeded", "Failed", "TimedOut" };
    for (int i = 0; i < STATES; i++) {
        assert_string_equal(job_life_status((enum job_state)i), names[i]);
        assert_int_equal(job_life_is_over((enum job_state)i), i >= JOB_SUCCEEDED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_states_and_no_others),
        cmocka_unit_test(a_claim_wins_a_leased_job_by_the_nonce_of_the_lease_alone),
        cmocka_unit_test(each_hand_out_has_a_nonce_of_its_own),
        cmocka_unit_test(the_states_have_the_names_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
