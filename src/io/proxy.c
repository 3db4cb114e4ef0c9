/* SPDX-License-Identifier: MIT */
/* Where curl, Go and Python differ about NO_PROXY, the widest reading is taken: who names a host
 * there means it, and a request sent past a proxy by mistake fails visibly. */
#include "io/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/url.h"

enum { ADDRESS_TEXT_MAX = 46, NO_BITS = 999 /* more than any address has */ };

/* --- the environment --- */

static str first_set(const struct environment *e, const char *const *names, const char **from)
{
    while (*names && !environment_has(e, *names))
        names++;
    *from = *names;
    return *names ? str_trim(environment_get(e, *names)) : (str) { NULL, 0 };
}

struct proxy_rules proxy_rules_of(const struct environment *e)
{
    static const char *const https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                         NULL };
    static const char *const http[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL };
    static const char *const http_in_cgi[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
    static const char *const none[] = { "no_proxy", "NO_PROXY", NULL };
    struct proxy_rules rules;
    const char *unused;
    rules.https = first_set(e, https, &rules.https_from);
    rules.http =
        first_set(e, environment_has(e, "REQUEST_METHOD") ? http_in_cgi : http, &rules.http_from);
    rules.none = first_set(e, none, &unused);
    return rules;
}

/* --- hosts --- */

struct address {
    int family; /* AF_UNSPEC: not an address but a name */
    unsigned bits;
    unsigned char bytes[16];
};

struct host_port {
    str host; /* without brackets and a trailing dot */
    str port; /* may be empty */
};

/* "host", "host:port", "::1", "[::1]" or "[::1]:port". */
static struct host_port host_port_of(str text)
{
    struct host_port p = { .host = text };
    size_t end;
    if (str_starts(text, STR("["))) {
        end = str_find(text, ']');
        p.host = (str) { text.ptr + 1, end - 1 };
        text = str_skip(text, end < text.len ? end + 1 : end);
        if (str_starts(text, STR(":")))
            p.port = str_skip(text, 1);
        return p;
    }
    end = str_find(text, ':');
    bool one_colon = end < text.len && str_find(str_skip(text, end + 1), ':') == text.len - end - 1;
    if (one_colon) {
        p.host.len = end;
        p.port = str_skip(text, end + 1);
    }
    if (p.host.len && p.host.ptr[p.host.len - 1] == '.')
        p.host.len--;
    return p;
}

static struct address address_of(str host)
{
    struct address a = { .family = AF_UNSPEC };
    char text[ADDRESS_TEXT_MAX];
    host.len = str_find(host, '%'); /* no zone: the entries have none */
    if (host.len >= sizeof text)
        return a;
    if (host.len)
        memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, a.bytes) == 1) {
        a.family = AF_INET;
        a.bits = 32;
    } else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
        a.family = AF_INET6;
        a.bits = 128;
    }
    return a;
}

