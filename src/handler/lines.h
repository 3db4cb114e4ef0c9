/* SPDX-License-Identifier: MIT */
/* A stream of bytes as lines of bounded length. Pure. */
#ifndef HANDLER_LINES_H
#define HANDLER_LINES_H

#include "base/str.h"

struct lines {
    char *at; /* the owner's memory: what is there of a line */
    size_t len, cap;
    bool skipping; /* the rest of a line that was too long */
    /* line: without its end, of "\n" or "\r\n"; writable; dies when this returns. cut: it was
     * longer than cap, and this is its beginning. */
    void (*on_line)(void *ctx, char *line, size_t len, bool cut);
    void *ctx;
};

void lines_put(struct lines *l, str bytes);
/* No more comes: what has no line end is a line too. */
void lines_end(struct lines *l);

/* A line (in UTF-8, or not) as one that may be logged: without control characters, bytes that are
 * no text, and a character that was cut in its middle. Its length then. */
size_t lines_clean(char *line, size_t len, bool cut);

#endif
