/* The functions of queries that put lists in order, or take their first or last item. Private to
 * the files query_*.c: the table of all functions and the check of their arguments are in
 * query_function.c. */
#ifndef CLI_QUERY_ORDER_H
#define CLI_QUERY_ORDER_H

#include "cli/query_tree.h"

/* Of a call, as its function's rules want them; at[i] of an &expression is null. */
struct arguments {
    const struct node *call;
    const struct datum **at;
    size_t count;
};

/* The search fails, and says what is wrong with a call of that function. Returns null. */
const struct datum *function_fail(struct search *s, const char *name, const char *what);

const struct datum *order_sort(struct search *s, const struct arguments *a);
const struct datum *order_sort_by(struct search *s, const struct arguments *a);
const struct datum *order_max(struct search *s, const struct arguments *a);
const struct datum *order_max_by(struct search *s, const struct arguments *a);
const struct datum *order_min(struct search *s, const struct arguments *a);
const struct datum *order_min_by(struct search *s, const struct arguments *a);

#endif
