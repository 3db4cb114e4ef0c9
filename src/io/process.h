/* SPDX-License-Identifier: MIT */
/* A program run for its output: no shell, no descriptor of ours but the pipe for its
 * output and the one for its diagnostics, a deadline and size limits. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"

struct worker;

enum {
    PROCESS_OUTPUT_MAX = 64 << 10,
    PROCESS_DIAGNOSTIC_MAX = 2 << 10,
    PROCESS_WAITS = 5 /* times the time-out, for a thread */
};

enum process_end {
    PROCESS_EXITED,    /* code is its exit status */
    PROCESS_SIGNALLED, /* code is the signal */
    PROCESS_TIMED_OUT, /* was killed, with its process group */
    PROCESS_TOO_LONG,  /* wrote more than PROCESS_OUTPUT_MAX, was killed likewise */
    PROCESS_NO_START   /* code is a positive errno, such as ENOENT */
};

/* One run at a time; zero-fill it once. The owner keeps it until on_done(), which may start it
 * again or free it. */
struct process_run {
    /* From the loop, exactly once per start, at the latest when the time is up: when the program
     * has ended and all that held its output, such as a child it left behind, has let go; a
     * program that ended in time counts as such even where a child still holds the output then,
     * and that child is let be. output is what came until then, writable, and wiped when on_done()
     * returns: it may hold secrets. */
    void (*on_done)(struct process_run *r, enum process_end end, int code, str output);
    /* In on_done(): the end of what it wrote on stderr, as it came, PROCESS_DIAGNOSTIC_MAX bytes at
     * most; writable, and wiped likewise. Who still holds stderr is not waited for. */
    str diagnostic;
    void *private;
};

/* Start argv (NULL-terminated, copied; argv[0] is looked up in PATH), with the environment of this
 * process as it is now, in a session of its own. Programs are loaded on the worker's threads, a
 * bounded number at once; timeout_ms counts from when that begins, and where it does not begin
 * within PROCESS_WAITS of them, that is NO_START with EAGAIN. PIPEPOLL_ENOMEM: not started; all
 * else comes by on_done(). */
int process_run_start(struct process_run *r, struct worker *w, const struct alloc *alloc,
                      char **argv, uint32_t timeout_ms);
/* Kill it, with its process group; on_done() will not come, and r may be freed at once. Memory goes
 * back to alloc in the loop's next turn, whether the program has ended or not. Fine when idle. */
void process_run_forget(struct process_run *r);

#endif
