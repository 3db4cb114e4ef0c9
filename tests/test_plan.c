/* SPDX-License-Identifier: MIT */
/* Two plans compared: what to add, remove and leave alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/config.h"

#define WEB "[target web]\nregions = us-east-1\ncategory = Build\nprovider = Acme\nversion = 1\n"

static struct config accept(const char *text)
{
    struct config config;
    struct diagnostics c = { .file = STR("p.ini") };
    size_t len = strlen(text);
    char *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    assert_int_equal(config_parse(&config, copy, len, NULL, &c), 0);
    return config;
}

struct changes {
    char text[512];
    struct buf log;
};

static void note(struct changes *c, const char *what, const struct plan_target *t)
{
    buf_printf(&c->log, "%s %.*s/%.*s ", what, STR_ARG(t->name), STR_ARG(t->options.region));
}

static void assert_diff(const char *before, const char *after, const char *want)
{
    struct changes c;
    c.log = BUF_ON(c.text);
    struct config a = accept(before), b = accept(after);
    struct plan_diff diff = { .old = a.plan, .new = b.plan };
    for (struct plan_step step; plan_diff_next(&diff, &step);) {
        if (step.kept)
            assert_true(str_eq(step.old->options.region, step.new->options.region));
        if (step.old && !step.kept)
            note(&c, "-", step.old);
        if (step.new)
            note(&c, step.kept ? "=" : "+", step.new);
    }
    assert_string_equal(buf_cstr(&c.log), want);
    config_deinit(&a);
    config_deinit(&b);
}

static void a_change_of_plan_touches_only_what_changed(void **state)
{
    const char *more = "[target web]\nregions = us-east-1, eu-west-1\ncategory = Build\n"
                       "provider = Acme\nversion = 1\n";
    const char *renamed =
        "[target shop]\nregions = us-east-1\ncategory = Build\nowner = ThirdParty\n"
        "provider = Acme\nversion = 1\ninterval = 5000ms\n";
    assert_diff(WEB, WEB, "= web/us-east-1 ");
    assert_diff(WEB, renamed, "= shop/us-east-1 ");
    assert_diff(WEB, more, "+ web/eu-west-1 = web/us-east-1 ");
    assert_diff(more, WEB, "- web/eu-west-1 = web/us-east-1 ");
    assert_diff(WEB, WEB "interval = 6s\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB, WEB "max-batch-size = 1\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB, WEB "endpoint-url = http://h\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB, WEB "fips = yes\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB, WEB "pickup-goal = 5s\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB "pickup-goal = 5s\n", WEB "pickup-goal = 5s\nslowest-interval = 1m\n",
                "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB, WEB "profile = acme\n", "- web/us-east-1 + web/us-east-1 ");
    assert_diff(WEB "role-arn = arn:aws:iam::123456789012:role/A\n",
                WEB "role-arn = arn:aws:iam::123456789012:role/B\n",
                "- web/us-east-1 + web/us-east-1 ");
}

/* Another account has other jobs. */
static void the_same_target_with_other_credentials_is_another(void **state)
{
    struct config c = accept(WEB "[target b]\nregions = us-east-1\ncategory = Build\n"
                                 "provider = Acme\nversion = 1\nprofile = b\n");
    assert_int_equal(c.plan.count, 2);
    config_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_of_plan_touches_only_what_changed),
        cmocka_unit_test(the_same_target_with_other_credentials_is_another),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
