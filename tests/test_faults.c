/* SPDX-License-Identifier: MIT */
/* Who gets which faults, and how often. */
#include "sim/faults.h"

#include "lib/check.h"

#define SECOND_NS UINT64_C(1000000000)

static const struct sim_scope here = {
    STR_INIT("eu-west-1"),
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
};

static void set_latency(struct faults_table *t, struct sim_scope where, uint32_t ms)
{
    assert_int_equal(faults_set(t, &where, &(struct sim_faults) { .latency_ms = ms }, NULL), 0);
}

static uint32_t latency_of(const struct faults_table *t, const struct sim_scope *scope)
{
    const struct faults_rule *rule = faults_find(t, scope, (str) { 0 });
    return rule ? rule->faults.latency_ms : 0;
}

static void the_most_particular_trouble_wins(void **state)
{
    struct faults_table t;
    struct sim_scope elsewhere = here, other = here;
    elsewhere.region = STR("us-east-1");
    other.action_type.provider = STR("Other");
    faults_init(&t);
    assert_null(faults_find(&t, &here, (str) { 0 }));
    set_latency(&t, here, 3);
    set_latency(&t, (struct sim_scope) { 0 }, 1);
    set_latency(&t, (struct sim_scope) { .region = STR("eu-west-1") }, 2);
    assert_int_equal(latency_of(&t, &here), 3);
    assert_int_equal(latency_of(&t, &other), 2);
    assert_int_equal(latency_of(&t, &elsewhere), 1);
    faults_clear(&t);
    assert_null(faults_find(&t, &here, (str) { 0 }));
}

static void of_two_equally_particular_ones_the_newer_wins(void **state)
{
    struct faults_table t;
    faults_init(&t);
    set_latency(&t, (struct sim_scope) { .action_type.provider = STR("Acme") }, 1);
    set_latency(&t, (struct sim_scope) { .region = STR("eu-west-1") }, 2);
    assert_int_equal(latency_of(&t, &here), 2);
    set_latency(&t, (struct sim_scope) { .action_type.provider = STR("Acme") }, 3);
    assert_int_equal(latency_of(&t, &here), 3);
    assert_int_equal(t.count, 2);
    faults_clear(&t);
}

static void no_more_than_the_rate_passes_in_a_second(void **state)
{
    struct faults_table t;
    unsigned passed = 0;
    faults_init(&t);
    faults_set(&t, &(struct sim_scope) { 0 }, &(struct sim_faults) { .throttle_per_s = 5 }, NULL);
    struct faults_rule *rule = faults_find(&t, &here, (str) { 0 });
    for (uint64_t i = 0; i < 20; i++)
        passed += !faults_throttles(rule, 10 * SECOND_NS + i);
    assert_int_equal(passed, 5);
    assert_true(faults_throttles(rule, 11 * SECOND_NS - 1));
    assert_false(faults_throttles(rule, 11 * SECOND_NS));
    faults_clear(&t);
}

static void without_a_rate_nothing_is_throttled(void **state)
{
    struct faults_table t;
    faults_init(&t);
    set_latency(&t, here, 1);
    for (int i = 0; i < 1000; i++)
        assert_false(faults_throttles(faults_find(&t, &here, (str) { 0 }), 1));
    faults_clear(&t);
}

static void each_rate_is_the_share_it_says(void **state)
{
    const struct sim_faults faults = {
        .error_rate = 0.1, .reset_rate = 0.2, .truncate_rate = 0.3, .garbage_rate = 0.4
    };
    struct rng chance = { 5 };
    unsigned seen[5] = { 0 };
    for (int i = 0; i < 10000; i++)
        seen[faults_outcome(&faults, &chance)]++;
    assert_int_equal(seen[FAULTS_NONE], 0);
    assert_in_range(seen[FAULTS_ERROR], 900, 1100);
    assert_in_range(seen[FAULTS_RESET], 1850, 2150);
    assert_in_range(seen[FAULTS_TRUNCATE], 2800, 3200);
    assert_in_range(seen[FAULTS_GARBAGE], 3800, 4200);
}

static void jitter_stays_in_its_range_and_reaches_its_ends(void **state)
{
    const struct sim_faults faults = { .latency_ms = 10, .latency_jitter_ms = 3 };
    struct rng chance = { 5 };
    unsigned seen[4] = { 0 };
    for (int i = 0; i < 200; i++) {
        uint32_t ms = faults_latency_ms(&faults, &chance);
        assert_in_range(ms, 10, 13);
        seen[ms - 10]++;
    }
    assert_true(seen[0] && seen[3]);
}

