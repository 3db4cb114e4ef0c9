/* SPDX-License-Identifier: MIT */
/* What goes to a program's stdin: pieces that wait until it runs, and are then written one behind
 * the other, without ever waiting for a program that does not read. */
#ifndef HANDLER_INPUT_QUEUE_H
#define HANDLER_INPUT_QUEUE_H

#include <stdbool.h>

#include "base/list.h"
#include "base/str.h"

struct uv_stream_s;

struct input_queue {
    struct uv_stream_s *pipe; /* the owner's, who opens and closes it; what is still on its way
                               * ends as cancelled before the pipe's close callback */
    /* From the loop, for each piece, in turn: it is in the pipe (0), or will never be (a libuv
     * error). `left` are still on their way. */
    void (*on_written)(void *ctx, int status, unsigned left);
    void *ctx;
    struct list pieces; /* until it runs; private, as are the next */
    bool runs;
    unsigned writes;
};

void input_queue_init(struct input_queue *q, struct uv_stream_s *pipe,
                      void (*on_written)(void *ctx, int status, unsigned left), void *ctx);
/* Copied, and wiped once it is written. PIPEPOLL_ENOMEM. */
int input_queue_put(struct input_queue *q, str bytes);
/* The program runs: write what is there, and what comes. */
void input_queue_run(struct input_queue *q);
bool input_queue_empty(const struct input_queue *q);
/* Forget what waits for the program to run. */
void input_queue_drop(struct input_queue *q);

#endif
