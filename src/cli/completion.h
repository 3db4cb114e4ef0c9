/* SPDX-License-Identifier: MIT */
/* Scripts by which shells complete our command lines, made at build time from the table of
 * commands: the names of commands and options, and such values as the table knows. What stands for
 * a value in the help says which these are: words parted by '|'; REGION; FILE and DIR. Other words
 * in capitals are for people. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "cli/program.h"

/* Print the script on stdout. Each says at its top where it belongs. */
void completion_print_bash(const struct program *p);
void completion_print_zsh(const struct program *p);
void completion_print_fish(const struct program *p);

/* --- for these three --- */

enum completion_kind {
    COMPLETION_NONE,  /* an option without a value */
    COMPLETION_ANY,   /* a value that nobody can guess */
    COMPLETION_WORDS, /* see completion_words() */
    COMPLETION_FILE,
    COMPLETION_FOLDER
};

enum completion_kind completion_kind(const struct flag *f);

/* The words of a value, each after a blank but the first; `regions` in place of REGION. */
void completion_words(struct buf *out, const struct flag *f, str regions);

/* All regions, as completion_words() has words. */
void completion_regions(struct buf *out);

/* The flag that an operand of the command is the value of: c->operand, or the second; or NULL. */
const struct flag *completion_operand(const struct command *c, str operand);

/* The first clause of a help, or most of it, as one line; may be empty. In quotes of a shell: ' is
 * written as `quote`, and the characters in `escaped` get a backslash. */
void completion_describe(struct buf *out, const char *help, str quote, const char *escaped);

enum { COMPLETION_LINE_MAX = 2048 };

#endif
