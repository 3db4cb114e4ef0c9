/* Verification follows the order in which AWS complains: is there an Authorization header, is it
 * whole, is the key known, is the scope ours, is the date near, and only then the signature. */
#include "sim/signature.h"

#include <openssl/crypto.h>
#include <time.h>

#include "base/buf.h"
#include "sim/canonical.h"
#include "sim/sha.h"

enum { SKEW_MAX_S = 5 * 60 };

#define INVALID    "InvalidSignatureException"
#define INCOMPLETE "IncompleteSignatureException"

struct scope {
    str access_key_id, day, region, service, terminator;
};

struct authorization {
    str credential, signed_headers, signature;
    struct scope scope;
};

static str amz_date(const struct request *rq)
{
    return str_trim(exchange_header(rq, STR("x-amz-date")));
}

/* --- the Authorization header ---------------------------------------------------------------- */

static const str algorithm = STR_INIT("AWS4-HMAC-SHA256");

static bool scope_read(struct scope *out, str credential)
{
    /* An access key may hold slashes in theory; the four parts after it may not. */
    str *parts[] = { &out->terminator, &out->service, &out->region, &out->day };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t slash = credential.len;
        while (slash && credential.ptr[slash - 1] != '/')
            slash--;
        if (slash == 0)
            return false;
        *parts[i] = str_skip(credential, slash);
        credential.len = slash - 1;
    }
    out->access_key_id = credential;
    return true;
}

/* Parameters in any order, blanks anywhere around them. Unknown ones are ignored. */
static void authorization_read(struct authorization *out, str text)
{
    *out = (struct authorization) { 0 };
    while (text.len) {
        str value = str_trim(exchange_cut(&text, ',')), name = str_trim(exchange_cut(&value, '='));
        value = str_trim(value);
        if (str_eq(name, STR("Credential")))
            out->credential = value;
        else if (str_eq(name, STR("SignedHeaders")))
            out->signed_headers = value;
        else if (str_eq(name, STR("Signature")))
            out->signature = value;
    }
}

str signature_region(const struct request *rq)
{
    struct authorization a;
    str text = str_trim(exchange_header(rq, STR("authorization")));
    if (!str_starts(text, algorithm))
        return (str) { 0 };
    authorization_read(&a, str_skip(text, algorithm.len));
    return scope_read(&a.scope, a.credential) ? a.scope.region : (str) { 0 };
}

static bool is_signed(const struct authorization *a, str name)
{
    str list = a->signed_headers;
    while (list.len)
        if (str_eq_nocase(exchange_cut(&list, ';'), name))
            return true;
    return false;
}

