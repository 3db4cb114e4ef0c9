/* SPDX-License-Identifier: MIT */
/* Two buffers: one fills while the other is written. libuv's streams would make the descriptor
 * non-blocking for everybody who shares it and cannot write to files; uv_fs_write can do both.
 * A pipe whose reader went away would be noticed by the next write only, that is with a job already
 * taken from the service: so the pipe is watched as well. */
#include "daemon/output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/buf.h"

enum output_state {
    OUTPUT_IDLE,
    OUTPUT_WRITING, /* `request` is out */
    OUTPUT_WAITING  /* for room in the descriptor, which somebody made non-blocking */
};

/* The tagged lines of a buffer, in order: where each ends. */
struct tags {
    struct tag {
        size_t end;
        uint64_t value;
    } * at;
    size_t next, count, cap; /* next: the first that did not come back yet */
};

struct output {
    struct output_options options;
    uv_loop_t *loop;
    enum output_state state;
    struct buf filling, writing;
    struct tags filling_tags, writing_tags;
    size_t extra; /* bytes of `filling` that came by output_put_extra() */
    size_t sent;  /* bytes of `writing` that are out */
    size_t used;  /* bytes there that are to be wiped when no write is out: some may be nonces */
    uv_fs_t request;
    uv_poll_t watch;
    bool is_pipe;
    bool watched;   /* the watch exists: the descriptor is a pipe, a socket or a terminal */
    int disconnect; /* UV_DISCONNECT while that is worth watching for */
    bool hung_up;
    int error; /* what broke it */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void submit(struct output *o);

static void wipe_writing(struct output *o)
{
    if (o->used)
        explicit_bzero(o->writing.at, o->used);
    buf_reset(&o->writing);
    o->used = 0;
}

static void output_free(struct output *o)
{
    void (*closed)(void *ctx) = o->closed;
    void *ctx = o->closed_ctx;
    buf_wipe(&o->filling);
    wipe_writing(o);
    free(o->filling.at);
    free(o->writing.at);
    free(o->filling_tags.at);
    free(o->writing_tags.at);
    free(o);
    if (closed)
        closed(ctx);
}

static void on_watch_closed(uv_handle_t *handle)
{
    output_free(handle->data);
}

static void end_if_idle(struct output *o)
{
    if (!o->closing || o->state != OUTPUT_IDLE)
        return;
    if (o->watched)
        uv_close((uv_handle_t *)&o->watch, on_watch_closed);
    else
        output_free(o);
}

/* --- tags --- */

static bool add_tag(struct tags *t, size_t end, uint64_t value)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct tag *grown = realloc(t->at, cap * sizeof *grown);
        if (!grown)
            return false;
        t->at = grown;
        t->cap = cap;
    }
    t->at[t->count++] = (struct tag) { end, value };
    return true;
}

/* That of the line which ends there, or 0. */
static uint64_t take_tag(struct tags *t, size_t end)
{
    return t->next < t->count && t->at[t->next].end == end ? t->at[t->next++].value : 0;
}

static void reset_tags(struct tags *t)
{
    t->next = t->count = 0;
}

static void tell_written(struct output *o)
{
    struct tags *t = &o->writing_tags;
    while (t->next < t->count && t->at[t->next].end <= o->sent)
        o->options.written(o->options.ctx, t->at[t->next++].value);
}

/* --- lines --- */

/* A line of which a part is out is lost all the same: report it from its beginning. */
static void lose_lines(struct output *o, struct buf *b, struct tags *tags, size_t sent)
{
    while (sent > 0 && b->at[sent - 1] != '\n')
        sent--;
    str rest = { b->at + sent, b->len - sent };
    buf_reset(b);
    while (rest.len) {
        size_t len = str_find(rest, '\n');
        size_t end = (size_t)(rest.ptr - b->at) + len + 1;
        o->options.lost(o->options.ctx, (str) { rest.ptr, len }, take_tag(tags, end));
        rest = str_skip(rest, len + 1);
    }
    reset_tags(tags);
}

static void lose_all(struct output *o)
{
    lose_lines(o, &o->writing, &o->writing_tags, o->sent);
    o->sent = 0;
    size_t lost = o->filling.len;
    lose_lines(o, &o->filling, &o->filling_tags, 0);
    if (lost)
        explicit_bzero(o->filling.at, lost);
}

static void fail(struct output *o, int error)
{
    if (o->error)
        return;
    o->error = error;
    if (o->watched)
        uv_poll_stop(&o->watch);
    o->options.broken(o->options.ctx, error);
    lose_all(o);
}

static void start(struct output *o)
{
    if (o->state != OUTPUT_IDLE || o->error || o->filling.len == 0)
        return;
    struct buf full = o->filling;
    o->filling = o->writing;
    o->writing = full;
    struct tags tags = o->filling_tags;
    o->filling_tags = o->writing_tags;
    o->writing_tags = tags;
    buf_reset(&o->filling);
    reset_tags(&o->filling_tags);
    o->extra = 0;
    o->sent = 0;
    o->used = o->writing.len;
    submit(o);
}

static void on_watch(uv_poll_t *watch, int status, int events);

static int watch_for(struct output *o, int writable)
{
    int events = o->disconnect | writable;
    return events ? uv_poll_start(&o->watch, events, on_watch) : uv_poll_stop(&o->watch);
}

