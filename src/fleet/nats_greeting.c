/* SPDX-License-Identifier: MIT */
/* The greeting: one line of JSON on a fresh socket, as any server of NATS sends it. */
#include "fleet/nats_greeting.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "aws/json.h"
#include "base/log.h"
#include "base/url.h"

enum { LINE_MAX_BYTES = 16384, TOKENS = 512 };

/* --- what it says --- */

static bool flag(const struct json *j, const char *name)
{
    int node = json_member(j, JSON_ROOT, name);
    return node != JSON_NONE && str_eq(json_scalar(j, node), STR("true"));
}

static int64_t number(const struct json *j, const char *name)
{
    char text[24];
    int node = json_member(j, JSON_ROOT, name);
    bool has = node != JSON_NONE && json_type(j, node) == JSON_NUMBER;
    str_copy(text, sizeof text, has ? json_scalar(j, node) : (str) { 0 });
    return strtoll(text, NULL, 10);
}

/* Nothing that could become more than an address. */
static bool is_address(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyz.:-[]", ascii_lower(s.ptr[i])))
            return false;
    return s.len > 0 && s.len < NATS_ADDRESS_MAX;
}

static void read_others(struct nats_greeting *out, struct json *j)
{
    int list = json_member(j, JSON_ROOT, "connect_urls"), count = 0;
    if (list == JSON_NONE || json_type(j, list) != JSON_ARRAY)
        return;
    for (int i = json_first(j, list); i != JSON_NONE; i = json_next(j, i)) {
        bool is_text = json_type(j, i) == JSON_STRING;
        str address = is_text ? json_text(j, i) : (str) { 0 };
        if (count < NATS_OTHERS_MAX && is_address(address))
            str_copy(out->others[count++], NATS_ADDRESS_MAX, address);
    }
}

bool nats_greeting_read(struct nats_greeting *out, str line)
{
    char text[LINE_MAX_BYTES];
    struct json_token tokens[TOKENS];
    struct json j;
    memset(out, 0, sizeof *out);
    if (!str_starts(line, STR("INFO ")) || line.len > sizeof text)
        return false;
    str body = str_trim(str_skip(line, 5));
    memcpy(text, body.ptr, body.len);
    if (json_parse(&j, text, body.len, tokens, TOKENS, NULL) != JSON_OK)
        return false;
    out->wants_tls = flag(&j, "tls_required");
    out->wants_certificate = flag(&j, "tls_verify");
    out->wants_login = flag(&j, "auth_required");
    out->is_clustered = json_member_text(&j, JSON_ROOT, "cluster").len > 0;
    out->max_payload = number(&j, "max_payload");
    str_copy(out->version, sizeof out->version, json_member_text(&j, JSON_ROOT, "version"));
    read_others(out, &j);
    return out->version[0] != '\0';
}

bool nats_greeting_is_known(const struct nats_greeting *g)
{
    char *end;
    unsigned long major = strtoul(g->version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return major > 2 || (major == 2 && minor >= 9);
}

/* --- getting it --- */

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* 0 or an errno. */
static int wait_for(int fd, short what, uint64_t by_ms)
{
    uint64_t now = now_ms();
    struct pollfd p = { .fd = fd, .events = what };
    int r = poll(&p, 1, by_ms > now ? (int)(by_ms - now) : 0);
    return r > 0 ? 0 : r == 0 ? ETIMEDOUT : errno;
}

static int finish_connect(int fd, uint64_t by_ms)
{
    int error = 0;
    socklen_t size = sizeof error;
    int r = wait_for(fd, POLLOUT, by_ms);
    if (!r && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
        return errno;
    return r ? r : error;
}

/* 0 or an errno. */
static int dial(int *out, const struct addrinfo *at, uint64_t by_ms)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int r = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (r == EINPROGRESS)
        r = finish_connect(fd, by_ms);
    if (r)
        close(fd);
    else
        *out = fd;
    return r;
}

/* Each address of a name gets what time is left. */
static int dial_any(int *out, const struct addrinfo *all, uint64_t by_ms)
{
    int r = EHOSTUNREACH;
    for (const struct addrinfo *at = all; at && now_ms() < by_ms; at = at->ai_next)
        if ((r = dial(out, at, by_ms)) == 0)
            return 0;
    return r;
}

static int resolve(struct addrinfo **out, const char *server, struct pipepoll_error *why)
{
    struct url url;
    char host[256], port[8] = "4222";
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    if (!url_split(&url, str_of(server)))
        return explain(why, PIPEPOLL_ESYSTEM, "is no address");
    str_copy(host, sizeof host, url.host);
    if (url.port.len)
        str_copy(port, sizeof port, url.port);
    int r = getaddrinfo(host, port, &hints, out);
    return r ? explain(why, PIPEPOLL_ESYSTEM, "its name has no address: %s", gai_strerror(r))
             : PIPEPOLL_OK;
}

static int read_line(int fd, struct nats_greeting *out, uint64_t by_ms, struct pipepoll_error *why)
{
    char text[LINE_MAX_BYTES];
    size_t len = 0;
    for (;;) {
        int r = wait_for(fd, POLLIN, by_ms);
        ssize_t got = r ? -1 : recv(fd, text + len, sizeof text - len, 0);
        if (r == ETIMEDOUT)
            return explain(why, PIPEPOLL_ESYSTEM,
                           "it says nothing: is it frozen, or no server of "
                           "NATS?");
        if (got <= 0)
            return explain(why, PIPEPOLL_ESYSTEM, "it ends the connection");
        len += (size_t)got;
        size_t end = str_find((str) { text, len }, '\n');
        if (end < len && nats_greeting_read(out, (str) { text, end }))
            return PIPEPOLL_OK;
        if (end < len || len == sizeof text)
            return explain(why, PIPEPOLL_ESYSTEM, "what answers there is no server of NATS");
    }
}

int nats_greeting_get(struct nats_greeting *out, const char *server, uint32_t most_ms,
                      struct pipepoll_error *why)
{
    struct addrinfo *all = NULL;
    int fd = -1, r = resolve(&all, server, why);
    if (r)
        return r;
    uint64_t by_ms = now_ms() + most_ms;
    int error = dial_any(&fd, all, by_ms);
    freeaddrinfo(all);
    if (error)
        return explain(why, PIPEPOLL_ESYSTEM, "%s%s", strerror(error),
                       error == ECONNREFUSED ? ": does nats-server run there?" : "");
    r = read_line(fd, out, by_ms, why);
    close(fd);
    return r;
}
