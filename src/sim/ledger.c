/* SPDX-License-Identifier: MIT */
/* Serial number n lies at (n - 1) % cap: the newest number is all that must be kept, and each call
 * is O(1). */
#include "sim/ledger.h"

#include <stdlib.h>

const char *ledger_event_name(enum ledger_event event)
{
    switch (event) {
    case LEDGER_ADDED:
        return "added";
    case LEDGER_HANDED_OUT:
        return "handed_out";
    case LEDGER_RETURNED:
        return "returned";
    case LEDGER_ACKNOWLEDGED:
        return "acknowledged";
    case LEDGER_ACKNOWLEDGED_AGAIN:
        return "acknowledged_again";
    case LEDGER_LOST_RACE:
        return "lost_race";
    case LEDGER_SUCCEEDED:
        return "succeeded";
    case LEDGER_CONTINUED:
        return "continued";
    case LEDGER_FAILED:
        return "failed";
    case LEDGER_TIMED_OUT:
        return "timed_out";
    case LEDGER_RESULT_REFUSED:
        return "result_refused";
    case LEDGER_CREDENTIALS:
        return "credentials";
    }
    return "";
}

int ledger_init(struct ledger *l, size_t cap)
{
    struct ledger_entry *entries = calloc(cap, sizeof *entries);
    if (!entries)
        return PIPEPOLL_ENOMEM;
    *l = (struct ledger) { .entries = entries, .cap = cap };
    return 0;
}

void ledger_deinit(struct ledger *l)
{
    free(l->entries);
    *l = (struct ledger) { 0 };
}

void ledger_put(struct ledger *l, const struct ledger_entry *entry)
{
    l->entries[l->last++ % l->cap] = *entry;
}

uint64_t ledger_first(const struct ledger *l)
{
    return l->last > l->cap ? l->last - l->cap + 1 : 1;
}

const struct ledger_entry *ledger_get(const struct ledger *l, uint64_t serial)
{
    return &l->entries[(serial - 1) % l->cap];
}
