/* SPDX-License-Identifier: MIT */
/* The environment that programs get: what any program needs of this process's, and what is given to
 * them by name, so that neither this process's credentials nor anything else gets there by
 * chance. */
#ifndef HANDLER_PROGRAM_ENVIRONMENT_H
#define HANDLER_PROGRAM_ENVIRONMENT_H

/* PATH, HOME, USER, LOGNAME, LANG, LC_ALL, LC_CTYPE, TZ and TMPDIR of this process, then first[],
 * then second[], each NAME=VALUE and NULL-terminated, or NULL for none; of a name that comes again
 * the last one counts. One block, to be freed by free(); NULL: no memory. */
char **program_environment(char *const *first, char *const *second);

#endif
