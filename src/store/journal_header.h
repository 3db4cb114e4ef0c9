/* SPDX-License-Identifier: MIT */
/* The first bytes of the journal's file, before SQLite opens it. Blocking. */
#ifndef STORE_JOURNAL_HEADER_H
#define STORE_JOURNAL_HEADER_H

#include <stdbool.h>

#include "pipepoll.h"

/* Is there a file, and is it ours? ESYSTEM: it is there and is not ours, of a later format, not a
 * plain file, or cannot be read. Only when no SQLite connection of this process has it open: the
 * descriptor that is closed here would take away the locks of that. */
int journal_header_check(const char *path, bool *exists, struct pipepoll_error *why);

#endif
