/* SPDX-License-Identifier: MIT */
/* Texts of others on a terminal: an id of the service's, a message of a handler's. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "base/buf.h"

/* Bytes of a character, at most. */
enum { SCREEN_CHARACTER_MAX = 4 };

/* Each character of it takes one column. Bytes that are no UTF-8 are a character each. */
size_t screen_width(str s);

/* Print it on stdout, in at most so many columns: what is cut ends in "...". What would move the
 * cursor, or turn the text around, is '?', a tab or line end a blank. Returns the columns taken. */
size_t screen_print(str s, size_t columns);

/* All of it on stderr. */
void screen_print_error(str s);

/* The same as screen_print() into a buffer. */
size_t screen_put(struct buf *out, str s, size_t columns);

/* The same as screen_print(), and blanks up to that width, and two more. */
void screen_print_cell(str s, size_t columns);

/* Columns of the terminal that stdout is; SIZE_MAX: it is none. */
size_t screen_columns(void);

#endif
