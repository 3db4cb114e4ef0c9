/* SPDX-License-Identifier: MIT */
/* One line to the embedder's log hook. Never call it with a secret. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "pipepoll.h"

struct log {
    void (*write)(void *ctx, enum pipepoll_level level, struct pipepoll_str line); /* may be NULL */
    void *ctx;
};

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void log_line(const struct log *log, enum pipepoll_level level, const char *format, ...);

/* "error", "warning", "info", "debug". Static. */
const char *log_level_name(enum pipepoll_level level);

/* Fill `why` (may be NULL), cut to its size; control characters become '?'. Its cause is unknown
 * then. Returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int explain(struct pipepoll_error *why, int status, const char *format, ...);
/* And then the cause of what was explained, with its subject. */
void explain_cause(struct pipepoll_error *why, enum pipepoll_cause cause,
                   struct pipepoll_str subject);

#endif
