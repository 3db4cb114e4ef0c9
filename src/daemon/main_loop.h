/* SPDX-License-Identifier: MIT */
/* The loop that a command runs on its main thread, with a timer and the signals that mean something
 * to it. On that thread. */
#ifndef DAEMON_MAIN_LOOP_H
#define DAEMON_MAIN_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "pipepoll.h"

enum { MAIN_LOOP_SIGNALS = 4 }; /* at most */

struct main_loop {
    void (*on_signal)(void *ctx, int number); /* set before it is opened, with ctx */
    void *ctx;

    uv_loop_t loop;
    uv_timer_t timer;
    void (*on_timer)(void *ctx);
    uv_signal_t signals[MAIN_LOOP_SIGNALS];
    size_t signal_count;
    bool done;  /* nothing of ours is in the loop any more */
    bool hangs; /* but something is: its memory must stay until the process ends */
};

/* numbers: the signals that on_signal() is called for, with a 0 behind them; those that were
 * ignored when the program began stay ignored. ESYSTEM: nothing is open. */
int main_loop_open(struct main_loop *m, const int *numbers, struct pipepoll_error *why);

/* Call on(ctx) after a time, and then each every_ms, 0: once; no more what it was started for
 * before. */
void main_loop_start_timer(struct main_loop *m, void (*on)(void *ctx), uint64_t after_ms,
                           uint64_t every_ms);
void main_loop_stop_timer(struct main_loop *m);

/* Once all else of ours is closed. */
void main_loop_close(struct main_loop *m);

/* Turn it until it is closed. */
void main_loop_run(struct main_loop *m);

#endif
