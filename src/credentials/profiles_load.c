/* SPDX-License-Identifier: MIT */
/* Where the shared files are, which profile of theirs is wanted, and what must hold before one is
 * believed: whoever may write it can name a program for us to run (credential_process). A file that
 * cannot be read is no error here: it is an empty one with a problem, which is told to who misses
 * something. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/digest.h"
#include "base/buf.h"
#include "base/ini.h"
#include "base/log.h"
#include "credentials/profiles_part.h"
#include "io/file.h"

enum { SIZE_MAX_BYTES = 1 << 20 };

/* --- places --- */

static int find_one(char path[PROFILES_PATH_MAX], const struct environment *e, const char *variable,
                    const char *below, struct pipepoll_error *why)
{
    struct buf b = { .at = path, .cap = PROFILES_PATH_MAX };
    if (environment_has(e, variable)) /* to nothing: whoever does that wants no file read */
        environment_put_path(e, &b, environment_get(e, variable));
    else if (environment_put_home(e, &b))
        buf_put(&b, str_of(below));
    buf_cstr(&b);
    return !b.overflow
               ? 0
               : explain(why, PIPEPOLL_EINVAL, "the path in %s or HOME is longer than %d bytes",
                         variable, PROFILES_PATH_MAX - 1);
}

int profiles_find(struct profiles_paths *out, const struct environment *e,
                  struct pipepoll_error *why)
{
    int r = find_one(out->config, e, "AWS_CONFIG_FILE", "/.aws/config", why);
    return r ? r
             : find_one(out->credentials, e, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials",
                        why);
}

const char *profiles_path(const struct profiles_paths *paths, enum profiles_which which)
{
    return which == PROFILES_CONFIG ? paths->config : paths->credentials;
}

/* "/dev/null" is how one says so. */
bool profiles_path_is_none(const char *path)
{
    return !*path || strcmp(path, "/dev/null") == 0;
}

/* --- the profile that is wanted --- */

const char *profiles_variable(const struct environment *e)
{
    static const char *const names[] = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (environment_has(e, names[i]))
            return names[i];
    return NULL;
}

str profiles_wanted(const struct environment *e)
{
    const char *variable = profiles_variable(e);
    return variable ? str_trim(environment_get(e, variable)) : STR("default");
}

/* --- what is there --- */

void profiles_file_failed(struct profiles_file *f, int error, const char *what)
{
    if (error == EINVAL || error == EISDIR)
        snprintf(f->problem, sizeof f->problem, "is not a regular file");
    else if (error == EFBIG)
        snprintf(f->problem, sizeof f->problem, "is larger than 1 MiB");
    else if (error != ENOENT && error != ENOTDIR)
        snprintf(f->problem, sizeof f->problem, "cannot be read: %.60s", what);
}

static bool is_to_be_refused(bool open_to_all, const struct environment *e)
{
    str allows = str_trim(environment_get(e, "PIPEPOLL_ALLOW_SHARED_FILES"));
    return open_to_all && !str_eq(allows, STR("1"));
}

void profiles_file_take(struct profiles_file *f, str text, bool open_to_all,
                        const struct environment *e)
{
    const char *foreign = ini_foreign_text(text);
    f->shared = is_to_be_refused(open_to_all, e);
    if (foreign)
        snprintf(f->problem, sizeof f->problem, "%s", foreign);
    else
        f->text = text;
}

void profiles_file_take_part(struct profiles_file *f, struct profiles_part *part, bool open_to_all,
                             const struct environment *e)
{
    f->shared = is_to_be_refused(open_to_all, e);
    f->part = part;
    if (part->foreign)
        snprintf(f->problem, sizeof f->problem, "%s", part->foreign);
}

/* --- files --- */

struct content {
    char *ptr; /* NULL: nothing is there */
    size_t size, len;
};

/* As much as the file held when it was opened. */
static int read_all(struct content *c, int fd)
{
    while (c->len < c->size) {
        ssize_t n = read(fd, c->ptr + c->len, c->size - c->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        c->len += (size_t)n;
    }
    return 0;
}

/* 0 or an errno. */
static int read_open(struct content *c, const struct alloc *alloc, int fd, struct stat *st)
{
    if (fstat(fd, st))
        return errno;
    if (!S_ISREG(st->st_mode))
        return EINVAL;
    if (st->st_size > SIZE_MAX_BYTES)
        return EFBIG;
    if (st->st_size == 0)
        return 0;
    c->size = (size_t)st->st_size;
    c->ptr = alloc_new(alloc, c->size);
    return c->ptr ? read_all(c, fd) : ENOMEM;
}

/* 0 or PIPEPOLL_ENOMEM. Whatever it returns, the content is to be let go. */
static int read_file(struct profiles_file *f, struct content *c, const struct alloc *alloc,
                     const char *path, const struct environment *e)
{
    struct stat st = { 0 };
    if (profiles_path_is_none(path))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would hang */
    int error = fd < 0 ? errno : read_open(c, alloc, fd, &st);
    if (fd >= 0)
        close(fd);
    if (error == ENOMEM)
        return PIPEPOLL_ENOMEM;
    if (error)
        profiles_file_failed(f, error, file_problem_at(path, error));
    else
        profiles_file_take(f, (str) { c->ptr, c->len }, st.st_mode & S_IWOTH, e);
    return 0;
}

static void let_go(struct content *c, const struct alloc *alloc)
{
    if (c->ptr)
        digest_wipe(c->ptr, c->size);
    alloc_free(alloc, c->ptr, c->size);
}

int profiles_load(struct profiles **out, const struct alloc *alloc, const struct environment *e,
                  struct pipepoll_error *why)
{
    struct profiles_paths paths;
    struct profiles_file files[PROFILES_FILES] = { 0 };
    struct content config = { 0 }, credentials = { 0 };
    int r = profiles_find(&paths, e, why);
    if (r)
        return r;
    r = read_file(&files[PROFILES_CONFIG], &config, alloc, paths.config, e);
    if (!r)
        r = read_file(&files[PROFILES_CREDENTIALS], &credentials, alloc, paths.credentials, e);
    if (r)
        explain(why, r, "out of memory");
    else
        r = profiles_new(out, alloc, &paths, files, why);
    let_go(&config, alloc);
    let_go(&credentials, alloc);
    return r;
}
