/* SPDX-License-Identifier: MIT */
/* One file after the other, so that a watch costs one request to the thread pool at a time. What a
 * file was like is noted when it is read, before its bytes are: a change while it is read, or while
 * nobody looks, is met by the next look.
 *
 * Times of files come from the kernel's tick, some milliseconds long. A file that was changed just
 * before it was read may change once more within that tick and look the same, so its stamp is not
 * kept: the next look counts it as changed, and it is read once more. */
#include "credentials/watch.h"

static const int64_t ns_per_ms = 1000000, tick_ms = 50;

static bool is_fresh(const struct file_stamp *stamp)
{
    int64_t age_ms = timers_wall_ms() - stamp->changed_ns / ns_per_ms;
    return !stamp->error && age_ms < tick_ms && age_ms > -tick_ms;
}

static char *copy_path(const struct alloc *alloc, const char *path)
{
    size_t size = strlen(path) + 1;
    char *copy = alloc_new(alloc, size);
    if (copy)
        memcpy(copy, path, size);
    return copy;
}

void watch_note(struct watch *w, const char *path, const struct file_stamp *stamp)
{
    if (!w || w->count == WATCH_FILES_MAX)
        return;
    struct watched_file *f = &w->files[w->count];
    f->path = copy_path(&w->host->alloc, path);
    f->stamp = *stamp;
    if (is_fresh(stamp))
        f->stamp.changed_ns = 0; /* no file's */
    w->count += f->path != NULL;
}

bool watch_has_files(const struct watch *w)
{
    return w->count > 0;
}

static int look_at_next(struct watch *w)
{
    return file_look_start(&w->look, w->host->worker, w->files[w->at].path);
}

static void on_look(struct file_look *look, const struct file_stamp *stamp)
{
    struct watch *w = CONTAINER_OF(look, struct watch, look);
    bool changed = !file_stamp_eq(stamp, &w->files[w->at].stamp);
    w->at++;
    if (!changed && w->at < w->count && !look_at_next(w))
        return;
    w->looking = false;
    w->on_done(w, changed);
}

int watch_look(struct watch *w)
{
    if (w->looking)
        return 0;
    w->look.on_done = on_look;
    w->at = 0;
    int r = look_at_next(w);
    w->looking = r == 0;
    return r;
}

void watch_forget(struct watch *w)
{
    file_look_forget(&w->look);
    w->looking = false;
    for (; w->count; w->count--) {
        char *path = w->files[w->count - 1].path;
        alloc_free(&w->host->alloc, path, strlen(path) + 1);
    }
}
