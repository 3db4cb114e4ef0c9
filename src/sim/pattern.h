/* SPDX-License-Identifier: MIT */
/* The patterns that the model gives for texts: as much of regular expressions as they use. Pure. */
#ifndef SIM_PATTERN_H
#define SIM_PATTERN_H

#include "base/str.h"

/* Does the whole text match? A pattern is a sequence of characters and classes ("[0-9a-z_-]"), each
 * of them once, or as often as "+" (at least once) or "{8}" behind it says. In a class a backslash
 * takes the next character as it is, and so does a '-' at the end. */
bool pattern_matches(const char *pattern, str text);

#endif
