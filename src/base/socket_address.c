/* SPDX-License-Identifier: MIT */
/* The longest text first: what begins as a path is one, and of the rest the last ':' ends the
 * host. */
#include "base/socket_address.h"

#include <arpa/inet.h>

enum { LOOPBACK_NET = 127 };

static const str unix_scheme = STR_INIT("unix:");

static bool read_port(in_port_t *out, str text)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]) || i == 5)
            return false;
        port = 10 * port + (unsigned)(text.ptr[i] - '0');
    }
    *out = htons((uint16_t)port);
    return text.len && port <= UINT16_MAX;
}

static bool read_ip(struct socket_address *out, str host, in_port_t port)
{
    char text[INET6_ADDRSTRLEN];
    struct buf cstr = BUF_ON(text);
    bool in_brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    buf_put(&cstr, in_brackets ? (str) { host.ptr + 1, host.len - 2 } : host);
    buf_cstr(&cstr);
    if (cstr.overflow)
        return false;
    *out =
        (struct socket_address) { .len = in_brackets ? sizeof out->at.ipv6 : sizeof out->at.ipv4 };
    if (in_brackets) {
        out->at.ipv6.sin6_family = AF_INET6;
        out->at.ipv6.sin6_port = port;
        return inet_pton(AF_INET6, text, &out->at.ipv6.sin6_addr) == 1;
    }
    out->at.ipv4.sin_family = AF_INET;
    out->at.ipv4.sin_port = port;
    return inet_pton(AF_INET, text, &out->at.ipv4.sin_addr) == 1;
}

static bool read_path(struct socket_address *out, str path)
{
    *out = (struct socket_address) { .at.path.sun_family = AF_UNIX, .len = sizeof out->at.path };
    struct buf cstr = BUF_ON(out->at.path.sun_path);
    buf_put(&cstr, path);
    buf_cstr(&cstr);
    return path.len && !cstr.overflow && str_find(path, '\0') == path.len;
}

bool socket_address_read(struct socket_address *out, str text)
{
    in_port_t port;
    if (str_starts(text, unix_scheme))
        return read_path(out, str_skip(text, unix_scheme.len));
    if (str_starts(text, STR("/")))
        return read_path(out, text);
    size_t colon = text.len;
    while (colon && text.ptr[colon - 1] != ':')
        colon--;
    return colon && read_port(&port, str_skip(text, colon)) &&
           read_ip(out, (str) { text.ptr, colon - 1 }, port);
}

bool socket_address_is_unix(const struct socket_address *a)
{
    return a->at.any.sa_family == AF_UNIX;
}

bool socket_address_is_local(const struct socket_address *a)
{
    switch (a->at.any.sa_family) {
    case AF_INET:
        return ntohl(a->at.ipv4.sin_addr.s_addr) >> 24 == LOOPBACK_NET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&a->at.ipv6.sin6_addr);
    }
    return socket_address_is_unix(a);
}

void socket_address_put(struct buf *out, const struct socket_address *a)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (socket_address_is_unix(a)) {
        buf_printf(out, "unix:%s", a->at.path.sun_path);
    } else if (a->at.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->at.ipv6.sin6_addr, host, sizeof host);
        buf_printf(out, "[%s]:%u", host, ntohs(a->at.ipv6.sin6_port));
    } else {
        inet_ntop(AF_INET, &a->at.ipv4.sin_addr, host, sizeof host);
        buf_printf(out, "%s:%u", host, ntohs(a->at.ipv4.sin_port));
    }
}