/* A socket whose peer only ended its own sending raises UV_DISCONNECT too. */
static bool reader_is_gone(int fd)
{
    struct pollfd p = { .fd = fd };
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* A write that is out will tell by itself, perhaps after it succeeded in part. */
static void hang_up(struct output *o)
{
    uv_poll_stop(&o->watch);
    o->hung_up = true;
    if (o->state == OUTPUT_WRITING)
        return;
    o->state = OUTPUT_IDLE;
    fail(o, UV_EPIPE);
    end_if_idle(o);
}

static void on_watch(uv_poll_t *watch, int status, int events)
{
    struct output *o = watch->data;
    if (status < 0 || ((events & UV_DISCONNECT) && reader_is_gone(o->options.fd))) {
        hang_up(o);
        return;
    }
    if (events & UV_DISCONNECT)
        o->disconnect = 0;
    bool writable = o->state == OUTPUT_WAITING && (events & UV_WRITABLE);
    watch_for(o, o->state == OUTPUT_WAITING && !writable ? UV_WRITABLE : 0);
    if (writable)
        submit(o);
}

static void written(struct output *o, ssize_t n)
{
    if (n == UV_EAGAIN && o->watched && !o->hung_up && watch_for(o, UV_WRITABLE) == 0) {
        o->state = OUTPUT_WAITING;
        return;
    }
    if (n <= 0) {
        fail(o, n ? (int)n : UV_EIO);
        return;
    }
    o->sent += (size_t)n;
    tell_written(o);
    if (o->sent < o->writing.len) {
        submit(o);
        return;
    }
    wipe_writing(o);
    o->sent = 0;
    if (o->hung_up)
        fail(o, UV_EPIPE);
    start(o);
}

static void on_written(uv_fs_t *request)
{
    struct output *o = request->data;
    ssize_t n = request->result;
    uv_fs_req_cleanup(request);
    o->state = OUTPUT_IDLE;
    written(o, n);
    if (o->closing)
        end_if_idle(o);
    else if (o->options.room && !o->error)
        o->options.room(o->options.ctx);
}

/* A pipe takes up to PIPE_BUF bytes whole or not at all: with whole lines in each write it is known
 * at any time, also while one waits for the reader, which lines are out. */
static size_t next_size(const struct output *o)
{
    str rest = { o->writing.at + o->sent, o->writing.len - o->sent };
    if (!o->is_pipe || rest.len <= PIPE_BUF)
        return rest.len;
    size_t size = PIPE_BUF;
    while (size && rest.ptr[size - 1] != '\n')
        size--;
    return size ? size : str_find(rest, '\n') + 1; /* one long line */
}

static void submit(struct output *o)
{
    uv_buf_t rest = uv_buf_init(o->writing.at + o->sent, (unsigned)next_size(o));
    o->state = OUTPUT_WRITING;
    o->request.data = o;
    int r = uv_fs_write(o->loop, &o->request, o->options.fd, &rest, 1, -1, on_written);
    if (r < 0) {
        o->state = OUTPUT_IDLE;
        fail(o, r);
    }
}

/* Files cannot be watched, and need not be. uv_poll_init() makes the descriptor non-blocking, which
 * whoever shares it has not asked for. */
static void watch_reader(struct output *o, int flags)
{
    o->watched = uv_poll_init(o->loop, &o->watch, o->options.fd) == 0;
    if (!o->watched)
        return;
    o->watch.data = o;
    fcntl(o->options.fd, F_SETFL, flags);
    o->disconnect = UV_DISCONNECT;
    watch_for(o, 0);
}

int output_open(struct output **out, struct uv_loop_s *loop, const struct output_options *options)
{
    size_t size = options->size + options->extra_size;
    int flags = fcntl(options->fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return PIPEPOLL_EINVAL;
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        return PIPEPOLL_ENOMEM;
    struct stat st;
    o->options = *options;
    o->is_pipe = fstat(options->fd, &st) == 0 && S_ISFIFO(st.st_mode);
    o->loop = loop;
    o->filling = (struct buf) { .at = malloc(size), .cap = size };
    o->writing = (struct buf) { .at = malloc(size), .cap = size };
    if (!o->filling.at || !o->writing.at) {
        output_free(o);
        return PIPEPOLL_ENOMEM;
    }
    watch_reader(o, flags);
    *out = o;
    return PIPEPOLL_OK;
}

size_t output_writable(const struct output *o)
{
    return o->error ? 0 : o->options.size - (o->filling.len - o->extra);
}

size_t output_backlog(const struct output *o)
{
    return o->writing.len - o->sent + o->filling.len;
}

static bool put(struct output *o, str line, uint64_t tag, size_t room)
{
    if (o->error) {
        o->options.lost(o->options.ctx, line, tag);
        return true;
    }
    if (line.len + 1 > room ||
        (tag && !add_tag(&o->filling_tags, o->filling.len + line.len + 1, tag)))
        return false;
    buf_put(&o->filling, line);
    buf_put_char(&o->filling, '\n');
    return true;
}

bool output_put(struct output *o, str line, uint64_t tag)
{
    bool taken = put(o, line, tag, output_writable(o));
    start(o);
    return taken;
}

bool output_put_extra(struct output *o, str line)
{
    bool taken = put(o, line, 0, o->options.extra_size - o->extra);
    if (taken && !o->error)
        o->extra += line.len + 1;
    start(o);
    return taken;
}

void output_give_up(struct output *o)
{
    if (o->error)
        return;
    o->error = UV_ECANCELED;
    lose_all(o);
}

void output_close(struct output *o, void (*closed)(void *ctx), void *ctx)
{
    o->closing = true;
    o->closed = closed;
    o->closed_ctx = ctx;
    end_if_idle(o);
}
