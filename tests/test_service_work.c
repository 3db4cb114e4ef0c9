/* SPDX-License-Identifier: MIT */
/* What workers do with the jobs of the simulated service, on a clock of the test's own. */
#include "sim/service.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "lib/check.h"

#define SECOND_NS UINT64_C(1000000000)

static const struct sim_scope here = {
    STR_INIT("eu-west-1"),
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
};

static struct service_options plain(void)
{
    return (struct service_options) {
        .lease_ns = 60 * SECOND_NS,
        .default_batch = 10,
        .queue_max = 100,
        .ledger_max = 1000,
        .over_max = 3,
        .undocumented = { .job_timeout_ms = 600000, .artifact_credentials_ms = 3600000 },
        .arrivals = { .seed = 7 },
    };
}

/* One service, and the job that was handed out last. */
struct world {
    struct service *service;
    uint64_t now_ns;
    char id[36], client_id[36];
    char nonce[24];
    unsigned handed_out;
};

static void world_open(struct world *w, struct service_options o)
{
    *w = (struct world) { .now_ns = SECOND_NS };
    assert_int_equal(service_new(&w->service, &o, NULL), 0);
}

static void take(void *ctx, const struct service_job *job)
{
    struct world *w = ctx;
    memcpy(w->id, job->id.ptr, sizeof w->id);
    memcpy(w->client_id, job->client_id.ptr, sizeof w->client_id);
    snprintf(w->nonce, sizeof w->nonce, "%llu", (unsigned long long)job->nonce);
    w->handed_out++;
}

static unsigned poll_one(struct world *w)
{
    unsigned before = w->handed_out;
    service_poll(w->service,
                 &(struct service_poll) { .scope = &here, .max_batch = 1, .visit = take, .ctx = w },
                 w->now_ns);
    return w->handed_out - before;
}

static void add(struct world *w)
{
    static const struct service_job_data data = { .configuration =
                                                      STR_INIT("{\"Project\":\"P\"}") };
    const struct service_jobs jobs = { .scope = &here, .count = 1, .data = &data };
    assert_int_equal(service_jobs_add(w->service, &jobs, w->now_ns, NULL), 0);
}

static struct service_request request(const struct world *w)
{
    return (struct service_request) {
        .job_id = { w->id, sizeof w->id },
        .request_id = { "aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa" },
        .now_ns = w->now_ns,
    };
}

static enum service_answer acknowledge(struct world *w, str nonce, enum job_state *state)
{
    struct service_request by = request(w);
    return service_acknowledge(w->service, &by, nonce, state);
}

/* A job comes in, is handed out and acknowledged. */
static void claim(struct world *w)
{
    enum job_state state = JOB_CREATED;
    add(w);
    assert_int_equal(poll_one(w), 1);
    assert_int_equal(acknowledge(w, str_of(w->nonce), &state), SERVICE_DONE);
    assert_int_equal(state, JOB_IN_PROGRESS);
}

static enum service_answer succeed(struct world *w, str token)
{
    struct service_request by = request(w);
    return service_succeed(
        w->service, &by,
        &(struct service_success) { .result = STR("{\"r\":1}"), .continuation_token = token });
}

static enum service_answer put_failure(struct world *w)
{
    struct service_request by = request(w);
    return service_fail(w->service, &by, STR("{\"failureDetails\":{}}"));
}

/* The job of w->id as the service tells it. */
static struct service_job seen(struct world *w)
{
    struct service_job job;
    struct sim_scope scope;
    assert_true(service_job(w->service, (str) { w->id, 36 }, &job, &scope, w->now_ns));
    assert_str_equal(scope.region, "eu-west-1");
    return job;
}

static const struct ledger_entry *last(const struct world *w)
{
    const struct ledger *l = service_ledger(w->service);
    return ledger_get(l, l->last);
}

static void a_claimed_job_is_in_progress_and_its_lease_is_over(void **state)
{
    struct world w;
    struct sim_stats stats;
    world_open(&w, plain());
    claim(&w);
    assert_int_equal(last(&w)->event, LEDGER_ACKNOWLEDGED);
    assert_true(last(&w)->nonce == 1);
    assert_memory_equal(last(&w)->request_id.text, "aaaaaaaa", 8);
    w.now_ns += 300 * SECOND_NS;
    assert_int_equal(poll_one(&w), 0);
    assert_int_equal(seen(&w).state, JOB_IN_PROGRESS);
    service_stats(w.service, &stats);
    assert_int_equal(stats.jobs_in_progress, 1);
    assert_int_equal(stats.jobs_leased, 0);
    service_free(w.service);
}

