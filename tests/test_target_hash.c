/* SPDX-License-Identifier: MIT */
/* The names of targets between members: these values never change, for members of all versions must
 * agree on them. */
#include "fleet/target_hash.h"
#include "lib/check.h"

static struct target_hash_of web(void)
{
    return (struct target_hash_of) {
        .region = STR("us-east-1"),
        .action_type = { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") },
    };
}

static struct target_hash_of full(void)
{
    struct target_hash_of t = web();
    t.action_type.owner = STR("Custom");
    t.endpoint_url = STR("https://codepipeline.example.com/");
    t.query_param = (struct pipepoll_query_param) { STR("Project"), STR("P") };
    t.profile = STR("acme");
    t.role_arn = STR("arn:aws:iam::123456789012:role/Poller");
    t.external_id = STR("x");
    return t;
}

static void the_hash_of_a_target_is_the_same_for_ever(void **state)
{
    struct target_hash_of plain = web(), all = full();
    assert_true(target_hash(&plain) == UINT64_C(0x5a3f1fd93f8165a3));
    assert_true(target_hash(&all) == UINT64_C(0x6c9a16b0f05472df));
}

static void each_part_counts_and_none_runs_into_another(void **state)
{
    struct target_hash_of t = full();
    uint64_t hash = target_hash(&t);
    str *parts[] = { &t.region,
                     &t.action_type.category,
                     &t.action_type.owner,
                     &t.action_type.provider,
                     &t.action_type.version,
                     &t.endpoint_url,
                     &t.query_param.key,
                     &t.query_param.value,
                     &t.profile,
                     &t.role_arn,
                     &t.external_id };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        str was = *parts[i];
        *parts[i] = STR("other");
        assert_true(target_hash(&t) != hash);
        *parts[i] = STR("");
        assert_true(target_hash(&t) != hash);
        *parts[i] = was;
    }
    assert_true(target_hash(&t) == hash);
    t.action_type.provider = STR("Acme1");
    t.action_type.version = STR("");
    struct target_hash_of other = full();
    other.action_type.provider = STR("Acme");
    other.action_type.version = STR("1");
    assert_true(target_hash(&t) != target_hash(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_of_a_target_is_the_same_for_ever),
        cmocka_unit_test(each_part_counts_and_none_runs_into_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
