/* SPDX-License-Identifier: MIT */
#include "lib/server.h"

#include "lib/tls_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

void (*server_aside)(bool begins);

static void aside(bool begins)
{
    if (server_aside)
        server_aside(begins);
}

enum { PIECE_MAX = 32 << 10 }; /* bytes that are read at once */

struct link {
    uv_tcp_t tcp;
    uv_idle_t pieces;
    struct server *server;
    unsigned number;
    size_t slot, len, cap;
    char *in;
    struct server_reply reply;
    size_t sent;
    struct tls_peer *tls;
    size_t wire_sent, wire_received;
    bool is_answering, is_closing, hangs;
};

static void on_pieces_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    free(l->in);
    free(l);
}

static void on_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    uv_close((uv_handle_t *)&l->pieces, on_pieces_closed);
}

static void link_close(struct link *l, bool reset)
{
    if (l->is_closing)
        return;
    l->is_closing = true;
    l->server->links[l->slot] = NULL;
    l->tls = tls_peer_free(l->tls);
    if (reset)
        uv_tcp_close_reset(&l->tcp, on_closed);
    else
        uv_close((uv_handle_t *)&l->tcp, on_closed);
}

static void link_cut(struct link *l)
{
    if (l->server->cut.end == SERVER_HANG)
        l->hangs = true;
    else
        link_close(l, l->server->cut.end == SERVER_RESET);
}

/* The bytes as they are on the wire. */
static void put_raw(struct link *l, const char *bytes, size_t n)
{
    const struct server_cut *cut = &l->server->cut;
    bool cuts = cut->end && n >= cut->sent - l->wire_sent;
    if (cuts)
        n = cut->sent - l->wire_sent;
    uv_buf_t b = uv_buf_init((char *)bytes, (unsigned)n);
    int put = n ? uv_try_write((uv_stream_t *)&l->tcp, &b, 1) : 0;
    if (put < 0) { /* the client has gone */
        link_close(l, false);
        return;
    }
    if (put != (int)n)
        abort(); /* answers of tests fit a socket's buffer */
    l->wire_sent += n;
    l->server->bytes_sent = l->wire_sent;
    if (cuts)
        link_cut(l);
}

static void flush(struct link *l)
{
    char bytes[16 << 10];
    while (l->tls && !l->hangs) {
        size_t n = tls_peer_output(l->tls, bytes, sizeof bytes);
        if (!n)
            return;
        put_raw(l, bytes, n);
    }
}

static void put(struct link *l, size_t n)
{
    const char *bytes = l->reply.bytes.ptr + l->sent;
    l->sent += n;
    if (!l->tls) {
        if (n)
            put_raw(l, bytes, n);
        return;
    }
    tls_peer_write(l->tls, bytes, n);
    flush(l);
}

static void link_ended(struct link *l)
{
    l->is_answering = false;
    if (l->reply.end == SERVER_KEEP || l->reply.end == SERVER_HANG || l->hangs)
        return;
    if (l->tls && l->reply.end == SERVER_CLOSE)
        tls_peer_shutdown(l->tls);
    flush(l);
    link_close(l, l->reply.end == SERVER_RESET);
}

static void put_piece(struct link *l)
{
    size_t left = l->reply.bytes.len - l->sent;
    if (!l->is_closing && !l->hangs)
        put(l, left < l->reply.piece ? left : l->reply.piece);
    if (l->is_closing || l->hangs || l->sent == l->reply.bytes.len) {
        uv_idle_stop(&l->pieces);
        if (!l->is_closing)
            link_ended(l);
    }
}

static void on_idle(uv_idle_t *idle)
{
    aside(true);
    put_piece(idle->data);
    aside(false);
}

static void answer(struct link *l, str head, str body)
{
    struct server *s = l->server;
    struct server_request rq = { head, body, l->number, ++s->requests };
    l->reply = s->answer(s, &rq);
    l->sent = 0;
    l->is_answering = true;
    if (l->reply.piece) {
        uv_idle_start(&l->pieces, on_idle);
        return;
    }
    put(l, l->reply.bytes.len);
    if (!l->is_closing)
        link_ended(l);
}

