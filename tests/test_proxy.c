/* SPDX-License-Identifier: MIT */
#include "io/proxy.h"
#include "lib/check.h"

struct variables {
    const char *const *names_and_values; /* by turns, up to NULL */
};

static const char *look_up(void *ctx, const char *name)
{
    const struct variables *v = ctx;
    for (const char *const *at = v->names_and_values; *at; at += 2)
        if (strcmp(*at, name) == 0)
            return at[1];
    return NULL;
}

static struct proxy_rules rules_of(const char *const *names_and_values)
{
    struct variables v = { names_and_values };
    return proxy_rules_of(&(struct environment) { look_up, &v });
}

#define RULES(...) rules_of((const char *const[]) { __VA_ARGS__, NULL })

static void each_scheme_has_its_variable_and_all_proxy_stands_in(void **state)
{
    struct proxy_rules r = RULES("HTTPS_PROXY", "http://s", "http_proxy", "http://h", "ALL_PROXY",
                                 "http://a", "NO_PROXY", "x");
    assert_str_equal(r.https, "http://s");
    assert_str_equal(r.http, "http://h");
    assert_str_equal(r.none, "x");
    r = RULES("all_proxy", "http://a", "ALL_PROXY", "http://b");
    assert_str_equal(r.https, "http://a");
    assert_str_equal(r.http, "http://a");
    assert_str_equal(r.none, "");
}

static void the_first_that_is_set_decides_be_it_to_nothing(void **state)
{
    struct proxy_rules r = RULES("https_proxy", "http://low", "HTTPS_PROXY", "http://up",
                                 "no_proxy", "a", "NO_PROXY", "b");
    assert_str_equal(r.https, "http://low");
    assert_str_equal(r.none, "a");
    r = RULES("https_proxy", " ", "HTTPS_PROXY", "http://up", "no_proxy", "", "NO_PROXY", "b");
    assert_str_equal(r.https, "");
    assert_str_equal(r.none, "");
    r = RULES("HTTPS_PROXY", " http://up\t", "ALL_PROXY", "http://all");
    assert_str_equal(r.https, "http://up");
    assert_str_equal(r.http, "http://all");
    r = RULES("https_proxy", "", "all_proxy", "http://all");
    assert_str_equal(r.https, "");
    assert_str_equal(r.http, "http://all");
}

/* A web server passes the header "Proxy: ..." on to a CGI program as HTTP_PROXY. */
static void http_proxy_in_capitals_counts_outside_of_a_cgi_only(void **state)
{
    struct proxy_rules r = RULES("HTTP_PROXY", "http://up");
    assert_str_equal(r.http, "http://up");
    assert_str_equal(r.https, "");
    r = RULES("HTTP_PROXY", "http://evil", "REQUEST_METHOD", "GET");
    assert_str_equal(r.http, "");
}

