/* SPDX-License-Identifier: MIT */
/* A request proves who sent it by an Authorization header or by its query string, never by both.
 * Verification follows the order in which AWS complains: is there such a proof, is it whole, is the
 * key known, is the scope ours, is the date near, and only then the signature. */
#include "sim/signature.h"

#include <openssl/crypto.h>
#include <time.h>

#include "base/buf.h"
#include "sim/canonical.h"
#include "sim/proof.h"
#include "sim/sha.h"

/* AWS lets a query string's signature serve a week at most. */
enum { SKEW_MAX_S = 5 * 60, EXPIRES_MAX_S = 7 * 24 * 3600 };

#define INVALID    "InvalidSignatureException"
#define INCOMPLETE "IncompleteSignatureException"

static bool is_signed(const struct proof *p, str name)
{
    str list = p->signed_headers;
    while (list.len)
        if (str_eq_nocase(http_message_cut(&list, ';'), name))
            return true;
    return false;
}

static bool check_place(struct refusal *out, const struct proof *p, const struct request *rq)
{
    str text = proof_header(rq);
    if (text.len && proof_parameter(rq, "X-Amz-Algorithm").len)
        return http_message_refuse(out, INVALID,
                                   "Found both 'X-Amz-Algorithm' as a query-string param and "
                                   "'Authorization' as HTTP header.");
    if (!text.len && !p->in_query)
        return http_message_refuse(out, "MissingAuthenticationTokenException",
                                   "Missing Authentication Token");
    str named = p->in_query ? proof_parameter(rq, "X-Amz-Algorithm") : text;
    named.len = str_find(named, ' ');
    if (!str_eq(named, proof_algorithm))
        return http_message_refuse(out, INCOMPLETE, "Unsupported AWS 'algorithm': '%.*s'.",
                                   STR_ARG(named));
    return true;
}

static bool refuse_header(struct refusal *out, const struct proof *p, str text)
{
    return http_message_refuse(
        out, INCOMPLETE, "%s%s%s%sAuthorization=%.*s",
        p->credential.len ? "" : "Authorization header requires 'Credential' parameter. ",
        p->signature.len ? "" : "Authorization header requires 'Signature' parameter. ",
        p->signed_headers.len ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
        p->date.len ? ""
                    : "Authorization header requires existence of either a 'X-Amz-Date' or a "
                      "'Date' header. ",
        STR_ARG(text));
}

static bool refuse_query(struct refusal *out, const struct proof *p)
{
    return http_message_refuse(
        out, INCOMPLETE, "%s%s%s%s%sRe-examine the query-string parameters.",
        p->credential.len ? "" : "AWS query-string parameters must include 'X-Amz-Credential'. ",
        p->signature.len ? "" : "AWS query-string parameters must include 'X-Amz-Signature'. ",
        p->signed_headers.len ? ""
                              : "AWS query-string parameters must include 'X-Amz-SignedHeaders'. ",
        p->date.len ? "" : "AWS query-string parameters must include 'X-Amz-Date'. ",
        p->expires.len ? "" : "AWS query-string parameters must include 'X-Amz-Expires'. ");
}

/* Returns the header that the date came in, which has to be signed; empty for a query string. */
static str date_header(const struct proof *p, const struct request *rq)
{
    if (p->in_query)
        return (str) { 0 };
    return http_message_header(rq, STR("x-amz-date")).len ? STR("x-amz-date") : STR("date");
}

