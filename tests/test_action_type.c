/* SPDX-License-Identifier: MIT */
/* --action-type-id in its forms: shorthand, JSON, a file of either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/action_type.h"

static void assert_parses(const char *text)
{
    struct pipepoll_action_type a;
    struct pipepoll_error why;
    struct arena arena = { .blocks = NULL };
    if (action_type_parse(&arena, &a, str_of(text), &why))
        fail_msg("%s: %s", text, why.text);
    assert_true(str_eq(a.category, STR("Build")));
    assert_true(str_eq(a.owner, STR("ThirdParty")));
    assert_true(str_eq(a.provider, STR("My-P")));
    assert_true(str_eq(a.version, STR("1")));
    arena_free(&arena);
}

static void assert_refused(const char *text, const char *want)
{
    struct pipepoll_action_type a = { .version = STR_INIT("kept") };
    struct pipepoll_error why;
    struct arena arena = { .blocks = NULL };
    assert_int_equal(action_type_parse(&arena, &a, str_of(text), &why), PIPEPOLL_EINVAL);
    if (!strstr(why.text, want))
        fail_msg("%s: %s is not %s", text, why.text, want);
    assert_true(str_eq(a.version, STR("kept")));
    arena_free(&arena);
}

static void both_forms_mean_the_same(void **state)
{
    assert_parses("category=Build,owner=ThirdParty,provider=My-P,version=1");
    assert_parses("version=1, provider=My-P, category=Build");
    assert_parses(" category = Build , provider= My-P ,version=1 ");
    assert_parses("category=\"Build\",provider='My-P',version=\"1\"");
    assert_parses("{\"category\":\"Build\",\"owner\":\"ThirdParty\",\"provider\":\"My-P\","
                  "\"version\":\"1\"}");
    assert_parses(" { \"version\" : \"1\" , \"category\":\"Build\",\n\"provider\":\"My-P\" } ");
    assert_parses("{\"category\":\"Bu\\u0069ld\",\"provider\":\"My-P\",\"version\":\"1\"}");
}

static void a_file_stands_for_what_it_holds(void **state)
{
    char path[] = "/tmp/pipepoll-test-XXXXXX", name[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "category=Build,provider=My-P,version=1\n");
    snprintf(name, sizeof name, "file://%s", path);
    assert_parses(name);
    snprintf(name, sizeof name, "fileb://%s", path);
    assert_parses(name);
    setenv("PIPEPOLL_TEST_FILE", path, 1);
    assert_parses("file://${PIPEPOLL_TEST_FILE}");
    assert_parses("file://$PIPEPOLL_TEST_FILE");
    close(fd);
    unlink(path);
    assert_refused(name, "Unable to load paramfile fileb:///tmp/pipepoll-test-");
    assert_refused("file:///tmp", "Is a directory");
}

static void what_is_wrong_is_named(void **state)
{
    assert_refused("", "Expected: '=', received: 'EOF'");
    assert_refused("category=Build,version=1",
                   "Missing required parameter in actionTypeId: \"provider\"");
    assert_refused("category=a,category=b", "Second instance of key \"category\"");
    assert_refused("Build", "Expected: '=', received: 'EOF' for input: Build (column 6)");
    assert_refused("category=Build,provider=P,version=1,catgory=x",
                   "\"catgory\", must be one of: category, owner, provider, version (did you mean "
                   "\"category\"?)");
    assert_refused("category=Build,x,provider=P,version=1",
                   "Invalid type for parameter actionTypeId.category, value: [\"Build\",\"x\"]");
    assert_refused("category=Build,provider=P,version=1,", "Expected: '<second>'");
    assert_refused("category=\"Build", "Expected: '<double quoted>'");
    assert_refused("category='Build'x", "Expected: ',', received: 'x'");
    assert_refused("category=,provider=P,version=1",
                   "Invalid length for parameter actionTypeId.category");
    assert_refused("category=[Build]", "a list or a structure");
    assert_refused("{}", "Missing required parameter in actionTypeId: \"category\"");
    assert_refused("{", "Invalid JSON");
    assert_refused("[\"category\"]", "Invalid JSON");
    assert_refused("{\"category\":1,\"provider\":\"P\",\"version\":\"1\"}",
                   "Invalid type for parameter actionTypeId.category, value: 1");
    assert_refused("{\"category\":\"Build\"} x", "Invalid JSON");
    assert_refused("{\"category\":\"Build\",}", "Invalid JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_mean_the_same),
        cmocka_unit_test(a_file_stands_for_what_it_holds),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests_name("action_type", tests, NULL, NULL);
}
