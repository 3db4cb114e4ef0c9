/* SPDX-License-Identifier: MIT */
/* Read into one block that is wiped whatever comes of it: it holds secrets. */
#include "handler/token_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { SIZE_MAX_BYTES = 64 << 20 };

static int refuse(struct pipepoll_error *why, int status, const char *name, const char *what)
{
    return explain(why, status, "%.200s: %s", name, what);
}

static int read_text(int fd, char *text, size_t size, size_t *len)
{
    ssize_t got = 1;
    for (*len = 0; got > 0 && *len <= size; *len += got > 0 ? (size_t)got : 0)
        got = read(fd, text + *len, size + 1 - *len);
    return got < 0 ? errno : 0;
}

int token_load(struct token_file *out, const char *name, int fd, off_t size,
               struct pipepoll_error *why)
{
    size_t len;
    if (size > SIZE_MAX_BYTES)
        return refuse(why, PIPEPOLL_ESYSTEM, name, "larger than 64 MiB");
    char *text = malloc((size_t)size + 1);
    if (!text)
        return refuse(why, PIPEPOLL_ENOMEM, name, "out of memory");
    int error = read_text(fd, text, (size_t)size, &len);
    if (!error && len <= (size_t)size)
        return token_file_parse(out, name, text, len, why);
    explicit_bzero(text, (size_t)size + 1);
    free(text);
    return refuse(why, PIPEPOLL_ESYSTEM, name,
                  error ? strerror(error) : "it grows while it is read");
}

int token_load_path(struct token_file *out, const char *path, struct pipepoll_error *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st)) {
        int result = refuse(why, PIPEPOLL_ESYSTEM, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return result;
    }
    int result = S_ISREG(st.st_mode) ? token_load(out, path, fd, st.st_size, why)
                                     : refuse(why, PIPEPOLL_ESYSTEM, path, "not a regular file");
    close(fd);
    return result;
}
