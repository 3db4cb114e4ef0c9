/* SPDX-License-Identifier: MIT */
/* A new file beside the old one, flushed, then renamed over it: a crash or a full disk leaves the
 * old one. Somebody else may replace it meanwhile (a person who logs in): what they wrote is newer
 * than what was read here, so it is let be. */
#include "io/file_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "io/worker.h"

static const uint64_t ns_per_ms = 1000000;

struct writing {
    struct worker_job job;
    struct file_write *owner;
    struct file_stamp as_read;
    int error;
    str text;
    size_t size; /* of all this */
    char path[]; /* and the text behind it */
};

static struct writing *writing_of(struct worker_job *j)
{
    return CONTAINER_OF(j, struct writing, job);
}

/* --- on a thread --- */

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_as_read(const struct writing *g, const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return false;
    const struct file_stamp now = {
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .modified_ns = ns_of(st.st_mtim),
        .changed_ns = ns_of(st.st_ctim),
    };
    return file_stamp_eq(&now, &g->as_read);
}

static int write_all(int fd, str text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR)
            return errno;
        text = str_skip(text, n > 0 ? (size_t)n : 0);
    }
    return fsync(fd) ? errno : 0;
}

/* mkostemp() makes it ours alone: mode 0600. */
static int write_beside(const struct writing *g, char *beside)
{
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = write_all(fd, g->text);
    if (close(fd) && !error)
        error = errno;
    if (error)
        unlink(beside);
    return error;
}

static int replace(const struct writing *g)
{
    char path[PATH_MAX], beside[PATH_MAX + 8];
    if (!realpath(g->path, path))
        return errno;
    snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    int error = write_beside(g, beside);
    if (error)
        return error;
    if (!is_as_read(g, path))
        error = ESTALE;
    else if (rename(beside, path))
        error = errno;
    if (error)
        unlink(beside);
    return error;
}

static void run(struct worker_job *j)
{
    struct writing *g = writing_of(j);
    g->error = replace(g);
}

/* --- on the loop --- */

static void tell(struct file_write *w, int error)
{
    timer_deinit(&w->deadline);
    w->private = NULL;
    w->on_done(w, error);
}

static void done(struct worker_job *j)
{
    tell(writing_of(j)->owner, writing_of(j)->error);
}

static void writing_free(struct writing *g)
{
    if (g)
        explicit_bzero(g, g->size);
    free(g);
}

static void end(struct worker_job *j)
{
    writing_free(writing_of(j));
}

/* What nobody waits for any more. */
static int give_up(struct file_write *w)
{
    struct writing *g = w->private;
    if (!g)
        return EAGAIN;
    worker_abandon(&g->job);
    return ETIMEDOUT;
}

static void on_late(struct timer *deadline)
{
    struct file_write *w = CONTAINER_OF(deadline, struct file_write, deadline);
    tell(w, give_up(w));
}

static struct writing *writing_new(const char *path, str text)
{
    static const struct worker_kind kind = { run, done, end, NULL };
    size_t len = strlen(path), size = sizeof(struct writing) + len + 1 + text.len;
    struct writing *g = calloc(1, size);
    if (!g)
        return NULL;
    memcpy(g->path, path, len);
    memcpy(g->path + len + 1, text.ptr, text.len);
    g->text = (str) { g->path + len + 1, text.len };
    g->size = size;
    g->job.kind = &kind;
    g->job.class = WORKER_FILE;
    g->job.key = (str) { g->path, len };
    return g;
}

/* Without a thread the timer fires at once, and tells so. */
int file_write_start(struct file_write *w, struct worker *worker, const char *path, str text,
                     const struct file_stamp *as_read)
{
    struct writing *g = writing_new(path, text);
    if (!g || timer_init(&w->deadline, worker_timers(worker), on_late)) {
        writing_free(g);
        return PIPEPOLL_ENOMEM;
    }
    g->owner = w;
    g->as_read = *as_read;
    bool started = worker_start(worker, &g->job) == 0;
    if (!started)
        writing_free(g);
    w->private = started ? g : NULL;
    timer_set(&w->deadline, timers_now_ns() + (started ? FILE_TIMEOUT_MS * ns_per_ms : 0));
    return 0;
}

void file_write_forget(struct file_write *w)
{
    timer_deinit(&w->deadline);
    give_up(w);
    w->private = NULL;
}
