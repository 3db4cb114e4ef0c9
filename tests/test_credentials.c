/* SPDX-License-Identifier: MIT */
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

static const struct alloc libc;

static int make(struct credentials **out, str id, str secret, str token)
{
    const struct credentials_text text = { id, secret, token, STR("") };
    return credentials_new(out, &libc, &text, 0);
}

static void the_strings_are_copies_with_a_nul_after_each(void **state)
{
    char id[] = "AKIDEXAMPLE", secret[] = "secret/+", token[] = "token==";
    char account[] = "123456789012";
    const struct credentials_text text = { str_of(id), str_of(secret), str_of(token),
                                           str_of(account) };
    struct credentials *c;
    assert_int_equal(credentials_new(&c, &libc, &text, 1234), 0);
    memset(id, 'x', sizeof id);
    memset(secret, 'x', sizeof secret);
    memset(token, 'x', sizeof token);
    memset(account, 'x', sizeof account);
    assert_string_equal(c->access_key_id.ptr, "AKIDEXAMPLE");
    assert_int_equal(c->access_key_id.len, 11);
    assert_string_equal(c->secret_access_key.ptr, "secret/+");
    assert_int_equal(c->secret_access_key.len, 8);
    assert_string_equal(c->session_token.ptr, "token==");
    assert_int_equal(c->session_token.len, 7);
    assert_string_equal(c->account_id.ptr, "123456789012");
    assert_int_equal(c->account_id.len, 12);
    assert_int_equal(c->expires_s, 1234);
    assert_null(credentials_unref(c));
}

static void a_session_token_may_be_empty_but_a_key_may_not(void **state)
{
    struct credentials *c = NULL;
    const str none = { NULL, 0 };
    assert_int_equal(make(&c, none, STR("s"), none), PIPEPOLL_EINVAL);
    assert_int_equal(make(&c, STR("i"), none, none), PIPEPOLL_EINVAL);
    assert_null(c);
    assert_int_equal(make(&c, STR("i"), STR("s"), none), 0);
    assert_int_equal(c->session_token.len, 0);
    assert_string_equal(c->session_token.ptr, "");
    credentials_unref(c);
}

static void what_is_no_account_is_dropped(void **state)
{
    static const char *const not_accounts[] = { "",
                                                "12345678901",
                                                "1234567890123",
                                                "12345678901x",
                                                "-23456789012",
                                                "1234-5678-9012",
                                                "12345678901\n" };
    for (size_t i = 0; i < sizeof not_accounts / sizeof *not_accounts; i++) {
        const struct credentials_text text = { STR("i"), STR("s"), STR(""),
                                               str_of(not_accounts[i]) };
        struct credentials *c;
        assert_int_equal(credentials_new(&c, &libc, &text, UINT64_MAX), 0);
        assert_int_equal(c->account_id.len, 0);
        assert_string_equal(c->account_id.ptr, "");
        credentials_unref(c);
    }
}

static void a_byte_that_could_end_a_header_line_is_refused_in_each(void **state)
{
    const str bad[] = { STR("a\r\nX-Evil: 1"), STR("a\n"),  STR("\0"),
                        STR("a\x1f"),          STR("\x7f"), STR("\xc3\xa9") };
    struct credentials *c = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        str good = STR("good ~");
        assert_int_equal(make(&c, bad[i], good, good), PIPEPOLL_EINVAL);
        assert_int_equal(make(&c, good, bad[i], good), PIPEPOLL_EINVAL);
        assert_int_equal(make(&c, good, good, bad[i]), PIPEPOLL_EINVAL);
        assert_null(c);
    }
}

static void the_last_reference_wipes_and_gives_back_what_was_taken(void **state)
{
    struct ledger l = { 0 };
    const struct alloc alloc = { resize, &l };
    const struct credentials_text text = { STR("id"), STR("secret"), STR("token"),
                                           STR("123456789012") };
    struct credentials *c;
    assert_int_equal(credentials_new(&c, &alloc, &text, 0), 0);
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
    struct ledger l = { .fail = true };
    const struct alloc alloc = { resize, &l };
    const struct credentials_text text = { STR("id"), STR("secret"), STR(""), STR("") };
    struct credentials *c = NULL;
    assert_int_equal(credentials_new(&c, &alloc, &text, 0), PIPEPOLL_ENOMEM);
    assert_null(c);
}

static void no_credentials_can_be_referenced_too(void **state)
{
    assert_null(credentials_ref(NULL));
    assert_null(credentials_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strings_are_copies_with_a_nul_after_each),
        cmocka_unit_test(a_session_token_may_be_empty_but_a_key_may_not),
        cmocka_unit_test(what_is_no_account_is_dropped),
        cmocka_unit_test(a_byte_that_could_end_a_header_line_is_refused_in_each),
        cmocka_unit_test(the_last_reference_wipes_and_gives_back_what_was_taken),
        cmocka_unit_test(no_memory_is_said_and_nothing_is_given),
        cmocka_unit_test(no_credentials_can_be_referenced_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
