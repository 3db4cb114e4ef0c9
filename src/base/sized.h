/* SPDX-License-Identifier: MIT */
/* Structures that begin with their size, between a program and a library of different age. */
#ifndef BASE_SIZED_H
#define BASE_SIZED_H

#include "pipepoll.h"

/* What the caller gave, at `in`, as ours of `size` bytes: what his lacks is zero, what ours lacks
 * must be. `name` is for the sentence. PIPEPOLL_EINVAL; out is untouched then. */
int sized_read(void *out, size_t size, const void *in, const char *name,
               struct pipepoll_error *why);

/* Fill in the caller's, at `out`, from ours of `size` bytes: as much as he has, and says. */
void sized_write(void *out, const void *ours, size_t size);

#endif
