/* SPDX-License-Identifier: MIT */
/* CURLOPT_RESOLVE puts its addresses into the DNS cache of the pool's share, in place of those that
 * were there. Without a "+" before the host they never expire (libcurl would look up by a thread of
 * its own then), so their age is kept here. */
#include "io/route.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "io/curl_fault.h"
#include "io/pool.h"
#include "io/trust_store.h"

static const uint64_t ns_per_us = 1000;

/* --- the first hop --- */

/* libcurl's defaults; NULL: not a scheme that it can use as a proxy. */
static const char *default_port(const char *scheme)
{
    static const char *const plain[] = {
        "http", "socks", "socks4", "socks4a", "socks5", "socks5h"
    };
    if (strcasecmp(scheme, "https") == 0)
        return "443";
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcasecmp(scheme, plain[i]) == 0)
            return "1080";
    return NULL;
}

struct hop {
    char *scheme, *host, *port; /* libcurl's memory */
};

enum hop_result { HOP_FOUND, HOP_UNUSABLE, HOP_NO_MEMORY };

static enum hop_result hop_result_of(CURLUcode code)
{
    if (code == CURLUE_OUT_OF_MEMORY)
        return HOP_NO_MEMORY;
    return code ? HOP_UNUSABLE : HOP_FOUND;
}

/* By the parser and the flags that libcurl itself uses for it. */
static enum hop_result hop_init(struct hop *hop, const char *url, bool is_proxy)
{
    CURLU *parts = curl_url();
    unsigned lenient = is_proxy ? CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME : 0;
    *hop = (struct hop) { 0 };
    CURLUcode code =
        parts ? curl_url_set(parts, CURLUPART_URL, url, lenient) : CURLUE_OUT_OF_MEMORY;
    if (!code)
        code = curl_url_get(parts, CURLUPART_SCHEME, &hop->scheme, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_HOST, &hop->host, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_PORT, &hop->port, is_proxy ? 0 : CURLU_DEFAULT_PORT);
    if (code == CURLUE_NO_PORT)
        code = CURLUE_OK;
    curl_url_cleanup(parts);
    if (!code && is_proxy && !default_port(hop->scheme))
        return HOP_UNUSABLE;
    return hop_result_of(code);
}

static void hop_deinit(struct hop *hop)
{
    curl_free(hop->scheme);
    curl_free(hop->host);
    curl_free(hop->port);
}

/* An IPv6 literal needs no look-up, and CURLOPT_RESOLVE could not name it. */
static int aim_at(struct route *r, unsigned i, const struct hop *to)
{
    struct route_hop *hop = &r->hops[i];
    const struct alloc *alloc = &r->transport->o.alloc;
    const char *port = to->port ? to->port : default_port(to->scheme);
    if (*to->host == '[')
        return 0;
    hop->head_len = strlen(to->host) + strlen(port) + 2;
    hop->size = hop->head_len + RESOLVER_TEXT_SIZE;
    hop->line = alloc_new(alloc, hop->size);
    hop->name = resolver_hold(r->transport->resolver, str_of(to->host));
    if (!hop->line || !hop->name)
        return PIPEPOLL_ENOMEM;
    snprintf(hop->line, hop->size, "%s:%s:", to->host, port);
    hop->entry.data = hop->line;
    return 0;
}

static int aim_at_url(struct route *r, unsigned i, const char *url, bool is_proxy)
{
    struct hop to;
    enum hop_result result = hop_init(&to, url, is_proxy);
    int failed = result == HOP_FOUND       ? aim_at(r, i, &to)
                 : result == HOP_NO_MEMORY ? PIPEPOLL_ENOMEM
                                           : 0;
    if (is_proxy)
        r->proxy_for_curl = result == HOP_FOUND ? r->proxy : r->report.proxy;
    if (is_proxy && result == HOP_FOUND)
        r->has_tls_proxy = strcasecmp(to.scheme, "https") == 0;
    hop_deinit(&to);
    return failed;
}

static bool wants_origins_address(const char *proxy)
{
    return strncasecmp(proxy, "socks://", 8) == 0 || strncasecmp(proxy, "socks4://", 9) == 0 ||
           strncasecmp(proxy, "socks5://", 9) == 0;
}

/* --- the proxy --- */

static int set_proxy(struct route *r, str proxy)
{
    r->proxy_size = proxy_url_size(proxy);
    r->proxy = alloc_new(&r->transport->o.alloc, r->proxy_size);
    if (!r->proxy)
        return PIPEPOLL_ENOMEM;
    if (!proxy.len)
        return 0;
    struct buf url = { .at = r->proxy, .cap = r->proxy_size };
    proxy_put_url(&url, proxy);
    proxy_plain(proxy, r->report.proxy, sizeof r->report.proxy);
    return 0;
}

