/* SPDX-License-Identifier: MIT */
/* The simulated service on a clock of the test's own. */
#include "sim/service.h"

#include "lib/check.h"
#include "sim/scope.h"

#define SECOND_NS UINT64_C(1000000000)

enum { TAKEN_MAX = 256 };

/* What one poll brought. */
struct taken {
    size_t count;
    char ids[TAKEN_MAX][36];
    uint64_t available_ns[TAKEN_MAX], nonce[TAKEN_MAX];
};

static void take(void *ctx, const struct service_job *job)
{
    struct taken *t = ctx;
    assert_true(t->count < TAKEN_MAX);
    assert_int_equal(job->id.len, 36);
    memcpy(t->ids[t->count], job->id.ptr, 36);
    t->available_ns[t->count] = job->available_ns;
    t->nonce[t->count++] = job->nonce;
}

static const struct sim_scope here = {
    STR_INIT("eu-west-1"),
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
};

static struct taken poll_at(struct service *s, const struct sim_scope *scope, uint32_t max,
                            uint64_t now_ns)
{
    struct taken t = { 0 };
    service_poll(
        s, &(struct service_poll) { .scope = scope, .max_batch = max, .visit = take, .ctx = &t },
        now_ns);
    return t;
}

static struct service_options plain(void)
{
    return (struct service_options) {
        .lease_ns = 60 * SECOND_NS,
        .default_batch = 10,
        .queue_max = 100,
        .ledger_max = 1000,
        .over_max = 100,
        .undocumented = { .job_timeout_ms = 3600000, .artifact_credentials_ms = 3600000 },
        .arrivals = { .seed = 7 },
    };
}

static struct service *open_with(struct service_options o)
{
    struct service *s = NULL;
    assert_int_equal(service_new(&s, &o, NULL), 0);
    return s;
}

static void add(struct service *s, const struct sim_scope *scope, size_t n, uint64_t now_ns)
{
    assert_int_equal(
        service_jobs_add(s, &(struct service_jobs) { .scope = scope, .count = n }, now_ns, NULL),
        0);
}

static void a_job_is_handed_out_once_within_its_lease(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 3, SECOND_NS);
    assert_int_equal(poll_at(s, &here, 10, SECOND_NS).count, 3);
    assert_int_equal(poll_at(s, &here, 10, 61 * SECOND_NS - 1).count, 0);
    service_free(s);
}

static void a_job_not_acknowledged_comes_back_when_its_lease_ends(void **state)
{
    struct service *s = open_with(plain());
    struct sim_stats stats;
    add(s, &here, 1, SECOND_NS);
    struct taken first = poll_at(s, &here, 1, 2 * SECOND_NS);
    struct taken again = poll_at(s, &here, 1, 70 * SECOND_NS);
    assert_int_equal(again.count, 1);
    assert_memory_equal(first.ids[0], again.ids[0], 36);
    assert_int_equal(again.available_ns[0], 62 * SECOND_NS);
    assert_int_equal(first.nonce[0], 1);
    assert_int_equal(again.nonce[0], 2);
    service_stats(s, &stats);
    assert_int_equal(stats.jobs_handed_out, 1);
    assert_int_equal(stats.jobs_handed_out_again, 1);
    service_free(s);
}

static void a_finished_job_never_comes_back(void **state)
{
    struct service *s = open_with(plain());
    struct sim_stats stats;
    add(s, &here, 1, SECOND_NS);
    struct taken t = poll_at(s, &here, 1, SECOND_NS);
    str id = { t.ids[0], 36 };
    assert_true(service_finish(s, id, 2 * SECOND_NS));
    assert_false(service_finish(s, id, 2 * SECOND_NS));
    assert_int_equal(poll_at(s, &here, 1, 1000 * SECOND_NS).count, 0);
    service_stats(s, &stats);
    assert_int_equal(stats.jobs_acknowledged, 1);
    assert_int_equal(stats.jobs_waiting + stats.jobs_leased + stats.jobs_in_progress, 0);
    service_free(s);
}

