/* SPDX-License-Identifier: MIT */
/* One budget for each account and region, whichever targets, identities and calls share it. */
#ifndef CLIENT_LIMITER_H
#define CLIENT_LIMITER_H

#include "base/alloc.h"
#include "base/list.h"
#include "base/table.h"
#include "poll/budget.h"

struct limiter {
    struct table_node node;
    struct budget budget;
    uint32_t users;
    const void *owner;        /* whose it is as long as the account is not known */
    str account, region, url; /* in text */
    size_t size;
    char text[];
};

struct limiters {
    struct table all; /* by key */
    struct alloc alloc;
    double ceiling_per_s;
};

/* Whose calls, and to where. */
struct limiter_key {
    str account; /* empty: not known, and then owner stands for it */
    const void *owner;
    str region, url;
};

/* The one for this key, made where there is none. PIPEPOLL_ENOMEM. */
int limiter_join(struct limiters *all, const struct limiter_key *key, uint64_t now_ns,
                 struct limiter **out);
void limiter_leave(struct limiters *all, struct limiter *limiter);
bool limiter_is(const struct limiter *limiter, const struct limiter_key *key);

#endif
