/* SPDX-License-Identifier: MIT */
/* Two buffers: one fills while the thread writes the other, and the mutex is held for a copy of a
 * line or the exchange of the two, never during a write. A thread, because a descriptor of others
 * (a terminal, the pipe of whoever started us) must not be made non-blocking for them, and a file
 * or a terminal can block although poll() said that it would not. */
#include "daemon/line_writer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { GAP_MAX = 512, KEEP_MAX = 1 << 27 };

struct line_writer {
    struct line_writer_options options;
    uv_mutex_t mutex; /* of the next five */
    uv_cond_t changed;
    struct buf filling;
    uint64_t dropped; /* lines, since the last exchange */
    bool closing, ended;
    struct buf writing; /* the thread's own, as the next two */
    uint64_t missing;   /* lines that were not told yet */
    bool broken_line;   /* a line of which only a part is out is the last */
    _Atomic size_t backlog;
    _Atomic uint64_t progress; /* writes that succeeded */
    uv_thread_t thread;
};

/* --- the thread --- */

static bool wait_for_room(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    return poll(&p, 1, -1) > 0 || errno == EINTR;
}

static bool write_whole(struct line_writer *w, str line)
{
    size_t sent = 0;
    while (sent < line.len) {
        ssize_t n = write(w->options.fd, line.ptr + sent, line.len - sent);
        if (n > 0) {
            sent += (size_t)n;
            w->progress++;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN) ||
                   (errno == EAGAIN && !wait_for_room(w->options.fd))) {
            w->broken_line = w->broken_line || sent > 0;
            return false;
        }
    }
    return true;
}

static bool write_line(struct line_writer *w, str line)
{
    if (w->broken_line && !write_whole(w, STR("\n")))
        return false;
    w->broken_line = false;
    return write_whole(w, line);
}

static void tell_gap(struct line_writer *w)
{
    char text[GAP_MAX];
    struct buf line = BUF_ON(text);
    if (!w->missing)
        return;
    line.cap--; /* room for the line end */
    w->options.gap(w->options.ctx, &line, w->missing);
    text[line.len++] = '\n';
    if (write_line(w, buf_str(&line)))
        w->missing = 0;
}

static void write_lines(struct line_writer *w)
{
    str rest = buf_str(&w->writing);
    while (rest.len) {
        size_t len = str_find(rest, '\n');
        str line = { rest.ptr, len < rest.len ? len + 1 : len };
        tell_gap(w);
        if (w->missing || !write_line(w, line))
            w->missing++;
        rest = str_skip(rest, line.len);
        w->backlog -= line.len;
    }
    buf_reset(&w->writing);
}

/* false: closing, and nothing is left. Lines are dropped while the buffer before this one is being
 * written: they belong behind those that wait by now, and before all that come later. */
static bool next_lines(struct line_writer *w, uint64_t *dropped)
{
    uv_mutex_lock(&w->mutex);
    while (!w->filling.len && !w->dropped && !w->closing)
        uv_cond_wait(&w->changed, &w->mutex);
    struct buf full = w->filling;
    w->filling = w->writing;
    w->writing = full;
    *dropped = w->dropped;
    w->dropped = 0;
    uv_mutex_unlock(&w->mutex);
    return full.len || *dropped;
}

static void work(void *arg)
{
    struct line_writer *w = arg;
    uint64_t dropped;
    while (next_lines(w, &dropped)) {
        write_lines(w);
        w->missing += dropped;
        tell_gap(w);
    }
    uv_mutex_lock(&w->mutex);
    w->ended = true;
    uv_cond_broadcast(&w->changed);
    uv_mutex_unlock(&w->mutex);
}

/* --- everybody else's --- */

static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap;
    while (cap < need)
        cap *= 2;
    char *grown = cap <= KEEP_MAX ? realloc(b->at, cap) : NULL;
    if (!grown)
        return false;
    b->at = grown;
    b->cap = cap;
    return true;
}

