/* SPDX-License-Identifier: MIT */
/* A file of client tokens, read from the disk. Blocking. */
#ifndef HANDLER_TOKEN_LOAD_H
#define HANDLER_TOKEN_LOAD_H

#include <sys/types.h>

#include "handler/token_file.h"

/* Read all of fd, a regular file of that size; name is for messages. EINVAL: it is not right;
 * ESYSTEM: it cannot be read, is larger than 64 MiB, or grows; ENOMEM. `why` quotes no token. */
int token_load(struct token_file *out, const char *name, int fd, off_t size,
               struct pipepoll_error *why);
/* The same, by its path. */
int token_load_path(struct token_file *out, const char *path, struct pipepoll_error *why);

#endif
