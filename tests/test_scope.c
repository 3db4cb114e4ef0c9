/* SPDX-License-Identifier: MIT */
/* Scopes: their rules, and who is who. */
#include "sim/scope.h"

#include "lib/check.h"

static const struct sim_scope here = {
    STR_INIT("eu-west-1"),
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
};

static void scopes_differ_by_any_one_member(void **state)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        struct sim_scope other = here;
        assert_true(scope_eq(&here, &other));
        assert_true(scope_hash(1, &here) == scope_hash(1, &other));
        *scope_at(&other, i) = STR("other");
        assert_false(scope_eq(&here, &other));
        assert_false(scope_matches(&other, &here));
        assert_true(scope_hash(1, &here) != scope_hash(1, &other));
    }
}

static void an_empty_member_matches_anything(void **state)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        struct sim_scope rule = here;
        scope_at(&rule, i)->len = 0;
        assert_true(scope_matches(&rule, &here));
        assert_false(scope_matches(&here, &rule));
        assert_int_equal(scope_weight(&rule), SCOPE_MEMBERS - 1);
    }
}

static void a_copy_does_not_need_its_original(void **state)
{
    char region[] = "eu-west-1", memory[64];
    struct sim_scope original = here;
    original.region = str_of(region);
    assert_true(scope_size(&original) <= sizeof memory);
    struct sim_scope copy = scope_copy(&original, memory);
    region[0] = 'x';
    assert_true(scope_eq(&copy, &here));
}

static void what_is_left_out_has_its_default(void **state)
{
    struct sim_scope full = scope_default(&(struct sim_scope) { .region = STR("eu-west-1") });
    assert_true(scope_eq(&full, &here));
}

static void each_member_has_its_rule(void **state)
{
    static const struct {
        size_t member;
        const char *text;
        bool good;
    } cases[] = {
        { SCOPE_REGION, "us-gov-west-1", true },
        { SCOPE_REGION, "US-EAST-1", false },
        { SCOPE_REGION, "us_east_1", false },
        { SCOPE_CATEGORY, "Compute", true },
        { SCOPE_CATEGORY, "build", false },
        { SCOPE_OWNER, "AWS", true },
        { SCOPE_OWNER, "Me", false },
        { SCOPE_PROVIDER, "a_B-9", true },
        { SCOPE_PROVIDER, "a.b", false },
        { SCOPE_VERSION, "123456789", true },
        { SCOPE_VERSION, "1234567890", false },
        { SCOPE_PROVIDER, "", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_scope scope = here;
        struct pipepoll_error why = { .text = "" };
        *scope_at(&scope, cases[i].member) = str_of(cases[i].text);
        assert_int_equal(scope_check(&scope, false, &why), cases[i].good ? 0 : PIPEPOLL_EINVAL);
        assert_int_equal(strstr(why.text, scope_rules[cases[i].member].name) == NULL,
                         cases[i].good);
    }
    assert_int_equal(scope_check(&(struct sim_scope) { 0 }, true, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_differ_by_any_one_member),
        cmocka_unit_test(an_empty_member_matches_anything),
        cmocka_unit_test(a_copy_does_not_need_its_original),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(each_member_has_its_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