static void one_of_two_workers_wins_a_job(void **state)
{
    struct world w;
    enum job_state status = JOB_CREATED;
    world_open(&w, plain());
    add(&w);
    poll_one(&w);
    w.now_ns += 61 * SECOND_NS;
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_WRONG_NONCE); /* lease over */
    assert_int_equal(last(&w)->event, LEDGER_LOST_RACE);
    poll_one(&w);
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_WRONG_NONCE);
    assert_int_equal(acknowledge(&w, STR("2"), &status), SERVICE_DONE);
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_WRONG_NONCE);
    assert_int_equal(last(&w)->event, LEDGER_LOST_RACE);
    assert_true(last(&w)->nonce == 1);
    assert_int_equal(acknowledge(&w, STR("2"), &status), SERVICE_WRONG_NONCE);
    assert_int_equal(last(&w)->event, LEDGER_ACKNOWLEDGED_AGAIN);
    struct sim_stats stats;
    service_stats(w.service, &stats);
    assert_int_equal(stats.jobs_acknowledged, 1);
    assert_int_equal(stats.jobs_acknowledged_again, 1);
    assert_int_equal(stats.jobs_lost_races, 3);
    service_free(w.service);
}

static void what_a_vain_claim_is_told_is_an_option(void **state)
{
    struct service_options o = plain();
    struct world w;
    enum job_state status = JOB_CREATED;
    o.undocumented.repeated_nonce = SIM_NONCE_STATUS;
    world_open(&w, o);
    claim(&w);
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_DONE);
    assert_int_equal(status, JOB_IN_PROGRESS);
    assert_int_equal(acknowledge(&w, STR("9"), &status), SERVICE_WRONG_NONCE);
    succeed(&w, (str) { 0 });
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_DONE);
    assert_int_equal(status, JOB_SUCCEEDED);
    service_free(w.service);

    o.undocumented.repeated_nonce = SIM_NONCE_ERROR;
    o.undocumented.wrong_nonce = SIM_NONCE_STATUS;
    world_open(&w, o);
    add(&w);
    poll_one(&w);
    assert_int_equal(acknowledge(&w, STR("9"), &status), SERVICE_DONE);
    assert_int_equal(status, JOB_LEASED); /* and so it is nobody's yet */
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_DONE);
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_WRONG_NONCE);
    service_free(w.service);
}

static void a_result_counts_once_and_only_of_a_job_in_progress(void **state)
{
    struct world w;
    world_open(&w, plain());
    add(&w);
    poll_one(&w);
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_WRONG_STATE);
    assert_int_equal(succeed(&w, STR("token")), SERVICE_WRONG_STATE);
    assert_int_equal(put_failure(&w), SERVICE_WRONG_STATE);
    enum job_state status = JOB_CREATED;
    acknowledge(&w, STR("1"), &status);
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_DONE);
    assert_int_equal(last(&w)->event, LEDGER_SUCCEEDED);
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_WRONG_STATE);
    assert_int_equal(put_failure(&w), SERVICE_WRONG_STATE);
    assert_int_equal(last(&w)->event, LEDGER_RESULT_REFUSED);
    assert_int_equal(seen(&w).state, JOB_SUCCEEDED);
    assert_str_equal(seen(&w).result, "{\"r\":1}");
    claim(&w);
    assert_int_equal(put_failure(&w), SERVICE_DONE);
    assert_int_equal(last(&w)->event, LEDGER_FAILED);
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_WRONG_STATE);
    assert_str_equal(seen(&w).result, "{\"failureDetails\":{}}");
    struct sim_stats stats;
    service_stats(w.service, &stats);
    assert_int_equal(stats.jobs_succeeded, 1);
    assert_int_equal(stats.jobs_failed, 1);
    assert_int_equal(stats.results_refused, 6);
    assert_int_equal(stats.jobs_waiting + stats.jobs_leased + stats.jobs_in_progress, 0);
    service_free(w.service);
}

static void a_job_in_progress_for_too_long_times_out(void **state)
{
    struct world w;
    world_open(&w, plain());
    claim(&w);
    w.now_ns += 600 * SECOND_NS - 1;
    assert_int_equal(seen(&w).state, JOB_IN_PROGRESS);
    w.now_ns += 1;
    assert_int_equal(seen(&w).state, JOB_TIMED_OUT);
    assert_int_equal(last(&w)->event, LEDGER_TIMED_OUT);
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_WRONG_STATE);
    assert_int_equal(poll_one(&w), 0);
    service_free(w.service);
}