static void the_last_at_sign_divides_and_a_password_is_encoded(void **state)
{
    static const char *const rows[][2] = {
        { "http://proxy.example:3128", "http://proxy.example:3128" },
        { "proxy.example", "proxy.example" },
        { "http://u:p@ss@h:1", "http://u:p%40ss@h:1" },
        { "http://u:p%40ss@h:1", "http://u:p%40ss@h:1" },
        { "http://a-b.c_d~e:%39%Fa%aF%09@h", "http://a-b.c_d~e:%39%Fa%aF%09@h" },
        { "http://u:%3g%:4@h", "http://u:%253g%25%3A4@h" },
        { "u:a/b?c#d:e%@h", "u:a%2Fb%3Fc%23d%3Ae%25@h" },
        { "http://@h", "http://@h" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        struct buf b = { .at = text, .cap = proxy_url_size(str_of(rows[i][0])) };
        proxy_put_url(&b, str_of(rows[i][0]));
        assert_false(b.overflow);
        assert_string_equal(text, rows[i][1]);
    }
    assert_true(proxy_has_user(STR("http://u@h")));
    assert_false(proxy_has_user(STR("http://h")));
    assert_false(proxy_has_user(STR("http://@h")));
}

static void the_scheme_of_the_url_chooses_the_proxy(void **state)
{
    struct proxy_rules r = { .https = STR_INIT("s:1"), .http = STR_INIT("h:1") };
    assert_str_equal(proxy_for(&r, STR("https://a.example/x")), "s:1");
    assert_str_equal(proxy_for(&r, STR("HTTPS://a.example")), "s:1");
    assert_str_equal(proxy_for(&r, STR("http://a.example")), "h:1");
    assert_str_equal(proxy_for(&r, STR("ftp://a.example")), "");
    assert_str_equal(proxy_for(&r, STR("a.example")), "");
    assert_str_equal(proxy_for(&(struct proxy_rules) { 0 }, STR("https://a.example")), "");
}

static const struct exemption {
    const char *none, *url;
    bool exempt;
} exemptions[] = {
    { "", "https://a.example", false },
    { " , ,\t", "https://a.example", false },
    { "*", "https://a.example", true },
    { "b.example, *", "https://a.example", true },
    { "*", "http://[::1]:8080/", true },

    { "a.example", "https://a.example/path", true },
    { "A.Example", "https://a.eXAMPLE", true },
    { "example", "https://a.example", true },
    { ".example", "https://a.example", true },
    { ".a.example", "https://a.example", true },
    { "*.example", "https://b.a.example", true },
    { "*.example", "https://aexample", false },
    { "a.example", "https://ba.example", false },
    { "b.a.example", "https://a.example", false },
    { "example.", "https://a.example", true },
    { "example", "https://a.example.", true },
    { ".", "https://a.example", false },
    { "x y,a.example", "https://a.example", true },
    { "x\ta.example\ty", "https://a.example", true },
    { "xa.example,y", "https://a.example", false },
    { "a.example?x", "https://a.example?x", false },
    { "a.example", "https://a.example?x", true },
    { "a.example", "https://a.example#x", true },
    { "a.example", "https://user:pw@a.example/", true },
    { "user", "https://user:pw@a.example/", false },
    { "@a.example", "https://user:p.@a.example/", false }, /* longer than the host */
    { ".", "https://a.example./", false },
    { "*.", "https://a.example./", false },

    { "a.example:443", "https://a.example", true },
    { "a.example:443", "https://a.example:8443", false },
    { "a.example:8443", "https://a.example:8443/", true },
    { "a.example:80", "http://a.example", true },
    { "a.example:80", "https://a.example", false },
    { ".example:8443", "https://a.example:8443", true },
    { "a.example", "https://a.example:8443", true },

    { "127.0.0.1", "https://127.0.0.1:8443", true },
    { "127.0.0.1:8443", "https://127.0.0.1:8443", true },
    { "127.0.0.1:1", "https://127.0.0.1:8443", false },
    { "0.0.1", "https://127.0.0.1", false },
    { "1", "https://127.0.0.1", false },
    { "127.0.0.2", "https://127.0.0.1", false },
    { "::1", "https://[::1]/", true },
    { "[::1]", "https://[::1]/", true },
    { "[::1]:443", "https://[::1]/", true },
    { "[::1]:444", "https://[::1]/", false },
    { "0:0:0:0:0:0:0:1", "https://[::1]/", true },
    { "fe80::1", "https://[fe80::1%25eth0]/", true },
    { "::2", "https://[::1]/", false },
    { "[::1", "https://[::1]/", true },
    { "[", "https://[::1]/", false },
    { "[]", "https://[::1]/", false },

    { "10.0.0.0/8", "https://10.200.3.4", true },
    { "10.0.0.0/8", "https://11.0.0.1", false },
    { "10.200.0.0/12", "https://10.207.255.255", true },
    { "10.200.0.0/12", "https://10.192.0.0", true },
    { "10.192.0.0/12", "https://10.207.255.255", true },
    { "10.192.0.0/12", "https://10.208.0.0", false },
    { "10.1.2.3/32", "https://10.1.2.3", true },
    { "10.1.2.3/32", "https://10.1.2.2", false },
    { "0.0.0.0/0", "https://10.1.2.2", true },
    { "0.0.0.0/0", "https://[::1]", false },
    { "0.0.0.0/0", "https://a.example", false },
    { "10.0.0.0/33", "https://10.0.0.0", false },
    { "10.0.0.0/", "https://10.0.0.0", false },
    { "10.0.0.0/8x", "https://10.0.0.0", false },
    { "10.0.0.0/0008", "https://10.0.0.0", false },
    { "fd00::/8", "https://[fd12::1]", true },
    { "[fd00::]/8", "https://[fd12::1]", true },
    { "fd00::/8", "https://[fe00::1]", false },
    { "fd00::/128", "https://[fd00::]", true },
    { "fd00::/129", "https://[fd00::]", false },
    { "a.example/8", "https://a.example", false },
};

static void no_proxy_names_hosts_domains_addresses_blocks_and_ports(void **state)
{
    for (size_t i = 0; i < sizeof exemptions / sizeof *exemptions; i++) {
        const struct exemption *x = &exemptions[i];
        struct proxy_rules r = { STR_INIT("p:1"), STR_INIT("p:1"), str_of(x->none) };
        if (proxy_for(&r, str_of(x->url)).len == (x->exempt ? 0 : 3))
            continue;
        fail_msg("NO_PROXY=\"%s\" and %s: %s", x->none, x->url,
                 x->exempt ? "went by the proxy" : "went past the proxy");
    }
}

static const char *const plain[][2] = {
    { "http://proxy.example:3128", "http://proxy.example:3128" },
    { "http://proxy.example:3128/", "http://proxy.example:3128" },
    { "proxy.example:3128", "http://proxy.example:3128" },
    { "proxy.example", "http://proxy.example" },
    { "socks5h://u@[::1]:1080", "socks5h://[::1]:1080" },
    { "https://user:pa55word@proxy.example", "https://proxy.example" },
    { "user:pa55word@proxy.example:3128", "http://proxy.example:3128" },
    { "http://user:pa/55?wo#r@d@proxy.example:3128/x", "http://proxy.example:3128" },
    { "user:pa://55@proxy.example", "http://proxy.example" },
    { "", "" },
};

static void a_proxy_is_shown_without_its_password(void **state)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        char text[64];
        assert_string_equal(proxy_plain(str_of(plain[i][0]), text, sizeof text), plain[i][1]);
    }
}

static void a_long_proxy_is_cut_for_reading(void **state)
{
    char text[10];
    assert_string_equal(proxy_plain(STR("http://proxy.example"), text, sizeof text), "http://pr");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scheme_has_its_variable_and_all_proxy_stands_in),
        cmocka_unit_test(the_first_that_is_set_decides_be_it_to_nothing),
        cmocka_unit_test(http_proxy_in_capitals_counts_outside_of_a_cgi_only),
        cmocka_unit_test(the_last_at_sign_divides_and_a_password_is_encoded),
        cmocka_unit_test(the_scheme_of_the_url_chooses_the_proxy),
        cmocka_unit_test(no_proxy_names_hosts_domains_addresses_blocks_and_ports),
        cmocka_unit_test(a_proxy_is_shown_without_its_password),
        cmocka_unit_test(a_long_proxy_is_cut_for_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
