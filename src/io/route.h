/* SPDX-License-Identifier: MIT */
/* Which way a pool's connections go: straight or by a proxy, and to which addresses; and what is
 * known of that way. All of it is chosen by us: libcurl neither reads the environment nor looks up
 * names, so it starts no thread. A proxy of socks4:// or socks5:// wants the origin's address from
 * us, as these schemes have it (socks4a:// and socks5h:// leave the look-up to the proxy): then two
 * names are looked up. Private to io/. */
#ifndef IO_ROUTE_H
#define IO_ROUTE_H

#include <curl/curl.h>

#include "io/resolver.h"
#include "io/transport.h"

enum { ROUTE_PROBLEM_SIZE = 256, ROUTE_HOPS = 2 };

/* A name that libcurl is to connect to, or to tell a proxy the address of. */
struct route_hop {
    struct resolver_name *name; /* NULL: a literal, or none */
    struct curl_slist entry;    /* around `line`, for CURLOPT_RESOLVE */
    size_t head_len, size;
    char *line; /* "host:port:", then the addresses follow */
};

struct route {
    struct transport *transport;
    const char *url;                   /* borrowed */
    struct route_hop hops[ROUTE_HOPS]; /* the one that is connected to; a SOCKS proxy's origin */
    size_t proxy_size;
    char *proxy; /* "" for none */
    bool has_tls_proxy;
    const char *proxy_for_curl; /* the same, or as it is shown: libcurl quotes what it cannot use */
    struct pool_report report;
};

/* One question for addresses, embedded in whoever connects. Set the first two once, and zero-fill
 * the rest. */
struct route_query {
    struct route *route;
    /* From the loop. problem: NULL, or why there are no addresses; valid until it returns. */
    void (*on_found)(struct route_query *q, const char *problem);
    bool has_peer;       /* private, as is the rest */
    struct address peer; /* of the connection that was made */
    struct resolver_query lookup;
    unsigned hop; /* that is asked for */
    uint64_t asked_ns;
    uint32_t waited_us;
};

/* url: NUL-terminated, must outlive r. direct: by no proxy. PIPEPOLL_ENOMEM. */
int route_init(struct route *r, struct transport *tp, str url, bool direct);
void route_deinit(struct route *r); /* fine on a zeroed one */

/* Tell a new handle of the proxy. false: out of memory. */
bool route_set_proxy(const struct route *r, CURL *easy);
/* true: the addresses are at hand; else q->on_found() comes later, within the connect timeout. */
bool route_find(struct route_query *q);
/* What a transfer that ends while q waits is told of it. */
const char *route_lateness(const struct route_query *q, char text[ROUTE_PROBLEM_SIZE]);
void route_forget(struct route_query *q);
/* Give the handle the addresses that q found; it connects by them from its next start on, and so
 * does every handle of the pool. The wait for them counts as part of the connect timeout. */
void route_follow(const struct route_query *q, CURL *easy);

/* Is the first hop a proxy that is spoken to by TLS? */
bool route_has_tls_proxy(const struct route *r);
/* The handle has connected, by way of the proxy if there is one, since began_ns: keep what it
 * tells. */
void route_note(struct route_query *q, CURL *easy, uint64_t began_ns);
/* May another request go by the connection that q noted? Not when the name has moved since, for
 * which it is looked up now and then in the background. */
bool route_still_leads_there(const struct route_query *q);
/* No connection could be made: look the name up again next time. */
void route_distrust(struct route *r);
/* Why the handle could not connect. */
enum pipepoll_cause route_cause(const struct route *r, CURL *easy, CURLcode code);
/* For some causes words of our own, which name the host, in `text`; else error. */
const char *route_words(const struct route *r, enum pipepoll_cause cause, const char *error,
                        char text[ROUTE_PROBLEM_SIZE]);
/* "host[:port]" of the origin, as its URL has it. */
str route_host(const struct route *r);
/* No connection could be made: distrust, and what to tell: `error`, or a better text in `text` that
 * names the proxy. proxy_status: of its answer to CONNECT; 0: there was none. */
const char *route_blame(struct route *r, long proxy_status, const char *error,
                        char text[ROUTE_PROBLEM_SIZE]);

#endif
