/* SPDX-License-Identifier: MIT */
/* All stages together, and the key that is kept between them. */
#include "aws/sigv4.h"

#include "lib/signed_poll.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static unsigned allocations; /* asked of OpenSSL's allocator */

static void *counting_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return malloc(size);
}

static void *counting_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return realloc(ptr, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

static void known_polls_get_their_known_signatures(void **state)
{
    static const struct {
        const char *host, *region, *token, *signature;
    } cases[] = {
        { "codepipeline.us-east-1.amazonaws.com", "us-east-1", NULL,
          "8f863b70221850cc2964abad282ae78d6d2bdeaa6733a6f1745b3171bd71330e" },
        { "codepipeline.us-east-1.amazonaws.com", "us-east-1",
          "FwoGZXIvYXdzEXAMPLE+token/with=chars==",
          "88381bdbf0e297bb7c13cea28e73084d4ba1d0f494eadc2c8319cd451218598b" },
        { "codepipeline.cn-north-1.amazonaws.com.cn", "cn-north-1", NULL,
          "c6aaaf22c37de5f20585e8f6e443d98ed08d79f50985cc4c0ce4c919d7f88660" },
        { "127.0.0.1:8080", "us-east-1", NULL,
          "bf96feb6fdf3739f62b1f9846b9ea9dc3132d7d81c271f7e5b6a4e5eb81d323e" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct poll p;
        struct sigv4_key k;
        struct credentials *c = credentials(SECRET);
        char got[1024], wanted[1024];
        poll_init(&p, AT_2015, str_of(cases[i].host));
        if (cases[i].token)
            p.headers[p.rq.header_count++] =
                (struct sigv4_header) { STR("X-Amz-Security-Token"), str_of(cases[i].token) };
        assert_int_equal(sigv4_key_init(&k, str_of(cases[i].region), STR("codepipeline")), 0);
        assert_int_equal(sign(got, &k, c, &p), 0);
        struct buf b = BUF_ON(wanted);
        buf_printf(&b,
                   "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/%s/codepipeline/aws4_request, "
                   "SignedHeaders=content-type;host;x-amz-date;%sx-amz-target, Signature=%s",
                   cases[i].region, cases[i].token ? "x-amz-security-token;" : "",
                   cases[i].signature);
        assert_string_equal(got, buf_cstr(&b));
        sigv4_key_deinit(&k);
        credentials_unref(c);
    }
}

static void the_key_rolls_over_at_midnight_utc(void **state)
{
    const int64_t midnight = 1440979200; /* 2015-08-31T00:00:00Z */
    struct sigv4_key k;
    struct credentials *c = credentials(SECRET);
    char got[1024], wanted[1024];
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    for (int64_t s = midnight - 1; s <= midnight; s++) {
        struct poll p;
        poll_init_us(&p, s);
        assert_int_equal(sign(got, &k, c, &p), 0);
        assert_non_null(strstr(got, s < midnight ? "/20150830/" : "/20150831/"));
        sign_afresh(wanted, SECRET, &p);
        assert_string_equal(got, wanted);
    }
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

/* The secret is overwritten where it lies: a key derived again would come out another. */
static void a_kept_key_signs_like_a_fresh_one_without_deriving(void **state)
{
    struct sigv4_key k;
    struct credentials *c = credentials(SECRET);
    char got[1024], wanted[1024];
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    for (int i = 0; i < 20; i++) {
        struct poll p;
        poll_init_us(&p, AT_2015 + i);
        assert_int_equal(sign(got, &k, c, &p), 0);
        memset((char *)c->secret_access_key.ptr, '?', c->secret_access_key.len);
        sign_afresh(wanted, SECRET, &p);
        assert_string_equal(got, wanted);
    }
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

/* Of memory of ours, it has none to ask: no struct alloc comes near the principal. */
static void signing_allocates_nothing_with_a_key_new_or_kept(void **state)
{
    static char secret[1001];
    memset(secret, 's', sizeof secret - 1); /* longer than a block of the hash */
    struct credentials *c[] = { credentials(SECRET), credentials(secret) };
    struct sigv4_key k;
    struct poll p;
    char text[1024];
    poll_init_us(&p, AT_2015);
    allocations = 0;
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sign(text, &k, c[i / 2 % 2], &p), 0);
    sigv4_key_deinit(&k);
    assert_int_equal(allocations, 0);
    OPENSSL_free(OPENSSL_malloc(1));
    assert_int_equal(allocations, 1); /* it does count */
    credentials_unref(c[0]);
    credentials_unref(c[1]);
}

static void other_credentials_get_their_own_key(void **state)
{
    struct sigv4_key k;
    struct poll p;
    struct credentials *c[2] = { credentials("first"), credentials("second") };
    char got[2][1024], wanted[1024];
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    poll_init_us(&p, AT_2015);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sign(got[i % 2], &k, c[i % 2], &p), 0);
        sign_afresh(wanted, i % 2 ? "second" : "first", &p);
        assert_string_equal(got[i % 2], wanted);
    }
    assert_string_not_equal(got[0], got[1]);
    sigv4_key_deinit(&k);
    credentials_unref(c[0]);
    credentials_unref(c[1]);
}

static void credentials_are_held_as_long_as_their_key(void **state)
{
    struct sigv4_key k;
    struct poll p;
    struct credentials *first = credentials("first"), *second = credentials("second");
    char got[1024];
    assert_int_equal(sigv4_key_init(&k, STR("us-east-1"), STR("codepipeline")), 0);
    poll_init_us(&p, AT_2015);
    assert_int_equal(sign(got, &k, first, &p), 0);
    assert_int_equal(sign(got, &k, first, &p), 0);
    assert_int_equal(first->refs, 2);
    assert_int_equal(sign(got, &k, second, &p), 0);
    assert_int_equal(first->refs, 1);
    assert_int_equal(second->refs, 2);
    sigv4_key_deinit(&k);
    assert_int_equal(second->refs, 1);
    sigv4_key_deinit(&k); /* zeroed now, and fine */
    credentials_unref(first);
    credentials_unref(second);
}

static void a_secret_of_any_length_makes_the_key_that_hmac_defines(void **state)
{
    static const size_t lengths[] = { 1, 40, 59, 60, 61, 64, 65, 128, 1000 };
    const struct sigv4_scope scope = { STR("20150830"), STR("us-east-1"), STR("codepipeline") };
    char bytes[4 + 1000] = "AWS4";
    for (size_t i = 4; i < sizeof bytes; i++)
        bytes[i] = (char)('!' + i % 90);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct sha256 got, wanted;
        str in[] = { scope.day, scope.region, scope.service, STR("aws4_request") };
        str key = { bytes, 4 + lengths[i] };
        for (size_t step = 0; step < 4; step++) {
            hmac_sha256(&wanted, key, in[step]);
            key = sha256_str(&wanted);
        }
        str secret = { bytes + 4, lengths[i] };
        sigv4_signing_key(&got, secret, &scope);
        assert_memory_equal(&got, &wanted, sizeof wanted);
    }
}

