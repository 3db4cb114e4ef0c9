/* SPDX-License-Identifier: MIT */
/* An answer is read in two steps, so that none is refused that every other client takes: its jobs
 * would stay leased, poll after poll. What llhttp refuses without need is in the lines: their ends,
 * odd names, repeated lengths, blanks behind a chunk's size. So the lines are read here, and
 * llhttp, which alone says where the body begins and ends and whether the connection lives on, is
 * given those that it judges by (status, Connection, one length or chunked, sizes of chunks) in
 * their canonical form. Nothing is read twice: a header that one step reads the other never sees.
 *
 * A line is collected in `held` up to what any good one needs; wanted values go straight to the
 * transfer. A header is finished when the next line begins, since that may continue it. */
#include "io/http1.h"

#include "io/answer_room.h"
#include "io/http1_head.h"
#include "io/transfer.h"

/* llhttp stops with HPE_USER when a callback returns this. */
enum { GO_ON = 0, STOP = HPE_USER };

enum { CHUNK_DIGITS_MAX = 16 };

/* --- llhttp --- */

static struct http1 *of(llhttp_t *parser)
{
    return parser->data;
}

static int on_chunk_header(llhttp_t *parser)
{
    of(parser)->left = parser->content_length;
    return GO_ON;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    return transfer_put_body(of(parser)->x, (str) { at, len }) ? GO_ON : STOP;
}

static int on_message_complete(llhttp_t *parser)
{
    if (of(parser)->x->http_status < 200)
        return GO_ON; /* the answer itself follows */
    of(parser)->done = true;
    return HPE_PAUSED;
}

/* Never written, but llhttp takes it without const. */
static llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t callbacks = {
        .on_chunk_header = on_chunk_header,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return (llhttp_settings_t *)&callbacks;
}

/* *used: how much of it belonged to the answer. */
static bool parse(struct http1 *h, str piece, size_t *used)
{
    llhttp_errno_t e = llhttp_execute(&h->parser, piece.ptr, piece.len);
    *used = piece.len;
    if (h->done)
        *used = (size_t)(llhttp_get_error_pos(&h->parser) - piece.ptr);
    else if (e != HPE_OK)
        return http1_bad(h, "the answer is not HTTP/1.1: %s", llhttp_get_error_reason(&h->parser));
    return true;
}

bool http1_tell_llhttp(struct http1 *h, str piece)
{
    size_t used;
    return parse(h, piece, &used);
}

/* --- chunks --- */

static size_t hex_digits(str text)
{
    size_t n = 0;
    while (n < text.len && strchr("0123456789abcdefABCDEF", text.ptr[n]) && text.ptr[n])
        n++;
    return n;
}

/* Extensions mean nothing to us, as to everybody (RFC 9112, 7.1.1). */
static bool read_chunk_size(struct http1 *h)
{
    char text[HTTP1_QUOTE_SIZE];
    str line = http1_held(h), digits = { line.ptr, hex_digits(line) };
    str rest = str_skip(line, digits.len);
    bool is_good = digits.len && digits.len <= CHUNK_DIGITS_MAX &&
                   (!rest.len || *rest.ptr == ';' || *rest.ptr == ' ' || *rest.ptr == '\t');
    if (!is_good)
        return http1_bad(h, "the size of a chunk of the answer is '%s'", http1_quote(text, line));
    if (!http1_tell_llhttp(h, digits) || !http1_tell_llhttp(h, STR("\r\n")))
        return false;
    http1_let_go(h);
    h->at = h->left ? HTTP1_DATA : HTTP1_TRAILER;
    return true;
}

static bool end_chunk(struct http1 *h)
{
    h->at = HTTP1_CHUNK_SIZE;
    return http1_tell_llhttp(h, STR("\r\n"));
}

/* Whatever it says: a trailer comes too late to be believed. */
static bool end_trailer(struct http1 *h)
{
    bool is_last = !h->held_len;
    http1_let_go(h);
    return !is_last || http1_tell_llhttp(h, STR("\r\n"));
}

/* --- lines --- */

/* A piece of a line, never empty, without its end. */
static bool take_text(struct http1 *h, str text)
{
    switch (h->at) {
    case HTTP1_STATUS:
        return http1_take_status_text(h, text);
    case HTTP1_LINE:
        return http1_take_line_begin(h, text);
    case HTTP1_NAME:
        return http1_take_name(h, text);
    case HTTP1_VALUE:
        return http1_take_value(h, text);
    case HTTP1_CHUNK_SIZE:
    case HTTP1_TRAILER:
        http1_hold(h, text);
        return true;
    case HTTP1_CHUNK_END:
        return http1_bad(h, "a chunk of the answer is longer than its size says");
    case HTTP1_DATA:
        break;
    }
    return false;
}

