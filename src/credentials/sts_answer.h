/* SPDX-License-Identifier: MIT */
/* What STS answers to AssumeRole and its fellows: one document in JSON, which we ask for, or in
 * XML, which is all that many stand-ins speak. */
#ifndef CREDENTIALS_STS_ANSWER_H
#define CREDENTIALS_STS_ANSWER_H

#include "credentials/exchange.h"

struct sts_answer {
    struct exchange *exchange; /* ended, without a fault */
    const char *operation;     /* "AssumeRole" */
    const char *what;          /* who gave it: the start of each sentence */
};

/* A set, with the account of the role that was assumed. As credentials_form_read(). */
int sts_answer_read(struct credentials **out, const struct alloc *alloc,
                    const struct sts_answer *from, struct pipepoll_error *why);

#endif
