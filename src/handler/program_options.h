/* SPDX-License-Identifier: MIT */
/* The program of a handler, whether it is started for each job or once for many. */
#ifndef HANDLER_PROGRAM_OPTIONS_H
#define HANDLER_PROGRAM_OPTIONS_H

#include "handler/subprocess.h"

/* Zero means the default. What is pointed to is the caller's. */
struct program_options {
    char *const *argv;        /* no shell reads it; required */
    const char *directory;    /* NULL: this process's */
    char *const *environment; /* NAME=VALUE, beside the base; NULL: none */
    uint32_t timeout_ms;      /* of a job, from when the program has it; 0: an hour */
    uint32_t kill_after_ms;   /* from SIGTERM to SIGKILL; 0: 10000 */
    uint32_t grace_ms;        /* for output that others hold open at its end; 0: 500 */
    uint32_t log_lines_max;   /* of what it has logged, in the handler's unit; 0: 1000 */
    uint64_t log_bytes_max;   /* the same in bytes; 0: 1 MiB */
    /* 0 is the default of launch.h, but for open_files, where it is 1024. */
    struct launch_limits limits;
};

void program_options_fill_in(struct program_options *o);

/* Without the folder, and cut to size. */
void program_options_name(const struct program_options *o, char *out, size_t size);

/* How it is started, with this environment and without a time-out; whom it tells is to be added. */
struct subprocess_options program_options_start(const struct program_options *o,
                                                char *const *environment);

#endif
