/* SPDX-License-Identifier: MIT */
/* One reading of a URL: what its parts are, and that libcurl, which connects by a parser of its
 * own, reads the same host and port out of every URL that is let through. */
#include <curl/curl.h>
#include <stdio.h>

#include "aws/endpoint.h"
#include "base/url.h"
#include "lib/check.h"

struct row {
    const char *text, *scheme, *user, *host, *port, *target; /* NULL: not there */
    bool in_brackets;
};

static const struct row rows[] = {
    { "http://host", "http", NULL, "host", NULL, "", false },
    { "HTTPS://Host:8443/p/q?r#s", "HTTPS", NULL, "Host", "8443", "/p/q?r#s", false },
    { "http://host?q=/", "http", NULL, "host", NULL, "?q=/", false },
    { "http://host#@other", "http", NULL, "host", NULL, "#@other", false },
    { "http://host/@other", "http", NULL, "host", NULL, "/@other", false },
    { "http://user@host", "http", "user", "host", NULL, "", false },
    { "http://user:pass@host:1", "http", "user:pass", "host", "1", "", false },
    { "http://a@b@host", "http", "a@b", "host", NULL, "", false },
    { "http://@host", "http", "", "host", NULL, "", false },
    { "http://good.example:80@evil.example/", "http", "good.example:80", "evil.example", NULL, "/",
      false },
    { "http://good.example\\@evil.example/", "http", "good.example\\", "evil.example", NULL, "/",
      false },
    { "http://[::1]:80/x", "http", NULL, "::1", "80", "/x", true },
    { "http://u@[::1]", "http", "u", "::1", NULL, "", true },
    { "http://[::1]:", "http", NULL, "::1", "", "", true },
    { "http://host:/", "http", NULL, "host", "", "/", false },
    { "http://::1/", "http", NULL, "", ":1", "/", false },
    { "http:///path", "http", NULL, "", NULL, "/path", false },
    { "host:80/path", NULL, NULL, "host", "80", "/path", false },
    { "host/with://inside", NULL, NULL, "host", NULL, "/with://inside", false },
    { "http:/host", NULL, NULL, "http", "", "/host", false },
    { "", NULL, NULL, "", NULL, "", false },
};

static void check_part(const char *url, str got, const char *want)
{
    if (!want != !got.ptr || (want && !str_eq(got, str_of(want))))
        fail_msg("%s: \"%.*s\", want \"%s\"", url, STR_ARG(got), want ? want : "(none)");
}

static void each_part_is_found(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct url u;
        assert_true(url_split(&u, str_of(row->text)));
        check_part(row->text, u.scheme, row->scheme);
        check_part(row->text, u.user, row->user);
        check_part(row->text, u.host, row->host);
        check_part(row->text, u.port, row->port);
        check_part(row->text, u.target, row->target);
        assert_int_equal(u.in_brackets, row->in_brackets);
    }
}

static void brackets_that_tell_nothing_are_refused(void **state)
{
    static const char *const bad[] = { "http://[::1", "http://[", "http://[::1]x",
                                       "http://[::1]x:1", "[bad" };
    struct url u;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (url_split(&u, str_of(bad[i])))
            fail_msg("%s was split", bad[i]);
}

static void what_is_not_plain_is_escaped(void **state)
{
    char text[128];
    struct buf b = BUF_ON(text);
    url_put_encoded(&b, (str) { "azAZ09-._~ /+=&%\0\xff", 18 }, "");
    assert_str_equal(buf_str(&b), "azAZ09-._~%20%2F%2B%3D%26%25%00%FF");
    buf_reset(&b);
    url_put_encoded(&b, STR("/a%2f b"), "/");
    assert_str_equal(buf_str(&b), "/a%252f%20b");
}

/* --- beside libcurl --- */

/* libcurl's host, with the brackets; its port. */
static void read_by_curl(const char *url, char *host, char *port, size_t size)
{
    CURLU *parts = curl_url();
    char *h = NULL, *p = NULL;
    if (curl_url_set(parts, CURLUPART_URL, url, 0) || curl_url_get(parts, CURLUPART_HOST, &h, 0) ||
        curl_url_get(parts, CURLUPART_PORT, &p, CURLU_DEFAULT_PORT))
        fail_msg("%s: libcurl does not take it", url);
    snprintf(host, size, "%s", h);
    snprintf(port, size, "%s", p);
    curl_free(h);
    curl_free(p);
    curl_url_cleanup(parts);
}

/* Is it let through? */
static bool check_beside_curl(const char *text)
{
    const struct endpoint_rule rule = { .region = STR("us-east-1"), .endpoint_url = str_of(text) };
    struct endpoint e;
    struct url u;
    char host[512], port[512], ours[512];
    if (endpoint_resolve(&e, &rule, NULL))
        return false;
    assert_true(url_split(&u, e.url));
    read_by_curl(e.url.ptr, host, port, sizeof host);
    snprintf(ours, sizeof ours, u.in_brackets ? "[%.*s]" : "%.*s", STR_ARG(u.host));
    assert_string_equal(ours, host);
    snprintf(ours, sizeof ours, "%.*s", STR_ARG(u.port));
    assert_string_equal(u.port.len ? ours : e.tls ? "443" : "80", port);
    return true;
}

/* Parts that readers of URLs quarrel about, in all combinations. */
static void what_is_let_through_is_read_by_libcurl_alike(void **state)
{
    static const char *const heads[] = { "http://",  "https://", "HTTP://",   "http:/",
                                         "http:///", "//",       "http:\\\\", "http://http://" };
    static const char *const users[] = { "", "@", "a@", "a:b@", "a@b@", "a\\@", "a/@", "a%40" };
    static const char *const hosts[] = { "host",    "h.example.", "127.0.0.1",  "127.1",
                                         "0x7f.1",  "[::1]",      "[::1%25lo]", "[::ffff:1.2.3.4]",
                                         "::1",     "",           "a b",        "a%2eb",
                                         "h\\evil", "h;evil",     "h,evil",     "1.2.3.4.5" };
    static const char *const tails[] = { "",       ":",       ":1",     ":65535", ":65536",
                                         ":0",     ":080",    ":8x",    ":1:2",   "/",
                                         "/p",     "?q",      "#f",     "/@evil", "?@evil",
                                         "#@evil", "\\@evil", ";@evil", "/%2f..", "/../x" };
    enum { HEADS = 8, USERS = 8, HOSTS = 16, TAILS = 20 };
    unsigned let_through = 0;
    for (unsigned n = 0; n < HEADS * USERS * HOSTS * TAILS; n++) {
        char text[128];
        snprintf(text, sizeof text, "%s%s%s%s", heads[n % HEADS], users[n / HEADS % USERS],
                 hosts[n / HEADS / USERS % HOSTS], tails[n / HEADS / USERS / HOSTS]);
        let_through += check_beside_curl(text);
    }
    assert_true(let_through > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_found),
        cmocka_unit_test(what_is_not_plain_is_escaped),
        cmocka_unit_test(brackets_that_tell_nothing_are_refused),
        cmocka_unit_test(what_is_let_through_is_read_by_libcurl_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
