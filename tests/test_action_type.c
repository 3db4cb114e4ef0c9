/* --action-type-id, in both of its forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/action_type.h"

static void assert_parses(const char *text)
{
    struct pipepoll_action_type a;
    struct pipepoll_error why;
    if (action_type_parse(&a, str_of(text), &why))
        fail_msg("%s: %s", text, why.text);
    assert_true(str_eq(a.category, STR("Build")));
    assert_true(str_eq(a.owner, STR("ThirdParty")));
    assert_true(str_eq(a.provider, STR("My-P")));
    assert_true(str_eq(a.version, STR("1")));
}

static void assert_refused(const char *text, const char *want)
{
    struct pipepoll_action_type a = { .version = STR_INIT("kept") };
    struct pipepoll_error why;
    assert_int_equal(action_type_parse(&a, str_of(text), &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, want);
    assert_true(str_eq(a.version, STR("kept")));
}

static void both_forms_mean_the_same(void **state)
{
    (void)state;
    assert_parses("category=Build,owner=ThirdParty,provider=My-P,version=1");
    assert_parses("version=1, provider=My-P, category=Build");
    assert_parses("{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"My-P\","
                  "\"version\":\"1\"}");
    assert_parses(" { \"version\" : \"1\" , \"category\":\"Build\",\n\"provider\":\"My-P\" } ");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    const char *bad_object = "the action type must be one JSON object of plain strings";
    assert_refused("", "the action type has no category");
    assert_refused("category=Build,version=1", "the action type has no provider");
    assert_refused("category=a,category=b", "category is given twice");
    assert_refused("Build", "expected name=value,... in the action type, not \"Build\"");
    assert_refused("catgory=Build", "unknown member \"catgory\" of the action type (did you mean "
                                    "\"category\"?)");
    assert_refused("{}", bad_object);
    assert_refused("{", bad_object);
    assert_refused("{\"category\":1}", bad_object);
    assert_refused("{\"category\":\"\\u0042\"}", bad_object);
    assert_refused("{\"category\":\"Build\"", bad_object);
    assert_refused("{\"category\":\"Build\"} x", bad_object);
    assert_refused("{\"category\":\"Build\",}", bad_object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_mean_the_same),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests_name("action_type", tests, NULL, NULL);
}
