/* SPDX-License-Identifier: MIT */
/* The functions of queries that put lists in order, or take their first or last item. Private to
 * the files query_*.c: the table of all functions and the check of their arguments are in
 * query_function.c. */
#ifndef CLI_QUERY_ORDER_H
#define CLI_QUERY_ORDER_H

#include "cli/query_tree.h"

/* Each is two functions of the table: by the items, and with a second argument by what that
 * expression makes of them. */
const struct datum *order_sort(struct search *s, const struct arguments *a);
const struct datum *order_max(struct search *s, const struct arguments *a);
const struct datum *order_min(struct search *s, const struct arguments *a);

#endif
