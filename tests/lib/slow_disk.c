/* SPDX-License-Identifier: MIT */
/* To be preloaded into the program: while the file that SLOW_DISK names is there, the disk takes
 * two seconds for whatever has to be on it. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

typedef int fdatasync_fn(int);

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    fdatasync_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (access(getenv("SLOW_DISK"), F_OK) == 0)
        sleep(2);
    return real(fd);
}
