/* SPDX-License-Identifier: MIT */
#include "client/limiter.h"
#include "lib/check.h"

static struct limiters all;

static int set_up(void **state)
{
    all = (struct limiters) { .ceiling_per_s = 10 };
    return 0;
}

static int tear_down(void **state)
{
    table_deinit(&all.all);
    return 0;
}

static struct limiter *join(const char *account, const void *owner, const char *region,
                            const char *url)
{
    struct limiter_key key = { str_of(account), owner, str_of(region), str_of(url) };
    struct limiter *a = NULL;
    assert_int_equal(limiter_join(&all, &key, 0, &a), 0);
    assert_true(limiter_is(a, &key));
    return a;
}

static const char alice[] = "alice", bob[] = "bob";

static void identities_of_one_account_share_its_budget_in_a_region(void **state)
{
    struct limiter *one = join("123456789012", alice, "us-east-1", "u");
    struct limiter *two = join("123456789012", bob, "us-east-1", "u");
    assert_ptr_equal(one, two);
    assert_true(budget_rate(&one->budget) == 10);
    limiter_leave(&all, one);
    limiter_leave(&all, two);
    assert_int_equal(all.all.count, 0);
}

static void other_accounts_regions_and_endpoints_have_their_own(void **state)
{
    struct limiter *of[] = { join("123456789012", alice, "us-east-1", "u"),
                             join("210987654321", alice, "us-east-1", "u"),
                             join("123456789012", alice, "us-west-2", "u"),
                             join("123456789012", alice, "us-east-1", "v") };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_ptr_not_equal(of[i], of[k]);
    for (size_t i = 0; i < 4; i++)
        limiter_leave(&all, of[i]);
}

static void while_the_account_is_not_known_the_identity_stands_for_it(void **state)
{
    struct limiter *one = join("", alice, "us-east-1", "u");
    struct limiter *same = join("", alice, "us-east-1", "u");
    struct limiter *other = join("", bob, "us-east-1", "u");
    struct limiter *known = join("123456789012", alice, "us-east-1", "u");
    assert_ptr_equal(one, same);
    assert_ptr_not_equal(one, other);
    assert_ptr_not_equal(one, known);
    limiter_leave(&all, one);
    limiter_leave(&all, same);
    limiter_leave(&all, other);
    limiter_leave(&all, known);
    limiter_leave(&all, NULL);
    assert_int_equal(all.all.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(identities_of_one_account_share_its_budget_in_a_region,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_accounts_regions_and_endpoints_have_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(while_the_account_is_not_known_the_identity_stands_for_it,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