static void a_continuation_queues_a_job_for_the_same_work(void **state)
{
    struct service_options o = plain();
    struct world w;
    o.undocumented.follow_up_delay_ms = 5000;
    world_open(&w, o);
    claim(&w);
    struct world before = w;
    assert_int_equal(succeed(&w, STR("token-1")), SERVICE_DONE);
    assert_int_equal(seen(&w).state, JOB_SUCCEEDED);
    assert_int_equal(seen(&w).followed_by.len, 36);
    const struct ledger *l = service_ledger(w.service);
    assert_int_equal(ledger_get(l, l->last - 1)->event, LEDGER_CONTINUED);
    assert_int_equal(last(&w)->event, LEDGER_ADDED);
    assert_memory_equal(last(&w)->other_id.text, w.id, 36);
    w.now_ns += 5 * SECOND_NS - 1;
    assert_int_equal(poll_one(&w), 0);
    w.now_ns += 1;
    assert_int_equal(poll_one(&w), 1);
    assert_memory_not_equal(w.id, before.id, 36);
    assert_memory_equal(w.client_id, before.client_id, 36);
    assert_string_equal(w.nonce, "1");
    struct service_job job = seen(&w);
    assert_str_equal(job.continuation_token, "token-1");
    assert_str_equal(job.configuration, "{\"Project\":\"P\"}");
    assert_memory_equal(job.execution_id.ptr, before.id, 36);
    assert_memory_equal(job.follows.ptr, before.id, 36);
    service_free(w.service);
}

static void without_a_delay_the_next_poll_gets_the_follow_up_job(void **state)
{
    struct world w;
    enum job_state status = JOB_CREATED;
    world_open(&w, plain());
    claim(&w);
    char first[36];
    memcpy(first, w.id, sizeof first);
    for (int i = 0; i < 5; i++) { /* the first is forgotten meanwhile, its execution is not */
        assert_int_equal(succeed(&w, STR("on and on")), SERVICE_DONE);
        assert_int_equal(poll_one(&w), 1);
        assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_DONE);
        assert_memory_equal(seen(&w).execution_id.ptr, first, 36);
    }
    assert_int_equal(succeed(&w, (str) { 0 }), SERVICE_DONE);
    assert_int_equal(poll_one(&w), 0);
    service_free(w.service);
}

static void ids_of_added_jobs_do_not_depend_on_continuations(void **state)
{
    struct world plain_world, w;
    world_open(&plain_world, plain());
    world_open(&w, plain());
    claim(&w);
    succeed(&w, STR("token"));
    poll_one(&w);
    claim(&plain_world);
    claim(&w);
    claim(&plain_world);
    assert_memory_equal(w.id, plain_world.id, 36);
    service_free(w.service);
    service_free(plain_world.service);
}

static bool is_known(struct world *w, const char id[36])
{
    struct service_job job;
    struct sim_scope scope;
    return service_job(w->service, (str) { id, 36 }, &job, &scope, w->now_ns);
}

static void jobs_that_are_over_are_known_for_a_while_and_not_without_bound(void **state)
{
    struct world w;
    char ids[4][36];
    world_open(&w, plain());
    for (int i = 0; i < 4; i++) {
        claim(&w);
        memcpy(ids[i], w.id, 36);
        assert_int_equal(i % 2 ? put_failure(&w) : succeed(&w, (str) { 0 }), SERVICE_DONE);
        w.now_ns += SECOND_NS;
    }
    assert_false(is_known(&w, ids[0])); /* over_max is 3 */
    assert_true(is_known(&w, ids[1]));
    w.now_ns += 86400 * SECOND_NS - 3 * SECOND_NS;
    assert_false(is_known(&w, ids[1]));
    assert_true(is_known(&w, ids[2]));
    w.now_ns += 2 * SECOND_NS;
    assert_false(is_known(&w, ids[3]));
    service_free(w.service);
}

static void large_results_do_not_pile_up(void **state)
{
    enum { SIZE = 1 << 20, COUNT = 80 };
    struct service_options o = plain();
    struct world w;
    char *text = malloc(SIZE), first[36];
    assert_non_null(text);
    memset(text, 'x', SIZE);
    o.over_max = 1000;
    world_open(&w, o);
    for (int i = 0; i < COUNT; i++) {
        claim(&w);
        if (i == 0)
            memcpy(first, w.id, 36);
        struct service_request by = request(&w);
        assert_int_equal(service_fail(w.service, &by, (str) { text, SIZE }), SERVICE_DONE);
    }
    assert_false(is_known(&w, first));
    assert_int_equal(seen(&w).result.len, SIZE);
    free(text);
    service_free(w.service);
}

static void credentials_are_new_each_time_and_end(void **state)
{
    struct world w;
    char first[JOB_ACCESS_KEY_SIZE];
    world_open(&w, plain());
    claim(&w);
    assert_int_equal(seen(&w).access_key.len, 0);
    struct service_request by = request(&w);
    struct service_job job;
    struct sim_scope scope;
    assert_true(service_credentials(w.service, &by, &job, &scope));
    memcpy(first, job.access_key.ptr, sizeof first);
    assert_memory_equal(first, "ASIA", 4);
    assert_true(seen(&w).credentials_end_ns == w.now_ns + 3600 * SECOND_NS);
    w.now_ns += 10 * SECOND_NS;
    by = request(&w);
    assert_true(service_credentials(w.service, &by, &job, &scope));
    assert_memory_not_equal(first, seen(&w).access_key.ptr, sizeof first);
    assert_int_equal(last(&w)->event, LEDGER_CREDENTIALS);
    assert_true(last(&w)->credentials_end_ns == w.now_ns + 3600 * SECOND_NS);
    assert_memory_equal(last(&w)->access_key, seen(&w).access_key.ptr, sizeof first);
    put_failure(&w);
    assert_false(service_credentials(w.service, &by, &job, &scope));
    service_free(w.service);
}

