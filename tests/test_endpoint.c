/* SPDX-License-Identifier: MIT */
#include "aws/endpoint.h"

#include "lib/check.h"

#define LABEL_OF_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

#include <jansson.h>
#include <stdio.h>

static const char *resolved(struct endpoint *e, const struct endpoint_rule *rule)
{
    struct pipepoll_error why;
    if (endpoint_resolve(e, rule, &why))
        fail_msg("%s", why.text);
    return e->text;
}

static const char *refused(struct pipepoll_error *why, const struct endpoint_rule *rule)
{
    struct endpoint e = { .text = "as it was" };
    assert_int_equal(endpoint_resolve(&e, rule, why), PIPEPOLL_EINVAL);
    assert_string_equal(e.text, "as it was");
    assert_int_equal(endpoint_resolve(&e, rule, NULL), PIPEPOLL_EINVAL);
    return why->text;
}

static struct endpoint_rule override(const char *url)
{
    return (struct endpoint_rule) { .region = STR("us-east-1"), .endpoint_url = str_of(url) };
}

static void fips_and_dualstack_choose_among_four_hosts(void **state)
{
    static const char *const urls[2][2] = {
        { "https://codepipeline.eu-west-1.amazonaws.com/",
          "https://codepipeline.eu-west-1.api.aws/" },
        { "https://codepipeline-fips.eu-west-1.amazonaws.com/",
          "https://codepipeline-fips.eu-west-1.api.aws/" },
    };
    for (int fips = 0; fips < 2; fips++) {
        for (int dualstack = 0; dualstack < 2; dualstack++) {
            struct endpoint_rule rule = { .region = STR("eu-west-1"),
                                          .fips = fips,
                                          .dualstack = dualstack };
            struct endpoint e;
            assert_string_equal(resolved(&e, &rule), urls[fips][dualstack]);
            assert_true(e.tls);
            assert_str_equal(e.url, urls[fips][dualstack]);
            assert_str_equal(e.path, "/");
            assert_int_equal(e.host.len, e.url.len - strlen("https://") - 1);
            assert_ptr_equal(e.host.ptr, e.text + strlen("https://"));
        }
    }
}

