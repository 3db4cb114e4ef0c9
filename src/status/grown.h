/* SPDX-License-Identifier: MIT */
/* A text of unknown length as one block: written into bounded memory, and again into twice as much
 * if it did not fit. Pure. */
#ifndef STATUS_GROWN_H
#define STATUS_GROWN_H

#include "base/buf.h"

/* What put() puts, from malloc(), with a NUL behind it that *len does not count. put() is called
 * until nothing overflows, and puts the same each time. size: about how long it is likely to be.
 * NULL: no memory. */
char *grown(void (*put)(struct buf *out, const void *from), const void *from, size_t size,
            size_t *len);

#endif
