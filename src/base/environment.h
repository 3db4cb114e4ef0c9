/* The process's environment as an argument, so that what depends on it can be tested. */
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

#include "base/str.h"

struct environment {
    const char *(*get)(void *ctx, const char *name); /* NULL: secure_getenv() */
    void *ctx;
};

/* The value, borrowed; empty when it is not set or blank, as every AWS tool has it. */
str environment_get(const struct environment *e, const char *name);
/* Is it set to "true", in any case? */
bool environment_is_true(const struct environment *e, const char *name);

#endif
