/* SPDX-License-Identifier: MIT */
/* The stages write one behind the other into the caller's memory, and overflow is looked at once at
 * the end of each; nothing else can go wrong, but for too many headers. All is appended by hand:
 * snprintf() would cost more than the hashes. */
#include "aws/sigv4.h"

#include "base/url.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"

/* Every service but S3 has the path encoded twice. */
static void put_encoded(struct buf *out, str s)
{
    url_put_encoded(out, s, "/");
}

/* The path without empty and dot segments. An encoded segment has no '/', so ".." takes back what
 * was put since the last one. */
static void put_normal_path(struct buf *out, str path)
{
    size_t start = out->len;
    bool slash_last = path.len && path.ptr[path.len - 1] == '/';
    while (path.len) {
        str segment = { path.ptr, str_find(path, '/') };
        path = str_skip(path, segment.len < path.len ? segment.len + 1 : segment.len);
        if (str_eq(segment, STR(".."))) {
            while (out->len > start && out->at[--out->len] != '/')
                ;
        } else if (segment.len && !str_eq(segment, STR("."))) {
            buf_put_char(out, '/');
            put_encoded(out, segment);
        }
    }
    if (slash_last || out->len == start)
        buf_put_char(out, '/');
}

static void put_lower(struct buf *out, str s)
{
    size_t start = out->len;
    buf_put(out, s);
    char *end = out->at + out->len;
    for (char *c = out->at + start; c < end; c++)
        *c = ascii_lower(*c);
}

static bool blank(char c)
{
    /* One comparison for nearly all bytes of nearly all headers. */
    return (unsigned char)c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* How many bytes come before the first blank. A session token is a kilobyte without one: eight
 * bytes are looked at together until one of them is no greater than a space. */
static size_t word_len(str s)
{
    const uint64_t each = 0x0101010101010101;
    size_t len = 0;
    for (uint64_t eight; s.len - len >= sizeof eight; len += sizeof eight) {
        memcpy(&eight, s.ptr + len, sizeof eight);
        if ((eight - each * (' ' + 1)) & ~eight & each * 0x80)
            break;
    }
    while (len < s.len && !blank(s.ptr[len]))
        len++;
    return len;
}

/* Without blanks at both ends, and one space for each run of them between. */
static void put_folded(struct buf *out, str value)
{
    for (value = str_trim(value); value.len;) {
        size_t word = word_len(value), next;
        for (next = word; next < value.len && blank(value.ptr[next]);)
            next++;
        buf_put(out, (str) { value.ptr, word });
        if (next > word)
            buf_put_char(out, ' ');
        value = str_skip(value, next);
    }
}

/* Negative, 0 or positive as of strcmp(), for names in lower case. */
static int compare_names(str a, str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        if (a.ptr[i] == b.ptr[i])
            continue;
        int difference =
            (unsigned char)ascii_lower(a.ptr[i]) - (unsigned char)ascii_lower(b.ptr[i]);
        if (difference)
            return difference;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* By insertion: a handful of headers, most often in order already. Headers of one name stay in the
 * order in which they are sent. */
static void sort_headers(const struct sigv4_header **sorted, const struct sigv4_request *rq)
{
    for (size_t i = 0; i < rq->header_count; i++) {
        size_t at = i;
        for (; at > 0 && compare_names(sorted[at - 1]->name, rq->headers[i].name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &rq->headers[i];
    }
}

/* The header lines, a blank line, the list of their names; returns that list. */
static str put_headers(struct buf *out, const struct sigv4_header **sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq_nocase(sorted[i - 1]->name, sorted[i]->name)) {
            buf_put_char(out, ',');
        } else {
            if (i > 0)
                buf_put_char(out, '\n');
            put_lower(out, sorted[i]->name);
            buf_put_char(out, ':');
        }
        put_folded(out, sorted[i]->value);
    }
    buf_put(out, STR("\n\n"));
    size_t start = out->len;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq_nocase(sorted[i - 1]->name, sorted[i]->name))
            continue;
        if (i > 0)
            buf_put_char(out, ';');
        put_lower(out, sorted[i]->name);
    }
    return str_skip(buf_str(out), start);
}

static void put_hex(struct buf *out, const struct sha256 *sum)
{
    char hex[SHA256_HEX_SIZE];
    sha256_hex(hex, sum);
    buf_put(out, (str) { hex, sizeof hex });
}

int sigv4_canonical_request(struct buf *out, str *signed_headers, const struct sigv4_request *rq)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    if (rq->header_count > SIGV4_HEADERS_MAX)
        return PIPEPOLL_EINVAL;
    struct sha256 payload;
    sha256(&payload, rq->body);
    sort_headers(sorted, rq);
    buf_put(out, rq->method);
    buf_put_char(out, '\n');
    if (rq->verbatim_path)
        put_encoded(out, rq->path);
    else
        put_normal_path(out, rq->path);
    buf_put(out, STR("\n\n")); /* between the two: the query string that we never have */
    str list = put_headers(out, sorted, rq->header_count);
    buf_put_char(out, '\n');
    put_hex(out, &payload);
    if (out->overflow)
        return PIPEPOLL_ENOMEM;
    *signed_headers = list;
    return 0;
}

