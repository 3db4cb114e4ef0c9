#include "aws/credentials.h"

#include "lib/check.h"

#include <stdlib.h>

/* An allocator that remembers what it gave, and whether it came back wiped. */
struct ledger {
    size_t given, returned;
    bool fail, wiped;
};

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct ledger *l = ctx;
    if (new_size) {
        l->given += new_size;
        return l->fail ? NULL : realloc(ptr, new_size);
    }
    l->returned += old_size;
    l->wiped = true;
    for (size_t i = 0; i < old_size; i++)
        l->wiped = l->wiped && ((char *)ptr)[i] == 0;
    free(ptr);
    return NULL;
}

static void the_strings_are_copies_with_a_nul_after_each(void **state)
{
    (void)state;
    const struct alloc libc = { 0 };
    char id[] = "AKIDEXAMPLE", secret[] = "secret/+", token[] = "token==";
    struct credentials *c;
    assert_int_equal(credentials_new(&c, &libc, str_of(id), str_of(secret), str_of(token), 1234),
                     0);
    memset(id, 'x', sizeof id);
    memset(secret, 'x', sizeof secret);
    memset(token, 'x', sizeof token);
    assert_string_equal(c->access_key_id.ptr, "AKIDEXAMPLE");
    assert_int_equal(c->access_key_id.len, 11);
    assert_string_equal(c->secret_access_key.ptr, "secret/+");
    assert_int_equal(c->secret_access_key.len, 8);
    assert_string_equal(c->session_token.ptr, "token==");
    assert_int_equal(c->session_token.len, 7);
    assert_int_equal(c->expires_s, 1234);
    assert_null(credentials_unref(c));
}

static void a_session_token_may_be_empty_but_a_key_may_not(void **state)
{
    (void)state;
    const struct alloc libc = { 0 };
    struct credentials *c = NULL;
    const str none = { NULL, 0 };
    assert_int_equal(credentials_new(&c, &libc, none, STR("s"), none, 0), PIPEPOLL_EINVAL);
    assert_int_equal(credentials_new(&c, &libc, STR("i"), none, none, 0), PIPEPOLL_EINVAL);
    assert_null(c);
    assert_int_equal(credentials_new(&c, &libc, STR("i"), STR("s"), none, UINT64_MAX), 0);
    assert_int_equal(c->session_token.len, 0);
    assert_string_equal(c->session_token.ptr, "");
    credentials_unref(c);
}

static void a_byte_that_could_end_a_header_line_is_refused_in_each(void **state)
{
    (void)state;
    const struct alloc libc = { 0 };
    const str bad[] = { STR("a\r\nX-Evil: 1"), STR("a\n"),  STR("\0"),
                        STR("a\x1f"),          STR("\x7f"), STR("\xc3\xa9") };
    struct credentials *c = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        str good = STR("good ~");
        assert_int_equal(credentials_new(&c, &libc, bad[i], good, good, 0), PIPEPOLL_EINVAL);
        assert_int_equal(credentials_new(&c, &libc, good, bad[i], good, 0), PIPEPOLL_EINVAL);
        assert_int_equal(credentials_new(&c, &libc, good, good, bad[i], 0), PIPEPOLL_EINVAL);
        assert_null(c);
    }
}

static void the_last_reference_wipes_and_gives_back_what_was_taken(void **state)
{
    (void)state;
    struct ledger l = { 0 };
    const struct alloc alloc = { resize, &l };
    struct credentials *c;
    assert_int_equal(credentials_new(&c, &alloc, STR("id"), STR("secret"), STR("token"), 0), 0);
    assert_ptr_equal(credentials_ref(c), c);
    assert_null(credentials_unref(c));
    assert_int_equal(l.returned, 0);
    assert_string_equal(c->secret_access_key.ptr, "secret");
    assert_null(credentials_unref(c));
    assert_true(l.wiped);
    assert_true(l.given > sizeof *c);
    assert_int_equal(l.returned, l.given);
}

static void no_memory_is_said_and_nothing_is_given(void **state)
{
    (void)state;
    struct ledger l = { .fail = true };
    const struct alloc alloc = { resize, &l };
    struct credentials *c = NULL;
    assert_int_equal(credentials_new(&c, &alloc, STR("id"), STR("secret"), STR(""), 0),
                     PIPEPOLL_ENOMEM);
    assert_null(c);
}

static void no_credentials_can_be_referenced_too(void **state)
{
    (void)state;
    assert_null(credentials_ref(NULL));
    assert_null(credentials_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strings_are_copies_with_a_nul_after_each),
        cmocka_unit_test(a_session_token_may_be_empty_but_a_key_may_not),
        cmocka_unit_test(a_byte_that_could_end_a_header_line_is_refused_in_each),
        cmocka_unit_test(the_last_reference_wipes_and_gives_back_what_was_taken),
        cmocka_unit_test(no_memory_is_said_and_nothing_is_given),
        cmocka_unit_test(no_credentials_can_be_referenced_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
