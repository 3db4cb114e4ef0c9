/* SPDX-License-Identifier: MIT */
/* The verdict of a demo, on ledgers that no demo should leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "sim/demo_verdict.h"

static struct uuid id_of(unsigned job)
{
    struct uuid id;
    char text[sizeof id.text + 1];
    snprintf(text, sizeof text, "%036u", job);
    memcpy(id.text, text, sizeof id.text);
    return id;
}

static void put(struct ledger *l, unsigned job, enum ledger_event event)
{
    const struct ledger_entry e = { .event = event, .job_id = id_of(job) };
    ledger_put(l, &e);
}

/* As it should be. */
static void put_life(struct ledger *l, unsigned job)
{
    static const enum ledger_event events[] = { LEDGER_ADDED, LEDGER_HANDED_OUT, LEDGER_CREDENTIALS,
                                                LEDGER_ACKNOWLEDGED, LEDGER_SUCCEEDED };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        put(l, job, events[i]);
}

static struct demo_verdict verdict_of(const struct ledger *l)
{
    struct demo_verdict v;
    struct pipepoll_error why;
    assert_int_equal(demo_verdict_make(&v, l, &why), PIPEPOLL_OK);
    assert_true(v.lost + v.succeeded + v.failed == v.jobs);
    return v;
}

static struct ledger ledger_of_two(void)
{
    struct ledger l;
    assert_int_equal(ledger_init(&l, 64), 0);
    put(&l, 2, LEDGER_ADDED); /* jobs take turns */
    put_life(&l, 1);
    put(&l, 2, LEDGER_HANDED_OUT);
    put(&l, 2, LEDGER_RETURNED);
    return l;
}

static void a_good_one_is_good_though_much_was_said_twice(void **state)
{
    struct ledger l = ledger_of_two();
    put(&l, 2, LEDGER_HANDED_OUT);
    put(&l, 2, LEDGER_ACKNOWLEDGED);
    put(&l, 2, LEDGER_ACKNOWLEDGED_AGAIN);
    put(&l, 2, LEDGER_FAILED);
    put(&l, 2, LEDGER_RESULT_REFUSED);
    struct demo_verdict v = verdict_of(&l);
    assert_true(demo_verdict_is_good(&v));
    assert_true(v.jobs == 2 && v.claimed == 2 && v.succeeded == 1 && v.failed == 1);
    assert_true(v.claims_repeated == 1 && v.results_repeated == 1);
    ledger_deinit(&l);
}

static void a_job_without_a_result_is_lost(void **state)
{
    struct ledger l = ledger_of_two();
    struct demo_verdict v = verdict_of(&l);
    assert_true(!demo_verdict_is_good(&v) && v.lost == 1 && v.claimed == 1);
    put(&l, 2, LEDGER_ACKNOWLEDGED);
    put(&l, 2, LEDGER_TIMED_OUT);
    v = verdict_of(&l);
    assert_true(!demo_verdict_is_good(&v) && v.lost == 1 && v.claimed == 2);
    ledger_deinit(&l);
}

static void what_happens_twice_is_not_good(void **state)
{
    struct ledger l = ledger_of_two();
    put(&l, 2, LEDGER_ACKNOWLEDGED);
    put(&l, 2, LEDGER_SUCCEEDED);
    put(&l, 1, LEDGER_ACKNOWLEDGED);
    struct demo_verdict v = verdict_of(&l);
    assert_true(!demo_verdict_is_good(&v) && v.claimed_twice == 1 && v.ended_twice == 0);
    put(&l, 2, LEDGER_FAILED);
    v = verdict_of(&l);
    assert_true(!demo_verdict_is_good(&v) && v.ended_twice == 1 && v.succeeded == 2 &&
                v.failed == 0);
    ledger_deinit(&l);
}

static void a_result_without_a_claim_is_not_good(void **state)
{
    struct ledger l = ledger_of_two();
    put(&l, 2, LEDGER_SUCCEEDED);
    struct demo_verdict v = verdict_of(&l);
    assert_true(!demo_verdict_is_good(&v) && v.lost == 0);
    ledger_deinit(&l);
}

static void a_ledger_that_forgot_says_nothing(void **state)
{
    struct ledger l;
    struct demo_verdict v;
    struct pipepoll_error why;
    assert_int_equal(ledger_init(&l, 4), 0);
    v = verdict_of(&l);
    assert_true(v.jobs == 0);
    put_life(&l, 1);
    assert_int_equal(demo_verdict_make(&v, &l, &why), PIPEPOLL_EINVAL);
    ledger_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_good_though_much_was_said_twice),
        cmocka_unit_test(a_job_without_a_result_is_lost),
        cmocka_unit_test(what_happens_twice_is_not_good),
        cmocka_unit_test(a_result_without_a_claim_is_not_good),
        cmocka_unit_test(a_ledger_that_forgot_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
