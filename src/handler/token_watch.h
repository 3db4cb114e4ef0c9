/* SPDX-License-Identifier: MIT */
/* Client tokens from a file that is read again when it has changed. Behind token_source.h. */
#ifndef HANDLER_TOKEN_WATCH_H
#define HANDLER_TOKEN_WATCH_H

#include "handler/background.h"
#include "handler/token_source.h"

struct token_watch;

/* b must outlive it, and closes after it. PIPEPOLL_ENOMEM. */
int token_watch_open(struct token_watch **out, struct background *b,
                     const struct token_source_options *o);
void token_watch_get(struct token_watch *w, struct token_lookup *l, str client_id, bool refresh);
/* closed() comes from the loop. */
void token_watch_close(struct token_watch *w, void (*closed)(void *ctx), void *ctx);

#endif