void sigv4_credential_scope(struct buf *out, const struct sigv4_scope *scope)
{
    buf_put(out, scope->day);
    buf_put_char(out, '/');
    buf_put(out, scope->region);
    buf_put_char(out, '/');
    buf_put(out, scope->service);
    buf_put(out, STR("/" TERMINATOR));
}

int sigv4_string_to_sign(struct buf *out, str amz_date, str scope, str canonical)
{
    struct sha256 sum;
    sha256(&sum, canonical);
    buf_put(out, STR(ALGORITHM "\n"));
    buf_put(out, amz_date);
    buf_put_char(out, '\n');
    buf_put(out, scope);
    buf_put_char(out, '\n');
    put_hex(out, &sum);
    return out->overflow ? PIPEPOLL_ENOMEM : 0;
}

/* HMAC over the day with the key "AWS4" + secret. A key longer than a block counts as its hash, by
 * HMAC's own rule, so that a secret of any length needs no more memory than a block. */
static void sign_day(struct sha256 *out, str secret, str day)
{
    char block[SHA256_BLOCK_SIZE];
    struct buf key = BUF_ON(block);
    buf_put(&key, STR("AWS4"));
    buf_put(&key, secret);
    if (key.overflow) {
        struct sha256_sum sum;
        sha256_begin(&sum);
        sha256_put(&sum, STR("AWS4"));
        sha256_put(&sum, secret);
        sha256_end(&sum, out);
        digest_wipe(&sum, sizeof sum);
        buf_reset(&key);
        buf_put(&key, sha256_str(out));
    }
    hmac_sha256(out, buf_str(&key), day);
    digest_wipe(block, sizeof block);
}

void sigv4_signing_key(struct sha256 *out, str secret, const struct sigv4_scope *scope)
{
    sign_day(out, secret, scope->day);
    hmac_sha256(out, sha256_str(out), scope->region);
    hmac_sha256(out, sha256_str(out), scope->service);
    hmac_sha256(out, sha256_str(out), STR(TERMINATOR));
}

void sigv4_authorization(struct buf *out, str access_key_id, str scope, str signed_headers,
                         const struct sha256 *signature)
{
    buf_put(out, STR(ALGORITHM " Credential="));
    buf_put(out, access_key_id);
    buf_put_char(out, '/');
    buf_put(out, scope);
    buf_put(out, STR(", SignedHeaders="));
    buf_put(out, signed_headers);
    buf_put(out, STR(", Signature="));
    put_hex(out, signature);
}

int sigv4_key_init(struct sigv4_key *k, str region, str service)
{
    size_t around = sizeof k->day + strlen("///" TERMINATOR);
    if (region.len > sizeof k->scope || service.len > sizeof k->scope ||
        around + region.len + service.len > sizeof k->scope)
        return PIPEPOLL_EINVAL;
    *k = (struct sigv4_key) { .region = region, .service = service };
    return 0;
}

void sigv4_key_deinit(struct sigv4_key *k)
{
    hmac_key_wipe(&k->hmac);
    credentials_unref(k->credentials);
    *k = (struct sigv4_key) { 0 };
}

/* Make k the key of c on this day. Credentials are told apart by address: k holds a reference, so
 * the address cannot come to mean others. */
static void key_derive(struct sigv4_key *k, struct credentials *c, str day)
{
    if (k->credentials == c && str_eq((str) { k->day, sizeof k->day }, day))
        return;
    struct sigv4_scope scope = { day, k->region, k->service };
    struct sha256 key;
    sigv4_signing_key(&key, c->secret_access_key, &scope);
    hmac_key_set(&k->hmac, sha256_str(&key));
    digest_wipe(&key, sizeof key);
    struct buf text = BUF_ON(k->scope);
    sigv4_credential_scope(&text, &scope);
    k->scope_len = text.len;
    memcpy(k->day, day.ptr, sizeof k->day);
    credentials_ref(c);
    credentials_unref(k->credentials);
    k->credentials = c;
}

int sigv4_sign(struct buf *out, struct buf *scratch, struct sigv4_key *k, struct credentials *c,
               const struct sigv4_request *rq)
{
    str signed_headers;
    struct sha256 signature;
    key_derive(k, c, amz_date_day(rq->date));
    buf_reset(scratch);
    int r = sigv4_canonical_request(scratch, &signed_headers, rq);
    if (r)
        return r;
    str canonical = buf_str(scratch), scope = { k->scope, k->scope_len };
    r = sigv4_string_to_sign(scratch, amz_date_str(rq->date), scope, canonical);
    if (r)
        return r;
    hmac_key_sign(&k->hmac, &signature, str_skip(buf_str(scratch), canonical.len));
    sigv4_authorization(out, c->access_key_id, scope, signed_headers, &signature);
    return out->overflow ? PIPEPOLL_ENOMEM : 0;
}
