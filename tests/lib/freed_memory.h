/* SPDX-License-Identifier: MIT */
/* Memory that was given back, and what is left in it. For a program that is linked with
 * -Wl,--wrap=free; what a shared library frees shows in the heap alone. */
#ifndef TESTS_FREED_MEMORY_H
#define TESTS_FREED_MEMORY_H

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"

#define CANARY "canary/nonce/that/must/not/stay"

void __real_free(void *ptr);
/* Visible: some linkers take the shared libraries' calls for calls of this one, and refuse a hidden
 * one. */
__attribute__((visibility("default"))) void __wrap_free(void *ptr);

static unsigned freed_with_canary;

/* valgrind sees that what is behind a block's end is read. */
static inline bool may_search(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return !(preload && strstr(preload, "vgpreload"));
}

void __wrap_free(void *ptr)
{
    if (ptr && may_search() && memmem(ptr, malloc_usable_size(ptr), CANARY, strlen(CANARY)))
        freed_with_canary++;
    __real_free(ptr);
}

/* Is it anywhere in the heap, in use or given back? No sanitizer has its memory there. */
static inline bool heap_has(const char *text)
{
    static char maps[1 << 16];
    unsigned long long from, to;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    for (ssize_t n; (n = read(fd, maps + len, sizeof maps - 1 - len)) > 0;)
        len += (size_t)n;
    close(fd);
    maps[len] = '\0';
    char *heap = strstr(maps, "[heap]");
    if (!heap || !may_search())
        return false;
    while (heap > maps && heap[-1] != '\n')
        heap--;
    assert_int_equal(sscanf(heap, "%llx-%llx", &from, &to), 2);
    return memmem((const void *)(uintptr_t)from, (size_t)(to - from), text, strlen(text));
}

#endif