static bool end_line(struct http1 *h)
{
    switch (h->at) {
    case HTTP1_STATUS:
        return !h->held_len || http1_end_status(h); /* blank lines before it mean nothing */
    case HTTP1_LINE:
        return http1_end_head(h);
    case HTTP1_NAME:
        return http1_lacks_colon(h);
    case HTTP1_VALUE:
        h->at = HTTP1_LINE;
        return transfer_count_head(h->x, 0, 1);
    case HTTP1_CHUNK_SIZE:
        return read_chunk_size(h);
    case HTTP1_CHUNK_END:
        return end_chunk(h);
    case HTTP1_TRAILER:
        return transfer_count_head(h->x, 0, 1) && end_trailer(h);
    case HTTP1_DATA:
        break;
    }
    return false;
}

/* Up to the next LF, or all there is. */
static bool take_line(struct http1 *h, str bytes, size_t *used)
{
    size_t len = str_find(bytes, '\n');
    bool is_whole = len < bytes.len;
    str text = { bytes.ptr, len };
    bool is_torn = h->after_cr && len;
    *used = len + is_whole;
    h->after_cr = false;
    if (len && text.ptr[len - 1] == '\r') {
        text.len--;
        h->after_cr = !is_whole;
    }
    if (is_torn || str_find(text, '\r') < text.len || str_find(text, '\0') < text.len)
        return h->at == HTTP1_STATUS
                   ? http1_take_status_text(h, text) && http1_begins_badly(h)
                   : http1_bad(h,
                               "the answer has a CR without LF, or a NUL, in a line of its head");
    return (!text.len || take_text(h, text)) && (!is_whole || end_line(h));
}

static bool take_data(struct http1 *h, str bytes, size_t *used)
{
    if (bytes.len > h->left)
        bytes.len = (size_t)h->left;
    bool is_good = parse(h, bytes, used);
    if (h->is_chunked) {
        h->left -= *used;
        if (!h->left)
            h->at = HTTP1_CHUNK_END;
    }
    return is_good;
}

/* --- from outside --- */

void http1_put_request(struct buf *out, const struct transfer *x, str path)
{
    buf_put(out, x->method.len ? x->method : STR("POST"));
    buf_put_char(out, ' ');
    buf_put(out, x->path.len ? x->path : path);
    buf_put(out, STR(" HTTP/1.1\r\n"));
    buf_put(out, x->head);
    if (transfer_has_body(x)) {
        buf_put(out, STR("Content-Length: "));
        buf_put_u64(out, x->body.len);
        buf_put(out, STR("\r\n"));
    }
    buf_put(out, STR("\r\n"));
    buf_put(out, x->body);
}

size_t http1_request_max(const struct transfer *x, str path)
{
    enum { FRAMING = 64 };
    return x->method.len + x->path.len + path.len + FRAMING + x->head.len + x->body.len;
}

void http1_begin(struct http1 *h, struct transfer *x)
{
    llhttp_init(&h->parser, HTTP_RESPONSE, settings());
    llhttp_set_lenient_headers(&h->parser, 1);
    h->parser.data = h;
    h->x = x;
    h->at = HTTP1_STATUS;
    h->header = HTTP1_OTHER;
    h->wanted = WANTED_HEADERS_MAX;
    http1_let_go(h);
    h->after_cr = h->must_close = h->done = false;
    h->problem[0] = '\0';
}

void http1_wipe(struct http1 *h)
{
    explicit_bzero(h->held, sizeof h->held);
    if (h->problem[0])
        explicit_bzero(h->problem, sizeof h->problem);
}

enum http1_result http1_feed(struct http1 *h, str bytes, size_t *used)
{
    const struct answer_room *room = h->x->room;
    size_t body_before = room->body_len;
    bool is_good = true;
    *used = 0;
    while (is_good && !h->done && *used < bytes.len) {
        size_t n = 0;
        str rest = str_skip(bytes, *used);
        is_good = h->at == HTTP1_DATA ? take_data(h, rest, &n) : take_line(h, rest, &n);
        *used += n;
    }
    /* All that is not body counts, so that nothing can go on for ever: heads, interim answers, the
     * frames of chunks, blank lines. */
    if (!is_good || !transfer_count_head(h->x, *used - (room->body_len - body_before), 0))
        return HTTP1_BAD;
    return h->done ? HTTP1_DONE : HTTP1_MORE;
}

enum http1_result http1_feed_end(struct http1 *h)
{
    llhttp_finish(&h->parser);
    return h->done ? HTTP1_DONE : HTTP1_CUT;
}

bool http1_keeps_alive(const struct http1 *h)
{
    return llhttp_should_keep_alive(&h->parser) && !h->must_close;
}

const char *http1_problem(const struct http1 *h)
{
    return h->problem[0] ? h->problem : "the answer is not HTTP";
}
