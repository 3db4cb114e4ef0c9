/* SPDX-License-Identifier: MIT */
/* The shared files, merged. Private to profiles.c and profiles_problem.c. */
#ifndef CREDENTIALS_PROFILES_MERGED_H
#define CREDENTIALS_PROFILES_MERGED_H

#include "credentials/profiles_part.h"

struct profiles {
    struct alloc alloc;
    size_t users;
    struct profiles_recent *recent; /* that has it; NULL: none does any more */
    struct profiles_paths paths;
    char problems[PROFILES_FILES][PROFILES_PROBLEM_SIZE];
    bool shared[PROFILES_FILES];
    struct profiles_part *parts[PROFILES_FILES]; /* NULL: nothing is there */
};

#endif
