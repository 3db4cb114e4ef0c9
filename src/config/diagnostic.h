/* SPDX-License-Identifier: MIT */
/* Errors and warnings about a file, each one sentence with its location, in the order of the
 * file. */
#ifndef CONFIG_DIAGNOSTIC_H
#define CONFIG_DIAGNOSTIC_H

#include <stdint.h>

#include "base/str.h"

enum { DIAGNOSTICS_MAX = 20, DIAGNOSTIC_TEXT_MAX = 600 };

struct location {
    uint32_t line, column; /* from 1; line 0: the file as a whole */
};

struct diagnostic {
    enum pipepoll_level level; /* PIPEPOLL_ERROR or PIPEPOLL_WARNING */
    struct location at;
    bool elsewhere; /* about the machine: `text` names its own location, in no file of ours */
    char text[DIAGNOSTIC_TEXT_MAX];
};

struct diagnostics {
    str file;                                /* its name as the user gave it; borrowed */
    struct diagnostic list[DIAGNOSTICS_MAX]; /* sorted by location */
    size_t count;
    size_t errors;    /* all errors, those that found no room in the list too */
    size_t elsewhere; /* of these: about the machine */
    size_t left_out;  /* errors and warnings that found no room */
};

/* The same sentence at the same location counts once. Control characters become '?'. */
__attribute__((format(printf, 4, 5))) void complain(struct diagnostics *diagnostics,
                                                    enum pipepoll_level level, struct location at,
                                                    const char *format, ...);

/* The same about what is not in the file: the environment, the shared files of the AWS tools. */
__attribute__((format(printf, 3, 4))) void complain_elsewhere(struct diagnostics *diagnostics,
                                                              enum pipepoll_level level,
                                                              const char *format, ...);

/* Each diagnostic as "FILE:LINE:COLUMN: TEXT", or TEXT alone, then "... and N more" if some were
 * left out. */
void diagnostics_each(const struct diagnostics *diagnostics,
                      void (*line)(void *ctx, enum pipepoll_level level, str text), void *ctx);

/* The same on stderr, with "warning: " before the text of one. */
void diagnostics_print(const struct diagnostics *diagnostics);

#endif
