/* SPDX-License-Identifier: MIT */
/* Random bytes that stay the same from one start to the next: a file of hex digits, made at the
 * first. */
#ifndef DAEMON_RANDOM_FILE_H
#define DAEMON_RANDOM_FILE_H

#include <stddef.h>

struct pipepoll_error;

enum { RANDOM_FILE_BYTES_MAX = 32 };

/* Fill `bytes`. Blocks. Without a path they are this process's alone. A file that is missing is
 * made, readable by this user only, and whole at any time: of two processes that make it at once,
 * both have the same bytes. what: "the continuation key", for `why`. PIPEPOLL_ESYSTEM, and `why`
 * names the file: it cannot be read or made, others may read it, or it holds something else. */
int random_file_load(void *bytes, size_t size, const char *path, const char *what,
                     struct pipepoll_error *why);

/* Would random_file_load() refuse it, and in what words? Makes and changes nothing. */
int random_file_check(size_t size, const char *path, const char *what, struct pipepoll_error *why);

#endif
