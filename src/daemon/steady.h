/* SPDX-License-Identifier: MIT */
/* Milliseconds of a clock that nobody sets, for deadlines and pauses. */
#ifndef DAEMON_STEADY_H
#define DAEMON_STEADY_H

#include <stdint.h>
#include <uv.h>

/* Since some instant before the process began. Any thread. */
static inline int64_t steady_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

#endif
