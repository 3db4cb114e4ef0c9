/* SPDX-License-Identifier: MIT */
/* Reading the proof of a request, before anything of it is verified. Slices point into the request,
 * or into the proof for what a query string had escaped. */
#include "sim/proof.h"

#include "base/buf.h"

const str proof_algorithm = STR_INIT("AWS4-HMAC-SHA256");

static bool scope_read(struct proof_scope *out, str credential)
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
static void read_header(struct proof *out, str text)
{
    while (text.len) {
        str value = str_trim(http_message_cut(&text, ',')),
            name = str_trim(http_message_cut(&value, '='));
        value = str_trim(value);
        if (str_eq(name, STR("Credential")))
            out->credential = value;
        else if (str_eq(name, STR("SignedHeaders")))
            out->signed_headers = value;
        else if (str_eq(name, STR("Signature")))
            out->signature = value;
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87 : -1;
}

/* What does not fit is left out, and so does not verify. */
static str unescape(struct proof *p, str text)
{
    str out = { p->memory + p->used, 0 };
    if (text.len > sizeof p->memory - p->used)
        return (str) { 0 };
    for (size_t i = 0; i < text.len; i++, out.len++) {
        bool escaped = text.ptr[i] == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
                       hex_digit(text.ptr[i + 2]) >= 0;
        char c = text.ptr[i];
        if (escaped) {
            c = (char)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]));
            i += 2;
        }
        p->memory[p->used + out.len] = c;
    }
    p->used += out.len;
    return out;
}

str proof_parameter(const struct request *rq, const char *name)
{
    str query = http_message_query(rq);
    while (query.len) {
        str value = http_message_cut(&query, '&');
        if (str_eq(http_message_cut(&value, '='), str_of(name)))
            return value;
    }
    return (str) { 0 };
}

static void read_query(struct proof *out, const struct request *rq)
{
    const struct {
        const char *name;
        str *value;
    } rows[] = {
        { "X-Amz-Credential", &out->credential }, { "X-Amz-SignedHeaders", &out->signed_headers },
        { "X-Amz-Signature", &out->signature },   { "X-Amz-Date", &out->date },
        { "X-Amz-Security-Token", &out->token },  { "X-Amz-Expires", &out->expires },
    };
    out->in_query = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i].value = unescape(out, proof_parameter(rq, rows[i].name));
}

str proof_header(const struct request *rq)
{
    return str_trim(http_message_header(rq, STR("authorization")));
}

/* The header wins: that there are both is not for here to refuse. */
void proof_read(struct proof *out, const struct request *rq)
{
    str text = proof_header(rq);
    out->credential = out->signed_headers = out->signature = out->date = (str) { 0 };
    out->token = out->expires = (str) { 0 };
    out->scope = (struct proof_scope) { 0 };
    out->in_query = false;
    out->used = 0;
    if (!text.len && proof_parameter(rq, "X-Amz-Algorithm").len) {
        read_query(out, rq);
    } else {
        if (str_starts(text, proof_algorithm))
            read_header(out, str_skip(text, proof_algorithm.len));
        out->date = str_trim(http_message_header(rq, STR("x-amz-date")));
        if (!out->date.len)
            out->date = str_trim(http_message_header(rq, STR("date")));
        out->token = str_trim(http_message_header(rq, STR("x-amz-security-token")));
    }
    if (!scope_read(&out->scope, out->credential))
        out->scope = (struct proof_scope) { 0 };
}

/* What a query string has was unescaped into the proof; the same bytes stand in the request. */
str proof_region(const struct request *rq)
{
    struct proof p;
    proof_read(&p, rq);
    str region = p.scope.region, raw = proof_parameter(rq, "X-Amz-Credential");
    if (!p.in_query || !region.len)
        return region;
    const char *at = memmem(raw.ptr, raw.len, region.ptr, region.len);
    return at ? (str) { at, region.len } : (str) { 0 };
}

str proof_access_key_id(const struct request *rq, char out[PROOF_KEY_ID_SIZE])
{
    struct proof p;
    struct buf b = { .at = out, .cap = PROOF_KEY_ID_SIZE };
    proof_read(&p, rq);
    for (size_t i = 0; i < p.scope.access_key_id.len && b.len + 1 < b.cap; i++) {
        char c = p.scope.access_key_id.ptr[i];
        buf_put(&b, (str) { c > ' ' && c <= '~' ? &c : "?", 1 });
    }
    return buf_str(&b);
}
