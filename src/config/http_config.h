/* SPDX-License-Identifier: MIT */
/* The section [http] of a config file: where `pipepoll run` may be asked how it stands. Everything
 * in it is its own, so that it may outlive the file's text. */
#ifndef CONFIG_HTTP_CONFIG_H
#define CONFIG_HTTP_CONFIG_H

#include "config/section.h"

struct http_token;

struct http_config {
    char *listen;      /* as base/socket_address.h reads it; NULL: nobody may ask */
    bool is_local;     /* nobody gets there from another machine */
    bool allow_remote; /* that is wanted */
    char *token_file;  /* what it holds must come along as a bearer token; NULL: nothing must */
    struct http_token *token; /* that, as it was when the file was read; wiped with it */
};

/* Read it; *out needs no init. Without the section nothing listens; without `listen` in it,
 * 127.0.0.1:9464 does. Blocks to look for the file. PIPEPOLL_ENOMEM; deinit in either case. */
int http_config_read(struct http_config *out, const struct section *s,
                     struct diagnostics *diagnostics);
void http_config_deinit(struct http_config *c); /* fine on a zeroed one */

/* Read [http] alone from the file at path (see config_file.h), for who asks a running process: what
 * else the file says need not be right here. PIPEPOLL_EINVAL: there are errors about the file or in
 * [http], in *diagnostics; PIPEPOLL_ENOMEM. Deinit in any case. */
int http_config_load(struct http_config *out, const char *path, struct diagnostics *diagnostics);

/* Listen there instead; copied. PIPEPOLL_EINVAL: other machines reach it, and may not; no less set.
 * PIPEPOLL_ENOMEM. */
int http_config_set_listen(struct http_config *c, const char *listen, struct pipepoll_error *why);

#endif
