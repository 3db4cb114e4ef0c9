/* SPDX-License-Identifier: MIT */
/* The head of an answer, line by line as it comes. A line is collected in `held` up to what any
 * good one needs; values that somebody wants go straight to the transfer. A header is finished when
 * the next line begins, since that may continue it. What frames the body is gathered, judged once,
 * and told to llhttp at the end of the head: so no two readings of it can differ. */
#include "io/http1_head.h"

#include <stdarg.h>
#include <stdio.h>

#include "io/answer_room.h"
#include "io/transfer.h"

static const uint64_t no_end = UINT64_MAX; /* of the body, but that of the connection */

bool http1_bad(struct http1 *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!h->problem[0])
        vsnprintf(h->problem, sizeof h->problem, format, args);
    va_end(args);
    return false;
}

const char *http1_quote(char out[HTTP1_QUOTE_SIZE], str text)
{
    size_t len = text.len < HTTP1_QUOTE_SIZE - 1 ? text.len : HTTP1_QUOTE_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?';
    out[len] = '\0';
    return out;
}

void http1_hold(struct http1 *h, str text)
{
    size_t room = sizeof h->held - h->held_len;
    h->held_cut = h->held_cut || text.len > room;
    size_t len = text.len < room ? text.len : room;
    memcpy(h->held + h->held_len, text.ptr, len);
    h->held_len += len;
}

void http1_let_go(struct http1 *h)
{
    h->held_len = 0;
    h->held_cut = false;
}

static bool is_interim(const struct http1 *h)
{
    return h->x->http_status < 200;
}

static bool tell_header(struct http1 *h, str name, str value)
{
    return http1_tell_llhttp(h, name) && http1_tell_llhttp(h, value) &&
           http1_tell_llhttp(h, STR("\r\n"));
}

/* --- the status line --- */

bool http1_begins_badly(struct http1 *h)
{
    char text[HTTP1_QUOTE_SIZE];
    unsigned char first = (unsigned char)h->held[0];
    if (first == 0x15 || first == 0x16) /* a record with an alert, or of the handshake */
        return http1_bad(h, "the server speaks TLS where plain HTTP was expected: use https://");
    if (first < ' ')
        return http1_bad(h, "the answer is not HTTP/1.1: it begins with bytes that are no text");
    return http1_bad(h, "the answer is not HTTP/1.1: it begins with '%s'",
                     http1_quote(text, http1_held(h)));
}

/* Told at once: what is not HTTP need not have lines. */
bool http1_take_status_text(struct http1 *h, str text)
{
    static const str begin = STR_INIT("HTTP/1.");
    http1_hold(h, text);
    size_t len = h->held_len < begin.len ? h->held_len : begin.len;
    return memcmp(h->held, begin.ptr, len) == 0 || http1_begins_badly(h);
}

bool http1_end_status(struct http1 *h)
{
    enum { LEN = sizeof "HTTP/1.1 200" - 1 };
    const char *s = h->held;
    bool is_good = h->held_len >= LEN && (s[7] == '0' || s[7] == '1') && s[8] == ' ' &&
                   s[9] >= '1' && s[9] <= '9' && ascii_is_digit(s[10]) && ascii_is_digit(s[11]) &&
                   (h->held_len == LEN || s[LEN] == ' ');
    if (!is_good)
        return http1_begins_badly(h);
    transfer_put_status(h->x, (s[9] - '0') * 100 + (s[10] - '0') * 10 + s[11] - '0');
    h->has_length = h->is_chunked = false;
    h->length = 0;
    h->header = HTTP1_OTHER;
    h->wanted = WANTED_HEADERS_MAX;
    h->at = HTTP1_LINE;
    return http1_tell_llhttp(h, (str) { s, LEN }) && http1_tell_llhttp(h, STR("\r\n"));
}

/* --- headers --- */

/* Digits only, and not more than any length that could be meant. */
static bool read_number(str text, uint64_t *n)
{
    enum { DIGITS_MAX = 18 };
    *n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]))
            return false;
        *n = *n * 10 + (uint64_t)(text.ptr[i] - '0');
        if (i == DIGITS_MAX)
            return false;
    }
    return text.len > 0;
}

/* "5", or "5, 5" as a middle-box makes it of two. */
static bool read_length(struct http1 *h, str value)
{
    char text[HTTP1_QUOTE_SIZE];
    for (str rest = value;;) {
        size_t comma = str_find(rest, ',');
        uint64_t length;
        if (h->held_cut || !read_number(str_trim((str) { rest.ptr, comma }), &length))
            return http1_bad(h, "the Content-Length of the answer is '%s'",
                             http1_quote(text, value));
        if (h->has_length && h->length != length)
            return http1_bad(h, "the answer has two Content-Lengths, %llu and %llu",
                             (unsigned long long)h->length, (unsigned long long)length);
        h->has_length = true;
        h->length = length;
        if (comma == rest.len)
            return true;
        rest = str_skip(rest, comma + 1);
    }
}