int transport_check_proxy(const struct alloc *alloc, str proxy)
{
    size_t size = proxy_url_size(proxy);
    struct buf url = { .at = alloc_new(alloc, size), .cap = size };
    struct hop hop = { 0 };
    enum hop_result result = HOP_NO_MEMORY;
    if (url.at) {
        proxy_put_url(&url, proxy);
        result = hop_init(&hop, url.at, true);
        hop_deinit(&hop);
        explicit_bzero(url.at, size);
        alloc_free(alloc, url.at, size);
    }
    return result == HOP_FOUND ? 0 : result == HOP_UNUSABLE ? PIPEPOLL_EINVAL : PIPEPOLL_ENOMEM;
}

int route_init(struct route *r, struct transport *tp, str url, bool direct)
{
    r->transport = tp;
    r->url = url.ptr;
    int failed = set_proxy(r, direct ? STR("") : proxy_for(&tp->o.proxies, url));
    if (failed)
        return failed;
    r->proxy_for_curl = r->proxy;
    if (!*r->proxy)
        return aim_at_url(r, 0, url.ptr, false);
    failed = aim_at_url(r, 0, r->proxy, true);
    return !failed && wants_origins_address(r->proxy) ? aim_at_url(r, 1, url.ptr, false) : failed;
}

void route_deinit(struct route *r)
{
    for (int i = 0; i < ROUTE_HOPS; i++) {
        struct route_hop *hop = &r->hops[i];
        resolver_release(hop->name);
        hop->name = NULL;
        if (hop->line)
            hop->line = alloc_free(&r->transport->o.alloc, hop->line, hop->size);
    }
    if (!r->proxy)
        return;
    explicit_bzero(r->proxy, r->proxy_size);
    r->proxy = alloc_free(&r->transport->o.alloc, r->proxy, r->proxy_size);
}

/* Always both: left alone, libcurl would read the environment. An HTTP proxy shall tunnel plain
 * HTTP as well, and what it answers to that is no header of ours. */
bool route_set_proxy(const struct route *r, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return !curl_easy_setopt(easy, CURLOPT_PROXY, r->proxy_for_curl) &&
           !curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
}

/* --- addresses --- */

enum { HOST_SHOWN_MAX = 120 }; /* leaves room for what happened */

static const char *hop_problem(const struct route_query *q, const char *detail,
                               char text[ROUTE_PROBLEM_SIZE])
{
    const struct route *r = q->route;
    struct buf out = { .at = text, .cap = ROUTE_PROBLEM_SIZE };
    str host = resolver_host(r->hops[q->hop].name);
    bool is_proxy = *r->proxy && !q->hop;
    if (host.len > HOST_SHOWN_MAX)
        host.len = HOST_SHOWN_MAX;
    buf_printf(&out, "could not resolve %s %.*s: %s", is_proxy ? "the proxy" : "host",
               STR_ARG(host), detail);
    return text;
}

const char *route_lateness(const struct route_query *q, char text[ROUTE_PROBLEM_SIZE])
{
    char detail[64];
    double waited_s = (double)(timers_now_ns() - q->asked_ns) / 1e9;
    snprintf(detail, sizeof detail, "the name look-up took longer than %.2g s", waited_s);
    return hop_problem(q, detail, text);
}

/* Are all addresses at hand? */
static bool go_on(struct route_query *q)
{
    for (; q->hop < ROUTE_HOPS; q->hop++) {
        struct resolver_name *name = q->route->hops[q->hop].name;
        if (name && !resolver_ask(name, &q->lookup))
            return false;
    }
    return true;
}

static void on_looked_up(struct resolver_query *lookup, const char *problem)
{
    struct route_query *q = CONTAINER_OF(lookup, struct route_query, lookup);
    char text[ROUTE_PROBLEM_SIZE];
    q->waited_us = (uint32_t)((timers_now_ns() - q->asked_ns) / ns_per_us);
    if (problem) {
        q->on_found(q, hop_problem(q, problem, text));
        return;
    }
    q->hop++;
    if (go_on(q))
        q->on_found(q, NULL);
}

bool route_find(struct route_query *q)
{
    q->hop = 0;
    q->waited_us = 0;
    q->asked_ns = timers_now_ns();
    q->lookup.on_done = on_looked_up;
    return go_on(q);
}

void route_forget(struct route_query *q)
{
    resolver_forget(&q->lookup);
}

static struct curl_slist *resolve_list(struct route *r)
{
    struct curl_slist *list = NULL;
    for (int i = ROUTE_HOPS; i-- > 0;) {
        struct route_hop *hop = &r->hops[i];
        if (!hop->name)
            continue;
        resolver_addresses(hop->name, hop->line + hop->head_len);
        hop->entry.next = list;
        list = &hop->entry;
    }
    return list;
}

void route_follow(const struct route_query *q, CURL *easy)
{
    struct route *r = q->route;
    uint32_t limit_ms = r->transport->o.connect_timeout_ms, waited_ms = q->waited_us / 1000;
    curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve_list(r));
    if (limit_ms)
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)(waited_ms < limit_ms ? limit_ms - waited_ms : 1));
}

