/* SPDX-License-Identifier: MIT */
/* The commands of `pipepoll`, also for what is made from their table: completions, and the test of
 * the manual pages. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/program.h"

/* Linked with the simulated service, the commands sim and demo in it are the real ones; else those
 * that start the other program. */
extern const struct program commands_of_pipepoll;

#endif
