/* SPDX-License-Identifier: MIT */
/* The secrets of one job, and texts without them. */
#ifndef HANDLER_SECRETS_H
#define HANDLER_SECRETS_H

#include "base/str.h"

/* What is shorter is no secret: it may stand anywhere by chance. */
enum { SECRET_LEN_MIN = 8 };

struct secrets {
    str *list;   /* each line of a secret by itself: texts are masked line by line */
    char *bytes; /* of all, wiped at the end */
    size_t count, size;
};

/* Copied. PIPEPOLL_ENOMEM. */
int secrets_init(struct secrets *s, const str *from, size_t count);
void secrets_deinit(struct secrets *s); /* fine on a zeroed one */

/* Each secret in text becomes '*'. cut: the text goes on elsewhere, so what it ends in may be the
 * beginning of one, and is masked as well. */
void secrets_mask(const struct secrets *s, char *text, size_t len, bool cut);

#endif
