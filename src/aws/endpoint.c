/* SPDX-License-Identifier: MIT */
/* Host names follow one rule in every partition; partitions differ in their suffixes and in how
 * their regions begin. A region of later years is not in the lists below, but its name tells its
 * partition.
 *
 * An override is taken apart and written anew from its parts, never passed on as it came: what curl
 * connects to, what the Host header says and what is signed are then the same bytes. */
#include "aws/endpoint.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/url.h"

enum { REGION_MAX = 63, QUOTE_MAX = 100, LABEL_MAX = 63, HOST_MAX = 253 };

struct partition {
    str name, suffix, dualstack_suffix;
    str default_region;          /* enabled for every account */
    const char *const *prefixes; /* regions are named PREFIX-WORD-DIGITS */
    const char *const *regions;  /* where CodePipeline is offered */
};

#define LIST(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define NONE      ((const char *const[]) { NULL })

static const struct partition partitions[] = {
    { STR_INIT("aws"), STR_INIT("amazonaws.com"), STR_INIT("api.aws"), STR_INIT("us-east-1"),
      LIST("us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"),
      LIST("af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
           "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
           "ap-southeast-4", "ap-southeast-5", "ca-central-1", "eu-central-1", "eu-central-2",
           "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
           "il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2",
           "us-west-1", "us-west-2") },
    { STR_INIT("aws-cn"), STR_INIT("amazonaws.com.cn"), STR_INIT("api.amazonwebservices.com.cn"),
      STR_INIT("cn-north-1"), LIST("cn"), LIST("cn-north-1", "cn-northwest-1") },
    { STR_INIT("aws-us-gov"), STR_INIT("amazonaws.com"), STR_INIT("api.aws"),
      STR_INIT("us-gov-west-1"), LIST("us-gov"), LIST("us-gov-east-1", "us-gov-west-1") },
    { STR_INIT("aws-iso"), STR_INIT("c2s.ic.gov"), STR_INIT("api.aws.ic.gov"),
      STR_INIT("us-iso-east-1"), LIST("us-iso"), NONE },
    { STR_INIT("aws-iso-b"), STR_INIT("sc2s.sgov.gov"), STR_INIT("api.aws.scloud"),
      STR_INIT("us-isob-east-1"), LIST("us-isob"), NONE },
    { STR_INIT("aws-iso-e"), STR_INIT("cloud.adc-e.uk"), STR_INIT("api.cloud-aws.adc-e.uk"),
      STR_INIT("eu-isoe-west-1"), LIST("eu-isoe"), NONE },
    { STR_INIT("aws-iso-f"), STR_INIT("csp.hci.ic.gov"), STR_INIT("api.aws.hci.ic.gov"),
      STR_INIT("us-isof-south-1"), LIST("us-isof"), LIST("us-isof-east-1", "us-isof-south-1") },
    { STR_INIT("aws-eusc"), STR_INIT("amazonaws.eu"), STR_INIT("api.amazonwebservices.eu"),
      STR_INIT("eusc-de-east-1"), LIST("eusc-de"), NONE },
};

enum { PARTITION_COUNT = sizeof partitions / sizeof *partitions };

static bool is_alnum_lower(char c)
{
    return ascii_is_digit(c) || (c >= 'a' && c <= 'z');
}

/* What stands before "-WORD-DIGITS" at the end of a region's name, or nothing. */
static str region_prefix(str region)
{
    size_t digits = region.len;
    while (digits > 0 && ascii_is_digit(region.ptr[digits - 1]))
        digits--;
    if (digits == region.len || digits == 0 || region.ptr[digits - 1] != '-')
        return STR("");
    size_t word = digits - 1;
    while (word > 0 && region.ptr[word - 1] != '-')
        word--;
    if (word == digits - 1 || word == 0)
        return STR("");
    return (str) { region.ptr, word - 1 };
}

