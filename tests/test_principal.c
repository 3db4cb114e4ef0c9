/* SPDX-License-Identifier: MIT */
/* Principals over an identity of this file's. */
#include <stdlib.h>

#include "client/principal.h"
#include "lib/check.h"

static struct identity_options given;
static struct identity_report now;
static struct credentials credentials;
static bool has_credentials;
static unsigned opened, changes;
static void (*close_done)(void *ctx);
static void *close_ctx;

int identity_open(struct identity **out, const struct identity_options *o)
{
    given = *o;
    opened++;
    *out = (struct identity *)&given;
    return 0;
}

void identity_close(struct identity *id, void (*closed)(void *ctx), void *ctx)
{
    close_done = closed;
    close_ctx = ctx;
}

struct credentials *identity_current(const struct identity *id)
{
    return has_credentials ? &credentials : NULL;
}

void identity_report(const struct identity *id, struct identity_report *out)
{
    *out = now;
}

static bool is_wanted;

void identity_want(struct identity *id, bool wanted)
{
    assert_int_not_equal(wanted, is_wanted);
    is_wanted = wanted;
}

static unsigned retries;

void identity_retry(struct identity *id)
{
    retries++;
}

static void on_change(void *ctx)
{
    changes++;
}

static struct principals all;

static int set_up(void **state)
{
    all = (struct principals) { .on_change = on_change };
    list_init(&all.news);
    now = (struct identity_report) { .label = "", .why = "", .expires_s = INT64_MAX };
    has_credentials = false;
    opened = changes = 0;
    return 0;
}

static int tear_down(void **state)
{
    table_deinit(&all.used);
    return 0;
}

static struct principal *join(struct pipepoll_credentials *config)
{
    struct principal *principal = NULL;
    assert_int_equal(principal_join(&all, config, STR("eu-west-1"), &principal), 0);
    return principal;
}

static void end(struct principal *principal)
{
    principal_leave(principal);
    close_done(close_ctx);
    assert_int_equal(all.open, 0);
}

static void credentials_are_wanted_by_the_first_and_until_the_last(void **state)
{
    struct pipepoll_credentials *config = NULL;
    pipepoll_credentials_default(&config, NULL);
    struct principal *principal = join(config);
    assert_false(is_wanted);
    principal_want(principal);
    principal_want(principal);
    principal_unwant(principal);
    assert_true(is_wanted);
    principal_unwant(principal);
    assert_false(is_wanted);
    end(principal);
    pipepoll_credentials_unref(config);
}

static bool is_news(struct principal *principal)
{
    return principal_is_news(principal, principal_report(principal));
}

static void equal_configs_share_a_principal_until_the_last_one_leaves(void **state)
{
    struct pipepoll_credentials *one = NULL, *same = NULL, *other = NULL;
    pipepoll_credentials_profile(&one, STR("acme"), NULL);
    pipepoll_credentials_profile(&same, STR("acme"), NULL);
    pipepoll_credentials_profile(&other, STR("else"), NULL);
    struct principal *principal = join(one);
    assert_ptr_equal(join(same), principal);
    struct principal *o = join(other);
    assert_ptr_not_equal(o, principal);
    assert_int_equal(opened, 2);
    principal_leave(principal);
    assert_int_equal(all.open, 2);
    principal_leave(principal);
    close_done(close_ctx);
    assert_int_equal(all.open, 1);
    end(o);
    pipepoll_credentials_unref(one);
    pipepoll_credentials_unref(same);
    pipepoll_credentials_unref(other);
}

static void credentials_at_hand_are_news_and_a_fetch_under_way_is_none(void **state)
{
    struct pipepoll_credentials *config = NULL;
    pipepoll_credentials_default(&config, NULL);
    struct principal *waits = join(config);
    assert_null(principal_next_changed(&all));
    assert_int_equal(changes, 0);
    given.on_change(NULL, given.ctx);
    given.on_change(NULL, given.ctx);
    assert_ptr_equal(principal_next_changed(&all), waits);
    assert_null(principal_next_changed(&all));
    assert_int_equal(changes, 2);
    given.on_change(NULL, given.ctx); /* whatever its news: it ends */
    end(waits);
    assert_null(principal_next_changed(&all));
    has_credentials = true;
    struct principal *has = join(config);
    assert_ptr_equal(principal_next_changed(&all), has);
    end(has);
    pipepoll_credentials_unref(config);
}

static void a_retry_is_for_all_and_remembered_until_it_is_over(void **state)
{
    struct pipepoll_credentials *config = NULL;
    pipepoll_credentials_default(&config, NULL);
    struct principal *principal = join(config);
    principals_retry(&all);
    assert_int_equal(retries, 0); /* in slices: there may be many */
    assert_ptr_equal(principal_next_changed(&all), principal);
    assert_int_equal(retries, 1);
    assert_true(principal->refetch_running);
    assert_null(principal_next_changed(&all));
    end(principal);
    pipepoll_credentials_unref(config);
}

static void a_failure_is_told_once_whatever_its_numbers(void **state)
{
    struct pipepoll_credentials *config = NULL;
    pipepoll_credentials_default(&config, NULL);
    struct principal *principal = join(config);
    now.why = "no connection after 12 ms";
    assert_true(is_news(principal));
    now.why = "no connection after 7 ms";
    assert_false(is_news(principal));
    now.why = "denied";
    assert_true(is_news(principal));
    now = (struct identity_report) { .label = "l", .why = "", .usable = true, .expires_s = 5 };
    assert_true(is_news(principal));
    assert_false(is_news(principal));
    now.expires_s = 6; /* refreshed */
    assert_true(is_news(principal));
    now.degraded = true;
    assert_true(is_news(principal));
    end(principal);
    pipepoll_credentials_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(credentials_are_wanted_by_the_first_and_until_the_last,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_configs_share_a_principal_until_the_last_one_leaves,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(credentials_at_hand_are_news_and_a_fetch_under_way_is_none,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_retry_is_for_all_and_remembered_until_it_is_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_told_once_whatever_its_numbers, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
