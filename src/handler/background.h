/* SPDX-License-Identifier: MIT */
/* Work that may block (loading a program, reading a file), done one piece after another on a thread
 * of its own, so that the loop never waits for a disk that hangs. Work belongs to its own memory,
 * from malloc(): whoever gave it may abandon it and go while the thread is still inside. */
#ifndef HANDLER_BACKGROUND_H
#define HANDLER_BACKGROUND_H

#include <stdbool.h>

#include "pipepoll.h"

#include "base/list.h"

struct uv_loop_s;
struct background;

/* First in the work's own struct; zero but for the functions. */
struct background_work {
    void (*run)(struct background_work *w);  /* on the thread, with all signals blocked */
    void (*done)(struct background_work *w); /* on the loop, after run(), unless abandoned */
    /* Free it: on the loop after done(), or on the thread when abandoned. */
    void (*end)(struct background_work *w);

    struct background *background; /* private, as are the next */
    struct list link;
    enum { BACKGROUND_QUEUED, BACKGROUND_RUNNING, BACKGROUND_RAN } state;
    bool abandoned;
};

/* PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread, or no descriptor. */
int background_open(struct background **out, struct uv_loop_s *loop);

/* First come, first served. done() comes from the loop, never from inside this call. */
void background_start(struct background *b, struct background_work *w);
/* done() will not come, nor run() if it has not begun: w is the thread's from now on. Not inside
 * its done(). */
void background_abandon(struct background_work *w);

/* For those whose handles are still closing: `closed` waits until they have let go. */
void background_hold(struct background *b);
void background_release(struct background *b);
struct uv_loop_s *background_loop(const struct background *b);

/* All work must have been told or abandoned. `closed` comes from the loop; b is gone then, whatever
 * the thread still does. closed may be NULL. */
void background_close(struct background *b, void (*closed)(void *ctx), void *ctx);

#endif