static const struct partition *partition_of(str region)
{
    str prefix = region_prefix(region);
    for (size_t i = 0; i < PARTITION_COUNT; i++)
        for (const char *const *p = partitions[i].prefixes; *p; p++)
            if (str_eq(prefix, str_of(*p)))
                return &partitions[i];
    return &partitions[0];
}

str endpoint_partition(str region)
{
    return partition_of(region)->name;
}

str endpoint_default_region(str partition)
{
    for (size_t p = 0; p < PARTITION_COUNT; p++)
        if (str_eq(partition, partitions[p].name))
            return partitions[p].default_region;
    return STR("");
}

const char *endpoint_region(str partition, size_t i)
{
    if (!partition.len)
        partition = partitions[0].name;
    for (size_t p = 0; p < PARTITION_COUNT; p++) {
        if (!str_eq(partition, partitions[p].name))
            continue;
        const char *const *region = partitions[p].regions;
        while (*region && i-- > 0)
            region++;
        return *region;
    }
    return NULL;
}

static bool is_sts(const struct endpoint_rule *rule)
{
    return str_eq(rule->service, STR("sts"));
}

static bool is_global(const struct endpoint_rule *rule)
{
    return is_sts(rule) && (!rule->region.len || str_eq(rule->region, STR("aws-global")));
}

static int check_region(str region, struct pipepoll_error *why)
{
    bool ok = region.len > 0 && region.len <= REGION_MAX && region.ptr[0] != '-' &&
              region.ptr[region.len - 1] != '-';
    for (size_t i = 0; ok && i < region.len; i++)
        ok = is_alnum_lower(region.ptr[i]) || region.ptr[i] == '-';
    if (ok)
        return 0;
    size_t shown = region.len < QUOTE_MAX ? region.len : QUOTE_MAX;
    return explain(why, PIPEPOLL_EINVAL,
                   "region \"%.*s%s\" is not 1 to %d of a-z, 0-9 and, between these, '-'",
                   (int)shown, region.ptr, shown < region.len ? "..." : "", REGION_MAX);
}

/* The parts of an override that matter. */
struct override {
    bool tls;
    str host; /* with the brackets of an IPv6 address */
    unsigned port;
    str path;
};

static int refuse_url(struct pipepoll_error *why, str url, const char *rule)
{
    size_t shown = url.len < QUOTE_MAX ? url.len : QUOTE_MAX;
    return explain(why, PIPEPOLL_EINVAL, "endpoint URL \"%.*s%s\" %s", (int)shown, url.ptr,
                   shown < url.len ? "..." : "", rule);
}

static bool is_url_byte(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

static bool is_label(str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!is_alnum_lower(ascii_lower(label.ptr[i])) && !strchr("-_", label.ptr[i]))
            return false;
    return label.len > 0 && label.len <= LABEL_MAX && label.ptr[0] != '-' &&
           label.ptr[label.len - 1] != '-';
}

static bool is_address(int family, str text)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* Then the system may take the whole for an address: "127.1" and "0x7f000001" are 127.0.0.1 to one
 * reader and names to another. */
static bool is_number(str label)
{
    bool is_hex = label.len >= 2 && label.ptr[0] == '0' && ascii_lower(label.ptr[1]) == 'x';
    for (size_t i = is_hex ? 2 : 0; i < label.len; i++)
        if (!ascii_is_digit(label.ptr[i]) &&
            !(is_hex && strchr("abcdef", ascii_lower(label.ptr[i]))))
            return false;
    return true;
}

/* Labels between dots, one more dot at the end at most; an address when the last is a number. */
static bool is_host(str host)
{
    str rest = host, label = STR("");
    if (rest.len && rest.ptr[rest.len - 1] == '.')
        rest.len--;
    if (!rest.len || rest.len > HOST_MAX)
        return false;
    for (bool more = true; more;) {
        label = (str) { rest.ptr, str_find(rest, '.') };
        more = label.len < rest.len;
        rest = str_skip(rest, label.len + more);
        if (!is_label(label))
            return false;
    }
    return !is_number(label) || is_address(AF_INET, host);
}