static void a_scope_fits_or_is_refused_at_once(void **state)
{
    struct sigv4_key k = { 0 };
    struct credentials *c = credentials(SECRET);
    struct poll p;
    char region[SIGV4_SCOPE_MAX + 1], text[1024];
    memset(region, 'r', sizeof region);
    const str service = STR("codepipeline");
    size_t most = SIGV4_SCOPE_MAX - strlen("20150830///aws4_request") - service.len;
    assert_true(most >= 63); /* the longest region that endpoint.h lets through */
    assert_int_equal(sigv4_key_init(&k, (str) { region, most + 1 }, service), PIPEPOLL_EINVAL);
    assert_int_equal(sigv4_key_init(&k, (str) { region, SIZE_MAX }, service), PIPEPOLL_EINVAL);
    assert_int_equal(sigv4_key_init(&k, (str) { region, most }, service), 0);
    poll_init_us(&p, AT_2015);
    assert_int_equal(sign(text, &k, c, &p), 0);
    assert_non_null(strstr(text, "/codepipeline/aws4_request, SignedHeaders="));
    sigv4_key_deinit(&k);
    credentials_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_polls_get_their_known_signatures),
        cmocka_unit_test(the_key_rolls_over_at_midnight_utc),
        cmocka_unit_test(a_kept_key_signs_like_a_fresh_one_without_deriving),
        cmocka_unit_test(signing_allocates_nothing_with_a_key_new_or_kept),
        cmocka_unit_test(other_credentials_get_their_own_key),
        cmocka_unit_test(credentials_are_held_as_long_as_their_key),
        cmocka_unit_test(a_secret_of_any_length_makes_the_key_that_hmac_defines),
        cmocka_unit_test(a_scope_fits_or_is_refused_at_once),
    };
    if (CRYPTO_set_mem_functions(counting_malloc, counting_realloc, plain_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
