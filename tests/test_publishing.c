/* SPDX-License-Identifier: MIT */
/* Jobs on the way to the engine: each until it is there, under one once-id while the engine can
 * remember it, no more writes than do good, and pauses between those that come to nothing. */
#include "fleet/publishing.h"

#include <stdlib.h>

#include "lib/check.h"

enum { JOBS = 1000, UNIT = PUBLISHING_UNIT_MS };

struct fixture {
    struct publishing p;
    struct publishing_job jobs[JOBS];
    uint64_t tickets[JOBS];
};

static struct fixture *fixture_of(size_t jobs)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    publishing_init(&f->p);
    for (size_t i = 0; i < jobs; i++)
        publishing_add(&f->p, &f->jobs[i], 0);
    return f;
}

/* As many as there are to write now; their tickets are in order. */
static size_t take_all(struct fixture *f, uint64_t now_ms)
{
    size_t n = 0;
    while (publishing_take(&f->p, now_ms, (int64_t)now_ms, &f->tickets[n]))
        n++;
    return n;
}

static struct publishing_job *answer(struct fixture *f, uint64_t ticket, enum engine_result result,
                                     uint64_t now_ms)
{
    return publishing_answered(&f->p, ticket, result, now_ms, UINT64_MAX);
}

static void nothing_is_written_while_the_engine_is_away(void **state)
{
    struct fixture *f = fixture_of(2);
    assert_int_equal(take_all(f, 1), 0);
    assert_true(publishing_due_ms(&f->p) == PUBLISHING_NEVER);
    publishing_set_ready(&f->p, true);
    assert_true(publishing_due_ms(&f->p) <= 1);
    assert_int_equal(take_all(f, 1), 1);
    assert_true(publishing_due_ms(&f->p) == PUBLISHING_NEVER);
    publishing_set_ready(&f->p, false);
    assert_ptr_equal(answer(f, f->tickets[0], ENGINE_DONE, 2), &f->jobs[0]);
    assert_int_equal(take_all(f, 3), 0);
    free(f);
}

static void more_are_out_as_they_succeed(void **state)
{
    struct fixture *f = fixture_of(JOBS);
    size_t done = 0, most = 1;
    publishing_set_ready(&f->p, true);
    while (done < JOBS) {
        size_t n = take_all(f, 1);
        assert_true(n > 0 && n <= PUBLISHING_OUT_MAX);
        most = n > most ? n : most;
        for (size_t i = 0; i < n; i++)
            assert_ptr_equal(answer(f, f->tickets[i], ENGINE_DONE, 1), &f->jobs[done++]);
    }
    assert_int_equal(most, PUBLISHING_OUT_MAX);
    assert_int_equal(f->p.count, 0);
    assert_null(publishing_pop(&f->p));
    free(f);
}

static void a_failure_pauses_all_and_one_tries_the_ground(void **state)
{
    static const uint64_t pauses[] = { 250, 500, 1000, 2000, 4000, 5000, 5000 };
    struct fixture *f = fixture_of(2);
    uint64_t now_ms = 1000;
    publishing_set_ready(&f->p, true);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_int_equal(take_all(f, now_ms), 1);
        /* The longest, by the roll pauses - 250; any roll is between. */
        assert_null(publishing_answered(&f->p, f->tickets[0], ENGINE_FULL, now_ms,
                                        pauses[i] - PUBLISHING_FIRST_MS));
        assert_int_equal(publishing_due_ms(&f->p), now_ms + pauses[i]);
        assert_int_equal(take_all(f, now_ms + pauses[i] - 1), 0);
        now_ms += pauses[i];
    }
    assert_int_equal(f->p.trouble, ENGINE_FULL);
    assert_int_equal(take_all(f, now_ms), 1);
    assert_ptr_equal(answer(f, f->tickets[0], ENGINE_DUPLICATE, now_ms), &f->jobs[0]);
    assert_int_equal(f->p.trouble, ENGINE_DONE);
    assert_int_equal(take_all(f, now_ms), 1);
    assert_null(publishing_answered(&f->p, f->tickets[0], ENGINE_UNKNOWN, now_ms, 77));
    assert_int_equal(publishing_due_ms(&f->p), now_ms + PUBLISHING_FIRST_MS);
    free(f);
}

