/* SPDX-License-Identifier: MIT */
/* How many connections may begin to be opened at a time. Pure: the time is an argument. Private to
 * io/.
 *
 * To open a connection costs a hundred times what a transfer on it does. So a fleet that starts
 * opens some at once, and more as those get ready; when they don't, because the way is long, one
 * follows each half millisecond. No turn of the loop is long then, and those that follow go on with
 * the TLS sessions of the first. */
#ifndef IO_OPENING_H
#define IO_OPENING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    OPENING_AT_ONCE = 8,
    OPENING_EACH_NS = 100000,       /* another may begin each time that this has passed, */
    OPENING_UNDER_WAY = 64,         /* and while so many are under way, each time that */
    OPENING_EACH_BEYOND_NS = 500000 /* this has */
};

/* Zeroed at first. */
struct opening {
    unsigned under_way;
    unsigned tokens;     /* one for each that may begin */
    uint64_t counted_ns; /* up to when they have been given */
};

/* May one begin now? If not, *again_ns is when to ask again. */
bool opening_may_begin(struct opening *o, uint64_t now_ns, uint64_t *again_ns);
/* One begins, asked for or not; it is open, or never will be. */
void opening_begin(struct opening *o);
void opening_end(struct opening *o);

#endif
