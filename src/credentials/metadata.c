/* SPDX-License-Identifier: MIT */
/* The two services that hand credentials to whoever asks from the right machine. Their addresses
 * can be set, and whoever sets them chooses where our tokens go and whose credentials we believe:
 * so a container's URL must be https, or name this machine or one of the addresses that ECS and EKS
 * use, as a literal: a name could change between the check and the connection. */
#include "credentials/metadata.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/url.h"

/* --- addresses --- */

struct address {
    bool tls;
    str host; /* an IPv6 one without its brackets */
};

static bool is_visible(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= 0x20 || s.ptr[i] > 0x7e)
            return false;
    return true;
}

static bool is_of(str s, const char *from, size_t least)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(from, ascii_lower(s.ptr[i])))
            return false;
    return s.len >= least;
}

static bool is_authority(const struct url *u)
{
    const char *const host =
        u->in_brackets ? "0123456789abcdef:." : "abcdefghijklmnopqrstuvwxyz0123456789.-_";
    bool has_port = u->port.ptr != NULL;
    return !u->user.ptr && is_of(u->host, host, 1) &&
           (!has_port || (u->port.len <= 5 && is_of(u->port, "0123456789", 1)));
}

/* NULL, or what is wrong with the URL, to be put behind it. */
static const char *read_url(struct address *out, str url)
{
    struct url u;
    if (!is_visible(url))
        return "holds a blank or another character that no URL has";
    if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")))
        return "does not begin with http:// or https://";
    bool is_whole = url_split(&u, url);
    if (is_whole && str_find(u.target, '#') < u.target.len)
        return "has a fragment (#)";
    if (!is_whole || !is_authority(&u))
        return "does not name a host, or not as host:port and nothing else";
    *out = (struct address) { .tls = str_eq(u.scheme, STR("https")), .host = u.host };
    return NULL;
}

static bool is_literal(str host, unsigned char bytes[16], int family)
{
    char text[INET6_ADDRSTRLEN];
    struct buf b = BUF_ON(text);
    buf_put(&b, host);
    const char *address = buf_cstr(&b);
    return !b.overflow && inet_pton(family, address, bytes) == 1;
}

static bool may_go_plain(str host)
{
    static const unsigned char ecs[4] = { 169, 254, 170, 2 }, eks[4] = { 169, 254, 170, 23 };
    static const unsigned char eks6[16] = { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 };
    static const unsigned char loopback6[16] = { [15] = 1 };
    unsigned char bytes[16];
    if (is_literal(host, bytes, AF_INET))
        return bytes[0] == 127 || memcmp(bytes, ecs, 4) == 0 || memcmp(bytes, eks, 4) == 0;
    if (is_literal(host, bytes, AF_INET6))
        return memcmp(bytes, loopback6, 16) == 0 || memcmp(bytes, eks6, 16) == 0;
    return str_eq_nocase(host, STR("localhost"));
}

/* --- ECS, EKS Pod Identity --- */

static int relative_url(struct chain *out, str path, struct pipepoll_error *why)
{
    struct buf b = BUF_ON(out->composed);
    buf_put(&b, STR("http://169.254.170.2"));
    buf_put(&b, path);
    if (path.ptr[0] != '/' || !is_visible(path) || b.overflow)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with '/', hold no blanks "
                       "and be shorter than %zu bytes",
                       sizeof out->composed - STR("http://169.254.170.2").len);
    out->container_url = buf_str(&b);
    return 0;
}

static int full_url(struct chain *out, str url, struct pipepoll_error *why)
{
    struct address a;
    const char *fault = read_url(&a, url);
    if (fault)
        return explain(why, PIPEPOLL_ECREDENTIALS, "AWS_CONTAINER_CREDENTIALS_FULL_URI %s", fault);
    if (!a.tls && !may_go_plain(a.host))
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI names %.*s, but http:// may lead to "
                       "localhost, 127.0.0.0/8, [::1], 169.254.170.2, 169.254.170.23 and "
                       "[fd00:ec2::23] only: use https://",
                       STR_ARG(a.host));
    out->container_url = url;
    return 0;
}

