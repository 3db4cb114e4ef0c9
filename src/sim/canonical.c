/* SPDX-License-Identifier: MIT */
/* The canonical request is never built in memory: its pieces go straight into the hash. */
#include "sim/canonical.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { PARAMETERS_MAX = 64, SEGMENTS_MAX = 64 };

static void put(EVP_MD_CTX *md, str s)
{
    EVP_DigestUpdate(md, s.ptr, s.len);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks around are cut away, and a run of them inside is one space. */
static void put_folded(EVP_MD_CTX *md, str value)
{
    value = str_trim(value);
    for (size_t from = 0, i = 0; i < value.len; from = i) {
        bool blank = is_blank(value.ptr[i]);
        while (i < value.len && is_blank(value.ptr[i]) == blank)
            i++;
        put(md, blank ? STR(" ") : (str) { value.ptr + from, i - from });
    }
}

/* All values of a header, in the order in which they came. */
static void put_header(EVP_MD_CTX *md, const struct request *rq, str name)
{
    bool first = true;
    for (size_t i = 0; i < name.len; i++)
        put(md, (str) { &(char) { ascii_lower(name.ptr[i]) }, 1 });
    put(md, STR(":"));
    for (size_t i = 0; i < rq->header_count; i++) {
        if (!str_eq_nocase(rq->headers[i].name, name))
            continue;
        if (!first)
            put(md, STR(","));
        put_folded(md, rq->headers[i].value);
        first = false;
    }
    put(md, STR("\n"));
}

/* What was sent, escaped once more, as for every service but S3. */
static void put_segment(EVP_MD_CTX *md, str segment)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     memchr("-_.~", c, 4);
        if (plain)
            put(md, (str) { segment.ptr + i, 1 });
        else
            put(md, (str) { (char[]) { '%', digits[c >> 4], digits[c & 15] }, 3 });
    }
}

/* Without "." and "..", and with one slash for several (RFC 3986, 5.2.4). No call of this service
 * has a long path: what is past a generous number of segments does not verify. */
static void put_path(EVP_MD_CTX *md, str path)
{
    str segments[SEGMENTS_MAX];
    size_t n = 0;
    bool ends_with_slash = true;
    while (path.len) {
        str segment = http_message_cut(&path, '/');
        ends_with_slash = !path.len && segment.ptr + segment.len < path.ptr;
        if (str_eq(segment, STR("..")))
            n -= n > 0;
        else if (segment.len && !str_eq(segment, STR(".")) && n < SEGMENTS_MAX)
            segments[n++] = segment;
    }
    for (size_t i = 0; i < n; i++) {
        put(md, STR("/"));
        put_segment(md, segments[i]);
    }
    if (!n || ends_with_slash)
        put(md, STR("/"));
}

static int parameter_order(const void *a, const void *b)
{
    const struct header *x = a, *y = b;
    size_t names = x->name.len < y->name.len ? x->name.len : y->name.len;
    int r = names ? memcmp(x->name.ptr, y->name.ptr, names) : 0;
    if (r || x->name.len != y->name.len)
        return r ? r : x->name.len < y->name.len ? -1 : 1;
    size_t values = x->value.len < y->value.len ? x->value.len : y->value.len;
    r = values ? memcmp(x->value.ptr, y->value.ptr, values) : 0;
    return r ? r : (x->value.len > y->value.len) - (x->value.len < y->value.len);
}

/* The parameters but the signature itself, sorted, as they were sent. What is past a generous
 * number does not verify. */
static void put_query(EVP_MD_CTX *md, str query)
{
    struct header parameters[PARAMETERS_MAX];
    size_t n = 0;
    while (query.len && n < PARAMETERS_MAX) {
        str value = http_message_cut(&query, '&'), name = http_message_cut(&value, '=');
        if (!str_eq(name, STR("X-Amz-Signature")))
            parameters[n++] = (struct header) { name, value };
    }
    qsort(parameters, n, sizeof *parameters, parameter_order);
    for (size_t i = 0; i < n; i++) {
        if (i)
            put(md, STR("&"));
        put(md, parameters[i].name);
        put(md, STR("="));
        put(md, parameters[i].value);
    }
}

static void put_request(EVP_MD_CTX *md, const struct request *rq, str signed_headers, str body_hash)
{
    put(md, rq->method);
    put(md, STR("\n"));
    put_path(md, http_message_path(rq));
    put(md, STR("\n"));
    put_query(md, http_message_query(rq));
    put(md, STR("\n"));
    str list = signed_headers;
    while (list.len)
        put_header(md, rq, http_message_cut(&list, ';'));
    put(md, STR("\n"));
    put(md, signed_headers);
    put(md, STR("\n"));
    put(md, body_hash);
}

bool canonical_hash(struct sha *out, const struct request *rq, str signed_headers, str body_hash)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(md);
        return false;
    }
    put_request(md, rq, signed_headers, body_hash);
    int ok = EVP_DigestFinal_ex(md, out->bytes, NULL);
    EVP_MD_CTX_free(md);
    return ok == 1;
}
