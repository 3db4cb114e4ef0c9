/* SPDX-License-Identifier: MIT */
/* Counted nouns. */
#ifndef BASE_PLURAL_H
#define BASE_PLURAL_H

#include <stdint.h>

/* What follows a noun that is counted: "" for one, else "s". Static. */
static inline const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

#endif