/* What stands after the slash of a block; NO_BITS, which no address matches, for nonsense. */
static unsigned bits_of(str digits)
{
    unsigned bits = 0;
    if (!digits.len || digits.len > 3)
        return NO_BITS;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]))
            return NO_BITS;
        bits = bits * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    return bits;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned bits)
{
    size_t whole = bits / 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return !rest || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

/* --- NO_PROXY --- */

/* Is host the domain, or below it? */
static bool lies_in(str host, str domain)
{
    if (str_starts(domain, STR("*.")))
        domain = str_skip(domain, 1);
    if (str_starts(domain, STR(".")))
        domain = str_skip(domain, 1);
    if (!domain.len || host.len < domain.len)
        return false;
    size_t above = host.len - domain.len;
    return str_eq_nocase(str_skip(host, above), domain) &&
           (above == 0 || host.ptr[above - 1] == '.');
}

static bool names(str entry, const struct host_port *to, const struct address *to_address)
{
    if (str_eq(entry, STR("*")))
        return true;
    size_t slash = str_find(entry, '/');
    struct host_port p = host_port_of((str) { entry.ptr, slash });
    if (p.port.len && !str_eq(p.port, to->port))
        return false;
    if (to_address->family == AF_UNSPEC)
        return slash == entry.len && lies_in(to->host, p.host);
    struct address a = address_of(p.host);
    unsigned bits = slash < entry.len ? bits_of(str_skip(entry, slash + 1)) : a.bits;
    return a.family == to_address->family && bits <= a.bits && same_bits(&a, to_address, bits);
}

static bool separates(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_exempt(str list, const struct host_port *to)
{
    struct address address = address_of(to->host);
    while (list.len) {
        size_t len = 0;
        while (len < list.len && !separates(list.ptr[len]))
            len++;
        if (len && names((str) { list.ptr, len }, to, &address))
            return true;
        list = str_skip(list, len < list.len ? len + 1 : len);
    }
    return false;
}

/* --- URLs --- */

/* Whatever stands before the last '@' may be a password, with signs in it that no URL should
 * have. */
static str without_user(str rest)
{
    for (size_t i = rest.len; i > 0; i--)
        if (rest.ptr[i - 1] == '@')
            return str_skip(rest, i);
    return rest;
}

/* What a proxy's text is made of. */
struct parts {
    str scheme; /* with its "://"; may be empty */
    str user;   /* user, or user:password; ptr NULL: there is no '@' */
    str rest;
};

static struct parts parts_of(str proxy)
{
    size_t colon = str_find(proxy, ':');
    bool has_scheme = str_starts(str_skip(proxy, colon), STR("://"));
    struct parts p = { .scheme = { proxy.ptr, has_scheme ? colon + 3 : 0 } };
    str text = str_skip(proxy, p.scheme.len);
    p.rest = without_user(text);
    if (p.rest.len < text.len)
        p.user = (str) { text.ptr, text.len - p.rest.len - 1 };
    return p;
}

bool proxy_has_user(str proxy)
{
    return parts_of(proxy).user.len > 0;
}

size_t proxy_url_size(str proxy)
{
    return 3 * proxy.len + 1;
}

/* What is encoded already stays so. */
static bool is_plain(str s, size_t i)
{
    char c = ascii_lower(s.ptr[i]);
    if (c == '%')
        return i + 2 < s.len && ascii_is_hex(s.ptr[i + 1]) && ascii_is_hex(s.ptr[i + 2]);
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c) ||
           (c != '\0' && strchr("-._~!$&'()*+,;=", c));
}

void proxy_put_url(struct buf *out, str proxy)
{
    struct parts p = parts_of(proxy);
    size_t colon = str_find(p.user, ':');
    buf_put(out, p.scheme);
    for (size_t i = 0; i < p.user.len; i++) {
        if (i == colon || is_plain(p.user, i))
            buf_put_char(out, p.user.ptr[i]);
        else
            url_put_escaped(out, p.user.ptr[i]);
    }
    if (p.user.ptr)
        buf_put_char(out, '@');
    buf_put(out, p.rest);
    buf_cstr(out);
}

static str rule_for(const struct proxy_rules *rules, str scheme)
{
    if (str_eq_nocase(scheme, STR("https")))
        return rules->https;
    return str_eq_nocase(scheme, STR("http")) ? rules->http : (str) { NULL, 0 };
}

const char *proxy_variable(const struct proxy_rules *rules, str url)
{
    struct url u;
    bool is_https = url_split(&u, url) && str_eq_nocase(u.scheme, STR("https"));
    return is_https ? rules->https_from : rules->http_from;
}

/* Without the dot of a fully qualified name. */
static str plain_host(str host)
{
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

str proxy_for(const struct proxy_rules *rules, str url)
{
    struct url u;
    str proxy = url_split(&u, url) ? rule_for(rules, u.scheme) : (str) { NULL, 0 };
    if (!proxy.len)
        return proxy;
    struct host_port to = { .host = plain_host(u.host), .port = u.port };
    if (!to.port.len)
        to.port = str_eq_nocase(u.scheme, STR("https")) ? STR("443") : STR("80");
    return is_exempt(rules->none, &to) ? (str) { NULL, 0 } : proxy;
}

const char *proxy_plain(str proxy, char *text, size_t size)
{
    struct parts p = parts_of(proxy);
    str scheme = p.scheme.len ? p.scheme : STR("http://");
    p.rest.len = url_authority_len(p.rest);
    snprintf(text, size, "%.*s%.*s", STR_ARG(proxy.len ? scheme : proxy), STR_ARG(p.rest));
    return text;
}
