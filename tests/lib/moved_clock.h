/* SPDX-License-Identifier: MIT */
/* A monotonic clock that goes on by itself and that a test can put forward besides: include it once
 * in a test program, and clock_gettime() is ours, for libc's, libuv's, libcurl's and the library's
 * calls alike. So a deadline is met without waiting for it. */
#ifndef TESTS_MOVED_CLOCK_H
#define TESTS_MOVED_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t moved_ms;

/* Visible to the shared libraries, which the project's flags would hide it from. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME)
        return r;
    uint64_t ns = (uint64_t)now->tv_nsec + moved_ms % 1000 * 1000000;
    now->tv_sec += (time_t)(moved_ms / 1000 + ns / 1000000000);
    now->tv_nsec = (long)(ns % 1000000000);
    return r;
}

#endif
