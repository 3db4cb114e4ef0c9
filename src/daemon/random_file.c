/* SPDX-License-Identifier: MIT */
/* A new file gets its name once it is whole, by a link, which fails if another process was first:
 * then that one's bytes are read. */
#include "daemon/random_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

enum { HEX_MAX = 2 * RANDOM_FILE_BYTES_MAX };

struct random_file {
    unsigned char *bytes;
    size_t size;
    const char *path, *what;
    struct pipepoll_error *why;
};

static int fail(const struct random_file *f, const char *problem)
{
    return explain(f->why, PIPEPOLL_ESYSTEM, "%s %s: %s", f->what, f->path, problem);
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_hex(const struct random_file *f, str text)
{
    if (text.len != 2 * f->size)
        return false;
    for (size_t i = 0; i < f->size; i++) {
        int high = digit_of(text.ptr[2 * i]), low = digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        f->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int read_file(const struct random_file *f, int fd)
{
    char text[HEX_MAX + 16], problem[96];
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return fail(f, "not a regular file");
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return fail(f, "others may read it: chmod 600");
    ssize_t len = read(fd, text, sizeof text);
    bool is_right = len >= 0 && read_hex(f, str_trim((str) { text, (size_t)len }));
    explicit_bzero(text, sizeof text);
    if (len < 0)
        return fail(f, strerror(errno));
    snprintf(problem, sizeof problem, "it is not %zu hex digits; without it another is made",
             2 * f->size);
    return is_right ? PIPEPOLL_OK : fail(f, problem);
}

static bool write_new(const struct random_file *f, int fd)
{
    char text[HEX_MAX + 1];
    size_t len = 2 * f->size + 1;
    for (size_t i = 0; i < f->size; i++)
        snprintf(text + 2 * i, 3, "%02x", f->bytes[i]);
    text[len - 1] = '\n';
    bool is_written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    explicit_bzero(text, sizeof text);
    return is_written;
}

/* An errno. */
static int make_file(const struct random_file *f)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s.%ld", f->path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof name)
        return ENAMETOOLONG;
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = write_new(f, fd) && link(name, f->path) == 0 ? 0 : errno;
    close(fd);
    unlink(name);
    return error;
}

static int load(const struct random_file *f)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        int error = make_file(f);
        if (!error)
            return PIPEPOLL_OK;
        if (error != EEXIST)
            return fail(f, strerror(error));
        fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0)
        return fail(f, strerror(errno));
    int r = read_file(f, fd);
    close(fd);
    return r;
}

int random_file_load(void *bytes, size_t size, const char *path, const char *what,
                     struct pipepoll_error *why)
{
    const struct random_file f = { bytes, size, path, what, why };
    if (getrandom(bytes, size, 0) != (ssize_t)size)
        return explain(why, PIPEPOLL_ESYSTEM, "the system gives no random numbers: %s",
                       strerror(errno));
    return path ? load(&f) : PIPEPOLL_OK;
}

/* --- without a trace --- */

/* An errno. */
static int check_place(const char *path)
{
    char folder[PATH_MAX];
    str_copy(folder, sizeof folder, str_of(path));
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0'; /* of /name it is the root */
    return access(slash ? folder : ".", W_OK | X_OK) ? errno : 0;
}

int random_file_check(size_t size, const char *path, const char *what, struct pipepoll_error *why)
{
    unsigned char bytes[RANDOM_FILE_BYTES_MAX];
    const struct random_file f = { bytes, size, path, what, why };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = fd < 0 ? errno : 0;
    if (error == ENOENT)
        error = check_place(path);
    int r = error ? fail(&f, strerror(error)) : fd < 0 ? PIPEPOLL_OK : read_file(&f, fd);
    if (fd >= 0)
        close(fd);
    explicit_bzero(bytes, sizeof bytes);
    return r;
}
