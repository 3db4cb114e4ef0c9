/* SPDX-License-Identifier: MIT */
/* Which proxy a URL goes by: the rules of https_proxy, http_proxy, all_proxy and no_proxy, as curl
 * and the AWS SDKs read them. Pure. */
#ifndef IO_PROXY_H
#define IO_PROXY_H

#include "base/environment.h"

struct proxy_rules {
    str https, http;                    /* proxy URLs; empty: none */
    str none;                           /* NO_PROXY */
    const char *https_from, *http_from; /* the variables; NULL: none is set */
};

/* Read https_proxy or HTTPS_PROXY, http_proxy or HTTP_PROXY (not in a CGI, where the web's visitors
 * set the latter), else all_proxy or ALL_PROXY; no_proxy or NO_PROXY. The first that is set
 * decides, be it to nothing: an empty one turns off what others turn on, as for the AWS CLI. The
 * slices lie in the environment. */
struct proxy_rules proxy_rules_of(const struct environment *e);

/* The proxy for a URL ("scheme://host[:port]/..."), as it was set, or empty: none. NO_PROXY: a
 * list, by commas or blanks, of "*", hosts (and all below them; a leading dot or "*." means the
 * same), IPv4 and IPv6 literals, each perhaps with a port, and CIDR blocks. Names are not
 * resolved. */
str proxy_for(const struct proxy_rules *rules, str url);
/* The variable that says so. */
const char *proxy_variable(const struct proxy_rules *rules, str url);

/* Put the proxy as a URL parser reads it right: what stands before the last '@' is user and
 * password, and every sign in them that a URL may not have is percent-encoded. A NUL follows. At
 * most proxy_url_size() bytes. */
void proxy_put_url(struct buf *out, str proxy);
size_t proxy_url_size(str proxy);
/* Does it have a user or a password? */
bool proxy_has_user(str proxy);

/* The proxy without user, password and path, for people to read: "http://proxy.example:3128"; one
 * without a scheme is an HTTP proxy. Cut to size; empty for an empty one. Returns text. */
const char *proxy_plain(str proxy, char *text, size_t size);

#endif
