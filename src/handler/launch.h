/* SPDX-License-Identifier: MIT */
/* Starts a program with nothing of this process but what it is given: three descriptors, a session
 * and process group of its own, default signals, an empty signal mask, and limits. It is killed
 * when this process dies; what it started itself is not. */
#ifndef HANDLER_LAUNCH_H
#define HANDLER_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

#include "handler/background.h"

/* Soft and hard. A limit above this process's own hard limit becomes that; cores are never
 * written. */
struct launch_limits {
    uint64_t open_files;    /* 0: those of this process */
    uint64_t address_space; /* bytes; 0: the same */
    uint64_t cpu_seconds;   /* 0: the same */
};

struct launch_options {
    char *const *argv;        /* [0]: a path, or a name to be found along PATH of environment */
    char *const *environment; /* NAME=VALUE, NULL-terminated */
    const char *directory;    /* to run in, relative paths in argv[0] too; NULL: this process's */
    struct launch_limits limits;
};

enum launch_stage { LAUNCH_PROCESS, LAUNCH_DIRECTORY, LAUNCH_PROGRAM };

struct launch {
    struct background_work work; /* private, as are those without a comment */
    /* From the loop, once, unless abandoned; l is gone when it returns. */
    void (*on_done)(struct launch *l);
    void *ctx;
    int error;               /* a positive errno: it did not start */
    enum launch_stage stage; /* what the error is of */
    /* The receiver's from now on: to reap, and to close. The process number is also that of its
     * group and session. */
    pid_t pid;
    int pidfd;

    int fds[3];
    char **argv, **environment;
    char *directory, *path;
    struct launch_limits limits;
    void *block;
    size_t block_size;
};

/* The options are copied. fds: stdin, stdout, stderr, each above 2; l's from now on in any case,
 * and closed here once the program has them. 0 or PIPEPOLL_ENOMEM: on_done() will not come. */
int launch_start(struct launch **out, struct background *b, const struct launch_options *o,
                 const int fds[3], void (*on_done)(struct launch *l), void *ctx);
/* on_done() will not come; a program that was started all the same is killed. */
void launch_abandon(struct launch *l);
/* Kill the group of a child that nobody has reaped, now; it is reaped on the thread. */
void launch_bury(struct background *b, pid_t pid);

#endif
