/* SPDX-License-Identifier: MIT */
/* Which STS a role is asked for. What each region's host is called, test_endpoint shows. */
#include "credentials/role.h"

#include <stdio.h>

#include "lib/check.h"

static void sts_is_asked_in_the_partition_of_the_role(void **state)
{
    static const struct {
        const char *partition, *configured, *target, *region;
    } rows[] = {
        /* The configured region first, then the target's ... */
        { "aws", "eu-west-1", "us-east-2", "eu-west-1" },
        { "aws", "", "ap-east-1", "ap-east-1" },
        { "aws", "", "me-south-1", "me-south-1" },
        { "aws", "aws-global", "me-south-1", "aws-global" },
        { "aws-cn", "", "cn-northwest-1", "cn-northwest-1" },
        { "aws-us-gov", "", "us-gov-east-1", "us-gov-east-1" },
        { "aws-eusc", "", "eusc-de-east-1", "eusc-de-east-1" },
        { "aws-iso-f", "", "us-isof-east-1", "us-isof-east-1" },
        /* ... as far as it is of the partition ... */
        { "aws-cn", "us-east-1", "cn-north-1", "cn-north-1" },
        { "aws", "cn-north-1", "us-gov-west-1", "us-east-1" },
        { "aws-us-gov", "us-east-1", "us-east-1", "us-gov-west-1" },
        { "aws-cn", "", "eu-west-1", "cn-north-1" },
        /* ... or one that all accounts have. */
        { "aws", "", "", "us-east-1" },
        { "aws-cn", "", "", "cn-north-1" },
        { "aws-us-gov", "", "", "us-gov-west-1" },
        { "aws-iso", "", "", "us-iso-east-1" },
        { "aws-iso-b", "", "", "us-isob-east-1" },
        { "aws-iso-e", "", "", "eu-isoe-west-1" },
        { "aws-iso-f", "", "", "us-isof-south-1" },
        { "aws-eusc", "", "", "eusc-de-east-1" },
        /* A partition of later years: whoever names a region knows more than we. */
        { "aws-moon", "", "mo-crater-1", "mo-crater-1" },
        { "aws-moon", "mo-sea-1", "mo-crater-1", "mo-sea-1" },
        { "aws-moon", "", "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char arn[128];
        snprintf(arn, sizeof arn, "arn:%s:iam::123456789012:role/Poller", rows[i].partition);
        const struct role role = { .arn = str_of(arn) };
        str region = role_region(&role, str_of(rows[i].configured), str_of(rows[i].target));
        assert_str_equal(region, rows[i].region);
    }
}

static void the_account_of_a_role_is_in_its_arn(void **state)
{
    assert_str_equal(role_account(STR("arn:aws-cn:iam::123456789012:role/a/b")), "123456789012");
    assert_int_equal(role_account(STR("arn:aws:sts::123456789012:assumed-role/a/b")).len, 0);
    assert_int_equal(role_account(STR("")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sts_is_asked_in_the_partition_of_the_role),
        cmocka_unit_test(the_account_of_a_role_is_in_its_arn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