int metadata_container(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    const struct environment *e = c->environment;
    str relative = str_trim(environment_get(e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"));
    str full = str_trim(environment_get(e, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    if (!relative.len && !full.len)
        return SOURCE_NOT_CONFIGURED;
    int r = relative.len ? relative_url(out, relative, why) : full_url(out, full, why);
    if (r)
        return r;
    out->source = SOURCE_CONTAINER;
    out->container_token_file = environment_get(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    out->container_token = environment_get(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (out->container_token_file.len)
        out->container_token = (str) { NULL, 0 };
    for (size_t i = 0; i < out->container_token.len; i++)
        if ((unsigned char)out->container_token.ptr[i] < 0x20 ||
            out->container_token.ptr[i] == 0x7f)
            return explain(why, PIPEPOLL_ECREDENTIALS,
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line end or another control "
                           "character: it would end a header line");
    return 0;
}

/* --- EC2 --- */

static int imds_mode(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    struct configured_value mode = configured_either(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                                     "ec2_metadata_service_endpoint_mode");
    if (!mode.text.len || str_eq_nocase(mode.text, STR("IPv4")))
        out->imds_url = STR("http://169.254.169.254");
    else if (str_eq_nocase(mode.text, STR("IPv6")))
        out->imds_url = STR("http://[fd00:ec2::254]");
    else
        return explain(
            why, PIPEPOLL_ECREDENTIALS,
            "%s: the endpoint mode of EC2's metadata service is IPv4 or IPv6, not \"%.*s\"",
            mode.from, STR_ARG(mode.text));
    return 0;
}

static int imds_url(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    struct configured_value v =
        configured_either(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    if (!v.text.len)
        return imds_mode(out, c, why);
    struct address a;
    const char *fault = read_url(&a, v.text);
    if (!fault && str_find(v.text, '?') < v.text.len)
        fault = "has a query (?)";
    if (fault)
        return explain(why, PIPEPOLL_ECREDENTIALS, "%s: the endpoint of EC2's metadata service %s",
                       v.from, fault);
    out->imds_url = v.text;
    while (out->imds_url.ptr[out->imds_url.len - 1] == '/')
        out->imds_url.len--;
    return 0;
}

struct number_rule {
    const char *variable, *key, *unit;
    uint32_t fallback, most;
};

static int read_number(uint32_t *out, const struct configured *c, const struct number_rule *rule,
                       struct pipepoll_error *why)
{
    struct configured_value v = configured_either(c, rule->variable, rule->key);
    uint32_t n = 0;
    *out = rule->fallback;
    if (!v.text.len)
        return 0;
    for (size_t i = 0; i < v.text.len && n <= rule->most; i++)
        n = ascii_is_digit(v.text.ptr[i]) ? n * 10 + (uint32_t)(v.text.ptr[i] - '0')
                                          : rule->most + 1;
    if (n == 0 || n > rule->most)
        return explain(why, PIPEPOLL_ECREDENTIALS, "%s: %s must be 1 to %u %s, not \"%.*s\"",
                       v.from, rule->key, rule->most, rule->unit, STR_ARG(v.text));
    *out = n;
    return 0;
}

/* Only who says in so many words that version 1 is not disabled gets it: the SDKs fall back to it
 * unless told otherwise, which is how a confused web server gives an instance's credentials
 * away. */
static int read_v1(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    struct configured_value v =
        configured_either(c, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled");
    out->imds_v1 = str_eq_nocase(v.text, STR("false"));
    if (!v.text.len || out->imds_v1 || configured_is_true(&v))
        return 0;
    return explain(why, PIPEPOLL_ECREDENTIALS,
                   "%s: whether version 1 is disabled is true or "
                   "false, not \"%.*s\"",
                   v.from, STR_ARG(v.text));
}

int metadata_imds(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    static const struct number_rule timeout = {
        "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", "seconds", 1, 60,
    };
    static const struct number_rule attempts = {
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", "attempts", 3, 10,
    };
    if (environment_is_true(c->environment, "AWS_EC2_METADATA_DISABLED"))
        return SOURCE_NOT_CONFIGURED;
    out->source = SOURCE_IMDS;
    uint32_t timeout_s = 0;
    int r = imds_url(out, c, why);
    if (!r)
        r = read_number(&timeout_s, c, &timeout, why);
    if (!r)
        r = read_number(&out->imds_attempts, c, &attempts, why);
    if (!r)
        r = read_v1(out, c, why);
    out->imds_timeout_ms = timeout_s * 1000;
    return r;
}
