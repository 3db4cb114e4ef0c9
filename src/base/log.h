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

/* Fill `why` (may be NULL), cut to its size; control characters become '?'. Returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int explain(struct pipepoll_error *why, int status, const char *format, ...);

#endif
