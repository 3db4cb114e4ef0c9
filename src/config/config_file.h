/* SPDX-License-Identifier: MIT */
/* The text of a config file. */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "config/diagnostic.h"

enum { CONFIG_SIZE_MAX = 1 << 20 };

/* How messages call the file at path: "stdin" for "-". */
const char *config_name(const char *path);

/* An errno about a path in words, where a folder that may not be searched is told from a file. */
const char *config_file_error(const char *path, int error);

/* Read a regular file or a pipe of at most 1 MiB ("-": stdin; blocks). text is to be freed.
 * Begins *diagnostics, whose file is borrowed from path. PIPEPOLL_EINVAL: there is an error in
 * them; PIPEPOLL_ENOMEM. */
int config_file_read(char **text, size_t *len, const char *path, struct diagnostics *diagnostics);

#endif