static void only_a_handed_out_job_can_be_finished(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 1, SECOND_NS);
    struct taken t = poll_at(s, &here, 1, SECOND_NS);
    assert_false(service_finish(s, (str) { t.ids[0], 36 }, 61 * SECOND_NS));
    assert_false(service_finish(s, STR("no such job"), 61 * SECOND_NS));
    service_free(s);
}

static void a_poll_gets_what_it_asks_for_or_the_default_batch(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 30, SECOND_NS);
    assert_int_equal(poll_at(s, &here, 3, SECOND_NS).count, 3);
    assert_int_equal(poll_at(s, &here, 0, SECOND_NS).count, 10);
    assert_int_equal(poll_at(s, &here, 100, SECOND_NS).count, 17);
    service_free(s);
}

static void the_longest_waiting_job_goes_first(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 1, SECOND_NS);
    struct taken oldest = poll_at(s, &here, 1, SECOND_NS); /* comes back at 61 s */
    add(s, &here, 1, 60 * SECOND_NS);
    struct taken t = poll_at(s, &here, 10, 62 * SECOND_NS);
    assert_int_equal(t.count, 2);
    assert_true(t.available_ns[0] < t.available_ns[1]);
    assert_memory_equal(t.ids[1], oldest.ids[0], 36);
    service_free(s);
}

struct adder {
    struct service *service;
    unsigned visits;
};

static void finish_and_add_another(void *ctx, const struct service_job *job)
{
    struct adder *a = ctx;
    a->visits++;
    assert_true(service_finish(a->service, job->id, 2 * SECOND_NS));
    add(a->service, &here, 1, 2 * SECOND_NS);
}

static void a_visit_may_finish_its_job_and_add_more(void **state)
{
    struct adder a = { .service = open_with(plain()) };
    add(a.service, &here, 2, SECOND_NS);
    service_poll(
        a.service,
        &(struct service_poll) { .scope = &here, .visit = finish_and_add_another, .ctx = &a },
        SECOND_NS);
    assert_int_equal(a.visits, 2); /* what it added comes later than this poll */
    assert_int_equal(poll_at(a.service, &here, 10, 3 * SECOND_NS).count, 2);
    service_free(a.service);
}

static void a_place_sees_only_its_own_jobs(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 1, SECOND_NS);
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        struct sim_scope other = here;
        *scope_at(&other, i) = i == SCOPE_OWNER ? STR("Custom") : STR("Test");
        assert_int_equal(poll_at(s, &other, 10, SECOND_NS).count, 0);
    }
    assert_int_equal(poll_at(s, &here, 10, SECOND_NS).count, 1);
    service_free(s);
}

static void the_same_seed_gives_the_same_ids_however_polls_fall(void **state)
{
    struct service *a = open_with(plain()), *b = open_with(plain());
    struct service_options o = plain();
    o.arrivals.seed = 8;
    struct service *c = open_with(o);
    add(a, &here, 5, SECOND_NS);
    add(b, &here, 2, SECOND_NS);
    struct taken from_b = poll_at(b, &here, 1, 5 * SECOND_NS);
    add(b, &here, 3, 9 * SECOND_NS);
    add(c, &here, 5, SECOND_NS);
    struct taken from_a = poll_at(a, &here, 5, SECOND_NS);
    struct taken rest = poll_at(b, &here, 4, 9 * SECOND_NS);
    struct taken from_c = poll_at(c, &here, 5, SECOND_NS);
    assert_memory_equal(from_a.ids[0], from_b.ids[0], 36);
    assert_memory_equal(from_a.ids[1], rest.ids[0], 4 * 36);
    assert_memory_not_equal(from_a.ids[0], from_c.ids[0], 36);
    service_free(a);
    service_free(b);
    service_free(c);
}