static void many_failures_at_once_are_one(void **state)
{
    struct fixture *f = fixture_of(JOBS);
    publishing_set_ready(&f->p, true);
    for (size_t n = 1; n < PUBLISHING_OUT_MAX;) {
        n = take_all(f, 1);
        for (size_t i = 0; i < n && n < PUBLISHING_OUT_MAX; i++)
            answer(f, f->tickets[i], ENGINE_DONE, 1);
    }
    for (size_t i = 0; i < PUBLISHING_OUT_MAX; i++)
        assert_null(answer(f, f->tickets[i], ENGINE_UNKNOWN, 1));
    assert_int_equal(f->p.failures, 1);
    assert_int_equal(publishing_due_ms(&f->p), 1 + PUBLISHING_FIRST_MS);
    assert_int_equal(take_all(f, 1 + PUBLISHING_FIRST_MS), 1);
    free(f);
}

static void an_engine_that_is_back_is_asked_at_once(void **state)
{
    struct fixture *f = fixture_of(1);
    publishing_set_ready(&f->p, true);
    assert_int_equal(take_all(f, 1), 1);
    publishing_set_ready(&f->p, false);
    assert_null(answer(f, f->tickets[0], ENGINE_UNKNOWN, 1));
    publishing_set_ready(&f->p, true);
    assert_int_equal(take_all(f, 1), 1);
    free(f);
}

static void the_generation_stays_for_half_an_hour(void **state)
{
    struct fixture *f = fixture_of(0);
    const int64_t found = 7 * UNIT + UNIT - 1;
    uint64_t ticket;
    publishing_set_ready(&f->p, true);
    publishing_add(&f->p, &f->jobs[0], found);
    for (int64_t t = found; t < found + 3 * UNIT; t += UNIT) {
        assert_non_null(publishing_take(&f->p, (uint64_t)t, t, &ticket));
        assert_int_equal(f->jobs[0].generation, 7);
        publishing_put_back(&f->p, ticket, 0);
    }
    assert_non_null(publishing_take(&f->p, 1u << 30, found + 4 * UNIT, &ticket));
    assert_int_equal(f->jobs[0].generation, 11);
    publishing_put_back(&f->p, ticket, 0);
    /* A clock that was put back counts the same. */
    assert_non_null(publishing_take(&f->p, 1u << 30, 2 * UNIT, &ticket));
    assert_int_equal(f->jobs[0].generation, 2);
    free(f);
}

static void a_full_queue_of_the_engine_is_waited_for(void **state)
{
    struct fixture *f = fixture_of(2);
    uint64_t ticket;
    publishing_set_ready(&f->p, true);
    assert_ptr_equal(publishing_take(&f->p, 1, 1, &ticket), &f->jobs[0]);
    publishing_put_back(&f->p, ticket, 1);
    assert_null(publishing_take(&f->p, 1, 1, &ticket));
    assert_int_equal(publishing_due_ms(&f->p), 1 + PUBLISHING_FIRST_MS);
    assert_ptr_equal(publishing_take(&f->p, 1 + PUBLISHING_FIRST_MS, 1, &ticket), &f->jobs[0]);
    free(f);
}

static void another_answer_settles_nothing(void **state)
{
    struct fixture *f = fixture_of(2);
    publishing_set_ready(&f->p, true);
    assert_int_equal(take_all(f, 1), 1);
    uint64_t first = f->tickets[0];
    assert_true(publishing_is_ours(first));
    assert_false(publishing_is_ours(7));
    assert_null(answer(f, first + PUBLISHING_OUT_MAX, ENGINE_DONE, 1));
    assert_ptr_equal(answer(f, first, ENGINE_DONE, 1), &f->jobs[0]);
    assert_int_equal(take_all(f, 1), 1);
    assert_null(answer(f, first, ENGINE_DONE, 1));
    assert_ptr_equal(publishing_pop(&f->p), &f->jobs[1]);
    assert_int_equal(f->p.count, 0);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_written_while_the_engine_is_away),
        cmocka_unit_test(more_are_out_as_they_succeed),
        cmocka_unit_test(a_failure_pauses_all_and_one_tries_the_ground),
        cmocka_unit_test(many_failures_at_once_are_one),
        cmocka_unit_test(an_engine_that_is_back_is_asked_at_once),
        cmocka_unit_test(the_generation_stays_for_half_an_hour),
        cmocka_unit_test(a_full_queue_of_the_engine_is_waited_for),
        cmocka_unit_test(another_answer_settles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
