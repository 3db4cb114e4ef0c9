/* SPDX-License-Identifier: MIT */
/* Lines to a descriptor that nobody may be reading, by a thread of its own: whoever puts a line
 * never waits for the reader, and what there is no room for is counted and told in its place. */
#ifndef DAEMON_LINE_WRITER_H
#define DAEMON_LINE_WRITER_H

#include <stdint.h>

#include "base/buf.h"

struct line_writer;

struct line_writer_options {
    int fd;      /* stays the caller's, blocking or not as it is */
    size_t size; /* bytes of waiting lines from which on line_writer_put() takes no more */
    /* On the writer's thread: the line, without its end, that says that `count` lines are missing
     * here. */
    void (*gap)(void *ctx, struct buf *out, uint64_t count);
    void *ctx;
};

/* PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread could be started. */
int line_writer_open(struct line_writer **out, const struct line_writer_options *o);

/* Queue text, whole lines with their ends; copied. Each line is one write(2), so that lines of
 * several processes stay whole. Any thread. Never blocks. */
void line_writer_put(struct line_writer *w, str text);

/* The same for a line that must not be left out as long as there is memory: what was taken from
 * others and will be named nowhere else. The caller bounds how many there are. */
void line_writer_keep(struct line_writer *w, str text);

/* Bytes that are not out yet. Any thread, signal handlers too. */
size_t line_writer_backlog(const struct line_writer *w);

/* Wait until what was put before is out, as line_writer_close() does, while others still put. */
void line_writer_flush(struct line_writer *w, uint32_t idle_ms, uint32_t most_ms);

/* Wait until all is out, for at most idle_ms without progress and most_ms in all. true: w is gone.
 * false: its thread is stuck in a write and left behind with w: the process must end without
 * waiting for threads, by _exit(). Nobody puts any more. */
bool line_writer_close(struct line_writer *w, uint32_t idle_ms, uint32_t most_ms);

#endif
