/* SPDX-License-Identifier: MIT */
/* Values of a config file that are about this machine or the way to another: paths, commands, URLs.
 * Each complains at its value. What must be there is looked for: these block. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/section.h"

struct value_reader {
    const struct section *section;
    struct diagnostics *diagnostics;
};

/* Was a value given? An empty one was complained of where it was read. */
bool value_is_given(const struct value_reader *r, enum key k);

/* "KEY is WHAT, not "VALUE"", at its value, unless it is right or was not given. */
void value_judge(const struct value_reader *r, enum key k, bool right, const char *what);

/* Complain of the key at its value: "KEY TEXT". */
__attribute__((format(printf, 4, 5))) void value_complain(const struct value_reader *r, enum key k,
                                                          enum pipepoll_level level,
                                                          const char *format, ...);

/* One of words[], which ends with NULL: its index, or `otherwise` when it is not given or was
 * complained of. `what` lists them for people. */
unsigned value_word(const struct value_reader *r, enum key k, const char *const words[],
                    unsigned otherwise, const char *what);

/* The next word of a list, parted by commas and blanks, and where it is; *rest is the value's text
 * at first. Where a list goes on over lines, columns are counted on from its first. */
bool value_next(const struct value *v, str *rest, str *word, struct location *at);

/* Each below leaves *out NULL when nothing was given, or what was is of no use and was complained
 * of; PIPEPOLL_ENOMEM. To be freed. */

/* A copy as it stands there. */
int value_text(const struct value_reader *r, enum key k, char **out);
/* A path, with "~" and variables expanded (base/environment.h). */
int value_path(const struct value_reader *r, enum key k, char **out);
/* A command or a list split into words (base/words.h), in one block: ends with NULL. */
int value_words(const struct value_reader *r, enum key k, char ***out);

/* Complain unless the program argv[0] can be run: by its path, a relative one from `directory`
 * (NULL: ours), or a name along the PATH of environment[] (NAME=VALUE, NULL: none), else ours, as
 * handlers' programs are looked for. true: path[PATH_MAX] is where it is. */
bool value_find_program(const struct value_reader *r, enum key k, char *const *argv,
                        const char *directory, char *const *environment, char *path);

void value_check_directory(const struct value_reader *r, enum key k, const char *path);

/* Complain unless it is a file that we may read. */
void value_check_file(const struct value_reader *r, enum key k, const char *path);
/* A file that holds secrets: as above. `open_level`: what it is when everybody
 * may read it. */
void value_check_secret_file(const struct value_reader *r, enum key k, const char *path,
                             enum pipepoll_level open_level);

/* Complain unless it is https://HOST..., or http:// of a loopback host or of any where allow_http,
 * without a user. */
void value_check_url(const struct value_reader *r, enum key k, const char *url, bool allow_http);

/* localhost, 127.0.0.0/8 or ::1, without brackets. */
bool value_is_loopback(str host);

#endif
