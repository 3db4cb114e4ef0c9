/* SPDX-License-Identifier: MIT */
/* The secret in the token-file of [http]: for who asks and for who answers. */
#ifndef CONFIG_HTTP_TOKEN_H
#define CONFIG_HTTP_TOKEN_H

#include "base/str.h"

enum { HTTP_TOKEN_LEAST = 16, HTTP_TOKEN_MAX = 4096 };

struct http_token {
    char bytes[HTTP_TOKEN_MAX]; /* to be wiped */
    size_t len;
};

/* One word of visible ASCII, without blanks around it. Blocks. ESYSTEM: the file cannot be read;
 * EINVAL: it holds no such token; `why` names it, and never what it holds. */
int http_token_read(struct http_token *out, const char *path, struct pipepoll_error *why);

#endif