static void ids_are_lower_case_uuids(void **state)
{
    struct service *s = open_with(plain());
    add(s, &here, 50, SECOND_NS);
    struct taken t = poll_at(s, &here, 50, SECOND_NS);
    for (size_t i = 0; i < t.count; i++)
        for (size_t k = 0; k < 36; k++) {
            char c = t.ids[i][k];
            bool dash = k == 8 || k == 13 || k == 18 || k == 23;
            assert_true(dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
        }
    service_free(s);
}

static void the_queues_are_bounded(void **state)
{
    struct service *s = open_with(plain());
    struct pipepoll_error why;
    add(s, &here, 60, SECOND_NS);
    assert_int_equal(poll_at(s, &here, 60, SECOND_NS).count, 60); /* leased ones count too */
    add(s, &here, 40, SECOND_NS);
    assert_int_equal(
        service_jobs_add(s, &(struct service_jobs) { .scope = &here, .count = 1 }, SECOND_NS, &why),
        PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "0 more jobs"));
    service_free(s);
}

static void a_bad_place_takes_no_jobs(void **state)
{
    struct service *s = open_with(plain());
    struct sim_scope bad = here;
    struct pipepoll_error why;
    bad.action_type.category = STR("Bake");
    assert_int_equal(
        service_jobs_add(s, &(struct service_jobs) { .scope = &bad, .count = 1 }, SECOND_NS, &why),
        PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "category \"Bake\""));
    bad = here;
    bad.region = STR("EU west");
    assert_int_equal(
        service_jobs_add(s, &(struct service_jobs) { .scope = &bad, .count = 1 }, SECOND_NS, &why),
        PIPEPOLL_EINVAL);
    service_free(s);
}

static void the_ledger_keeps_the_newest_events(void **state)
{
    struct service_options o = plain();
    o.ledger_max = 4;
    struct service *s = open_with(o);
    add(s, &here, 6, SECOND_NS);
    poll_at(s, &here, 1, 2 * SECOND_NS);
    const struct ledger *l = service_ledger(s);
    assert_int_equal(l->last, 7);
    assert_int_equal(ledger_first(l), 4);
    assert_int_equal(ledger_get(l, 4)->event, LEDGER_ADDED);
    assert_int_equal(ledger_get(l, 7)->event, LEDGER_HANDED_OUT);
    service_free(s);
}

static void the_ledger_tells_a_jobs_whole_life_in_order(void **state)
{
    static const enum ledger_event life[] = { LEDGER_ADDED,        LEDGER_HANDED_OUT,
                                              LEDGER_RETURNED,     LEDGER_HANDED_OUT,
                                              LEDGER_ACKNOWLEDGED, LEDGER_SUCCEEDED };
    struct service *s = open_with(plain());
    add(s, &here, 1, SECOND_NS);
    poll_at(s, &here, 1, 2 * SECOND_NS);
    struct taken t = poll_at(s, &here, 1, 70 * SECOND_NS);
    service_finish(s, (str) { t.ids[0], 36 }, 71 * SECOND_NS);
    const struct ledger *l = service_ledger(s);
    assert_int_equal(l->last, 6);
    for (uint64_t i = 1; i <= l->last; i++) {
        assert_int_equal(ledger_get(l, i)->event, life[i - 1]);
        assert_memory_equal(ledger_get(l, i)->job_id.text, t.ids[0], 36);
        assert_true(i == 1 || ledger_get(l, i)->at_ns >= ledger_get(l, i - 1)->at_ns);
    }
    assert_int_equal(ledger_get(l, 3)->at_ns, 62 * SECOND_NS);
    service_free(s);
}

static void jobs_arrive_at_the_rate_at_all_scopes_seen(void **state)
{
    struct service_options o = plain();
    o.arrivals.jobs_per_s = 100;
    o.queue_max = 100000;
    struct service *s = open_with(o);
    struct sim_scope other = here;
    struct sim_stats stats;
    other.region = STR("us-east-1");
    poll_at(s, &here, 1, SECOND_NS);
    poll_at(s, &other, 1, SECOND_NS);
    service_tick(s, 101 * SECOND_NS);
    service_stats(s, &stats);
    assert_in_range(stats.jobs_added, 9500, 10500);
    assert_int_equal(poll_at(s, &here, 200, 101 * SECOND_NS).count, 200);
    assert_int_equal(poll_at(s, &other, 200, 101 * SECOND_NS).count, 200);
    service_free(s);
}

