/* SPDX-License-Identifier: MIT */
/* A token in a file that somebody else refreshes: a pod's service account, say. Read anew each
 * time. */
#ifndef CREDENTIALS_TOKEN_FILE_H
#define CREDENTIALS_TOKEN_FILE_H

#include "credentials/watch.h"

/* Embedded in the provider's run, zeroed. */
struct token_file {
    /* From the loop, exactly once per start. token: without blanks at its ends, dies on return.
     * status: 0; PIPEPOLL_ECREDENTIALS: it cannot be read, is empty, or holds a byte that is not
     * printable ASCII; PIPEPOLL_ETRANSPORT: what keeps it from being read may pass. why says
     * which. */
    void (*on_done)(struct token_file *t, str token, int status);
    struct watch *watch; /* notes the file; borrowed until on_done(); may be NULL */
    struct pipepoll_error why;
    /* private */
    struct file_read read;
    str path;
};

/* path is borrowed until on_done(). PIPEPOLL_ENOMEM: not started. */
int token_file_start(struct token_file *t, const struct provider_host *host, str path);
/* on_done() will not come. Fine when idle. */
void token_file_forget(struct token_file *t);

#endif
