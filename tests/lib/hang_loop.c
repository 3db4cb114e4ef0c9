/* SPDX-License-Identifier: MIT */
/* To be preloaded into the program: while the file that HANG_LOOP names is there, one thread that
 * waits for events does not return from that: the main thread when the file says "home", else the
 * first other one that comes. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef int epoll_pwait_fn(int, struct epoll_event *, int, int, const sigset_t *);
typedef int epoll_wait_fn(int, struct epoll_event *, int, int);

static _Atomic long hangs; /* the thread that does */

static bool is_asked(bool home)
{
    char word[8] = "";
    FILE *file = fopen(getenv("HANG_LOOP"), "re");
    if (!file)
        return false;
    bool is_home = fscanf(file, "%7s", word) == 1 && strcmp(word, "home") == 0;
    fclose(file);
    return is_home == home;
}

static void hang_if_asked(void)
{
    static const struct timespec moment = { .tv_nsec = 10000000 };
    long self = syscall(SYS_gettid), nobody = 0;
    bool is_home = self == getpid();
    int before = errno;
    if (is_asked(is_home) && atomic_compare_exchange_strong(&hangs, &nobody, self)) {
        while (is_asked(is_home))
            nanosleep(&moment, NULL);
        hangs = 0;
    }
    errno = before;
}

__attribute__((visibility("default"))) int epoll_pwait(int fd, struct epoll_event *events, int most,
                                                       int ms, const sigset_t *mask)
{
    epoll_pwait_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_pwait");
    int n = real(fd, events, most, ms, mask);
    hang_if_asked();
    return n;
}

__attribute__((visibility("default"))) int epoll_wait(int fd, struct epoll_event *events, int most,
                                                      int ms)
{
    epoll_wait_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    int n = real(fd, events, most, ms);
    hang_if_asked();
    return n;
}
