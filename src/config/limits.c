/* SPDX-License-Identifier: MIT */
/* Descriptors by the figures: the limit of the process, and what the library says that its
 * connections take. */
#include "config/limits.h"

#include <sys/resource.h>

#include "base/str.h"

enum {
    /* Programs that we start inherit the limit, and some still close every number below it. */
    RAISE_MAX = 1 << 20,
    OTHER_DESCRIPTORS =
        24, /* standard ones, libuv's own, a file or program of credentials, look-ups */
};

void limits_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l))
        return;
    rlim_t most = l.rlim_max == RLIM_INFINITY || l.rlim_max > RAISE_MAX ? RAISE_MAX : l.rlim_max;
    if (l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= most)
        return;
    l.rlim_cur = most;
    setrlimit(RLIMIT_NOFILE, &l);
}

uint64_t limits_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return l.rlim_cur;
}

uint64_t limits_descriptors_needed(size_t connections, uint32_t loops)
{
    struct pipepoll_footprint each = PIPEPOLL_FOOTPRINT_INIT;
    pipepoll_footprint(&each);
    uint64_t of_loops = LIMITS_LOOP_DESCRIPTORS * (loops == 1 ? 1 : loops + UINT64_C(1));
    return ((uint64_t)connections * each.descriptors_per_16 + 15) / 16 +
           (uint64_t)each.fixed_descriptors * loops + of_loops + OTHER_DESCRIPTORS;
}
