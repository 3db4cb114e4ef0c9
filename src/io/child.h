/* SPDX-License-Identifier: MIT */
/* A child process: started, awaited and reaped on a thread of the worker, since loading a program,
 * copying the memory map of a large process, and the death of a child that hangs in the kernel all
 * take as long as they like. Private to io/. */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/worker.h"

struct child {
    struct worker_job job; /* private, as are those without a comment */
    /* From the loop, once, unless abandoned; c is gone when it returns. */
    void (*on_exit)(struct child *c);
    void *ctx;
    int error;  /* a positive errno: it did not start */
    int status; /* as of waitpid(); 0 when somebody else has taken it */

    pthread_mutex_t mutex; /* around the next five */
    uint64_t begun_ns;
    pid_t pid; /* 0: not started, or reaped */
    bool doomed;
    int fds[2];
    char **argv, **environment;
    size_t argv_size, environment_size;
};

/* argv: NULL-terminated, copied, as is the environment of this process. stdin is empty, stdout and
 * stderr are these two descriptors, which are c's from now on: they are closed in any case. 0 or a
 * positive errno: nothing is to come. */
int child_start(struct child **out, struct worker *w, char **argv, const int fds[2],
                void (*on_exit)(struct child *c), void *ctx);
/* When a thread began with it, by timers_now_ns(); 0: it still waits for one. */
uint64_t child_begun_ns(struct child *c);
/* Kill it, with all that is left of its process group; on_exit() will not come, and the thread
 * reaps it. */
void child_abandon(struct child *c);

#endif
