/* SPDX-License-Identifier: MIT */
/* A file of client tokens: lines of a client id, blanks and its token; what begins with '#', and
 * empty lines, are passed over. Pure. */
#ifndef HANDLER_TOKEN_FILE_H
#define HANDLER_TOKEN_FILE_H

#include <stdint.h>

#include "base/str.h"

enum { TOKEN_LEN_MAX = 256, CLIENT_ID_LEN_MAX = 256 };

struct token_line;

struct token_file {
    struct token_line *lines; /* sorted by client id */
    size_t count;
    char *text; /* all of them lie in it */
    size_t len;
};

/* Is this a token as the API takes it, without blanks or control characters? */
bool token_is_right(str token);

/* Read text[len], from malloc(), which becomes out's, or is wiped and freed. PIPEPOLL_ENOMEM;
 * PIPEPOLL_EINVAL: `why` says what is wrong with the first bad line, as NAME:LINE:COLUMN: ..., and
 * quotes no token. */
int token_file_parse(struct token_file *out, const char *name, char *text, size_t len,
                     struct pipepoll_error *why);
/* Wipes; fine on a zeroed one. */
void token_file_deinit(struct token_file *f);

/* Empty: it is not in it. */
str token_file_find(const struct token_file *f, str client_id);

#endif
