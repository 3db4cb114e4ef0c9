/* SPDX-License-Identifier: MIT */
/* Lines to a descriptor without ever blocking the loop: a bounded queue, one write at a time on
 * libuv's thread pool, and a watch on a pipe's other end. All on the loop's thread. */
#ifndef DAEMON_OUTPUT_H
#define DAEMON_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct uv_loop_s;
struct output;

struct output_options {
    int fd;            /* stays the caller's, blocking or not as it is */
    size_t size;       /* bytes kept for output_put(), beside those being written */
    size_t extra_size; /* more bytes, for output_put_extra() alone */
    /* There is room again; may be NULL. */
    void (*room)(void *ctx);
    /* Nothing can be written any more (a UV_ error such as UV_EPIPE or UV_ENOSPC): called once. */
    void (*broken)(void *ctx, int error);
    /* A line with this tag is out; in order. NULL: nobody asks. */
    void (*written)(void *ctx, uint64_t tag);
    /* A line that did not get out whole; without its line end, dies on return. After broken(), also
     * called inside output_put(). tag: 0 for a line without one. */
    void (*lost)(void *ctx, str line, uint64_t tag);
    void *ctx;
};

/* Memory is touched only as it fills. PIPEPOLL_EINVAL: fd is not open for writing;
 * PIPEPOLL_ENOMEM. */
int output_open(struct output **out, struct uv_loop_s *loop, const struct output_options *o);

/* Bytes that output_put() takes for sure now; each line needs one more for its end. */
size_t output_writable(const struct output *o);

/* Bytes of lines that are not out yet; all of a write's until it returns. */
size_t output_backlog(const struct output *o);

/* Queue one line; its line end is added. Lines come out in the order they went in. A tag other
 * than 0 comes back once, by written() or by lost(), wherefrom nothing is put. false: there is
 * no room, or no memory for the tag, and the line was not taken. */
bool output_put(struct output *o, str line, uint64_t tag);
/* The same, without a tag, but never takes room that output_writable() has promised. */
bool output_put_extra(struct output *o, str line);

/* Hand every line that is not out to lost(), and each that is put from now on: of a pipe, those
 * that are not in it, which whoever still reads it will not get. How far a write came that is under
 * way nobody knows, but for one that waits for a pipe's reader: its lines may get out after all. */
void output_give_up(struct output *o);

/* Write what is queued, then `closed` (perhaps inside this call), and o is gone. No put any more.
 * Not inside broken() or lost(). An output that is not closed keeps the loop alive. */
void output_close(struct output *o, void (*closed)(void *ctx), void *ctx);

#endif