/* --- what became of it --- */

bool route_has_tls_proxy(const struct route *r)
{
    return r->has_tls_proxy;
}

void route_note(struct route_query *q, CURL *easy, uint64_t began_ns)
{
    struct pool_report *p = &q->route->report;
    const char *address = NULL;
    struct buf out = BUF_ON(p->address);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    buf_put(&out, str_of(address));
    buf_cstr(&out);
    q->has_peer = address && address_read(&q->peer, str_of(address));
    p->lookup_us = q->waited_us;
    q->waited_us = 0; /* the next connection may come without a question */
    p->connect_us = (uint32_t)((timers_now_ns() - began_ns) / ns_per_us);
    p->tls_us = 0;
}

bool route_still_leads_there(const struct route_query *q)
{
    struct resolver_name *name = q->route->hops[0].name;
    return !name || !q->has_peer || resolver_leads_to(name, &q->peer);
}

void route_distrust(struct route *r)
{
    for (int i = 0; i < ROUTE_HOPS; i++)
        if (r->hops[i].name)
            resolver_distrust(r->hops[i].name);
}

str route_host(const struct route *r)
{
    str url = str_of(r->url);
    str rest = str_skip(url, str_find(url, ':') + 3);
    return (str) { rest.ptr, str_find(rest, '/') };
}

static bool is_refused_login(long status)
{
    return status == 407 || status == 401; /* the latter by tinyproxy */
}

enum pipepoll_cause route_cause(const struct route *r, CURL *easy, CURLcode code)
{
    long status = 0, verdict = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (*r->proxy && is_refused_login(status))
        return PIPEPOLL_CAUSE_PROXY_LOGIN;
    curl_easy_getinfo(easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &verdict);
    if (code == CURLE_PEER_FAILED_VERIFICATION && verdict)
        return trust_store_cause(verdict);
    if (*r->proxy && status / 100 != 2 && code != CURLE_OPERATION_TIMEDOUT)
        return PIPEPOLL_CAUSE_PROXY;
    if (code == CURLE_SSL_CONNECT_ERROR)
        return PIPEPOLL_CAUSE_TLS;
    return fault_cause(curl_fault(code));
}

/* Whoever mends it needs to see at once which of the two is off. */
static void put_clock(struct buf *out, const char *error)
{
    time_t now_s = (time_t)(timers_wall_ms() / 1000);
    struct tm tm = { 0 };
    char text[32];
    gmtime_r(&now_s, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
    buf_printf(out, "%.150s; the clock of this machine says %s", error, text);
}

const char *route_words(const struct route *r, enum pipepoll_cause cause, const char *error,
                        char text[ROUTE_PROBLEM_SIZE])
{
    struct buf out = { .at = text, .cap = ROUTE_PROBLEM_SIZE };
    str host = route_host(r);
    if (cause == PIPEPOLL_CAUSE_PLAIN_HTTP)
        buf_printf(&out, "%.*s answered in plain HTTP, not TLS: use http:// or another port",
                   STR_ARG(host));
    else if (cause == PIPEPOLL_CAUSE_CLIENT_CERTIFICATE)
        buf_printf(&out, "%.*s asks for a client certificate, and pipepoll has none to show",
                   STR_ARG(host));
    else if (cause == PIPEPOLL_CAUSE_NOT_YET_VALID || cause == PIPEPOLL_CAUSE_OUTDATED)
        put_clock(&out, error);
    else
        return error;
    buf_cstr(&out);
    return out.overflow ? error : text;
}

const char *route_blame(struct route *r, long status, const char *error,
                        char text[ROUTE_PROBLEM_SIZE])
{
    struct buf out = { .at = text, .cap = ROUTE_PROBLEM_SIZE };
    route_distrust(r);
    if (!*r->proxy)
        return error;
    if (is_refused_login(status) && proxy_has_user(str_of(r->proxy)))
        buf_printf(&out,
                   "the proxy %s does not accept the user and password in its URL (status %ld)",
                   r->report.proxy, status);
    else if (is_refused_login(status))
        buf_printf(&out,
                   "the proxy %s asks for a user and password: give them in its URL (status %ld)",
                   r->report.proxy, status);
    else if (status / 100 == 1)
        buf_printf(&out,
                   "the proxy %s sent an interim answer (status %ld) to CONNECT, which libcurl %s "
                   "takes for its last: switch that off there",
                   r->report.proxy, status, curl_version_info(CURLVERSION_NOW)->version);
    else if (status && status / 100 != 2)
        buf_printf(&out, "the proxy %s refused to connect to the service (status %ld)",
                   r->report.proxy, status);
    else
        buf_printf(&out, "by the proxy %s: %s", r->report.proxy, error);
    buf_cstr(&out);
    return text;
}
