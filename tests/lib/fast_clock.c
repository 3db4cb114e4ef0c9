/* SPDX-License-Identifier: MIT */
/* To be preloaded into the program: the clock of the day runs CLOCK_SPEED times as fast from the
 * first look on, so that what takes minutes is seen in seconds. The monotonic clock, and with it
 * each timer and time-out, stays as it is. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef int clock_gettime_fn(clockid_t, struct timespec *);

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    static const int64_t second_ns = 1000000000;
    static _Atomic int64_t first_ns;
    clock_gettime_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *speed = getenv("CLOCK_SPEED");
    if (result || clock != CLOCK_REALTIME || !speed)
        return result;
    int64_t ns = now->tv_sec * second_ns + now->tv_nsec, none = 0;
    atomic_compare_exchange_strong(&first_ns, &none, ns);
    ns = first_ns + (ns - first_ns) * atoi(speed);
    *now = (struct timespec) { .tv_sec = ns / second_ns, .tv_nsec = ns % second_ns };
    return 0;
}