static void no_job_arrives_before_a_scope_is_seen(void **state)
{
    struct service_options o = plain();
    o.arrivals.jobs_per_s = 100;
    struct service *s = open_with(o);
    struct sim_stats stats;
    service_tick(s, 1000 * SECOND_NS);
    service_stats(s, &stats);
    assert_int_equal(stats.jobs_added, 0);
    service_free(s);
}

static void arrivals_stop_at_a_full_service_and_a_long_sleep_ends(void **state)
{
    struct service_options o = plain();
    o.arrivals.jobs_per_s = 1e6;
    struct service *s = open_with(o);
    struct sim_stats stats;
    poll_at(s, &here, 1, SECOND_NS);
    service_tick(s, 1000000 * SECOND_NS);
    service_stats(s, &stats);
    assert_int_equal(stats.jobs_added, 100);
    service_free(s);
}

static void strict_knows_what_was_added_and_only_that(void **state)
{
    struct service_options o = plain();
    struct service *lax = open_with(o);
    o.strict_action_types = true;
    struct service *s = open_with(o);
    struct sim_scope elsewhere = here, everywhere = here, other = here;
    elsewhere.region = STR("sa-east-1");
    everywhere.region = (str) { 0 };
    other.action_type.provider = STR("Other");
    assert_true(service_knows(lax, &here));
    assert_false(service_knows(s, &here));
    assert_int_equal(service_action_type_add(s, &here, (str) { 0 }, NULL), 0);
    assert_true(service_knows(s, &here));
    assert_false(service_knows(s, &elsewhere));
    assert_int_equal(service_action_type_add(s, &everywhere, (str) { 0 }, NULL), 0);
    assert_true(service_knows(s, &elsewhere));
    assert_false(service_knows(s, &other));
    service_free(s);
    service_free(lax);
}

static void bad_rates_are_refused(void **state)
{
    struct service_options o = plain();
    struct service *s = NULL;
    o.arrivals.jobs_per_s = -1;
    assert_int_equal(service_new(&s, &o, NULL), PIPEPOLL_EINVAL);
    o.arrivals.jobs_per_s = 0.0 / 0.0;
    assert_int_equal(service_new(&s, &o, NULL), PIPEPOLL_EINVAL);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_handed_out_once_within_its_lease),
        cmocka_unit_test(a_job_not_acknowledged_comes_back_when_its_lease_ends),
        cmocka_unit_test(a_finished_job_never_comes_back),
        cmocka_unit_test(only_a_handed_out_job_can_be_finished),
        cmocka_unit_test(a_poll_gets_what_it_asks_for_or_the_default_batch),
        cmocka_unit_test(the_longest_waiting_job_goes_first),
        cmocka_unit_test(a_visit_may_finish_its_job_and_add_more),
        cmocka_unit_test(a_place_sees_only_its_own_jobs),
        cmocka_unit_test(the_same_seed_gives_the_same_ids_however_polls_fall),
        cmocka_unit_test(ids_are_lower_case_uuids),
        cmocka_unit_test(the_queues_are_bounded),
        cmocka_unit_test(a_bad_place_takes_no_jobs),
        cmocka_unit_test(the_ledger_keeps_the_newest_events),
        cmocka_unit_test(the_ledger_tells_a_jobs_whole_life_in_order),
        cmocka_unit_test(jobs_arrive_at_the_rate_at_all_scopes_seen),
        cmocka_unit_test(no_job_arrives_before_a_scope_is_seen),
        cmocka_unit_test(arrivals_stop_at_a_full_service_and_a_long_sleep_ends),
        cmocka_unit_test(strict_knows_what_was_added_and_only_that),
        cmocka_unit_test(bad_rates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
