/* SPDX-License-Identifier: MIT */
/* The lock is flock() on a file of its own: locking the database itself would keep out readers, and
 * closing any other descriptor of the database would drop SQLite's own locks. The kernel drops this
 * one when the process ends, however it ends, so that a file left behind locks nobody out. The
 * holder's process id is in it, for the message alone.
 *
 * Who asks whether it is held shares the lock for an instant. Who starts just then tries again for
 * longer than that. */
#include "store/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"

enum { LOCK_TRIES = 11, LOCK_AGAIN_MS = 10 };
static const char lock_name[] = "journal.lock";

char *state_dir_file(const char *path, const char *name)
{
    char *file;
    return asprintf(&file, "%s/%s", path, name) < 0 ? NULL : file;
}

int state_dir_find(char **out, const char *path, const char *name, struct pipepoll_error *why)
{
    struct stat st;
    char *file = state_dir_file(path, name);
    char *found = file ? realpath(file, NULL) : NULL;
    int error = errno;
    free(file);
    if (!found && error == ENOENT)
        return explain(why, PIPEPOLL_ENOTFOUND, "state directory %s: there is no %s", path, name);
    if (!found)
        return explain(why, error == ENOMEM ? PIPEPOLL_ENOMEM : PIPEPOLL_ESYSTEM,
                       "state directory %s: %s: %s", path, name, strerror(error));
    if (stat(found, &st) || !S_ISREG(st.st_mode)) {
        free(found);
        return explain(why, PIPEPOLL_ESYSTEM, "state directory %s: %s is not a plain file", path,
                       name);
    }
    *out = found;
    return PIPEPOLL_OK;
}

static int cannot_make(const char *path, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_ESYSTEM, "state directory %s: cannot be made: %s", path,
                   strerror(errno));
}

int state_dir_make(const char *path, struct pipepoll_error *why)
{
    return mkdir(path, 0700) && errno != EEXIST ? cannot_make(path, why) : PIPEPOLL_OK;
}

static long holder(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int in_use(const char *path, int fd, struct pipepoll_error *why)
{
    char who[48] = "another process";
    long pid = holder(fd);
    if (pid > 0)
        snprintf(who, sizeof who, "process %ld", pid);
    return explain(why, PIPEPOLL_ESYSTEM,
                   "state directory %s: in use by %s; stop that one, or choose another directory",
                   path, who);
}

/* Is the locked file still the one that others would open? */
static bool is_current(int fd, const char *file)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && stat(file, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

static void sign(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) != len)
        (void)ftruncate(fd, 0); /* the lock holds; only a name is missing in a message */
}

static int cannot_write(const char *path, int error, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_ESYSTEM,
                   "state directory %s: %s cannot be written: %s; pipepoll must be able to write "
                   "there",
                   path, lock_name, strerror(error));
}

/* As flock() answers at last, with its errno. */
static int lock_alone(int fd)
{
    for (int tries = 1;; tries++) {
        int r = flock(fd, LOCK_EX | LOCK_NB);
        if (!r || errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return r;
        uv_sleep(LOCK_AGAIN_MS);
    }
}

static int lock(struct state_dir *d, const char *file, struct pipepoll_error *why)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return cannot_write(d->path, errno, why);
    int r = PIPEPOLL_OK;
    if (lock_alone(fd))
        r = errno == EWOULDBLOCK
                ? in_use(d->path, fd, why)
                : explain(why, PIPEPOLL_ESYSTEM, "state directory %s: cannot be locked: %s",
                          d->path, strerror(errno));
    else if (!is_current(fd, file))
        r = in_use(d->path, fd, why);
    if (r) {
        close(fd);
        return r;
    }
    sign(fd);
    d->lock = fd;
    return PIPEPOLL_OK;
}

int state_dir_open(struct state_dir *d, const char *path, struct pipepoll_error *why)
{
    int r = state_dir_make(path, why);
    if (r)
        return r;
    *d = (struct state_dir) { .path = realpath(path, NULL), .lock = -1 };
    if (!d->path)
        return explain(why, errno == ENOMEM ? PIPEPOLL_ENOMEM : PIPEPOLL_ESYSTEM,
                       "state directory %s: %s", path, strerror(errno));
    char *file = state_dir_file(d->path, lock_name);
    r = file ? lock(d, file, why) : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    free(file);
    if (r)
        state_dir_close(d);
    return r;
}

bool state_dir_is_held(const char *path, long *pid)
{
    char *file = state_dir_file(path, lock_name);
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    free(file);
    *pid = 0;
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
    if (held)
        *pid = holder(fd);
    close(fd);
    return held;
}

/* --- without a trace --- */

int state_dir_check_place(const char *path, bool *is_there, struct pipepoll_error *why)
{
    struct stat st;
    *is_there = stat(path, &st) == 0;
    if (*is_there || errno != ENOENT)
        return *is_there ? PIPEPOLL_OK : cannot_make(path, why);
    char *parent = strdup(path);
    if (!parent)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    int r = slash && access(parent, W_OK | X_OK) ? cannot_make(path, why) : PIPEPOLL_OK;
    free(parent);
    return r;
}

/* The lock's file would be made where it is missing. */
static int check_lock(const char *path, const char *file, bool *is_held, struct pipepoll_error *why)
{
    int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    if (error == ENOENT)
        error = access(path, W_OK | X_OK) ? errno : 0;
    if (error)
        return cannot_write(path, error, why);
    *is_held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
    int r = *is_held ? in_use(path, fd, why) : PIPEPOLL_OK;
    if (fd >= 0)
        close(fd);
    return r;
}

int state_dir_check(const char *path, bool *is_held, struct pipepoll_error *why)
{
    bool is_there;
    *is_held = false;
    int r = state_dir_check_place(path, &is_there, why);
    if (r || !is_there)
        return r;
    char *real = realpath(path, NULL), *file = real ? state_dir_file(real, lock_name) : NULL;
    r = file ? check_lock(real, file, is_held, why)
             : explain(why, PIPEPOLL_ESYSTEM, "state directory %s: %s", path, strerror(errno));
    free(file);
    free(real);
    return r;
}

void state_dir_close(struct state_dir *d)
{
    if (d->lock >= 0)
        close(d->lock);
    free(d->path);
    *d = (struct state_dir) { .lock = -1 };
}