/* A zone ("%eth0") is refused, because it means nothing in a Host header. */
static bool is_host_of(const struct url *u)
{
    return u->in_brackets ? is_address(AF_INET6, u->host) : is_host(u->host);
}

/* Each '%' begins an escape. */
static bool is_escaped(str path)
{
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '%' &&
            (path.len - i < 3 || !ascii_is_hex(path.ptr[i + 1]) || !ascii_is_hex(path.ptr[i + 2])))
            return false;
    return true;
}

/* "1" to "65535"; 0 for none. */
static bool read_port(unsigned *out, str s)
{
    unsigned port = 0;
    if (s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.ptr[i]))
            return false;
        port = port * 10 + (unsigned)(s.ptr[i] - '0');
    }
    *out = port;
    return !s.ptr || (s.len > 0 && port > 0 && port <= 65535);
}

static const char needs_host[] =
    "needs a host: a name of letters, digits, '-' and '_' between dots, an IPv4 address of four "
    "numbers, or an IPv6 address in brackets";

static const char bad_port[] = "has a port that is not a number from 1 to 65535";

/* The rules for the parts. NULL, or the one that is broken. */
static const char *check_parts(struct override *out, const struct url *u)
{
    out->tls = str_eq_nocase(u->scheme, STR("https"));
    if (!out->tls && !str_eq_nocase(u->scheme, STR("http")))
        return "does not begin with https:// or http://";
    if (str_find(u->target, '?') < u->target.len || str_find(u->target, '#') < u->target.len)
        return "has a query or a fragment, only a path may follow the host";
    if (!is_host_of(u))
        return needs_host;
    if (!read_port(&out->port, u->port))
        return bad_port;
    return is_escaped(u->target)
               ? NULL
               : "has a '%' that two hexadecimal digits do not follow: write it %25";
}

/* NULL, or the rule that the URL breaks. */
static const char *read_url(struct override *out, str url)
{
    struct url u;
    for (size_t i = 0; i < url.len; i++)
        if (!is_url_byte(url.ptr[i]))
            return "has a character that must be percent-encoded in a URL";
    if (!url_split(&u, url))
        return str_find(url, ']') < url.len ? bad_port : needs_host;
    const char *rule = check_parts(out, &u);
    if (rule)
        return rule;
    out->host = (str) { u.host.ptr - u.in_brackets, u.host.len + 2 * (size_t)u.in_brackets };
    out->path = u.target;
    return NULL;
}

/* Write what the text of an endpoint is made of; the slices of out begin to be valid here. */
static void write_endpoint(struct endpoint *out, const struct override *u)
{
    struct buf text = BUF_ON(out->text);
    out->tls = u->tls;
    buf_put(&text, u->tls ? STR("https://") : STR("http://"));
    size_t host = text.len;
    buf_put(&text, u->host);
    if (u->port && u->port != (u->tls ? 443 : 80)) {
        buf_put_char(&text, ':');
        buf_put_u64(&text, u->port);
    }
    size_t path = text.len;
    buf_put(&text, u->path);
    if (!u->path.len || u->path.ptr[u->path.len - 1] != '/')
        buf_put_char(&text, '/');
    buf_cstr(&text);
    out->url = buf_str(&text);
    out->path = str_skip(out->url, path);
    out->host = (str) { out->text + host, path - host };
}