/* The length of a whole request at the start of text, or 0. */
static size_t whole_request(str text, str *head, str *body)
{
    char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    *head = (str) { text.ptr, (size_t)(end + 4 - text.ptr) };
    char *length = memmem(head->ptr, head->len, "Content-Length: ", 16);
    *body = (str) { end + 4, length ? strtoul(length + 16, NULL, 10) : 0 };
    return head->len + body->len <= text.len ? head->len + body->len : 0;
}

static void take(struct link *l)
{
    str head, body;
    size_t used = whole_request((str) { l->in, l->len }, &head, &body);
    if (!used)
        return;
    l->len -= used;
    answer(l, head, body);
}

static void make_room(struct link *l)
{
    if (l->cap - l->len >= PIECE_MAX)
        return;
    l->cap = l->cap ? 2 * l->cap : 2 * PIECE_MAX;
    l->in = realloc(l->in, l->cap);
    if (!l->in)
        abort();
}

static void take_tls(struct link *l, const char *bytes, size_t n)
{
    size_t got;
    tls_peer_input(l->tls, bytes, n);
    do {
        make_room(l);
        got = tls_peer_read(l->tls, l->in + l->len, l->cap - l->len);
        l->len += got;
    } while (got);
    flush(l);
    if (l->tls && !l->hangs)
        take(l);
}

static void receive(struct link *l, ssize_t n, const uv_buf_t *buf)
{
    const struct server_cut *cut = &l->server->cut;
    if (n < 0)
        link_close(l, false);
    if (n < 0 || l->hangs)
        return;
    size_t got = (size_t)n;
    bool cuts = cut->end && got >= cut->received - l->wire_received;
    if (cuts)
        got = cut->received - l->wire_received;
    l->wire_received += got;
    l->server->bytes_received = l->wire_received;
    if (l->tls) {
        take_tls(l, buf->base, got);
    } else {
        make_room(l);
        memcpy(l->in + l->len, buf->base, got);
        l->len += got;
        take(l);
    }
    if (cuts && !l->is_closing)
        link_cut(l);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    aside(true);
    receive(stream->data, n, buf);
    aside(false);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    static char room[PIECE_MAX];
    *buf = uv_buf_init(room, sizeof room);
}

static void link_new(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    struct link *l = calloc(1, sizeof *l);
    if (status || !l)
        abort();
    uv_tcp_init(listener->loop, &l->tcp);
    uv_idle_init(listener->loop, &l->pieces);
    l->tcp.data = l->pieces.data = l;
    l->server = s;
    l->number = ++s->connections;
    while (s->links[l->slot])
        l->slot++;
    s->links[l->slot] = l;
    if (s->tls)
        l->tls = tls_peer_new(s->tls);
    uv_accept(listener, (uv_stream_t *)&l->tcp);
    uv_tcp_nodelay(&l->tcp, 1);
    uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
    aside(true);
    link_new(listener, status);
    aside(false);
}

void server_open(struct server *s, uv_loop_t *loop,
                 struct server_reply (*on_request)(struct server *, const struct server_request *),
                 void *ctx)
{
    struct sockaddr_in at;
    int size = sizeof at;
    *s = (struct server) { .answer = on_request, .ctx = ctx, .cut = { SIZE_MAX, SIZE_MAX, 0 } };
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(loop, &s->listener);
    s->listener.data = s;
    uv_tcp_bind(&s->listener, (struct sockaddr *)&at, 0);
    if (uv_listen((uv_stream_t *)&s->listener, 512, on_connection))
        abort();
    uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &size);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
}

void server_use_tls(struct server *s, const char *path)
{
    char plain[sizeof s->url];
    s->tls = tls_server_new(path);
    memcpy(plain, s->url, sizeof plain);
    snprintf(s->url, sizeof s->url, "https%s", strchr(plain, ':'));
}

void server_drop_idle(struct server *s, enum server_end how)
{
    for (size_t i = 0; i < sizeof s->links / sizeof *s->links; i++) {
        struct link *l = s->links[i];
        if (l && !l->is_answering)
            link_close(l, how == SERVER_RESET);
    }
}

void server_close(struct server *s)
{
    for (size_t i = 0; i < sizeof s->links / sizeof *s->links; i++)
        if (s->links[i])
            link_close(s->links[i], false);
    uv_close((uv_handle_t *)&s->listener, NULL);
    s->tls = tls_server_free(s->tls);
}
