/* SPDX-License-Identifier: MIT */
/* The process's environment as an argument, so that what depends on it can be tested. */
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

#include "base/buf.h"

struct environment {
    const char *(*get)(void *ctx, const char *name); /* NULL: secure_getenv() */
    void *ctx;
};

/* The value, borrowed; empty when it is not set or blank, as every AWS tool has it. */
str environment_get(const struct environment *e, const char *name);
/* Is it set at all, be it to nothing? */
bool environment_has(const struct environment *e, const char *name);
/* Is it set to "true", in any case? */
bool environment_is_true(const struct environment *e, const char *name);

/* A path as people write it in files and variables: $NAME and ${NAME} of variables that are set,
 * then "~" or "~user" at its head for a home. Whatever is unknown stays as it is, as Python has it.
 * No NUL is put. */
void environment_put_path(const struct environment *e, struct buf *out, str path);
/* The first $NAME or ${NAME} that is left in such a path since no such variable is set: its name,
 * borrowed; empty: there is none. */
str environment_unset_in(const struct environment *e, str path);
/* HOME without a '/' at its end (so "" for "/"), else the user's home by the system's user
 * database. false: neither is known, and nothing was put. */
bool environment_put_home(const struct environment *e, struct buf *out);

#endif
