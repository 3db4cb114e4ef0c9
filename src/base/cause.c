/* SPDX-License-Identifier: MIT */
/* CAUSE_MAP unfolded into an array. A program and its library may be of different age, so each
 * question first takes what it does not know for unknown. */
#include "base/cause.h"

static const struct {
    enum cause_group group;
    const char *name;
} table[] = {
#define X(cause, group, name) [PIPEPOLL_CAUSE_##cause] = { CAUSE_GROUP_##group, name },
    CAUSE_MAP(X)
#undef X
};

enum pipepoll_cause cause_known(enum pipepoll_cause cause)
{
    bool is_known = (unsigned)cause < sizeof table / sizeof *table && table[cause].name;
    return is_known ? cause : PIPEPOLL_CAUSE_UNKNOWN;
}

enum cause_group cause_group(enum pipepoll_cause cause)
{
    return table[cause_known(cause)].group;
}

const char *pipepoll_cause_name(enum pipepoll_cause cause)
{
    return table[cause_known(cause)].name;
}
