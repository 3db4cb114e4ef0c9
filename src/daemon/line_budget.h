/* SPDX-License-Identifier: MIT */
/* How many lines of one sort the log may have: some at once, and then one in so long. Pure. */
#ifndef DAEMON_LINE_BUDGET_H
#define DAEMON_LINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct line_budget {
    int64_t free_ms; /* when all may be written at once again; 0 at first */
};

/* One more is written now. false: there were too many lately. */
static inline bool line_budget_take(struct line_budget *b, uint32_t at_once, uint32_t every_ms,
                                    int64_t now_ms)
{
    int64_t free_ms = b->free_ms > now_ms ? b->free_ms : now_ms;
    if (free_ms + every_ms > now_ms + (int64_t)at_once * every_ms)
        return false;
    b->free_ms = free_ms + every_ms;
    return true;
}

#endif