static uint64_t lines_of(str text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines ? lines : 1;
}

static void put(struct line_writer *w, str text, bool keep)
{
    if (!text.len)
        return;
    uv_mutex_lock(&w->mutex);
    size_t need = w->filling.len + text.len;
    bool taken = (keep || (!w->dropped && need <= w->options.size)) &&
                 (need <= w->filling.cap || grow(&w->filling, need));
    if (taken) {
        w->backlog += text.len;
        buf_put(&w->filling, text);
    } else {
        w->dropped += lines_of(text);
    }
    uv_cond_broadcast(&w->changed);
    uv_mutex_unlock(&w->mutex);
}

void line_writer_put(struct line_writer *w, str text)
{
    put(w, text, false);
}

void line_writer_keep(struct line_writer *w, str text)
{
    put(w, text, true);
}

size_t line_writer_backlog(const struct line_writer *w)
{
    return w->backlog;
}

static void writer_free(struct line_writer *w)
{
    free(w->filling.at);
    free(w->writing.at);
    free(w);
}

/* Signals are for the thread that runs the loop; SIGTTOU, which stops a background process that
 * writes to a terminal with `stty tostop`, is not raised where it is blocked. */
static int start(struct line_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = uv_thread_create(&w->thread, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r ? PIPEPOLL_ESYSTEM : PIPEPOLL_OK;
}

int line_writer_open(struct line_writer **out, const struct line_writer_options *o)
{
    struct line_writer *w = calloc(1, sizeof *w);
    if (!w)
        return PIPEPOLL_ENOMEM;
    w->options = *o;
    w->filling = (struct buf) { .at = malloc(o->size), .cap = o->size };
    w->writing = (struct buf) { .at = malloc(o->size), .cap = o->size };
    int r =
        w->filling.at && w->writing.at && !uv_mutex_init(&w->mutex) ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
    if (!r && uv_cond_init(&w->changed)) {
        uv_mutex_destroy(&w->mutex);
        r = PIPEPOLL_ENOMEM;
    }
    if (!r && start(w)) {
        uv_cond_destroy(&w->changed);
        uv_mutex_destroy(&w->mutex);
        r = PIPEPOLL_ESYSTEM;
    }
    if (r)
        writer_free(w);
    else
        *out = w;
    return r;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Under the mutex. Until the thread has ended, or `flushing` and nothing waits. */
static void wait_for_end(struct line_writer *w, bool flushing, uint32_t idle_ms, uint32_t most_ms)
{
    enum { LOOK_MS = 20 };
    uint64_t now_ms = uv_hrtime() / 1000000, end_ms = now_ms + most_ms;
    uint64_t progress = w->progress, idle_end_ms = now_ms + idle_ms;
    while (!w->ended && !(flushing && !w->backlog) && now_ms < at_most(end_ms, idle_end_ms)) {
        uv_cond_timedwait(&w->changed, &w->mutex, LOOK_MS * 1000000ull);
        now_ms = uv_hrtime() / 1000000;
        if (w->progress != progress)
            idle_end_ms = now_ms + idle_ms;
        progress = w->progress;
    }
}

void line_writer_flush(struct line_writer *w, uint32_t idle_ms, uint32_t most_ms)
{
    uv_mutex_lock(&w->mutex);
    wait_for_end(w, true, idle_ms, most_ms);
    uv_mutex_unlock(&w->mutex);
}

bool line_writer_close(struct line_writer *w, uint32_t idle_ms, uint32_t most_ms)
{
    uv_mutex_lock(&w->mutex);
    w->closing = true;
    uv_cond_broadcast(&w->changed);
    wait_for_end(w, false, idle_ms, most_ms);
    bool ended = w->ended;
    uv_mutex_unlock(&w->mutex);
    if (!ended)
        return false;
    uv_thread_join(&w->thread);
    uv_cond_destroy(&w->changed);
    uv_mutex_destroy(&w->mutex);
    writer_free(w);
    return true;
}