static int resolve_override(struct endpoint *out, str url, struct pipepoll_error *why)
{
    struct override u;
    const size_t max = sizeof out->text - 2; /* a '/' and a NUL may be added */
    /* First, and without quoting it: user info is a password, whatever else is wrong. */
    if (str_find(url, '@') < url.len)
        return explain(why, PIPEPOLL_EINVAL,
                       "endpoint URL has an '@': user info is not allowed, in a path write %%40");
    if (url.len > max)
        return explain(why, PIPEPOLL_EINVAL, "endpoint URL \"%.*s...\" is longer than %zu bytes",
                       QUOTE_MAX, url.ptr, max);
    const char *rule = read_url(&u, url);
    if (rule)
        return refuse_url(why, url, rule);
    write_endpoint(out, &u);
    return 0;
}

/* The US government's STS answers to FIPS by its plain name. */
static bool is_fips_by_itself(const struct endpoint_rule *rule, const struct partition *p)
{
    return is_sts(rule) && !rule->dualstack && str_eq(p->name, STR("aws-us-gov"));
}

static void resolve_region(struct endpoint *out, const struct endpoint_rule *rule)
{
    const struct partition *p = partition_of(out->signing_region);
    char host[256];
    struct buf b = BUF_ON(host);
    buf_put(&b, rule->service.len ? rule->service : STR("codepipeline"));
    if (rule->fips && !is_fips_by_itself(rule, p))
        buf_put(&b, STR("-fips"));
    buf_put_char(&b, '.');
    if (!is_global(rule) || rule->fips || rule->dualstack) {
        buf_put(&b, out->signing_region);
        buf_put_char(&b, '.');
    }
    buf_put(&b, rule->dualstack ? p->dualstack_suffix : p->suffix);
    write_endpoint(out, &(struct override) { .tls = true, .host = buf_str(&b) });
}

/* --- names that are no regions --- */

/* aws-global, aws-cn-global, ...: where a partition has what it has but once. */
static str home_of(str region)
{
    const str suffix = STR_INIT("-global");
    if (region.len <= suffix.len || !str_eq(str_skip(region, region.len - suffix.len), suffix))
        return region;
    str home = endpoint_default_region((str) { region.ptr, region.len - suffix.len });
    return home.len ? home : region;
}

/* fips-us-east-1 and us-east-1-fips are older names of FIPS in us-east-1. Where the endpoint is the
 * operator's own they say the region and no more. */
static struct endpoint_rule without_pseudo(const struct endpoint_rule *given)
{
    const str prefix = STR_INIT("fips-"), suffix = STR_INIT("-fips");
    struct endpoint_rule rule = *given;
    str end = rule.region.len > suffix.len ? str_skip(rule.region, rule.region.len - suffix.len)
                                           : STR("");
    bool is_fips = true;
    if (str_starts(rule.region, prefix) && rule.region.len > prefix.len)
        rule.region = str_skip(rule.region, prefix.len);
    else if (str_eq(end, suffix))
        rule.region.len -= suffix.len;
    else
        is_fips = false;
    rule.fips |= is_fips && !rule.endpoint_url.len;
    if (!is_global(&rule))
        rule.region = home_of(rule.region);
    return rule;
}

int endpoint_resolve(struct endpoint *out, const struct endpoint_rule *given,
                     struct pipepoll_error *why)
{
    const struct endpoint_rule real = without_pseudo(given), *rule = &real;
    str region = is_global(rule) ? STR("us-east-1") : rule->region;
    int r = check_region(region, why);
    if (r)
        return r;
    if (rule->endpoint_url.len && (rule->fips || rule->dualstack))
        return explain(why, PIPEPOLL_EINVAL,
                       "%s is a choice among AWS's own endpoints, which excludes an "
                       "endpoint URL",
                       rule->fips ? "fips" : "dualstack");
    if (rule->endpoint_url.len) {
        r = resolve_override(out, rule->endpoint_url, why);
        if (r)
            return r;
    }
    memcpy(out->region_text, region.ptr, region.len); /* REGION_MAX at most */
    out->signing_region = (str) { out->region_text, region.len };
    if (!rule->endpoint_url.len)
        resolve_region(out, rule);
    out->insecure = rule->insecure;
    return 0;
}
