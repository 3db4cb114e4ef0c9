/* SPDX-License-Identifier: MIT */
/* A config file read while the loop turns: on a thread of its own, since reading may block and a
 * large file takes its time. */
#ifndef DAEMON_CONFIG_READER_H
#define DAEMON_CONFIG_READER_H

#include <uv.h>

#include "config/config.h"

struct config_reading {
    int result; /* of config_load(), or of prepare() */
    struct config config;
    struct diagnostics diagnostics;
};

struct config_reader_options {
    uv_loop_t *loop;
    const char *path; /* for config_load(); must outlive the reader, and the process's end */
    /* On the thread, when the config is whole: more of what takes time. 0 or PIPEPOLL_ENOMEM. */
    int (*prepare)(void *ctx, struct config *config);
    /* On the loop. The config is the caller's when the result is 0. */
    void (*done)(void *ctx, struct config_reading *got);
    void *ctx;
};

struct config_reader;

/* PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int config_reader_open(struct config_reader **out, const struct config_reader_options *o);

/* Read it, then call done(). Not while it is being read. 0, or a UV_ error: there is no thread. */
int config_reader_start(struct config_reader *r);

/* Neither prepare() nor done() is called any more. A thread that still reads is not waited for: the
 * process must end by leave(). */
void config_reader_close(struct config_reader *r);

#endif
