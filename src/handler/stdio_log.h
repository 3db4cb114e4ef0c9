/* SPDX-License-Identifier: MIT */
/* What a long-lived program may put into the log, a minute, and without whose secrets. Private to
 * the handler `stdio`. */
#ifndef HANDLER_STDIO_LOG_H
#define HANDLER_STDIO_LOG_H

#include "base/log.h"
#include "handler/secrets.h"

enum { STDIO_LOG_PAST = 16 };

struct stdio_log {
    const struct log *log;
    const char *program;
    uint64_t lines_max, bytes_max; /* a minute */

    uint64_t minute_ms, lines_left, bytes_left, left_out; /* private, as are the next */
    struct secrets past[STDIO_LOG_PAST];                  /* of the jobs that it had last */
    unsigned turn;
};

/* May a line of len bytes be logged now? Otherwise it is counted, and told of later. */
bool stdio_log_admit(struct stdio_log *l, uint64_t now_ms, size_t len);
/* "PROGRAM: text". */
void stdio_log_put(const struct stdio_log *l, enum pipepoll_level level, str text);
/* A line of ours, as it is. */
void stdio_log_line(const struct stdio_log *l, enum pipepoll_level level, str line);
/* Tell what was left out. */
void stdio_log_flush(struct stdio_log *l);

/* A job has ended, but the program may still know its secrets, which become l's. */
void stdio_log_keep(struct stdio_log *l, struct secrets *secrets);
void stdio_log_mask(const struct stdio_log *l, char *text, size_t len, bool cut);
void stdio_log_forget(struct stdio_log *l);

#endif
