/* SPDX-License-Identifier: MIT */
/* A command line split into words by the shell's quoting, without a shell: nothing is expanded. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/str.h"

enum { WORDS_MAX = 64 };

/* Words are parted by blanks. '...' is taken as it stands; in "..." a backslash keeps its meaning
 * only before '"' and '\'; elsewhere it takes the next byte as it stands. room holds the words
 * (line.len + 1 bytes), argv (WORDS_MAX + 1) ends with NULL. NULL, or what is wrong, static. */
const char *words_split(str line, char *room, char **argv);

#endif
