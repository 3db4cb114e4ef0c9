/* SPDX-License-Identifier: MIT */
#include "base/socket_address.h"

#include "lib/check.h"

struct row {
    const char *text;
    const char *shown; /* NULL: it is none */
    bool is_local;
};

static const struct row rows[] = {
    { "127.0.0.1:9464", "127.0.0.1:9464", true },
    { "127.8.9.10:0", "127.8.9.10:0", true },
    { "[::1]:65535", "[::1]:65535", true },
    { "unix:/run/pipepoll.sock", "unix:/run/pipepoll.sock", true },
    { "/run/pipepoll.sock", "unix:/run/pipepoll.sock", true },
    { "unix:here", "unix:here", true },
    { "0.0.0.0:80", "0.0.0.0:80", false },
    { "192.0.2.1:80", "192.0.2.1:80", false },
    { "[::]:80", "[::]:80", false },
    { "[2001:db8::1]:80", "[2001:db8::1]:80", false },
    { "", NULL },
    { "9464", NULL },
    { ":9464", NULL },
    { "localhost:9464", NULL },
    { "127.0.0.1", NULL },
    { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL },
    { "127.0.0.1:000080", NULL },
    { "127.0.0.1:8x", NULL },
    { "127.1:80", NULL },
    { "::1:80", NULL },
    { "[127.0.0.1]:80", NULL },
    { "unix:", NULL },
    { "run/pipepoll.sock", NULL },
};

static void addresses_are_read_and_shown(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[SOCKET_ADDRESS_MAX];
        struct buf shown = BUF_ON(text);
        struct socket_address a;
        bool is_one = socket_address_read(&a, str_of(rows[i].text));
        if (is_one != (rows[i].shown != NULL))
            fail_msg("\"%s\" is %s", rows[i].text, is_one ? "taken" : "not taken");
        if (!is_one)
            continue;
        socket_address_put(&shown, &a);
        assert_str_equal(buf_str(&shown), rows[i].shown);
        if (socket_address_is_local(&a) != rows[i].is_local)
            fail_msg("\"%s\" is %slocal", rows[i].text, rows[i].is_local ? "not " : "");
    }
}

static void a_path_fits_with_its_nul_or_not_at_all(void **state)
{
    char text[128], shown_text[SOCKET_ADDRESS_MAX];
    struct buf shown = BUF_ON(shown_text);
    struct socket_address a;
    size_t most = sizeof a.at.path.sun_path - 1;
    memset(text, 'x', sizeof text);
    text[0] = '/';
    assert_true(socket_address_read(&a, (str) { text, most }));
    socket_address_put(&shown, &a);
    assert_false(shown.overflow);
    assert_int_equal(shown.len, most + strlen("unix:"));
    assert_false(socket_address_read(&a, (str) { text, most + 1 }));
    text[5] = '\0';
    assert_false(socket_address_read(&a, (str) { text, most }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_shown),
        cmocka_unit_test(a_path_fits_with_its_nul_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