static bool check_parameters(struct refusal *out, const struct proof *p, const struct request *rq)
{
    bool whole = p->credential.len && p->signature.len && p->signed_headers.len && p->date.len;
    if (p->in_query && (!whole || !p->expires.len))
        return refuse_query(out, p);
    if (!whole)
        return refuse_header(out, p, proof_header(rq));
    if (!p->scope.terminator.len)
        return http_message_refuse(out, INCOMPLETE,
                                   "Credential must have exactly 5 slash-delimited elements, "
                                   "e.g. keyid/date/region/service/term, got '%.*s'",
                                   STR_ARG(p->credential));
    if (!is_signed(p, STR("host")))
        return http_message_refuse(out, INVALID,
                                   "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    str date = date_header(p, rq);
    if (date.len && !is_signed(p, date))
        return http_message_refuse(out, INVALID,
                                   "'%s' must be a 'SignedHeader' in the AWS Authorization.",
                                   date.len > 4 ? "X-Amz-Date" : "Date");
    return true;
}

static bool same_secret(str a, str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

static bool check_credentials(struct refusal *out, const struct proof *p,
                              const struct signature_credentials *credentials)
{
    if (str_eq(p->scope.access_key_id, credentials->access_key_id) &&
        (p->token.len ? same_secret(p->token, credentials->session_token)
                      : !credentials->session_token.len))
        return true;
    return http_message_refuse(out, "UnrecognizedClientException",
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
        bool digit = ascii_is_digit(s.ptr[i]);
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
    struct tm same = tm;
    *out = timegm(&same);
    /* timegm() takes February 30 for March 2. */
    return same.tm_mon == tm.tm_mon && same.tm_mday == tm.tm_mday && same.tm_hour == tm.tm_hour &&
           same.tm_min == tm.tm_min && same.tm_sec == tm.tm_sec;
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
        if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && c != '-')
            return false;
    }
    return region.len > 0 && region.len <= 63;
}

static bool check_scope(struct refusal *out, const struct proof_scope *s, str date)
{
    str day = { date.ptr, date.len < 8 ? date.len : 8 };
    if (!str_eq(s->terminator, STR("aws4_request")))
        return http_message_refuse(out, INVALID,
                                   "Credential should be scoped with a valid terminator: "
                                   "'aws4_request'.");
    if (!str_eq(s->service, STR("codepipeline")))
        return http_message_refuse(
            out, INVALID, "Credential should be scoped to correct service: 'codepipeline'.");
    if (!region_is_valid(s->region))
        return http_message_refuse(out, INVALID, "Credential should be scoped to a valid region.");
    if (!str_eq(s->day, day))
        return http_message_refuse(out, INVALID,
                                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                                   "version of date from HTTP: '%.*s' != '%.*s', from '%.*s'.",
                                   STR_ARG(s->day), STR_ARG(day), STR_ARG(date));
    return true;
}

static bool expires_read(int64_t *out, str text)
{
    *out = 0;
    for (size_t i = 0; i < text.len && i < 7; i++)
        *out = text.ptr[i] >= '0' && text.ptr[i] <= '9' ? *out * 10 + text.ptr[i] - '0' : INT32_MAX;
    return text.len <= 6 && *out > 0 && *out <= EXPIRES_MAX_S;
}

static bool refuse_expired(struct refusal *out, str date, int64_t unix_s, int64_t valid_s)
{
    char now[32], limit[32];
    date_write(now, unix_s);
    date_write(limit, unix_s - valid_s);
    return http_message_refuse(
        out, INVALID, "Signature expired: %.*s is now earlier than %s (%s - %lld %s.)",
        STR_ARG(date), limit, now, (long long)(valid_s % 60 ? valid_s : valid_s / 60),
        valid_s % 60 ? "sec" : "min");
}

static bool check_date(struct refusal *out, const struct proof *p, int64_t unix_s)
{
    int64_t signed_s, valid_s = SKEW_MAX_S;
    if (!date_read(&signed_s, p->date))
        return http_message_refuse(out, INCOMPLETE,
                                   "Date must be in ISO-8601 'basic format'. Got '%.*s'.",
                                   STR_ARG(p->date));
    if (p->in_query && !expires_read(&valid_s, p->expires))
        return http_message_refuse(out, INCOMPLETE,
                                   "X-Amz-Expires must be a number of seconds from 1 to %d. Got "
                                   "'%.*s'.",
                                   EXPIRES_MAX_S, STR_ARG(p->expires));
    if (signed_s < unix_s - valid_s)
        return refuse_expired(out, p->date, unix_s, valid_s);
    if (signed_s <= unix_s + SKEW_MAX_S)
        return true;
    char now[32], limit[32];
    date_write(now, unix_s);
    date_write(limit, unix_s + SKEW_MAX_S);
    return http_message_refuse(
        out, INVALID, "Signature not yet current: %.*s is still later than %s (%s + 5 min.)",
        STR_ARG(p->date), limit, now);
}

/* --- the signature --------------------------------------------------------------------------- */

static struct sha signing_key(const struct proof_scope *s, str secret)
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

static struct sha signature(const struct proof *p, const struct sha *canonical, str secret)
{
    char text[512], digest[SHA_HEX_SIZE];
    const struct proof_scope *s = &p->scope;
    struct buf to_sign = BUF_ON(text);
    sha_hex(digest, canonical);
    const str lines[] = { proof_algorithm,
                          STR("\n"),
                          p->date,
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

static bool check_signature(struct refusal *out, const struct proof *p, const struct request *rq,
                            str secret)
{
    struct sha body = sha_of(rq->body), canonical;
    char body_hash[SHA_HEX_SIZE], expected[SHA_HEX_SIZE];
    sha_hex(body_hash, &body);
    str body_hash_str = { body_hash, sizeof body_hash };
    str claimed = str_trim(http_message_header(rq, STR("x-amz-content-sha256")));
    bool body_is_right = claimed.len == 0 || str_eq_nocase(claimed, body_hash_str);
    if (body_is_right && canonical_hash(&canonical, rq, p->signed_headers, body_hash_str)) {
        struct sha s = signature(p, &canonical, secret);
        sha_hex(expected, &s);
        if (same_secret(p->signature, (str) { expected, sizeof expected }))
            return true;
    }
    return http_message_refuse(
        out, INVALID,
        "The request signature we calculated does not match the signature you "
        "provided. Check your AWS Secret Access Key and signing method. Consult "
        "the service documentation for details.");
}

bool signature_verify(struct refusal *out, const struct request *rq,
                      const struct signature_credentials *credentials, int64_t unix_s)
{
    struct proof p;
    proof_read(&p, rq);
    return check_place(out, &p, rq) && check_parameters(out, &p, rq) &&
           check_credentials(out, &p, credentials) && check_scope(out, &p.scope, p.date) &&
           check_date(out, &p, unix_s) &&
           check_signature(out, &p, rq, credentials->secret_access_key);
}
