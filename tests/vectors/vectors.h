/* SPDX-License-Identifier: MIT */
/* Public vectors that others published, of which this project holds no copy. Where the folder that
 * meson's option `vectors` names is missing, these tests are skipped as a whole: the project's own
 * tests prove it without them. */
#ifndef TESTS_VECTORS_VECTORS_H
#define TESTS_VECTORS_VECTORS_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { VECTORS_SKIPPED = 77 }; /* to meson */

static inline bool vectors_missing(const char *path)
{
    if (access(path, R_OK) == 0)
        return false;
    printf("skipped: no %s\n", path);
    return true;
}

#endif
