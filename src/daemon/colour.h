/* SPDX-License-Identifier: MIT */
/* Colours of a terminal, for words that say how bad something is. */
#ifndef DAEMON_COLOUR_H
#define DAEMON_COLOUR_H

#include <stdbool.h>

#define COLOUR_RED    "\033[31m"
#define COLOUR_GREEN  "\033[32m"
#define COLOUR_YELLOW "\033[33m"
#define COLOUR_NONE   "\033[0m"

/* Is it a terminal that has colours, and does nobody forbid them by NO_COLOR? */
bool colour_is_wanted(int fd);

#endif