/* Only chunked frames; identity means nothing, and one that comes twice says what it said. */
static bool read_coding(struct http1 *h, str value)
{
    char text[HTTP1_QUOTE_SIZE];
    for (str rest = value;;) {
        size_t comma = str_find(rest, ',');
        str one = str_trim((str) { rest.ptr, comma });
        bool is_chunked = str_eq_nocase(one, STR("chunked"));
        if (h->held_cut || (!is_chunked && !str_eq_nocase(one, STR("identity"))))
            return http1_bad(h, "the Transfer-Encoding of the answer is '%s', not chunked",
                             http1_quote(text, value));
        h->must_close = h->must_close || h->is_chunked || comma < rest.len;
        h->is_chunked = h->is_chunked || is_chunked;
        if (comma == rest.len)
            return true;
        rest = str_skip(rest, comma + 1);
    }
}

/* One that is too long to be held asks for a close, for all that can be told. */
static bool read_connection(struct http1 *h, str value)
{
    h->must_close = h->must_close || h->held_cut;
    return h->held_cut || tell_header(h, STR("Connection: "), value);
}

static bool is_wanted(const struct http1 *h)
{
    return h->wanted < WANTED_HEADERS_MAX;
}

static str *value_of(const struct http1 *h)
{
    return &h->x->room->wanted[h->wanted];
}

static bool finish_header(struct http1 *h)
{
    str value = str_trim(http1_held(h));
    if (is_wanted(h))
        *value_of(h) = str_trim(*value_of(h));
    h->wanted = WANTED_HEADERS_MAX;
    switch (h->header) {
    case HTTP1_OTHER:
        return true;
    case HTTP1_CONNECTION:
        return read_connection(h, value);
    case HTTP1_LENGTH:
        return read_length(h, value);
    case HTTP1_CODING:
        return read_coding(h, value);
    }
    return true;
}

static bool read_name(struct http1 *h)
{
    static const struct {
        str name;
        enum http1_header header;
    } framing[] = { { STR_INIT("Content-Length"), HTTP1_LENGTH },
                    { STR_INIT("Transfer-Encoding"), HTTP1_CODING },
                    { STR_INIT("Connection"), HTTP1_CONNECTION } };
    str name = http1_held(h), trimmed = str_trim(name);
    h->header = HTTP1_OTHER;
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
        if (str_eq_nocase(trimmed, framing[i].name))
            h->header = framing[i].header;
    /* Some do not see "Content-Length :" as one (RFC 9112, 5.1). */
    h->must_close = h->must_close || (h->header != HTTP1_OTHER && trimmed.len != name.len);
    h->wanted = h->held_cut ? WANTED_HEADERS_MAX : transfer_wanted(h->x, name);
    http1_let_go(h);
    return true;
}

static str skip_blanks(str text)
{
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\t'))
        text = str_skip(text, 1);
    return text;
}

bool http1_take_value(struct http1 *h, str text)
{
    if (h->after_fold)
        text = skip_blanks(text);
    h->after_fold = h->after_fold && !text.len;
    if (is_wanted(h))
        transfer_put_value(h->x, h->wanted, value_of(h)->len ? text : skip_blanks(text));
    else if (h->header != HTTP1_OTHER)
        http1_hold(h, text);
    return true;
}

bool http1_take_name(struct http1 *h, str text)
{
    size_t colon = str_find(text, ':');
    http1_hold(h, (str) { text.ptr, colon });
    h->at = HTTP1_NAME;
    if (colon == text.len)
        return true;
    h->at = HTTP1_VALUE;
    return read_name(h) && http1_take_value(h, str_skip(text, colon + 1));
}

/* A line that begins with a blank continues the one before it (obs-fold). */
bool http1_take_line_begin(struct http1 *h, str text)
{
    if (*text.ptr == ' ' || *text.ptr == '\t') {
        h->at = HTTP1_VALUE;
        h->after_fold = false;
        http1_take_value(h, STR(" "));
        h->after_fold = true;
        return http1_take_value(h, text);
    }
    h->after_fold = false;
    if (!finish_header(h))
        return false;
    http1_let_go(h);
    return http1_take_name(h, text);
}

bool http1_lacks_colon(struct http1 *h)
{
    char text[HTTP1_QUOTE_SIZE];
    return http1_bad(h, "the head of the answer has the line '%s', without a colon",
                     http1_quote(text, http1_held(h)));
}

/* What frames the body, once; then the line that ends the head. */
static bool tell_framing(struct http1 *h, bool may_have_body)
{
    char digits[24];
    struct buf length = BUF_ON(digits);
    buf_put_u64(&length, h->length);
    bool told = true;
    if (may_have_body && h->is_chunked)
        told = tell_header(h, STR("Transfer-Encoding: "), STR("chunked"));
    else if (may_have_body && h->has_length)
        told = tell_header(h, STR("Content-Length: "), buf_str(&length));
    return told && http1_tell_llhttp(h, STR("\r\n"));
}

bool http1_end_head(struct http1 *h)
{
    if (!finish_header(h))
        return false;
    int status = h->x->http_status;
    if (status == 101)
        return http1_bad(h, "the server switches to another protocol, unasked (HTTP 101)");
    bool may_have_body = !is_interim(h) && status != 204 && status != 304;
    bool is_odd = may_have_body ? h->is_chunked && (h->has_length || !h->parser.http_minor)
                                : h->is_chunked || (h->has_length && h->length);
    h->must_close = h->must_close || is_odd;
    if (!tell_framing(h, may_have_body))
        return false;
    h->left = no_end;
    h->at = is_interim(h) ? HTTP1_STATUS : h->is_chunked ? HTTP1_CHUNK_SIZE : HTTP1_DATA;
    http1_let_go(h);
    return true;
}
