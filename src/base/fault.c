/* SPDX-License-Identifier: MIT */
/* FAULT_MAP unfolded into an array, so that each question is one look-up. A status that several
 * faults share is told in the words of the first of them in the map, for a status alone does not
 * tell them apart. */
#include "base/fault.h"

static const struct {
    int status;
    enum pipepoll_cause cause;
    enum reaction reaction;
    const char *text;
} table[FAULT_COUNT] = {
    [FAULT_NONE] = { PIPEPOLL_OK, PIPEPOLL_CAUSE_UNKNOWN, REACTION_NONE, "ok" },
#define X(name, status, cause, reaction, text)                                                     \
    [FAULT_##name] = { status, PIPEPOLL_CAUSE_##cause, REACTION_##reaction, text },
    FAULT_MAP(X)
#undef X
};

int fault_status(enum fault f)
{
    return table[f].status;
}

enum pipepoll_cause fault_cause(enum fault f)
{
    return table[f].cause;
}

enum reaction fault_reaction(enum fault f)
{
    return table[f].reaction;
}

const char *fault_text(enum fault f)
{
    return table[f].text;
}

const char *pipepoll_strerror(int status)
{
    switch (status) {
    case PIPEPOLL_EINVAL:
        return "an argument breaks a rule";
    case PIPEPOLL_ECLOSING:
        return "the poller is closing";
    case PIPEPOLL_EBUSY:
        return "there is no room for it now";
    case PIPEPOLL_EEXISTS:
        return "it is there already";
    }
    for (enum fault f = FAULT_NONE; f < FAULT_COUNT; f++)
        if (table[f].status == status)
            return table[f].text;
    return "unknown status";
}
