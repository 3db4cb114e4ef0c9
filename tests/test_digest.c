/* SPDX-License-Identifier: MIT */
#include "aws/digest.h"

#include "lib/check.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

/* OpenSSL's memory: counts requests, and fails the n-th from now (0: never). */
static unsigned allocations, fail_at;

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return fail_at && --fail_at == 0 ? NULL : malloc(size);
}

static void *failing_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    allocations++;
    return fail_at && --fail_at == 0 ? NULL : realloc(ptr, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

/* In the place of OpenSSL's, which it calls: the n-th sum from now ends one bit off (0: none). */
static unsigned wrong_at;

int SHA256_Final(unsigned char *out, SHA256_CTX *state)
{
    int (*genuine)(unsigned char *, SHA256_CTX *);
    *(void **)&genuine = dlsym(RTLD_NEXT, "SHA256_Final");
    int r = genuine(out, state);
    if (wrong_at && --wrong_at == 0)
        out[SHA256_SIZE - 1] ^= 1;
    return r;
}

static void assert_hex(const struct sha256 *got, const char *hex)
{
    char text[SHA256_HEX_SIZE];
    sha256_hex(text, got);
    assert_int_equal(strlen(hex), sizeof text);
    assert_memory_equal(text, hex, sizeof text);
}

static void sha256_gives_the_published_answers(void **state)
{
    static const struct {
        const char *in, *hex;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sha256 got;
        sha256(&got, str_of(cases[i].in));
        assert_hex(&got, cases[i].hex);
    }
}

static void a_slice_of_nothing_is_the_empty_string(void **state)
{
    struct sha256 got;
    sha256(&got, (str) { NULL, 0 });
    assert_hex(&got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_sum_put_in_pieces_equals_the_sum_of_the_whole(void **state)
{
    char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    struct sha256 whole, pieces;
    struct sha256_sum sum;
    sha256(&whole, (str) { bytes, sizeof bytes });
    for (size_t step = 1; step <= sizeof bytes; step++) {
        sha256_begin(&sum);
        for (size_t at = 0; at < sizeof bytes; at += step) {
            size_t n = step < sizeof bytes - at ? step : sizeof bytes - at;
            sha256_put(&sum, (str) { bytes + at, n });
        }
        sha256_end(&sum, &pieces);
        assert_memory_equal(&pieces, &whole, sizeof whole);
    }
}

static void hmac_gives_the_answers_of_rfc_4231(void **state)
{
    static const struct {
        char key_byte;
        size_t key_len;
        const char *in, *hex;
    } cases[] = {
        { 0x0b, 20, "Hi There",
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { (char)0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        { (char)0xaa, 131,
          "This is a test using a larger than block-size key and a larger than block-size data. "
          "The key needs to be hashed before being used by the HMAC algorithm.",
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char key[131];
        memset(key, cases[i].key_byte, sizeof key);
        struct sha256 got;
        str slice = { key, cases[i].key_len };
        hmac_sha256(&got, slice, str_of(cases[i].in));
        assert_hex(&got, cases[i].hex);
    }
}

/* At and around the edges of a block, against OpenSSL's HMAC as a witness. */
static void keys_of_any_length_sign_as_openssl_does(void **state)
{
    static const int lengths[] = { 0, 1, 32, 63, 64, 65, 128, 200 };
    char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(200 - i);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct hmac_key k;
        hmac_key_set(&k, (str) { bytes, (size_t)lengths[i] });
        for (size_t n = 0; n < sizeof bytes; n += 13) {
            struct sha256 once, kept, wanted;
            HMAC(EVP_sha256(), bytes, lengths[i], (unsigned char *)bytes, n, wanted.bytes, NULL);
            hmac_sha256(&once, (str) { bytes, (size_t)lengths[i] }, (str) { bytes, n });
            assert_memory_equal(&once, &wanted, sizeof wanted);
            hmac_key_sign(&k, &kept, (str) { bytes, n });
            assert_memory_equal(&kept, &wanted, sizeof wanted);
        }
    }
}

static void a_key_of_nothing_is_the_empty_key(void **state)
{
    static const char hex[] = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    struct sha256 got;
    hmac_sha256(&got, (str) { NULL, 0 }, (str) { NULL, 0 });
    assert_hex(&got, hex);
    hmac_sha256(&got, STR(""), STR(""));
    assert_hex(&got, hex);
}

static void a_key_may_lie_where_the_answer_goes(void **state)
{
    struct sha256 in_place = { "0123456789abcdef0123456789abcde" }, apart;
    str key = sha256_str(&in_place);
    hmac_sha256(&apart, key, STR("step"));
    hmac_sha256(&in_place, key, STR("step"));
    assert_memory_equal(&in_place, &apart, sizeof apart);
}

static void a_key_signs_on_where_it_is_copied_to_and_its_bytes_are_gone(void **state)
{
    char bytes[] = "key";
    struct hmac_key k, copy;
    struct sha256 got, wanted;
    hmac_sha256(&wanted, STR("key"), STR("text"));
    hmac_key_set(&k, str_of(bytes));
    memset(bytes, '?', sizeof bytes);
    copy = k;
    hmac_key_wipe(&k);
    hmac_key_sign(&copy, &got, STR("text"));
    assert_memory_equal(&got, &wanted, sizeof wanted);
}

static void a_wiped_key_is_zero(void **state)
{
    static const struct hmac_key zero;
    struct hmac_key k;
    hmac_key_set(&k, STR("key"));
    assert_memory_not_equal(&k, &zero, sizeof zero);
    hmac_key_wipe(&k);
    assert_memory_equal(&k, &zero, sizeof zero);
}

static void sums_on_their_way_do_not_meet(void **state)
{
    struct sha256_sum a, b;
    struct sha256 got;
    sha256_begin(&a);
    sha256_put(&a, STR("ab"));
    sha256_begin(&b);
    sha256_put(&a, STR("c"));
    sha256_end(&b, &got);
    assert_hex(&got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_end(&a, &got);
    assert_hex(&got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* One bit in any of the sums that the check makes. */
static void the_check_finds_each_wrong_answer(void **state)
{
    unsigned found = 0;
    assert_int_equal(digest_check(), 0);
    for (unsigned n = 1;; n++) {
        wrong_at = n;
        int r = digest_check();
        if (wrong_at) /* it makes fewer than n */
            break;
        assert_int_equal(r, PIPEPOLL_ESYSTEM);
        found++;
    }
    wrong_at = 0;
    assert_true(found >= 4);
    assert_int_equal(digest_check(), 0);
}

static void nothing_but_sha1_allocates(void **state)
{
    static const char bytes[1000];
    struct sha256 sum;
    struct hmac_key k;
    char hex[SHA1_HEX_SIZE];
    allocations = 0;
    assert_int_equal(digest_check(), 0);
    sha256(&sum, (str) { bytes, sizeof bytes });
    hmac_sha256(&sum, (str) { bytes, sizeof bytes }, (str) { bytes, sizeof bytes });
    hmac_key_set(&k, (str) { bytes, sizeof bytes });
    hmac_key_sign(&k, &sum, (str) { bytes, sizeof bytes });
    hmac_key_wipe(&k);
    assert_int_equal(allocations, 0);
    assert_int_equal(digest_sha1_hex(hex, STR("abc")), 0);
    assert_true(allocations > 0); /* it does count */
}

static void sha1_gives_the_published_answers(void **state)
{
    static const struct {
        str in;
        const char *hex;
    } cases[] = {
        { { NULL, 0 }, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
        { STR_INIT("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hex[SHA1_HEX_SIZE + 1] = "";
        assert_int_equal(digest_sha1_hex(hex, cases[i].in), 0);
        assert_string_equal(hex, cases[i].hex); /* and no NUL of its own */
    }
}

static void no_memory_for_sha1_is_a_clean_refusal(void **state)
{
    unsigned refusals = 0;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        char hex[SHA1_HEX_SIZE] = "as it was";
        ERR_raise(ERR_LIB_USER, 1);
        fail_at = n;
        int r = digest_sha1_hex(hex, STR("abc"));
        failed = fail_at == 0;
        fail_at = 0;
        if (r) {
            assert_int_equal(r, PIPEPOLL_ESYSTEM);
            assert_string_equal(hex, "as it was");
            assert_int_equal(ERR_peek_error(), 0);
            refusals++;
        }
    }
    ERR_clear_error();
    assert_true(refusals >= 1);
}

static void wiped_bytes_are_zero(void **state)
{
    char secret[16] = "secret", zero[16] = { 0 };
    digest_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zero, sizeof zero);
}

static void a_key_signs_parts_as_the_whole(void **state)
{
    const str parts[] = { STR("what do "), STR(""), STR("ya want"), STR(" for nothing?") };
    struct sha256 whole, sum;
    struct hmac_key k;
    hmac_key_set(&k, STR("Jefe"));
    hmac_key_sign(&k, &whole, STR("what do ya want for nothing?"));
    hmac_key_sign_parts(&k, &sum, parts, sizeof parts / sizeof *parts);
    assert_memory_equal(sum.bytes, whole.bytes, sizeof sum.bytes);
    hmac_key_sign_parts(&k, &sum, parts, 1);
    assert_true(memcmp(sum.bytes, whole.bytes, sizeof sum.bytes) != 0);
}

static void bytes_are_equal_or_not(void **state)
{
    assert_true(digest_eq("abc", "abd", 2));
    assert_false(digest_eq("abc", "abd", 3));
    assert_true(digest_eq("", "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_answers),
        cmocka_unit_test(a_slice_of_nothing_is_the_empty_string),
        cmocka_unit_test(a_sum_put_in_pieces_equals_the_sum_of_the_whole),
        cmocka_unit_test(hmac_gives_the_answers_of_rfc_4231),
        cmocka_unit_test(keys_of_any_length_sign_as_openssl_does),
        cmocka_unit_test(a_key_of_nothing_is_the_empty_key),
        cmocka_unit_test(a_key_may_lie_where_the_answer_goes),
        cmocka_unit_test(a_key_signs_on_where_it_is_copied_to_and_its_bytes_are_gone),
        cmocka_unit_test(a_wiped_key_is_zero),
        cmocka_unit_test(sums_on_their_way_do_not_meet),
        cmocka_unit_test(the_check_finds_each_wrong_answer),
        cmocka_unit_test(nothing_but_sha1_allocates),
        cmocka_unit_test(sha1_gives_the_published_answers),
        cmocka_unit_test(no_memory_for_sha1_is_a_clean_refusal),
        cmocka_unit_test(wiped_bytes_are_zero),
        cmocka_unit_test(a_key_signs_parts_as_the_whole),
        cmocka_unit_test(bytes_are_equal_or_not),
    };
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
