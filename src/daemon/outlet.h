/* Where a shard's lines go: the output itself, or a line queue to it. */
#ifndef DAEMON_OUTLET_H
#define DAEMON_OUTLET_H

#include "base/str.h"

/* The functions are as those of output.h with these names. */
struct outlet {
    size_t (*room)(void *ctx);
    size_t (*backlog)(void *ctx);
    bool (*put)(void *ctx, str line);
    bool (*put_extra)(void *ctx, str line);
    void *ctx;
};

#endif
