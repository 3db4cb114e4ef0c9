/* SPDX-License-Identifier: MIT */
/* Client tokens from a command: one run for each client id, a few at once, and what they said is
 * kept for a while. Behind token_source.h. */
#ifndef HANDLER_TOKEN_COMMAND_H
#define HANDLER_TOKEN_COMMAND_H

#include "handler/background.h"
#include "handler/token_source.h"

struct token_command;

/* b must outlive it, and closes after it. PIPEPOLL_ENOMEM. */
int token_command_open(struct token_command **out, struct background *b,
                       const struct token_source_options *o);
void token_command_get(struct token_command *c, struct token_lookup *l, str client_id,
                       bool refresh);
/* At once. */
void token_command_close(struct token_command *c);

#endif
