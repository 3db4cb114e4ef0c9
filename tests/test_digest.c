#include "aws/digest.h"

#include "lib/check.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

/* OpenSSL's memory, which can be told to fail once: at the n-th request from now, 0 for never. */
static unsigned fail_at;

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fail_at && --fail_at == 0 ? NULL : malloc(size);
}

static void *failing_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return fail_at && --fail_at == 0 ? NULL : realloc(ptr, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

static int set_up(void **state)
{
    struct digest *d = NULL;
    int r = digest_new(&d);
    *state = d;
    return r;
}

static int tear_down(void **state)
{
    digest_free(*state);
    return 0;
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
        assert_int_equal(digest_sha256(*state, &got, str_of(cases[i].in)), 0);
        assert_hex(&got, cases[i].hex);
    }
}

static void a_slice_of_nothing_is_the_empty_string(void **state)
{
    struct sha256 got;
    assert_int_equal(digest_sha256(*state, &got, (str) { NULL, 0 }), 0);
    assert_hex(&got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_sum_put_in_pieces_equals_the_sum_of_the_whole(void **state)
{
    char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    struct sha256 whole, pieces;
    assert_int_equal(digest_sha256(*state, &whole, (str) { bytes, sizeof bytes }), 0);
    for (size_t step = 1; step <= sizeof bytes; step++) {
        assert_int_equal(digest_begin(*state), 0);
        for (size_t at = 0; at < sizeof bytes; at += step) {
            size_t n = step < sizeof bytes - at ? step : sizeof bytes - at;
            assert_int_equal(digest_put(*state, (str) { bytes + at, n }), 0);
        }
        assert_int_equal(digest_end(*state, &pieces), 0);
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
        assert_int_equal(digest_hmac(*state, &got, slice, str_of(cases[i].in)), 0);
        assert_hex(&got, cases[i].hex);
    }
}

static void a_kept_key_signs_like_a_key_used_once(void **state)
{
    static const size_t lengths[] = { 0, 1, 32, 63, 64, 65, 128, 200 };
    char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(200 - i);
    struct hmac_key *k;
    assert_int_equal(hmac_key_new(*state, &k), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        str key = { bytes, lengths[i] };
        assert_int_equal(hmac_key_set(k, key), 0);
        for (size_t n = 0; n < sizeof bytes; n += 13) {
            struct sha256 kept, once;
            assert_int_equal(digest_hmac(*state, &once, key, (str) { bytes, n }), 0);
            assert_int_equal(hmac_key_sign(k, &kept, (str) { bytes, n }), 0);
            assert_memory_equal(&kept, &once, sizeof once);
        }
    }
    hmac_key_free(k);
}

static void an_empty_key_is_not_the_key_before(void **state)
{
    struct sha256 before, empty, nothing;
    assert_int_equal(digest_hmac(*state, &before, STR("key"), STR("text")), 0);
    assert_int_equal(digest_hmac(*state, &nothing, (str) { NULL, 0 }, STR("text")), 0);
    assert_int_equal(digest_hmac(*state, &before, STR("key"), STR("text")), 0);
    assert_int_equal(digest_hmac(*state, &empty, STR(""), STR("text")), 0);
    assert_memory_equal(&nothing, &empty, sizeof empty);
    assert_memory_not_equal(&nothing, &before, sizeof before);
}

static void a_key_may_lie_where_the_answer_goes(void **state)
{
    struct sha256 in_place = { "0123456789abcdef0123456789abcde" }, apart;
    str key = { (const char *)in_place.bytes, sizeof in_place.bytes };
    assert_int_equal(digest_hmac(*state, &apart, key, STR("step")), 0);
    assert_int_equal(digest_hmac(*state, &in_place, key, STR("step")), 0);
    assert_memory_equal(&in_place, &apart, sizeof apart);
}

static void a_key_that_was_never_set_signs_nothing(void **state)
{
    struct hmac_key *k;
    struct sha256 got;
    assert_int_equal(hmac_key_new(*state, &k), 0);
    assert_int_equal(hmac_key_sign(k, &got, STR("text")), PIPEPOLL_ESYSTEM);
    assert_int_equal(hmac_key_set(k, STR("key")), 0);
    assert_int_equal(hmac_key_sign(k, &got, STR("text")), 0);
    hmac_key_free(k);
}

static void a_key_outlives_the_digest_it_was_made_with(void **state)
{
    struct digest *d;
    struct hmac_key *k;
    struct sha256 got, wanted;
    assert_int_equal(digest_new(&d), 0);
    assert_int_equal(hmac_key_new(d, &k), 0);
    digest_free(d);
    assert_int_equal(hmac_key_set(k, STR("key")), 0);
    assert_int_equal(hmac_key_sign(k, &got, STR("text")), 0);
    assert_int_equal(digest_hmac(*state, &wanted, STR("key"), STR("text")), 0);
    assert_memory_equal(&got, &wanted, sizeof wanted);
    hmac_key_free(k);
}

static void it_works_again_after_each_free(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct digest *d;
        assert_int_equal(digest_new(&d), 0);
        assert_null(digest_free(d));
    }
    assert_null(digest_free(NULL));
    assert_null(hmac_key_free(NULL));
}

/* Each single allocation fails once. A clean refusal, OpenSSL's queue left empty (it is given an
 * error first, because not every failure of OpenSSL queues one), and the next try works. (The
 * set-up has made one digest before: OpenSSL's own start is not ours to repair.) */
static void no_memory_is_a_clean_refusal_at_every_step(void **state)
{
    (void)state;
    unsigned refusals = 0;
    for (unsigned n = 1;; n++) {
        struct digest *d = NULL;
        ERR_raise(ERR_LIB_USER, 1);
        fail_at = n;
        int r = digest_new(&d);
        bool failed = fail_at == 0;
        fail_at = 0;
        if (r) {
            assert_int_equal(ERR_peek_error(), 0);
            assert_true(r == PIPEPOLL_ENOMEM || r == PIPEPOLL_ESYSTEM);
            assert_null(d);
            refusals++;
        }
        digest_free(d);
        if (!failed)
            break;
    }
    ERR_clear_error();
    assert_true(refusals >= 4);
    struct digest *d;
    assert_int_equal(digest_new(&d), 0);
    digest_free(d);
}

static void no_memory_for_a_key_is_a_clean_refusal_too(void **state)
{
    for (unsigned n = 1; n <= 3; n++) {
        struct hmac_key *k = NULL;
        ERR_raise(ERR_LIB_USER, 1);
        fail_at = n;
        assert_int_equal(hmac_key_new(*state, &k), PIPEPOLL_ENOMEM);
        fail_at = 0;
        assert_null(k);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void a_key_that_could_not_be_set_signs_nothing(void **state)
{
    struct hmac_key *k;
    struct sha256 got;
    assert_int_equal(hmac_key_new(*state, &k), 0);
    assert_int_equal(hmac_key_set(k, STR("old key")), 0);
    ERR_raise(ERR_LIB_USER, 1);
    fail_at = 1;
    assert_int_equal(hmac_key_set(k, STR("new key")), PIPEPOLL_ESYSTEM);
    fail_at = 0;
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(hmac_key_sign(k, &got, STR("text")), PIPEPOLL_ESYSTEM);
    hmac_key_free(k);
}

static void wiped_bytes_are_zero(void **state)
{
    (void)state;
    char secret[16] = "secret", zero[16] = { 0 };
    digest_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_answers),
        cmocka_unit_test(a_slice_of_nothing_is_the_empty_string),
        cmocka_unit_test(a_sum_put_in_pieces_equals_the_sum_of_the_whole),
        cmocka_unit_test(hmac_gives_the_answers_of_rfc_4231),
        cmocka_unit_test(a_kept_key_signs_like_a_key_used_once),
        cmocka_unit_test(an_empty_key_is_not_the_key_before),
        cmocka_unit_test(a_key_may_lie_where_the_answer_goes),
        cmocka_unit_test(a_key_that_was_never_set_signs_nothing),
        cmocka_unit_test(a_key_outlives_the_digest_it_was_made_with),
        cmocka_unit_test(it_works_again_after_each_free),
        cmocka_unit_test(no_memory_is_a_clean_refusal_at_every_step),
        cmocka_unit_test(no_memory_for_a_key_is_a_clean_refusal_too),
        cmocka_unit_test(a_key_that_could_not_be_set_signs_nothing),
        cmocka_unit_test(wiped_bytes_are_zero),
    };
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
