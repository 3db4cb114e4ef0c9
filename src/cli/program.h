/* SPDX-License-Identifier: MIT */
/* What main() does in each of our programs: it runs a command of a table. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "cli/command.h"

struct program {
    const char *name, *summary;
    const char *more;                      /* the last line of the help */
    const struct command *const *commands; /* in the order of the help */
    size_t count;
};

/* The path of another of our programs, which is beside this one: in the build folder, and where
 * both are installed. */
void program_beside(struct buf *path, str name);

/* Run the command that argv[1] names, or help, or say what is wrong. Returns main()'s value; may
 * end the process instead. */
int program_main(const struct program *p, int argc, char **argv);

#endif
