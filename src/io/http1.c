#include "io/http1.h"

#include "io/transfer.h"

/* llhttp stops with HPE_USER when a callback returns this. */
enum { GO_ON = 0, STOP = HPE_USER };

static struct http1 *of(llhttp_t *parser)
{
    return parser->data;
}

static int on_status_complete(llhttp_t *parser)
{
    transfer_put_status(of(parser)->x, parser->status_code);
    return GO_ON;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *h = of(parser);
    size_t room = sizeof h->name - h->name_len;
    if (len <= room)
        memcpy(h->name + h->name_len, at, len);
    h->name_len += len <= room ? len : room; /* a name that fills it is too long to be wanted */
    return GO_ON;
}

static int on_header_field_complete(llhttp_t *parser)
{
    struct http1 *h = of(parser);
    h->wanted =
        h->name_len < sizeof h->name ? transfer_wanted(h->x, (str) { h->name, h->name_len }) : NULL;
    h->name_len = 0;
    return transfer_count_head(h->x, 0, 1) ? GO_ON : STOP;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http1 *h = of(parser);
    if (h->wanted)
        transfer_put_value(h->x, h->wanted, (str) { at, len });
    return GO_ON;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct http1 *h = of(parser);
    if (h->wanted)
        h->wanted->value = str_trim(h->wanted->value);
    h->wanted = NULL;
    return GO_ON;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    return transfer_put_body(of(parser)->x, (str) { at, len }) ? GO_ON : STOP;
}

static bool is_interim(const llhttp_t *parser)
{
    return parser->status_code >= 100 && parser->status_code < 200;
}

static int on_message_complete(llhttp_t *parser)
{
    if (is_interim(parser))
        return GO_ON; /* the answer itself follows */
    of(parser)->done = true;
    return HPE_PAUSED;
}

/* Never written, but llhttp takes it without const. */
static llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t callbacks = {
        .on_status_complete = on_status_complete,
        .on_header_field = on_header_field,
        .on_header_field_complete = on_header_field_complete,
        .on_header_value = on_header_value,
        .on_header_value_complete = on_header_value_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return (llhttp_settings_t *)&callbacks;
}

void http1_put_request(struct buf *out, const struct transfer *x, str path)
{
    buf_put(out, x->method.len ? x->method : STR("POST"));
    buf_put_char(out, ' ');
    buf_put(out, x->path.len ? x->path : path);
    buf_put(out, STR(" HTTP/1.1\r\n"));
    buf_put(out, (str) { x->head, x->head_len });
    if (transfer_has_body(x)) {
        buf_put(out, STR("Content-Length: "));
        buf_put_u64(out, x->body.len);
        buf_put(out, STR("\r\n"));
    }
    buf_put(out, STR("\r\n"));
    buf_put(out, x->body);
}

void http1_begin(struct http1 *h, struct transfer *x)
{
    llhttp_init(&h->parser, HTTP_RESPONSE, settings());
    h->parser.data = h;
    h->x = x;
    h->wanted = NULL;
    h->name_len = 0;
    h->done = h->any = false;
}

enum http1_result http1_feed(struct http1 *h, str bytes, size_t *used)
{
    size_t body_before = h->x->answer_len;
    h->any = true;
    llhttp_errno_t e = llhttp_execute(&h->parser, bytes.ptr, bytes.len);
    *used = bytes.len;
    if (e != HPE_OK && (e != HPE_PAUSED || !h->done))
        return HTTP1_BAD;
    if (h->done)
        *used = (size_t)(llhttp_get_error_pos(&h->parser) - bytes.ptr);
    /* All that is not body counts, so that nothing can go on for ever: heads, interim answers, the
     * frames of chunks, blank lines. */
    if (!transfer_count_head(h->x, *used - (h->x->answer_len - body_before), 0))
        return HTTP1_BAD;
    return h->done ? HTTP1_DONE : HTTP1_MORE;
}

enum http1_result http1_feed_end(struct http1 *h)
{
    if (h->any)
        llhttp_finish(&h->parser);
    return h->done ? HTTP1_DONE : HTTP1_CUT;
}

bool http1_keeps_alive(const struct http1 *h)
{
    return llhttp_should_keep_alive(&h->parser);
}

const char *http1_problem(const struct http1 *h)
{
    const char *reason = llhttp_get_error_reason(&h->parser);
    return reason && *reason ? reason : "the answer is not HTTP";
}
