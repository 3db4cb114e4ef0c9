/* SPDX-License-Identifier: MIT */
/* Programs for tests: written to a temporary folder, which is emptied at the end. */
#ifndef TESTS_PROGRAM_FILE_H
#define TESTS_PROGRAM_FILE_H

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/check.h"

enum { PROGRAM_LIMIT_MS = 20000 };

static char program_folder[] = "/tmp/pipepoll-test-XXXXXX";

static inline int program_folder_make(void **state)
{
    return mkdtemp(program_folder) ? 0 : -1;
}

static inline int program_folder_remove(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", program_folder);
    return system(command); /* NOLINT: a name of our own */
}

static inline const char *program_path(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *at = path[turn++ % 4];
    snprintf(at, sizeof *path, "%s/%s", program_folder, name);
    return at;
}

static inline const char *program_write(const char *name, const char *text)
{
    const char *path = program_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

/* A named pipe that is at its end when all who opened it for writing are gone. */
static inline int witness_make(const char *name)
{
    assert_int_equal(mkfifo(program_path(name), 0600), 0);
    int fd = open(program_path(name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Somebody was there, and nobody is any more. */
static inline void witness_await_end(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char rest[64];
    do
        assert_int_equal(poll(&wait, 1, PROGRAM_LIMIT_MS), 1);
    while (read(fd, rest, sizeof rest) > 0);
    close(fd);
}

#endif
