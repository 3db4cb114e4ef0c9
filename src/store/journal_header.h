/* SPDX-License-Identifier: MIT */
/* The first bytes of the journal's file, before SQLite opens it. Blocking. */
#ifndef STORE_JOURNAL_HEADER_H
#define STORE_JOURNAL_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "pipepoll.h"

enum {
    JOURNAL_APPLICATION_ID = 0x70697065, /* "pipe" */
    /* user_version: of tables and columns. 2: with variables. */
    JOURNAL_FORMAT = 2
};

/* Is there a file, and is it ours? ESYSTEM: it is there and is not ours, of a later format, not a
 * plain file, or cannot be read. Only when no SQLite connection of this process has it open: the
 * descriptor that is closed here would take away the locks of that. */
int journal_header_check(const char *path, bool *exists, struct pipepoll_error *why);

/* The same for two numbers that were read from it. */
int journal_header_judge(const char *path, uint32_t application_id, uint32_t format,
                         struct pipepoll_error *why);

#endif
