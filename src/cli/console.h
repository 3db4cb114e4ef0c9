/* Log lines on stderr, as text or as JSON. */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "base/log.h"

struct console {
    enum pipepoll_level level; /* the least important that is written */
    bool json;
};

/* The log hook; ctx is a struct console. Each line is one write(2), so that lines of several
 * processes stay whole. Blocks while stderr does. */
void console_write(void *ctx, enum pipepoll_level level, struct pipepoll_str line);

/* The same as a base/log.h log. c must outlive it. */
struct log console_log(struct console *c);

#endif
