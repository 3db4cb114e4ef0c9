/* One budget for each account and region, whichever targets, identities and calls share it. */
#ifndef CLIENT_ALLOWANCE_H
#define CLIENT_ALLOWANCE_H

#include "base/alloc.h"
#include "base/list.h"
#include "base/table.h"
#include "poll/budget.h"

struct allowance {
    struct table_node node;
    struct budget budget;
    uint32_t users;
    const void *owner;        /* whose it is as long as the account is not known */
    str account, region, url; /* in text */
    size_t size;
    char text[];
};

struct allowances {
    struct table all; /* by key */
    struct alloc alloc;
    double ceiling_per_s;
};

/* Whose calls, and to where. */
struct allowance_key {
    str account; /* empty: not known, and then owner stands for it */
    const void *owner;
    str region, url;
};

/* The one for this key, made where there is none. PIPEPOLL_ENOMEM. */
int allowance_join(struct allowances *all, const struct allowance_key *key, uint64_t now_ns,
                   struct allowance **out);
void allowance_leave(struct allowances *all, struct allowance *a);
bool allowance_is(const struct allowance *a, const struct allowance_key *key);

#endif
