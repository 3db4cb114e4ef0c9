/* SPDX-License-Identifier: MIT */
/* A pool: where its connections go to, and what they share. */
#include "io/pool.h"

#include "io/tls.h"

/* "scheme://host:port/path": what a request line names. */
static str path_of(str url)
{
    str rest = str_skip(url, str_find(url, ':') + 3);
    str path = str_skip(rest, str_find(rest, '/'));
    return path.len ? path : STR("/");
}

static void pool_free(struct pool *pool)
{
    const struct transport *tp = pool->transport;
    route_deinit(&pool->route);
    tls_session_free(pool->session);
    curl_free(pool->host);
    curl_free(pool->tcp_url);
    curl_share_cleanup(pool->share);
    alloc_free(&tp->o.alloc, pool, sizeof *pool + pool->url_size);
}

/* Returns a CURLUcode. */
static CURLUcode put_origin(struct pool *pool, CURLU *parts)
{
    char *port = NULL, *scheme = NULL;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, pool->url, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if (!code)
        code = curl_url_set(parts, CURLUPART_PORT, port, 0);
    if (!code)
        code = curl_url_set(parts, CURLUPART_SCHEME, "http", 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_URL, &pool->tcp_url, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_HOST, &pool->host, 0);
    pool->is_tls = scheme && strcmp(scheme, "https") == 0;
    curl_free(scheme);
    curl_free(port);
    return code;
}

enum { HOST_MAX = 255 };

static int read_origin(struct pool *pool)
{
    CURLU *parts = curl_url();
    CURLUcode code = parts ? put_origin(pool, parts) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parts);
    if (code)
        return code == CURLUE_OUT_OF_MEMORY ? PIPEPOLL_ENOMEM : PIPEPOLL_EINVAL;
    size_t len = strlen(pool->host);
    if (!len || len > HOST_MAX || strcmp(pool->host, ".") == 0)
        return PIPEPOLL_EINVAL;
    if (*pool->host == '[' && len > 2) { /* an IPv6 literal */
        memmove(pool->host, pool->host + 1, len - 2);
        pool->host[len - 2] = '\0';
    }
    return 0;
}

int pool_open(struct pool **out, struct transport *tp, const struct pool_options *o)
{
    size_t url_size = o->url.len + 1;
    struct pool *pool = alloc_new(&tp->o.alloc, sizeof *pool + url_size);
    if (!pool)
        return PIPEPOLL_ENOMEM;
    pool->transport = tp;
    pool->url_size = url_size;
    pool->insecure = o->insecure;
    memcpy(pool->url, o->url.ptr, o->url.len);
    str url = { pool->url, o->url.len };
    pool->path = path_of(url);
    list_init(&pool->idle);
    pool->share = curl_share_init();
    int failed = read_origin(pool);
    if (!pool->share || (!failed && route_init(&pool->route, tp, url, o->direct)))
        failed = PIPEPOLL_ENOMEM;
    if (failed) {
        pool_free(pool);
        return failed;
    }
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    *out = pool;
    return 0;
}

void pool_close(struct pool *pool)
{
    h1_connections_close_idle(pool);
    pool_free(pool);
}

const struct pool_report *pool_report(const struct pool *pool)
{
    return &pool->route.report;
}
