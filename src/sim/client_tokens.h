/* SPDX-License-Identifier: MIT */
/* The client tokens of clients: "token-" and the client id, unless a text says otherwise. Pure. */
#ifndef SIM_CLIENT_TOKENS_H
#define SIM_CLIENT_TOKENS_H

#include "base/table.h"

enum { CLIENT_TOKENS_MAX = 100000 }; /* lines with a token */

struct client_tokens {
    struct table by_client; /* an all-zero one is empty */
};

/* All that was said before is replaced by the text: a client id and its token on each line, with
 * blanks between them; empty lines and those that begin with # say nothing. EINVAL: a line is
 * something else, or a client has two; ENOMEM. Then nothing is replaced. */
int client_tokens_read(struct client_tokens *tokens, str text, struct pipepoll_error *why);
void client_tokens_deinit(struct client_tokens *tokens); /* fine on a zeroed one */

bool client_tokens_match(const struct client_tokens *tokens, str client_id, str token);

#endif
