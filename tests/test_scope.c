/* Places: their rules, and who is who. */
#include "sim/scope.h"

#include "lib/check.h"

static const struct sim_place here = {
    STR_INIT("eu-west-1"),
    { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"), STR_INIT("1") },
};

static void places_differ_by_any_one_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLACE_MEMBERS; i++) {
        struct sim_place other = here;
        assert_true(place_eq(&here, &other));
        assert_true(place_hash(1, &here) == place_hash(1, &other));
        *place_at(&other, i) = STR("other");
        assert_false(place_eq(&here, &other));
        assert_false(place_matches(&other, &here));
        assert_true(place_hash(1, &here) != place_hash(1, &other));
    }
}

static void an_empty_member_matches_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLACE_MEMBERS; i++) {
        struct sim_place rule = here;
        place_at(&rule, i)->len = 0;
        assert_true(place_matches(&rule, &here));
        assert_false(place_matches(&here, &rule));
        assert_int_equal(place_weight(&rule), PLACE_MEMBERS - 1);
    }
}

static void a_copy_does_not_need_its_original(void **state)
{
    char region[] = "eu-west-1", memory[64];
    struct sim_place original = here;
    (void)state;
    original.region = str_of(region);
    assert_true(place_size(&original) <= sizeof memory);
    struct sim_place copy = place_copy(&original, memory);
    region[0] = 'x';
    assert_true(place_eq(&copy, &here));
}

static void what_is_left_out_has_its_default(void **state)
{
    struct sim_place full = place_default(&(struct sim_place) { .region = STR("eu-west-1") });
    (void)state;
    assert_true(place_eq(&full, &here));
}

static void each_member_has_its_rule(void **state)
{
    static const struct {
        size_t member;
        const char *text;
        bool good;
    } cases[] = {
        { PLACE_REGION, "us-gov-west-1", true },
        { PLACE_REGION, "US-EAST-1", false },
        { PLACE_REGION, "us_east_1", false },
        { PLACE_CATEGORY, "Compute", true },
        { PLACE_CATEGORY, "build", false },
        { PLACE_OWNER, "AWS", true },
        { PLACE_OWNER, "Me", false },
        { PLACE_PROVIDER, "a_B-9", true },
        { PLACE_PROVIDER, "a.b", false },
        { PLACE_VERSION, "123456789", true },
        { PLACE_VERSION, "1234567890", false },
        { PLACE_PROVIDER, "", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_place place = here;
        struct pipepoll_error why = { .text = "" };
        *place_at(&place, cases[i].member) = str_of(cases[i].text);
        assert_int_equal(place_check(&place, false, &why), cases[i].good ? 0 : PIPEPOLL_EINVAL);
        assert_int_equal(strstr(why.text, place_rules[cases[i].member].name) == NULL,
                         cases[i].good);
    }
    assert_int_equal(place_check(&(struct sim_place) { 0 }, true, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_differ_by_any_one_member),
        cmocka_unit_test(an_empty_member_matches_anything),
        cmocka_unit_test(a_copy_does_not_need_its_original),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(each_member_has_its_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
