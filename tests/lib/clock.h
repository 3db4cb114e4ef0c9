/* SPDX-License-Identifier: MIT */
/* A clock that can be put forward: include it once in a test program, and clock_gettime() is ours,
 * for libc's, libuv's and the library's calls alike. Only the clock that counts sleep moves, as
 * when the machine slept. */
#ifndef TESTS_CLOCK_H
#define TESTS_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t slept_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_BOOTTIME)
        now->tv_sec += slept_s;
    return r;
}

#endif
