/* SPDX-License-Identifier: MIT */
/* Credit is the room for lines, each counted with the greatest length, so that a job asked for
 * always finds its place. There is far more room than it should ever hold: with a reader that
 * keeps up every poll in flight may ask for all it can get, and when the reader does not, the
 * backlog says so long before the room ends, and jobs stay in the service. */
#include "daemon/line_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "daemon/event.h"
#include "daemon/output.h"

enum { LINE_SIZE = EVENT_LINE_MAX + 1, OTHERS = 64, NAME_SIZE = 32 };

struct line_sink {
    struct sink sink;
    char name[NAME_SIZE], undone[NAME_SIZE + 16];
    struct output *output;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct line_sink *sink_of(struct sink *s)
{
    return CONTAINER_OF(s, struct line_sink, sink);
}

static size_t credit(struct sink *self)
{
    const struct output *o = sink_of(self)->output;
    return output_backlog(o) >= LINE_SINK_BACKLOG_MAX ? 0 : output_writable(o) / LINE_SIZE;
}

static bool put_line(struct line_sink *s, const struct record *what, const struct buf *line,
                     uint64_t ticket)
{
    if (!line->overflow)
        return what->kind == RECORD_JOB ? output_put(s->output, buf_str(line), ticket)
                                        : output_put_extra(s->output, buf_str(line));
    if (what->kind == RECORD_JOB) /* cannot be: see EVENT_LINE_MAX */
        sink_lose(&s->sink, ticket);
    return true;
}

static bool put(struct sink *self, const struct record *what, uint64_t ticket)
{
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    event_put(&line, what);
    bool is_taken = put_line(sink_of(self), what, &line, ticket);
    buf_wipe(&line);
    return is_taken;
}

static size_t backlog(struct sink *self)
{
    return output_backlog(sink_of(self)->output);
}

static void put_awaited(struct sink *self, struct buf *out)
{
    size_t bytes = backlog(self);
    if (bytes)
        buf_printf(out, "the reader of %s to take %zu bytes", sink_of(self)->name, bytes);
}

static void give_up(struct sink *self)
{
    output_give_up(sink_of(self)->output);
}

static void on_closed(void *ctx)
{
    struct line_sink *s = ctx;
    void (*closed)(void *ctx) = s->closed;
    void *closed_ctx = s->closed_ctx;
    free(s);
    closed(closed_ctx);
}

static void close_sink(struct sink *self, void (*closed)(void *ctx), void *ctx)
{
    struct line_sink *s = sink_of(self);
    s->closed = closed;
    s->closed_ctx = ctx;
    output_close(s->output, on_closed, s);
}

/* --- of the output --- */

static void on_room(void *ctx)
{
    struct line_sink *s = ctx;
    sink_tell_room(&s->sink);
}

static void on_broken(void *ctx, int error)
{
    struct line_sink *s = ctx;
    char text[128];
    struct buf why = BUF_ON(text);
    buf_printf(&why, "cannot write to %s: %s", s->name, uv_strerror(error));
    sink_tell_broken(&s->sink, buf_cstr(&why));
}

static void on_written(void *ctx, uint64_t ticket)
{
    struct line_sink *s = ctx;
    sink_confirm(&s->sink, ticket);
}

static void on_lost(void *ctx, str line, uint64_t ticket)
{
    struct line_sink *s = ctx;
    if (ticket)
        sink_lose(&s->sink, ticket);
}

int line_sink_open(struct sink **out, struct uv_loop_s *loop, int fd, const char *name, size_t jobs)
{
    struct line_sink *s = calloc(1, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    str_copy(s->name, sizeof s->name, str_of(name));
    snprintf(s->undone, sizeof s->undone, "not written to %s", s->name);
    s->sink = (struct sink) { .undone = s->undone,
                              .capacity = SIZE_MAX,
                              .credit = credit,
                              .put = put,
                              .backlog = backlog,
                              .put_awaited = put_awaited,
                              .give_up = give_up,
                              .close = close_sink };
    const struct output_options o = { .fd = fd,
                                      .size = jobs * LINE_SIZE,
                                      .extra_size = (size_t)OTHERS * LINE_SIZE,
                                      .room = on_room,
                                      .broken = on_broken,
                                      .written = on_written,
                                      .lost = on_lost,
                                      .ctx = s };
    int r = output_open(&s->output, loop, &o);
    if (r)
        free(s);
    else
        *out = &s->sink;
    return r;
}
