/* SPDX-License-Identifier: MIT */
/* Output variables as one text, for a column: NAME:LENGTH:VALUE of each, one after the other. A
 * name has no ':', and a value may be anything. Pure. */
#ifndef STORE_JOURNAL_VARIABLES_H
#define STORE_JOURNAL_VARIABLES_H

#include <stdbool.h>

#include "base/buf.h"
#include "pipepoll/worker.h"

/* How many bytes journal_variables_put() puts. */
size_t journal_variables_size(const struct pipepoll_success *success);
void journal_variables_put(struct buf *out, const struct pipepoll_success *success);

/* The next one, cut off from the text in front: it lies in there. false: there is none; the text is
 * empty then, unless it is damaged. */
bool journal_variables_next(str *text, struct pipepoll_variable *out);

#endif
