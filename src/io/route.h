/* Which way a pool's connections go: straight or by a proxy, and to which addresses; and what is
 * known of that way. All of it is chosen by us: libcurl neither reads the environment nor looks up
 * names. (It does for proxies of SOCKS4 and SOCKS5, which want the origin's address from us: there
 * its thread looks the origin up.) Private to io/. */
#ifndef IO_ROUTE_H
#define IO_ROUTE_H

#include <curl/curl.h>

#include "io/resolver.h"
#include "io/transport.h"

enum {
    ROUTE_HOP_SIZE = 256 + 8, /* "host:port:" */
    ROUTE_PROBLEM_SIZE = 256
};

struct route {
    struct transport *transport;
    str host;                /* of the first hop, if its name has to be looked up */
    size_t hop_len;          /* in `resolve`, then the addresses follow */
    struct curl_slist entry; /* around `resolve`, for CURLOPT_RESOLVE */
    size_t proxy_size;
    char *proxy; /* "" for none */
    struct pool_report report;
    char resolve[ROUTE_HOP_SIZE + RESOLVER_TEXT_SIZE];
};

/* One question for addresses, embedded in whoever connects. Set the first two once, and zero-fill
 * the rest. */
struct route_query {
    struct route *route;
    /* From the loop. problem: NULL, or why there are no addresses; valid until it returns. */
    void (*on_found)(struct route_query *q, const char *problem);
    struct resolver_query lookup; /* private, as is the rest */
    uint64_t asked_ns;
    uint32_t waited_us;
};

/* url: NUL-terminated, must outlive r. direct: by no proxy. PIPEPOLL_ENOMEM. */
int route_init(struct route *r, struct transport *tp, str url, bool direct);
void route_deinit(struct route *r); /* fine on a zeroed one */

/* Tell a new handle of the proxy. */
void route_set_proxy(const struct route *r, CURL *easy);
/* true: the addresses are at hand; else q->on_found() comes later. */
bool route_find(struct route_query *q);
void route_forget(struct route_query *q);
/* Give the handle the addresses that q found; it connects by them from its next start on, and so
 * does every handle of the pool. The wait for them counts as part of the connect timeout. */
void route_follow(const struct route_query *q, CURL *easy);

/* A connection was made: keep what it tells. While it is attached to the handle. */
void route_note(struct route_query *q, CURL *easy);
/* No connection could be made: look the name up again next time. */
void route_distrust(struct route *r);
/* The same, and what to tell of it: `error`, or a better text in `text` that names the proxy. */
const char *route_blame(struct route *r, CURL *easy, const char *error,
                        char text[ROUTE_PROBLEM_SIZE]);

#endif
