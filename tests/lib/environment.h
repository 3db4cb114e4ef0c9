/* SPDX-License-Identifier: MIT */
/* An environment out of a JSON object of strings. */
#ifndef TESTS_ENVIRONMENT_H
#define TESTS_ENVIRONMENT_H

#include <jansson.h>

#include "base/environment.h"

static inline const char *environment_member(void *ctx, const char *name)
{
    return json_string_value(json_object_get(ctx, name));
}

/* Borrows the object, which must not be NULL: that would be the real environment's context. */
static inline struct environment environment_of(json_t *members)
{
    return (struct environment) { environment_member, members };
}

#endif