static void a_latency_of_any_rule_is_seen(void **state)
{
    struct faults_table t;
    faults_init(&t);
    assert_false(faults_any_latency(&t));
    faults_set(&t, &(struct sim_scope) { 0 }, &(struct sim_faults) { .error_rate = 1 }, NULL);
    assert_false(faults_any_latency(&t));
    set_latency(&t, here, 1);
    set_latency(&t, (struct sim_scope) { .region = STR("us-east-1") }, 0);
    assert_true(faults_any_latency(&t));
    set_latency(&t, here, 0);
    assert_false(faults_any_latency(&t));
    faults_set(&t, &here, &(struct sim_faults) { .latency_jitter_ms = 1 }, NULL);
    assert_true(faults_any_latency(&t));
    faults_clear(&t);
}

static void every_field_can_be_set_by_its_name(void **state)
{
    struct sim_faults faults = { 0 };
    for (size_t i = 0; faults_name(i); i++) {
        str name = str_of(faults_name(i));
        struct sim_faults before = faults;
        double value = str_eq(name, STR("error-status")) ? 503 : 1;
        assert_int_equal(faults_field(&faults, name, value, STR(""), NULL), 0);
        assert_memory_not_equal(&before, &faults, sizeof faults);
    }
    assert_int_equal(faults.latency_ms, 1);
    assert_int_equal(faults.error_status, 503);
    assert_int_equal(faults.clock_skew_s, 1);
    assert_true(faults.garbage_rate > 0.9);
}

static void numbers_out_of_range_are_refused_with_the_range(void **state)
{
    static const struct {
        const char *name;
        double value;
    } bad[] = {
        { "error-rate", 1.5 }, { "error-rate", -0.1 }, { "error-rate", 0.0 / 0.0 },
        { "latency", -1 },     { "latency", 0.5 },     { "error-status", 404 },
        { "latency", 1e10 },   { "nonsense", 1 },
    };
    struct faults_table t;
    struct pipepoll_error why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sim_faults faults = { 0 };
        assert_int_equal(faults_field(&faults, str_of(bad[i].name), bad[i].value, STR("it"), &why),
                         PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, bad[i].name));
    }
    faults_init(&t);
    assert_int_equal(faults_set(&t, &here, &(struct sim_faults) { .reset_rate = 2 }, &why),
                     PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "reset-rate is a number from 0 to 1");
}

static void a_fault_may_be_for_one_operation_alone(void **state)
{
    struct faults_table t;
    struct pipepoll_error why;
    faults_init(&t);
    set_latency(&t, (struct sim_scope) { .region = STR("eu-west-1") }, 1);
    struct sim_faults lost = { .operation = STR("AcknowledgeJob"), .lose_rate = 1 };
    assert_int_equal(faults_set(&t, &(struct sim_scope) { 0 }, &lost, NULL), 0);
    lost.operation = STR("PollForJobs");
    assert_int_equal(
        faults_set(&t, &(struct sim_scope) { .region = STR("eu-west-1") }, &lost, NULL), 0);
    assert_int_equal(t.count, 3);
    struct rng chance = { 1 };
    const struct faults_rule *rule = faults_find(&t, &here, STR("AcknowledgeJob"));
    assert_int_equal(faults_outcome(&rule->faults, &chance), FAULTS_LOSE); /* the newer of two */
    assert_int_equal(faults_find(&t, &here, STR("GetJobDetails"))->faults.latency_ms, 1);
    assert_null(
        faults_find(&t, &(struct sim_scope) { .region = STR("us-east-1") }, STR("PollForJobs")));
    assert_true(faults_find(&t, &here, STR("PollForJobs"))->faults.lose_rate > 0);
    /* Set anew, it is replaced. */
    lost.lose_rate = 0;
    assert_int_equal(
        faults_set(&t, &(struct sim_scope) { .region = STR("eu-west-1") }, &lost, NULL), 0);
    assert_int_equal(t.count, 3);
    assert_true(faults_find(&t, &here, STR("PollForJobs"))->faults.lose_rate <= 0);
    lost.operation = STR("Acknowledge");
    assert_int_equal(faults_set(&t, &here, &lost, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "operation \"Acknowledge\" is no job operation"));
    faults_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_particular_trouble_wins),
        cmocka_unit_test(of_two_equally_particular_ones_the_newer_wins),
        cmocka_unit_test(no_more_than_the_rate_passes_in_a_second),
        cmocka_unit_test(without_a_rate_nothing_is_throttled),
        cmocka_unit_test(each_rate_is_the_share_it_says),
        cmocka_unit_test(jitter_stays_in_its_range_and_reaches_its_ends),
        cmocka_unit_test(a_latency_of_any_rule_is_seen),
        cmocka_unit_test(every_field_can_be_set_by_its_name),
        cmocka_unit_test(numbers_out_of_range_are_refused_with_the_range),
        cmocka_unit_test(a_fault_may_be_for_one_operation_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
