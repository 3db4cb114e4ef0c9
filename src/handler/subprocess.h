/* SPDX-License-Identifier: MIT */
/* One run of a program on the loop: its input is written, at once or as it comes; what it prints is
 * handed over as it comes; it is ended when its time is up, and what it left behind in its process
 * group is killed. Never waits for a process that left the group. */
#ifndef HANDLER_SUBPROCESS_H
#define HANDLER_SUBPROCESS_H

#include "base/buf.h"
#include "handler/launch.h"

struct subprocess;

enum { SUBPROCESS_STDIN, SUBPROCESS_STDOUT, SUBPROCESS_STDERR };

enum subprocess_end {
    SUBPROCESS_EXITED,    /* code: its exit code */
    SUBPROCESS_SIGNALLED, /* code: the signal */
    SUBPROCESS_NO_START,  /* code: a positive errno; stage: of what */
    SUBPROCESS_LOST       /* killed, and the system does not tell that it ended; or its status was
                           * taken by somebody else */
};

struct subprocess_result {
    enum subprocess_end end;
    int code;
    enum launch_stage stage;
    bool timed_out; /* it was ended since its time was up */
    bool stopped;   /* by subprocess_stop() */
};

struct subprocess_options {
    struct launch_options launch;
    uint32_t timeout_ms;    /* from subprocess_start() to SIGTERM; 0: none */
    uint32_t kill_after_ms; /* from SIGTERM to SIGKILL */
    uint32_t grace_ms;      /* for output that others hold open, once the program has ended */
    /* From the loop, never from inside a call of below, but on_output() before on_end(). bytes die
     * when it returns, and are wiped. */
    void (*on_output)(void *ctx, int fd, str bytes);
    /* NULL: stdin ends behind the first input. Else it stays open, and this comes for the first
     * input, once the program runs, and for each that is written after it, in turn, when it is
     * whole in the pipe: `left` are not yet. */
    void (*on_written)(void *ctx, unsigned left);
    /* May be NULL. It closed its stdout, or its stdin, which shows when it is written to: what did
     * not get into the pipe is lost. It may live on. */
    void (*on_closed)(void *ctx, int fd);
    /* Once; s is gone when it returns. */
    void (*on_end)(void *ctx, const struct subprocess_result *r);
    void *ctx;
};

/* Everything is copied; input is wiped when it is written or not wanted any more. SIGPIPE must be
 * ignored in this process. PIPEPOLL_ENOMEM: on_end() will not come; whatever else fails it
 * tells. */
int subprocess_start(struct subprocess **out, struct background *b,
                     const struct subprocess_options *o, str input);

/* More input, with on_written. Copied, and wiped; never waits: what waits is for the caller to
 * bound. It is lost if stdin is closed, or the program has ended. PIPEPOLL_ENOMEM. */
int subprocess_write(struct subprocess *s, str input);
/* End stdin behind all that was written. */
void subprocess_end_input(struct subprocess *s);

/* SIGTERM for the group, and SIGKILL after kill_after_ms; on_end() comes in any case, some seconds
 * after that at the latest. A second call kills at once. */
void subprocess_stop(struct subprocess *s);

/* Kill the group at once; on_end() will not come, and s is gone. */
void subprocess_abandon(struct subprocess *s);

/* How a program of this name ended, or why it did not start, as a sentence: "NAME was killed by
 * SIGSEGV (signal 11)". */
void subprocess_explain(struct buf *out, const char *name, const struct subprocess_result *r);

#endif
