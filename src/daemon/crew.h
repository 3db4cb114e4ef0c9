/* Loops that work side by side: a lone one is the caller's own loop and no more; several have a
 * thread each, and the caller's loop only directs them. A lone loop costs no thread and no lock.
 *
 * The order of things: crew_open; crew_each as often as needed, the first time to give each loop
 * its work, the last time to end it; each loop says by crew_leave that its work is over; left()
 * comes once on the caller's loop; crew_close. */
#ifndef DAEMON_CREW_H
#define DAEMON_CREW_H

#include <stdint.h>

#include "base/str.h"

enum { CREW_LOOPS_MAX = 64 };

struct uv_loop_s;
struct crew;

struct crew_options {
    struct uv_loop_s *home; /* the caller's loop: all functions without a loop named are for it */
    uint32_t loops;         /* 1 to CREW_LOOPS_MAX */
    void (*nudged)(void *ctx, uint32_t i); /* on loop i, after crew_nudge(); may be NULL */
    void (*reported)(void *ctx);           /* after crew_report(); may be NULL */
    void (*left)(void *ctx);               /* every loop has left, and its thread is gone */
    void *ctx;
};

/* With several, each loop turns on its thread from now on. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM. After
 * a failure let the home loop turn, for it may have a handle to close. */
int crew_open(struct crew **out, const struct crew_options *o, struct pipepoll_error *why);

/* Loop i: `home` itself where it is alone. For handles made in crew_each(). */
struct uv_loop_s *crew_loop(struct crew *c, uint32_t i);

/* Call fn on the thread of each loop, all at once, and wait until all have returned. Not once a
 * loop may have left. */
void crew_each(struct crew *c, void (*fn)(void *ctx, uint32_t i));

/* Have nudged() called on loop i soon, once for several; nothing when it has left or is alone. */
void crew_nudge(struct crew *c, uint32_t i);
/* Any thread: have reported() called at home soon, once for several. Nothing for a lone loop. */
void crew_report(struct crew *c);

/* On loop i: its work is over, and its other handles are closed or closing. What a
 * library cannot take back is not waited for. For a lone loop left() is called inside. */
void crew_leave(struct crew *c, uint32_t i);

/* After left(), perhaps inside it. c is gone. */
void crew_close(struct crew *c);

#endif
