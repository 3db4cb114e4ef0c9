/* The key that continuation tokens are signed with: a file of 64 hex digits, made at the first
 * start, and copied by hand to each machine of a fleet, so that all know each other's tokens. */
#ifndef DAEMON_CONTINUATION_KEY_H
#define DAEMON_CONTINUATION_KEY_H

#include "handler/continuation.h"

/* Blocks. Without a path the key is this process's alone. A file that is missing is made, readable
 * by this user only. PIPEPOLL_ESYSTEM, and `why` names the file: it cannot be read or made, others
 * may read it, or it is no such key. */
int continuation_key_load(struct hmac_key *out, const char *path, struct pipepoll_error *why);

#endif