static bool check_parameters(struct refusal *out, struct authorization *a, const struct request *rq)
{
    str text = str_trim(exchange_header(rq, STR("authorization")));
    if (text.len == 0)
        return exchange_refuse(out, "MissingAuthenticationTokenException",
                               "Missing Authentication Token");
    if (!str_starts(text, algorithm))
        return exchange_refuse(out, INCOMPLETE, "Unsupported AWS 'algorithm': '%.*s'.",
                               (int)str_find(text, ' '), text.ptr);
    authorization_read(a, str_skip(text, algorithm.len));
    str date = amz_date(rq);
    if (!a->credential.len || !a->signature.len || !a->signed_headers.len || !date.len)
        return exchange_refuse(
            out, INCOMPLETE, "%s%s%s%sAuthorization=%.*s",
            a->credential.len ? "" : "Authorization header requires 'Credential' parameter. ",
            a->signature.len ? "" : "Authorization header requires 'Signature' parameter. ",
            a->signed_headers.len ? ""
                                  : "Authorization header requires 'SignedHeaders' parameter. ",
            date.len ? "" : "Authorization header requires existence of 'X-Amz-Date' header. ",
            STR_ARG(text));
    if (!scope_read(&a->scope, a->credential))
        return exchange_refuse(out, INCOMPLETE,
                               "Credential must have exactly 5 slash-delimited elements, "
                               "e.g. keyid/date/region/service/term, got '%.*s'",
                               STR_ARG(a->credential));
    if (!is_signed(a, STR("host")))
        return exchange_refuse(out, INVALID,
                               "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    if (!is_signed(a, STR("x-amz-date")))
        return exchange_refuse(out, INVALID,
                               "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
    return true;
}

static bool same_secret(str a, str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

static bool check_keys(struct refusal *out, const struct authorization *a, const struct request *rq,
                       const struct signature_keys *keys)
{
    str token = str_trim(exchange_header(rq, STR("x-amz-security-token")));
    if (str_eq(a->scope.access_key_id, keys->access_key_id) &&
        (token.len ? same_secret(token, keys->session_token) : keys->session_token.len == 0))
        return true;
    return exchange_refuse(out, "UnrecognizedClientException",
                           "The security token included in the request is invalid.");
}

/* --- scope and date -------------------------------------------------------------------------- */

/* "20150830T123600Z" to Unix seconds; false for anything else. */
static bool date_read(int64_t *out, str s)
{
    static const char shape[] = "ddddddddTddddddZ";
    if (s.len != sizeof shape - 1)
        return false;
    int n[16];
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (shape[i] == 'd' ? !digit : s.ptr[i] != shape[i])
            return false;
        n[i] = s.ptr[i] - '0';
    }
    struct tm tm = { .tm_year = n[0] * 1000 + n[1] * 100 + n[2] * 10 + n[3] - 1900,
                     .tm_mon = n[4] * 10 + n[5] - 1,
                     .tm_mday = n[6] * 10 + n[7],
                     .tm_hour = n[9] * 10 + n[10],
                     .tm_min = n[11] * 10 + n[12],
                     .tm_sec = n[13] * 10 + n[14] };
    *out = timegm(&tm);
    return true;
}

static void date_write(char out[32], int64_t unix_s)
{
    struct tm tm;
    time_t t = (time_t)unix_s;
    if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y%m%dT%H%M%SZ", &tm))
        out[0] = '\0';
}

static bool region_is_valid(str region)
{
    for (size_t i = 0; i < region.len; i++) {
        char c = region.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return region.len > 0 && region.len <= 63;
}

static bool check_scope(struct refusal *out, const struct scope *s, str date)
{
    str day = { date.ptr, date.len < 8 ? date.len : 8 };
    if (!str_eq(s->terminator, STR("aws4_request")))
        return exchange_refuse(out, INVALID,
                               "Credential should be scoped with a valid terminator: "
                               "'aws4_request'.");
    if (!str_eq(s->service, STR("codepipeline")))
        return exchange_refuse(out, INVALID,
                               "Credential should be scoped to correct service: 'codepipeline'.");
    if (!region_is_valid(s->region))
        return exchange_refuse(out, INVALID, "Credential should be scoped to a valid region.");
    if (!str_eq(s->day, day))
        return exchange_refuse(out, INVALID,
                               "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                               "version of date from HTTP: '%.*s' != '%.*s', from '%.*s'.",
                               STR_ARG(s->day), STR_ARG(day), STR_ARG(date));
    return true;
}

static bool check_date(struct refusal *out, str date, int64_t unix_s)
{
    int64_t signed_s;
    if (!date_read(&signed_s, date))
        return exchange_refuse(
            out, INCOMPLETE, "Date must be in ISO-8601 'basic format'. Got '%.*s'.", STR_ARG(date));
    char now[32], limit[32];
    date_write(now, unix_s);
    if (signed_s < unix_s - SKEW_MAX_S) {
        date_write(limit, unix_s - SKEW_MAX_S);
        return exchange_refuse(out, INVALID,
                               "Signature expired: %.*s is now earlier than %s (%s - 5 min.)",
                               STR_ARG(date), limit, now);
    }
    if (signed_s > unix_s + SKEW_MAX_S) {
        date_write(limit, unix_s + SKEW_MAX_S);
        return exchange_refuse(out, INVALID,
                               "Signature not yet current: %.*s is still later than %s "
                               "(%s + 5 min.)",
                               STR_ARG(date), limit, now);
    }
    return true;
}

/* --- the signature --------------------------------------------------------------------------- */

static struct sha signing_key(const struct scope *s, str secret)
{
    char prefixed[256];
    struct sha key = { 0 };
    if (secret.len > sizeof prefixed - 4)
        return key; /* sim_open() refuses such a key */
    memcpy(prefixed, "AWS4", 4);
    memcpy(prefixed + 4, secret.ptr, secret.len);
    key = sha_hmac((str) { prefixed, 4 + secret.len }, s->day);
    key = sha_hmac(sha_str(&key), s->region);
    key = sha_hmac(sha_str(&key), s->service);
    return sha_hmac(sha_str(&key), s->terminator);
}

static struct sha signature(const struct authorization *a, str date, const struct sha *canonical,
                            str secret)
{
    char text[512], digest[SHA_HEX_SIZE];
    const struct scope *s = &a->scope;
    struct buf to_sign = BUF_ON(text);
    sha_hex(digest, canonical);
    const str lines[] = { algorithm,
                          STR("\n"),
                          date,
                          STR("\n"),
                          s->day,
                          STR("/"),
                          s->region,
                          STR("/"),
                          s->service,
                          STR("/"),
                          s->terminator,
                          STR("\n"),
                          { digest, sizeof digest } };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        buf_put(&to_sign, lines[i]);
    struct sha key = signing_key(s, secret);
    return sha_hmac(sha_str(&key), buf_str(&to_sign));
}

static bool check_signature(struct refusal *out, const struct authorization *a,
                            const struct request *rq, str secret)
{
    struct sha body = sha_of(rq->body), canonical;
    char body_hash[SHA_HEX_SIZE], expected[SHA_HEX_SIZE];
    sha_hex(body_hash, &body);
    str body_hash_str = { body_hash, sizeof body_hash };
    str claimed = str_trim(exchange_header(rq, STR("x-amz-content-sha256")));
    bool body_is_right = claimed.len == 0 || str_eq_nocase(claimed, body_hash_str);
    if (body_is_right && canonical_hash(&canonical, rq, a->signed_headers, body_hash_str)) {
        struct sha s = signature(a, amz_date(rq), &canonical, secret);
        sha_hex(expected, &s);
        if (same_secret(a->signature, (str) { expected, sizeof expected }))
            return true;
    }
    return exchange_refuse(out, INVALID,
                           "The request signature we calculated does not match the signature you "
                           "provided. Check your AWS Secret Access Key and signing method. Consult "
                           "the service documentation for details.");
}

bool signature_verify(struct refusal *out, const struct request *rq,
                      const struct signature_keys *keys, int64_t unix_s)
{
    struct authorization a;
    str date = amz_date(rq);
    return check_parameters(out, &a, rq) && check_keys(out, &a, rq, keys) &&
           check_scope(out, &a.scope, date) && check_date(out, date, unix_s) &&
           check_signature(out, &a, rq, keys->secret_access_key);
}
