/* SPDX-License-Identifier: MIT */
/* Endpoints by the lists of regions and partitions that AWS publishes. */
#include "aws/endpoint.h"

#include "lib/check.h"

#include <jansson.h>
#include <stdio.h>

#include "vectors.h"

static const char *resolved(struct endpoint *e, const struct endpoint_rule *rule)
{
    struct pipepoll_error why;
    if (endpoint_resolve(e, rule, &why))
        fail_msg("%s", why.text);
    return e->text;
}

static json_t *load(const char *path)
{
    json_t *j = json_load_file(path, 0, NULL);
    assert_non_null(j);
    return j;
}

static void assert_host(const char *region, const char *host, bool fips, bool dualstack)
{
    struct endpoint e;
    struct endpoint_rule rule = { .region = str_of(region), .fips = fips, .dualstack = dualstack };
    resolved(&e, &rule);
    assert_str_equal(e.host, host);
}

static void every_listed_region_gets_its_listed_hosts(void **state)
{
    json_t *regions = load(SHARED_DATA "/endpoints.json"), *row;
    const char *region;
    size_t hosts = 0;
    json_object_foreach(regions, region, row)
    {
        static const char *const keys[2][2] = { { "hostname", "dualstack" },
                                                { "fips", "fipsDualstack" } };
        for (int fips = 0; fips < 2; fips++) {
            for (int dualstack = 0; dualstack < 2; dualstack++) {
                const char *host = json_string_value(json_object_get(row, keys[fips][dualstack]));
                if (!host)
                    continue;
                assert_host(region, host, fips, dualstack);
                hosts++;
            }
        }
    }
    assert_int_equal(json_object_size(regions), 35);
    assert_int_equal(hosts, 35 * 2 + 7 * 2);
    json_decref(regions);
}

static void every_known_region_gets_the_suffixes_of_its_partition(void **state)
{
    json_t *partitions = load(SHARED_DATA "/endpoints-partitions.json"), *row, *region;
    const char *name;
    size_t i, known = 0;
    json_object_foreach(partitions, name, row)
    {
        const char *suffix = json_string_value(json_object_get(row, "dnsSuffix"));
        const char *dualstack = json_string_value(json_object_get(row, "dualStackDnsSuffix"));
        json_array_foreach(json_object_get(row, "regionsKnown"), i, region)
        {
            char host[256];
            const char *text = json_string_value(region);
            snprintf(host, sizeof host, "codepipeline.%s.%s", text, suffix);
            assert_host(text, host, false, false);
            snprintf(host, sizeof host, "codepipeline-fips.%s.%s", text, dualstack);
            assert_host(text, host, true, true);
            known++;
        }
        json_array_foreach(json_object_get(row, "regionsWithCodepipeline"), i, region)
        {
            const char *listed = endpoint_region(str_of(name), i);
            assert_non_null(listed);
            assert_string_equal(listed, json_string_value(region));
        }
        assert_null(endpoint_region(str_of(name), i));
    }
    assert_int_equal(json_object_size(partitions), 8);
    assert_int_equal(known, 46);
    json_decref(partitions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_region_gets_its_listed_hosts),
        cmocka_unit_test(every_known_region_gets_the_suffixes_of_its_partition),
    };
    if (vectors_missing(SHARED_DATA "/endpoints.json"))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
