/* SPDX-License-Identifier: MIT */
/* The descriptors that the process has open. A thread that was left alone closes what it has in its
 * own time, which may be in the middle of the next test: so none compares two counts, and each
 * waits for the count that there was before the first. */
#ifndef TESTS_LIB_DESCRIPTORS_H
#define TESTS_LIB_DESCRIPTORS_H

#include <fcntl.h>
#include <poll.h>

#include <uv.h>

#include "lib/check.h"

enum { DESCRIPTORS_WAIT_MS = 20000 };

static unsigned descriptors_at_start;

static inline unsigned descriptors_count(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* The setup of the group. libuv keeps some from its first loop on. */
static inline int descriptors_note(void **state)
{
    uv_loop_t first;
    if (uv_loop_init(&first) || uv_loop_close(&first))
        return -1;
    descriptors_at_start = descriptors_count();
    return 0;
}

/* At the begin of a test: what others left has gone. At its end: so has its own. */
static inline void descriptors_settle(void)
{
    for (int ms = 0; descriptors_count() != descriptors_at_start && ms < DESCRIPTORS_WAIT_MS; ms++)
        poll(NULL, 0, 1);
    assert_int_equal(descriptors_count(), descriptors_at_start);
}

#endif
