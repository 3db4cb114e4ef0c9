/* SPDX-License-Identifier: MIT */
/* --query: JMESPath (jmespath.org), the whole language with all its functions. Pure but for the
 * arena's malloc. */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "cli/datum.h"

struct query;

/* All of it lies in the arena; slices of `expression` are kept. NULL: why says what is wrong, and
 * *column where, from 0; or the arena has failed. */
const struct query *query_compile(struct arena *a, str expression, size_t *column,
                                  struct pipepoll_error *why);

/* What it finds in a value. NULL: why names the function that was given a wrong argument, or that
 * there is none of the name. */
const struct datum *query_search(struct arena *a, const struct query *q, const struct datum *in,
                                 struct pipepoll_error *why);

#endif
