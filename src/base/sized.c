/* SPDX-License-Identifier: MIT */
/* A size says which members the other side knows, since they are appended only. What the caller has
 * beyond ours must be zero: then he asks for nothing that we do not know. A size that was never set
 * is told from a long structure by a bound that no structure of ours will reach, so that not much
 * is read of what is not there. */
#include "base/sized.h"

#include <string.h>

#include "base/log.h"

enum { SIZE_MAX_EVER = 16384 };

static int refuse_size(const char *name, size_t size, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_EINVAL,
                   "the size of the %s is %zu: begin with PIPEPOLL_..._INIT, which sets it", name,
                   size);
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    while (len && !*bytes)
        bytes++, len--;
    return !len;
}

int sized_read(void *out, size_t size, const void *in, const char *name, struct pipepoll_error *why)
{
    size_t given = 0;
    if (!in)
        return explain(why, PIPEPOLL_EINVAL, "the %s: NULL was given", name);
    memcpy(&given, in, sizeof given);
    if (given < sizeof given || given > SIZE_MAX_EVER)
        return refuse_size(name, given, why);
    if (given > size && !is_zero((const unsigned char *)in + size, given - size))
        return explain(
            why, PIPEPOLL_EINVAL,
            "the %s: of %zu bytes this library (%s) knows %zu, and the rest is not zero: "
            "use the libpipepoll that the program was built for, or a later one",
            name, given, PIPEPOLL_VERSION, size);
    memset(out, 0, size);
    memcpy(out, in, given < size ? given : size);
    return PIPEPOLL_OK;
}

void sized_write(void *out, const void *ours, size_t size)
{
    size_t room;
    memcpy(&room, out, sizeof room);
    if (room < size)
        size = room;
    if (size < sizeof size)
        return;
    memcpy(out, ours, size);
    memcpy(out, &size, sizeof size);
}
