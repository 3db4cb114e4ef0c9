/* SPDX-License-Identifier: MIT */
/* Loops that work side by side: a lone one is the caller's own loop and no more; several have a
 * thread each, and the caller's loop only directs them. A lone loop costs no thread and no lock.
 *
 * The order of things: loop_threads_open; loop_threads_each as often as needed, the first time to
 * give each loop its work, the last time to end it; each loop says by loop_threads_leave that its
 * work is over; left() comes once on the caller's loop; loop_threads_close. */
#ifndef DAEMON_LOOP_THREADS_H
#define DAEMON_LOOP_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { LOOP_THREADS_LOOPS_MAX = 64 };

struct uv_loop_s;
struct loop_threads;

struct loop_threads_options {
    struct uv_loop_s *home; /* the caller's loop: all functions without a loop named are for it */
    uint32_t loops;         /* 1 to LOOP_THREADS_LOOPS_MAX */
    void (*nudged)(void *ctx, uint32_t i); /* on loop i, after loop_threads_nudge(); may be NULL */
    void (*reported)(void *ctx);           /* after loop_threads_report(); may be NULL */
    void (*left)(void *ctx);               /* every loop has left, and its thread is gone */
    void *ctx;
};

/* With several, each loop turns on its thread from now on. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM. After
 * a failure let the home loop turn, for it may have a handle to close. */
int loop_threads_open(struct loop_threads **out, const struct loop_threads_options *o,
                      struct pipepoll_error *why);

/* Loop i: `home` itself where it is alone. For handles made in loop_threads_each(). */
struct uv_loop_s *loop_threads_loop(struct loop_threads *threads, uint32_t i);

/* Call fn on the thread of each loop, all at once, and wait until all have returned. Not once a
 * loop may have left. */
void loop_threads_each(struct loop_threads *threads, void (*fn)(void *ctx, uint32_t i));

/* The same, but wait only so long for a loop to begin, since one that hangs never would. false: not
 * all have, and those have not been called and will not be. */
bool loop_threads_try_each(struct loop_threads *threads, void (*fn)(void *ctx, uint32_t i),
                           uint32_t within_ms);

/* Have nudged() called on loop i soon, once for several; nothing when it has left or is alone. */
void loop_threads_nudge(struct loop_threads *threads, uint32_t i);
/* Any thread: have reported() called at home soon, once for several. Nothing for a lone loop. */
void loop_threads_report(struct loop_threads *threads);

/* How long ago loop i turned last, by its beat: below LOOP_THREADS_BEAT_MS and the length of a turn
 * while it turns, busy or idle; more when it hangs. It waits for nothing, so that a loop that hangs
 * can be told from one that is well. 0 for a lone loop, whose own turn asks, and for one that has
 * left. Any thread, until loop_threads_close(). */
enum { LOOP_THREADS_BEAT_MS = 1000 };
int64_t loop_threads_silent_ms(const struct loop_threads *threads, uint32_t i);

/* On loop i: its work is over, and its other handles are closed or closing. What a
 * library cannot take back is not waited for. For a lone loop left() is called inside. */
void loop_threads_leave(struct loop_threads *threads, uint32_t i);

/* After left(), perhaps inside it. threads is gone. */
void loop_threads_close(struct loop_threads *threads);

#endif
