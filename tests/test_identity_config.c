/* SPDX-License-Identifier: MIT */
/* Names of identities, and which of them share their credentials. */
#include "config/credentials_cache.h"
#include "config/identity_config.h"
#include "lib/check.h"

#define ARN "arn:aws:iam::123456789012:role/ops/Poller"

static void assert_name(const struct identity_config *id, const char *want)
{
    char text[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf b = BUF_ON(text);
    identity_config_put(&b, id);
    assert_string_equal(buf_cstr(&b), want);
}

static void an_identity_is_named_by_what_the_user_wrote(void **state)
{
    struct identity_config id = { .profile = { NULL, 0 } };
    assert_name(&id, "default");
    id.profile = STR("acme");
    assert_name(&id, "profile acme");
    id.role_arn = STR(ARN);
    assert_name(&id, "role 123456789012/ops/Poller by profile acme");
    id.profile = (str) { NULL, 0 };
    assert_name(&id, "role 123456789012/ops/Poller");
    id.role_arn = STR("no arn");
    assert_name(&id, "role no arn");
    id.role_arn = STR("arn:aws:iam::");
    assert_name(&id, "role arn:aws:iam::");
}

static void a_long_name_is_cut_and_still_fits(void **state)
{
    static char worst[8192];
    memset(worst, 'x', sizeof worst);
    for (size_t len = IDENTITY_CONFIG_NAME_MAX - 20; len < sizeof worst; len += 997) {
        char text[IDENTITY_CONFIG_NAME_MAX + 1];
        struct buf b = BUF_ON(text);
        const struct identity_config id = { .profile = { worst, len } };
        identity_config_put(&b, &id);
        assert_false(b.overflow);
        assert_true(b.len > 0);
    }
}

static void equal_identities_share_their_credentials(void **state)
{
    const struct identity_config none = { .profile = { NULL, 0 } };
    const struct identity_config acme = { .profile = STR_INIT("acme") };
    const struct identity_config role = { .profile = STR_INIT("acme"), .role_arn = STR_INIT(ARN) };
    const struct identity_config other = { .profile = STR_INIT("acme"),
                                           .role_arn = STR_INIT(ARN),
                                           .external_id = STR_INIT("x-1") };
    const struct identity_config *const all[] = { &none, &acme, &role, &other };
    enum { COUNT = sizeof all / sizeof *all };
    struct pipepoll_credentials *first[COUNT], *again;
    struct pipepoll_error why;
    struct credentials_cache k = { .newest = NULL };
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(credentials_cache_get(&k, all[i], &first[i], &why), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(credentials_cache_get(&k, all[i], &again, &why), 0);
        assert_ptr_equal(again, first[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(first[i], first[j]);
    }
    credentials_cache_deinit(&k);
}

static void what_the_library_refuses_leaves_the_ring_as_it_was(void **state)
{
    const struct identity_config bad = { .role_arn = STR_INIT("Poller") };
    struct pipepoll_credentials *got = NULL;
    struct pipepoll_error why;
    struct credentials_cache k = { .newest = NULL };
    assert_int_equal(credentials_cache_get(&k, &bad, &got, &why), PIPEPOLL_EINVAL);
    assert_null(got);
    assert_int_equal(k.all.count, 0);
    credentials_cache_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_is_named_by_what_the_user_wrote),
        cmocka_unit_test(a_long_name_is_cut_and_still_fits),
        cmocka_unit_test(equal_identities_share_their_credentials),
        cmocka_unit_test(what_the_library_refuses_leaves_the_ring_as_it_was),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
