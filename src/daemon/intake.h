/* SPDX-License-Identifier: MIT */
/* Where a shard's records go: to the sink, by whatever way that is from its thread. All on the
 * shard's thread. */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include "daemon/record.h"

struct intake {
    /* How many more jobs put() takes for sure; SIZE_MAX: any number. */
    size_t (*credit)(void *ctx);
    /* false: there is no room, and it was not taken. A job is taken in any case, and the user told
     * of it if it does not get to the sink. */
    bool (*put)(void *ctx, const struct record *what);
    void *ctx;
};

#endif
