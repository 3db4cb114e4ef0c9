/* SPDX-License-Identifier: MIT */
/* Client tokens from a web service: a GET for each client id, a few at once, and what it said is
 * kept for a while. Behind token_source.h. */
#ifndef HANDLER_TOKEN_URL_H
#define HANDLER_TOKEN_URL_H

#include "handler/token_source.h"

struct token_url;

/* Reads the roots, about 30 ms. PIPEPOLL_EINVAL: no such URL, or no "{clientId}" in its path and
 * query; PIPEPOLL_ESYSTEM: no roots, or no descriptor; PIPEPOLL_ENOMEM. */
int token_url_open(struct token_url **out, struct uv_loop_s *loop,
                   const struct token_source_options *o, struct pipepoll_error *why);
void token_url_get(struct token_url *u, struct token_lookup *l, str client_id, bool refresh);
/* Look-ups that wait are forgotten at once. closed() comes from the loop. */
void token_url_close(struct token_url *u, void (*closed)(void *ctx), void *ctx);

#endif
