/* SPDX-License-Identifier: MIT */
/* "Did you mean": the known word nearest to a mistyped one. Pure. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

struct nearest {
    str word; /* what was typed */
    str best; /* the nearest so far; empty when none is near enough to suggest */
    size_t distance;
};

struct nearest nearest_to(str word);

/* Is `candidate` nearer than the best so far? Counts letters to insert, drop, replace or swap; up
 * to a third of the word (at least 2), and half of the candidate, may be wrong. Words above 64
 * bytes are never near. */
void nearest_try(struct nearest *n, str candidate);

/* " (did you mean "best"?)", or nothing, NUL-terminated in text. Returns text. */
const char *nearest_hint(const struct nearest *n, char *text, size_t size);

#endif
