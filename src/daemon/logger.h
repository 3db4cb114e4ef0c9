/* SPDX-License-Identifier: MIT */
/* Log lines on stderr, as text or as JSON, and stderr itself: who writes to it never waits for its
 * reader, once it is open. Where stderr is systemd's journal, each line begins with its priority
 * (daemon/priority.h), and text has no time of its own. */
#ifndef DAEMON_LOGGER_H
#define DAEMON_LOGGER_H

#include "base/log.h"
#include "daemon/subject.h"

struct logger {
    enum pipepoll_level level; /* the least important that is written */
    bool json;
};

/* Once a process: from now on a thread writes what goes to stderr, by stdio or by
 * logger_write(), and what nobody reads is counted and left out. Before that, and after a failure,
 * stderr is written at once and may block. PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: no thread. */
int logger_open(void);

/* Write what waits, as logger_close() does, while other threads still write: before _exit(). */
void logger_flush(void);

/* Write what waits, for a second without progress at most. false: it is stuck, and its thread is
 * left behind: end by _exit(). Fine when it is not open; nothing may be written to stderr after. */
bool logger_close(void);

/* The log hook; ctx is a struct logger. Each line is one write(2), so that lines of several
 * processes stay whole. Any thread; does not block, see logger_open(). */
void logger_write(void *ctx, enum pipepoll_level level, struct pipepoll_str line);

/* The same for the program's own lines, which say what they are about; `about` may be NULL. */
void logger_tell(const struct logger *logger, enum pipepoll_level level,
                 const struct subject *about, str line);

/* The same, formatted, and cut to 1023 bytes. */
__attribute__((format(printf, 4, 5))) void logger_printf(const struct logger *logger,
                                                         enum pipepoll_level level,
                                                         const struct subject *about,
                                                         const char *format, ...);

/* As logger_tell(), for a line that a fault can repeat without bound: those of a kind are summed up
 * (daemon/repeats.h) in all of the process, `allowance` written in each pause. kind: what it is
 * whatever its words; empty: whatever its words with digits. */
void logger_repeat(const struct logger *logger, enum pipepoll_level level,
                   const struct subject *about, str kind, uint32_t allowance, str line);
/* As logger_write(), with logger_repeat(): for a part below that may say the same again. */
void logger_write_summed(void *ctx, enum pipepoll_level level, struct pipepoll_str line);
/* Write the sums that are due, now and then; `last`: all. */
void logger_tell_repeats(const struct logger *logger, bool last);

/* As logger_tell(), for a line that must get out as long as stderr is read at all: a job's. */
void logger_keep(const struct logger *logger, enum pipepoll_level level,
                 const struct subject *about, str line);

/* The same as a base/log.h log. c must outlive it. */
struct log logger_log(struct logger *logger);

#endif
