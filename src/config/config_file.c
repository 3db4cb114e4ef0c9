/* SPDX-License-Identifier: MIT */
/* Opened without blocking, so that a pipe nobody writes to is empty rather than a wait for ever;
 * and read to one byte more than it may have. */
#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *config_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "stdin" : path;
}

const char *config_file_error(const char *path, int error)
{
    struct stat st;
    if (error == EACCES && stat(path, &st) && errno == EACCES)
        return "permission denied: a folder of its path is closed to this user";
    return strerror(error);
}

/* A whole file into text[CONFIG_SIZE_MAX + 1]; the length, or -1 with errno. */
static ssize_t read_all(int fd, char *text)
{
    size_t len = 0;
    while (len <= CONFIG_SIZE_MAX) {
        ssize_t n = read(fd, text + len, CONFIG_SIZE_MAX + 1 - len);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int check_kind(int fd, struct diagnostics *diagnostics)
{
    struct stat st;
    if (fstat(fd, &st) == 0 &&
        (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) &&
        fcntl(fd, F_SETFL, 0) == 0)
        return PIPEPOLL_OK;
    complain(diagnostics, PIPEPOLL_ERROR, (struct location) { 0 },
             "neither a regular file nor a pipe or socket");
    return PIPEPOLL_EINVAL;
}

static int refuse(struct diagnostics *diagnostics, const char *what)
{
    complain(diagnostics, PIPEPOLL_ERROR, (struct location) { 0 }, "%s", what);
    return PIPEPOLL_EINVAL;
}

static int read_open(char *text, size_t *len, int fd, struct diagnostics *diagnostics)
{
    int r = check_kind(fd, diagnostics);
    if (r)
        return r;
    ssize_t got = read_all(fd, text);
    if (got < 0)
        return refuse(diagnostics, strerror(errno));
    if (got > CONFIG_SIZE_MAX)
        return refuse(diagnostics, "larger than 1 MiB");
    *len = (size_t)got;
    return got ? PIPEPOLL_OK : refuse(diagnostics, "the file is empty");
}

int config_file_read(char **text, size_t *len, const char *path, struct diagnostics *diagnostics)
{
    bool is_stdin = strcmp(path, "-") == 0;
    *diagnostics = (struct diagnostics) { .file = str_of(config_name(path)) };
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(diagnostics, config_file_error(path, errno));
    char *whole = malloc(CONFIG_SIZE_MAX + 1);
    int r = whole ? read_open(whole, len, fd, diagnostics) : PIPEPOLL_ENOMEM;
    close(fd);
    if (r) {
        free(whole);
        return r;
    }
    char *fitted = realloc(whole, *len);
    *text = fitted ? fitted : whole;
    return PIPEPOLL_OK;
}
