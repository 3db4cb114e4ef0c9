/* SPDX-License-Identifier: MIT */
/* As RFC 3986 has it: the authority ends at the first of "/?#", whatever stands behind it, and the
 * user at the last '@' within it. */
#include "base/url.h"

size_t url_authority_len(str text)
{
    size_t end = 0;
    while (end < text.len && !memchr("/?#", text.ptr[end], 3))
        end++;
    return end;
}

static str take_scheme(struct url *u, str text)
{
    size_t colon = str_find(text, ':');
    if (url_authority_len(text) < colon || !str_starts(str_skip(text, colon), STR("://")))
        return text;
    u->scheme = (str) { text.ptr, colon };
    return str_skip(text, colon + 3);
}

static void take_user(struct url *u)
{
    for (size_t i = u->authority.len; i > 0; i--)
        if (u->authority.ptr[i - 1] == '@') {
            u->user = (str) { u->authority.ptr, i - 1 };
            u->authority = str_skip(u->authority, i);
            return;
        }
}

bool url_split(struct url *out, str text)
{
    struct url u = { .in_brackets = false };
    str rest = take_scheme(&u, text);
    u.authority = (str) { rest.ptr, url_authority_len(rest) };
    u.target = str_skip(rest, u.authority.len);
    take_user(&u);
    u.in_brackets = str_starts(u.authority, STR("["));
    size_t end = str_find(u.authority, u.in_brackets ? ']' : ':');
    if (u.in_brackets && end == u.authority.len)
        return false;
    u.host = (str) { u.authority.ptr + u.in_brackets, end - u.in_brackets };
    str port = str_skip(u.authority, end + u.in_brackets);
    if (port.len && port.ptr[0] != ':')
        return false;
    if (port.len)
        u.port = str_skip(port, 1);
    *out = u;
    return true;
}

/* --- percent-encoding --- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_put_escaped(struct buf *out, char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char c = (unsigned char)byte;
    buf_put(out, (str) { (char[]) { '%', digits[c >> 4], digits[c & 15] }, 3 });
}

void url_put_encoded(struct buf *out, str text, const char *plain)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_unreserved(c) || (c && strchr(plain, c)))
            buf_put_char(out, c);
        else
            url_put_escaped(out, c);
    }
}