static void names_that_are_no_regions_stand_for_one(void **state)
{
    static const struct {
        const char *name, *region, *url;
    } rows[] = {
        { "fips-us-east-1", "us-east-1", "https://codepipeline-fips.us-east-1.amazonaws.com/" },
        { "us-west-2-fips", "us-west-2", "https://codepipeline-fips.us-west-2.amazonaws.com/" },
        { "fips-us-gov-west-1", "us-gov-west-1",
          "https://codepipeline-fips.us-gov-west-1.amazonaws.com/" },
        { "ca-central-1-fips", "ca-central-1",
          "https://codepipeline-fips.ca-central-1.amazonaws.com/" },
        { "aws-global", "us-east-1", "https://codepipeline.us-east-1.amazonaws.com/" },
        { "fips-aws-global", "us-east-1", "https://codepipeline-fips.us-east-1.amazonaws.com/" },
        { "aws-us-gov-global", "us-gov-west-1",
          "https://codepipeline.us-gov-west-1.amazonaws.com/" },
        { "aws-cn-global", "cn-north-1", "https://codepipeline.cn-north-1.amazonaws.com.cn/" },
        /* These say nothing more than themselves. */
        { "my-global", "my-global", "https://codepipeline.my-global.amazonaws.com/" },
        { "fips", "fips", "https://codepipeline.fips.amazonaws.com/" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint_rule rule = { .region = str_of(rows[i].name) };
        struct endpoint e;
        assert_string_equal(resolved(&e, &rule), rows[i].url);
        assert_str_equal(e.signing_region, rows[i].region);
    }
    struct endpoint_rule own = { .region = STR("fips-us-east-1"), .endpoint_url = STR("http://h") };
    struct endpoint e;
    assert_string_equal(resolved(&e, &own), "http://h/");
    assert_str_equal(e.signing_region, "us-east-1");
    struct pipepoll_error why;
    refused(&why, &(struct endpoint_rule) { .region = STR("fips-") });
}

static void the_name_of_a_region_tells_its_partition(void **state)
{
    static const char *const cases[][2] = {
        { "us-east-1", "amazonaws.com" },
        { "mx-central-1", "amazonaws.com" },
        { "ap-anywhere-12", "amazonaws.com" },
        { "cn-south-7", "amazonaws.com.cn" },
        { "us-gov-north-1", "amazonaws.com" },
        { "us-iso-east-1", "c2s.ic.gov" },
        { "us-isob-east-1", "sc2s.sgov.gov" },
        { "us-isof-north-9", "csp.hci.ic.gov" },
        { "eu-isoe-west-1", "cloud.adc-e.uk" },
        { "eusc-de-east-1", "amazonaws.eu" },
        /* Of no partition's pattern, and therefore of aws. */
        { "zz-foo-1", "amazonaws.com" },
        { "cn-south", "amazonaws.com" },
        { "cn-south-1a", "amazonaws.com" },
        { "cn--1", "amazonaws.com" },
        { "cn-1", "amazonaws.com" },
        { "cn", "amazonaws.com" },
        { "1", "amazonaws.com" },
        { "xcn-south-1", "amazonaws.com" },
        { "eusc-fr-east-1", "amazonaws.com" },
        { "us-iso-far-east-1", "amazonaws.com" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint_rule rule = { .region = str_of(cases[i][0]) };
        struct endpoint e;
        char wanted[128];
        snprintf(wanted, sizeof wanted, "https://codepipeline.%s.%s/", cases[i][0], cases[i][1]);
        assert_string_equal(resolved(&e, &rule), wanted);
    }
}

static void the_regions_of_a_partition_end_with_null(void **state)
{
    static const struct {
        const char *partition, *last;
        size_t count;
    } cases[] = {
        { "aws", "us-west-2", 29 },
        { "", "us-west-2", 29 },
        { "aws-cn", "cn-northwest-1", 2 },
        { "aws-us-gov", "us-gov-west-1", 2 },
        { "aws-iso-f", "us-isof-south-1", 2 },
        { "aws-iso", NULL, 0 },
        { "aws-iso-b", NULL, 0 },
        { "aws-iso-e", NULL, 0 },
        { "aws-eusc", NULL, 0 },
        { "aws-moon", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str partition = str_of(cases[i].partition);
        size_t count = 0;
        while (endpoint_region(partition, count))
            count++;
        assert_int_equal(count, cases[i].count);
        assert_null(endpoint_region(partition, SIZE_MAX));
        if (count)
            assert_string_equal(endpoint_region(partition, count - 1), cases[i].last);
    }
}

static void a_bad_region_is_refused_by_name(void **state)
{
    static const char *const bad[] = {
        "",
        "US-EAST-1",
        "us_east_1",
        "us east 1",
        "us-east-1.evil.example/",
        "us-east-1\r\nX-Evil: 1",
        "-us-east-1",
        "us-east-1-",
        "us-east-1@evil",
        "r\xc3\xa9gion",
        "a000000000000000000000000000000000000000000000000000000000000004"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct endpoint_rule rule = { .region = str_of(bad[i]) };
        struct pipepoll_error why;
        assert_ptr_equal(strstr(refused(&why, &rule), "region \""), why.text);
        assert_non_null(strstr(why.text, " is not 1 to 63 of a-z, 0-9 and"));
        rule.endpoint_url = STR("https://h/"); /* the region is signed, override or not */
        refused(&why, &rule);
    }
    struct endpoint e;
    struct endpoint_rule longest = {
        .region = STR("a23456789012345678901234567890123456789012345678901234567890123")
    };
    resolved(&e, &longest);
}

static void the_sentence_quotes_the_value_without_its_control_characters(void **state)
{
    struct endpoint_rule rule = { .region = STR("eu\r\nx") };
    struct pipepoll_error why;
    assert_string_equal(refused(&why, &rule),
                        "region \"eu??x\" is not 1 to 63 of a-z, 0-9 and, between these, '-'");
}

static void an_override_is_written_anew_from_its_parts(void **state)
{
    static const struct {
        const char *url, *text, *host, *path;
    } cases[] = {
        { "https://h", "https://h/", "h", "/" },
        { "https://h/", "https://h/", "h", "/" },
        { "http://h:1/prefix", "http://h:1/prefix/", "h:1", "/prefix/" },
        { "http://h/a/b/", "http://h/a/b/", "h", "/a/b/" },
        { "http://h/a%20b", "http://h/a%20b/", "h", "/a%20b/" },
        { "HTTPS://Example.Test:8443", "https://Example.Test:8443/", "Example.Test:8443", "/" },
        { "https://h:443", "https://h/", "h", "/" },
        { "http://h:80/", "http://h/", "h", "/" },
        { "http://h:443", "http://h:443/", "h:443", "/" },
        { "https://h:80", "https://h:80/", "h:80", "/" },
        { "http://h:0080", "http://h/", "h", "/" },
        { "http://h:65535", "http://h:65535/", "h:65535", "/" },
        { "http://127.0.0.1:8080", "http://127.0.0.1:8080/", "127.0.0.1:8080", "/" },
        { "http://[::1]:8080/x", "http://[::1]:8080/x/", "[::1]:8080", "/x/" },
        { "https://[fe80::A:192.0.2.1]", "https://[fe80::A:192.0.2.1]/", "[fe80::A:192.0.2.1]",
          "/" },
        { "https://h./", "https://h./", "h.", "/" },
        { "https://3com.test", "https://3com.test/", "3com.test", "/" },
        { "https://1.2.3.4x", "https://1.2.3.4x/", "1.2.3.4x", "/" },
        { "https://" LABEL_OF_63, "https://" LABEL_OF_63 "/", LABEL_OF_63, "/" },
        { "https://h/%2F%2f%00", "https://h/%2F%2f%00/", "h", "/%2F%2f%00/" },
        { "http://code_pipeline.local", "http://code_pipeline.local/", "code_pipeline.local", "/" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint_rule rule = override(cases[i].url);
        struct endpoint e;
        assert_string_equal(resolved(&e, &rule), cases[i].text);
        assert_str_equal(e.url, cases[i].text);
        assert_str_equal(e.host, cases[i].host);
        assert_str_equal(e.path, cases[i].path);
        assert_int_equal(e.tls, cases[i].text[4] == 's');
    }
}

static void a_bad_override_is_refused_with_the_rule_it_breaks(void **state)
{
    static const char *const scheme = "does not begin with https:// or http://";
    static const char *const byte = "has a character that must be percent-encoded in a URL";
    static const char *const query = "has a query or a fragment, only a path may follow the host";
    static const char *const host =
        "needs a host: a name of letters, digits, '-' and '_' between dots, an IPv4 address of "
        "four numbers, or an IPv6 address in brackets";
    static const char *const percent =
        "has a '%' that two hexadecimal digits do not follow: write it %25";
    static const char *const port = "has a port that is not a number from 1 to 65535";
    const struct {
        const char *url, *rule;
    } cases[] = {
        { "h", scheme },
        { "ftp://h", scheme },
        { "https:/h", scheme },
        { "http:", scheme },
        { "file:///etc/passwd", scheme },
        { "http://h\r\nX-Evil: 1", byte },
        { "http://h/a b", byte },
        { "http://h/\t", byte },
        { "http://h\\evil", byte },
        { "http://h/\x7f", byte },
        { "http://h/\xc3\xa9", byte },
        { "http://h/{a}", byte },
        { "http://h?x=1", query },
        { "http://h/?", query },
        { "http://h/#top", query },
        { "http://", host },
        { "http:///path", host },
        { "http://:80", host },
        { "http://h%41", host },
        { "http://a,b", host },
        { "http://[::1", host },
        { "http://[]", host },
        { "http://[1]", host },
        { "http://[1.2.3.4]", host },
        { "http://[::g]", host },
        { "http://[fe80::1%25eth0]", host },
        { "http://[::1::2]", host },
        { "http://[1:2:3:4:5:6:7:8:9]", host },
        { "http://[12345::]", host },
        { "http://[::1.2.3.256]", host },
        { "https://-/", host },
        { "https://-", host },
        { "https://-h", host },
        { "https://h-", host },
        { "https://a.-b.c", host },
        { "https://a-.c", host },
        { "https://.", host },
        { "https://.h", host },
        { "https://h..", host },
        { "https://a..b", host },
        { "https://" LABEL_OF_63 "x.test", host },
        { "https://" LABEL_OF_63 "." LABEL_OF_63 "." LABEL_OF_63 "." LABEL_OF_63, host },
        { "https://1", host },
        { "https://127.1", host },
        { "https://127.0.0.1.", host },
        { "https://127.0.0.256", host },
        { "https://127.0.0.01", host },
        { "https://1.2.3.4.5", host },
        { "https://0x7f000001", host },
        { "https://a.0x7F", host },
        { "https://2130706433/", host },
        { "https://h/%zz", percent },
        { "https://h/%", percent },
        { "https://h/%4", percent },
        { "https://h/a%4/b", percent },
        { "https://h/%%41", percent },
        { "https://h/%4g/", percent },
        { "http://h:", port },
        { "http://h:0", port },
        { "http://h:65536", port },
        { "http://h:4294967376", port },
        { "http://h:8x", port },
        { "http://h:-1", port },
        { "http://h:1:2", port },
        { "http://[::1]x", port },
        { "http://[::1]x80", port },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint_rule rule = override(cases[i].url);
        struct pipepoll_error why;
        const char *text = refused(&why, &rule);
        if (strncmp(text, "endpoint URL \"", 14) != 0 || !strstr(text, cases[i].rule))
            fail_msg("%s: %s", cases[i].url, text);
    }
}

static void user_info_is_refused_without_repeating_it(void **state)
{
    static const char *const bad[] = { "https://user:hunter2@h/", "https://hunter2@h",
                                       "ftp://u:hunter2@h", "http://h\n:hunter2@" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct endpoint_rule rule = override(bad[i]);
        struct pipepoll_error why;
        assert_null(strstr(refused(&why, &rule), "hunter2"));
        assert_non_null(strstr(why.text, "user info is not allowed"));
    }
}

static void the_longest_override_fits_and_one_more_byte_is_refused(void **state)
{
    char url[600];
    struct endpoint e;
    memset(url, 'p', sizeof url);
    memcpy(url, "http://h/", 9);
    struct endpoint_rule rule = { .region = STR("us-east-1"), .endpoint_url = { url, 510 } };
    assert_int_equal(strlen(resolved(&e, &rule)), 511);
    assert_int_equal(e.path.ptr[e.path.len - 1], '/');
    struct pipepoll_error why;
    rule.endpoint_url.len = 511;
    assert_non_null(strstr(refused(&why, &rule), "is longer than 510 bytes"));
}

static void an_override_leaves_no_choice_of_endpoint(void **state)
{
    struct pipepoll_error why;
    struct endpoint_rule rule = override("https://h");
    rule.fips = true;
    assert_ptr_equal(strstr(refused(&why, &rule), "fips is a choice"), why.text);
    rule = override("https://h");
    rule.dualstack = true;
    assert_ptr_equal(strstr(refused(&why, &rule), "dualstack is a choice"), why.text);
}

static void sts_and_the_sso_portal_have_names_of_their_own(void **state)
{
    static const struct {
        const char *service, *region;
        bool fips, dualstack;
        const char *host, *signing_region;
    } rows[] = {
        { "", "us-west-2", false, false, "codepipeline.us-west-2.amazonaws.com", "us-west-2" },
        { "sts", "us-west-2", false, false, "sts.us-west-2.amazonaws.com", "us-west-2" },
        { "sts", "us-west-2", true, false, "sts-fips.us-west-2.amazonaws.com", "us-west-2" },
        { "sts", "us-west-2", false, true, "sts.us-west-2.api.aws", "us-west-2" },
        { "sts", "us-west-2", true, true, "sts-fips.us-west-2.api.aws", "us-west-2" },
        { "sts", "cn-north-1", false, false, "sts.cn-north-1.amazonaws.com.cn", "cn-north-1" },
        { "sts", "us-iso-east-1", false, false, "sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1" },
        { "sts", "us-gov-west-1", false, false, "sts.us-gov-west-1.amazonaws.com",
          "us-gov-west-1" },
        { "sts", "us-gov-west-1", true, false, "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1" },
        { "sts", "us-gov-west-1", true, true, "sts-fips.us-gov-west-1.api.aws", "us-gov-west-1" },
        { "sts", "", false, false, "sts.amazonaws.com", "us-east-1" },
        { "sts", "aws-global", false, false, "sts.amazonaws.com", "us-east-1" },
        { "sts", "", true, false, "sts-fips.us-east-1.amazonaws.com", "us-east-1" },
        { "sts", "", false, true, "sts.us-east-1.api.aws", "us-east-1" },
        { "portal.sso", "eu-west-1", false, false, "portal.sso.eu-west-1.amazonaws.com",
          "eu-west-1" },
        { "portal.sso", "eu-west-1", true, false, "portal.sso-fips.eu-west-1.amazonaws.com",
          "eu-west-1" },
        { "portal.sso", "us-gov-east-1", true, false, "portal.sso-fips.us-gov-east-1.amazonaws.com",
          "us-gov-east-1" },
        { "portal.sso", "eu-west-1", true, true, "portal.sso-fips.eu-west-1.api.aws", "eu-west-1" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint_rule rule = { .region = str_of(rows[i].region),
                                      .fips = rows[i].fips,
                                      .dualstack = rows[i].dualstack,
                                      .service = str_of(rows[i].service) };
        struct endpoint e;
        resolved(&e, &rule);
        assert_str_equal(e.host, rows[i].host);
        assert_str_equal(e.signing_region, rows[i].signing_region);
    }
}

static void an_override_is_signed_for_the_region_all_the_same(void **state)
{
    char region[] = "eu-west-1";
    struct endpoint_rule rule = { .region = str_of(region),
                                  .endpoint_url = STR("http://localhost:4566"),
                                  .service = STR("sts") };
    struct endpoint e;
    assert_string_equal(resolved(&e, &rule), "http://localhost:4566/");
    memset(region, 'x', sizeof region); /* it is a copy */
    assert_str_equal(e.signing_region, "eu-west-1");
    rule.region = STR("");
    resolved(&e, &rule);
    assert_str_equal(e.signing_region, "us-east-1");
}

static void only_sts_can_do_without_a_region(void **state)
{
    struct pipepoll_error why;
    struct endpoint_rule rule = { .service = STR("portal.sso") };
    refused(&why, &rule);
    rule.service = STR("sts");
    rule.region = STR("US");
    refused(&why, &rule);
}

static void assert_host(const json_t *row, const char *key, bool fips, bool dualstack)
{
    struct endpoint e;
    struct endpoint_rule rule = { .region =
                                      str_of(json_string_value(json_object_get(row, "region"))),
                                  .fips = fips,
                                  .dualstack = dualstack };
    resolved(&e, &rule);
    assert_str_equal(e.host, json_string_value(json_object_get(row, key)));
}

static void regions_of_all_partitions_get_the_hosts_of_the_table(void **state)
{
    FILE *f = fopen(TEST_DATA "/endpoints.jsonl", "rb");
    size_t tried = 0;
    assert_non_null(f);
    for (json_t *row; (row = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL)) != NULL; tried++) {
        assert_host(row, "host", false, false);
        assert_host(row, "dualstack", false, true);
        assert_host(row, "fips", true, false);
        assert_host(row, "fipsDualstack", true, true);
        json_decref(row);
    }
    fclose(f);
    assert_int_equal(tried, 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_of_all_partitions_get_the_hosts_of_the_table),
        cmocka_unit_test(fips_and_dualstack_choose_among_four_hosts),
        cmocka_unit_test(names_that_are_no_regions_stand_for_one),
        cmocka_unit_test(the_name_of_a_region_tells_its_partition),
        cmocka_unit_test(the_regions_of_a_partition_end_with_null),
        cmocka_unit_test(a_bad_region_is_refused_by_name),
        cmocka_unit_test(the_sentence_quotes_the_value_without_its_control_characters),
        cmocka_unit_test(an_override_is_written_anew_from_its_parts),
        cmocka_unit_test(a_bad_override_is_refused_with_the_rule_it_breaks),
        cmocka_unit_test(user_info_is_refused_without_repeating_it),
        cmocka_unit_test(the_longest_override_fits_and_one_more_byte_is_refused),
        cmocka_unit_test(an_override_leaves_no_choice_of_endpoint),
        cmocka_unit_test(sts_and_the_sso_portal_have_names_of_their_own),
        cmocka_unit_test(an_override_is_signed_for_the_region_all_the_same),
        cmocka_unit_test(only_sts_can_do_without_a_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