static void nothing_happens_to_an_unknown_job(void **state)
{
    struct world w;
    enum job_state status = JOB_CREATED;
    world_open(&w, plain());
    memcpy(w.id, "00000000-0000-4000-8000-000000000000", 36);
    assert_int_equal(acknowledge(&w, STR("1"), &status), SERVICE_NO_JOB);
    assert_int_equal(succeed(&w, STR("t")), SERVICE_NO_JOB);
    assert_int_equal(put_failure(&w), SERVICE_NO_JOB);
    assert_int_equal(service_ledger(w.service)->last, 0);
    service_free(w.service);
}

/* --- at random -------------------------------------------------------------------------------- */

static void assert_books_balance(struct service *s)
{
    struct sim_stats t;
    service_stats(s, &t);
    uint64_t over = t.jobs_succeeded + t.jobs_failed + t.jobs_timed_out;
    assert_true(t.jobs_added == t.jobs_waiting + t.jobs_leased + t.jobs_in_progress + over);
    assert_true(t.jobs_acknowledged == t.jobs_in_progress + over);
    assert_true(t.jobs_waiting + t.jobs_leased + t.jobs_in_progress <= 100);
}

struct held {
    char id[36], nonce[24];
};

/* One of the things a worker, or time, may do, to one of the jobs of late. */
static void do_anything(struct world *w, struct held jobs[3], struct rng *chance)
{
    enum job_state status;
    struct held *job = &jobs[rng_next(chance) % 3];
    w->now_ns += rng_next(chance) % (4 * SECOND_NS);
    memcpy(w->id, job->id, sizeof job->id);
    switch (rng_next(chance) % 6) {
    case 0:
        poll_one(w);
        memcpy(job->id, w->id, sizeof job->id);
        memcpy(job->nonce, w->nonce, sizeof job->nonce);
        break;
    case 1:
        acknowledge(w, str_of(job->nonce), &status);
        break;
    case 2:
        acknowledge(w, STR("0"), &status);
        break;
    case 3:
        succeed(w, (str) { 0 });
        break;
    case 4:
        succeed(w, STR("token"));
        break;
    case 5:
        put_failure(w);
        break;
    }
}

static void whatever_workers_do_the_books_balance(void **state)
{
    struct service_options o = plain();
    struct rng chance = { 11 };
    struct world w;
    struct held jobs[3] = { { "0", "1" }, { "0", "1" }, { "0", "1" } };
    o.arrivals.jobs_per_s = 0.2;
    o.undocumented.follow_up_delay_ms = 7000;
    world_open(&w, o);
    for (int i = 0; i < 50000; i++) {
        do_anything(&w, jobs, &chance);
        assert_books_balance(w.service);
    }
    struct sim_stats t;
    service_stats(w.service, &t); /* and all of it happened */
    assert_true(t.jobs_succeeded > 100 && t.jobs_continued > 100 && t.jobs_failed > 100);
    assert_true(t.jobs_timed_out > 0 && t.jobs_lost_races > 100 && t.jobs_acknowledged_again > 100);
    assert_true(t.jobs_handed_out_again > 100 && t.results_refused > 100);
    service_free(w.service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claimed_job_is_in_progress_and_its_lease_is_over),
        cmocka_unit_test(one_of_two_workers_wins_a_job),
        cmocka_unit_test(what_a_vain_claim_is_told_is_an_option),
        cmocka_unit_test(a_result_counts_once_and_only_of_a_job_in_progress),
        cmocka_unit_test(a_job_in_progress_for_too_long_times_out),
        cmocka_unit_test(a_continuation_queues_a_job_for_the_same_work),
        cmocka_unit_test(without_a_delay_the_next_poll_gets_the_follow_up_job),
        cmocka_unit_test(ids_of_added_jobs_do_not_depend_on_continuations),
        cmocka_unit_test(jobs_that_are_over_are_known_for_a_while_and_not_without_bound),
        cmocka_unit_test(large_results_do_not_pile_up),
        cmocka_unit_test(credentials_are_new_each_time_and_end),
        cmocka_unit_test(nothing_happens_to_an_unknown_job),
        cmocka_unit_test(whatever_workers_do_the_books_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
