/* One uv_fs request after the other: open, fstat, read until the end, close. The request and the
 * memory the thread pool writes to are not the owner's, so that the owner may go while a disk
 * hangs; what is left then closes the file and goes by itself. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include <uv.h>

#include "base/list.h"

/* Room that files without a size (those of /proc) get at first. */
enum { ROOM_MIN = 4096 };

struct reading {
    uv_fs_t request;
    struct file_read *owner; /* NULL: it went */
    struct alloc alloc;
    int fd, error;
    bool closing, distrusts;
    struct file_stamp stamp;
    char *text;
    size_t len, cap;
    size_t size; /* of all this */
    char path[];
};

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->error == b->error && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static int64_t ns_of(uv_timespec_t t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What a request for it returned. */
static struct file_stamp stamp_of(const uv_fs_t *request)
{
    const uv_stat_t *stat = &request->statbuf;
    if (request->result < 0)
        return (struct file_stamp) { .error = (int)-request->result };
    return (struct file_stamp) {
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = stat->st_size,
        .modified_ns = ns_of(stat->st_mtim),
        .changed_ns = ns_of(stat->st_ctim),
    };
}

static void text_free(struct reading *g)
{
    if (g->text)
        explicit_bzero(g->text, g->cap);
    alloc_free(&g->alloc, g->text, g->cap);
}

static void reading_end(struct reading *g)
{
    struct file_read *r = g->owner;
    if (r) {
        r->private = NULL; /* on_done() may start it again */
        r->stamp = g->stamp;
        r->on_done(r, g->error, g->error ? (str) { NULL, 0 } : (str) { g->text, g->len });
    }
    text_free(g);
    struct alloc alloc = g->alloc;
    alloc_free(&alloc, g, g->size);
}

/* What the request returned; a failure, or an owner that went, is noted as the error. */
static size_t request_end(struct reading *g)
{
    ssize_t result = g->request.result;
    uv_fs_req_cleanup(&g->request);
    if (result < 0)
        g->error = (int)-result; /* libuv's codes are negative errnos on Unix */
    else if (!g->owner)
        g->error = ECANCELED;
    return result < 0 ? 0 : (size_t)result;
}

/* --- the steps, last to first: uv_fs_* fail at once only where they copy a path --- */

static void on_closed(uv_fs_t *request)
{
    struct reading *g = CONTAINER_OF(request, struct reading, request);
    uv_fs_req_cleanup(request); /* all is read: an error here changes nothing */
    reading_end(g);
}

static void reading_close(struct reading *g, int error)
{
    g->error = error;
    g->closing = true;
    uv_fs_close(g->request.loop, &g->request, g->fd, on_closed);
}

/* By copy and wipe: realloc() would leave the first half behind. */
static bool make_room(struct reading *g, size_t cap)
{
    char *text = alloc_new(&g->alloc, cap);
    if (!text)
        return false;
    if (g->len)
        memcpy(text, g->text, g->len);
    text_free(g);
    g->text = text;
    g->cap = cap;
    return true;
}

static void reading_more(struct reading *g);

static void on_read(uv_fs_t *request)
{
    struct reading *g = CONTAINER_OF(request, struct reading, request);
    size_t got = request_end(g);
    g->len += got;
    if (g->error || !got)
        reading_close(g, g->error);
    else
        reading_more(g);
}

/* The end is where a read returns nothing, so there is always room for one byte more. */
static void reading_more(struct reading *g)
{
    if (g->len > FILE_SIZE_MAX) {
        reading_close(g, EFBIG);
        return;
    }
    if (g->len == g->cap &&
        !make_room(g, g->cap > FILE_SIZE_MAX / 2 ? FILE_SIZE_MAX + 1 : 2 * g->cap)) {
        reading_close(g, ENOMEM);
        return;
    }
    uv_buf_t room = uv_buf_init(g->text + g->len, (unsigned)(g->cap - g->len));
    uv_fs_read(g->request.loop, &g->request, g->fd, &room, 1, -1, on_read);
}

static int unfit(const struct reading *g)
{
    const uv_stat_t *stat = &g->request.statbuf;
    if (S_ISDIR(stat->st_mode))
        return EISDIR;
    if (!S_ISREG(stat->st_mode))
        return EINVAL;
    if (g->distrusts && (stat->st_mode & S_IWOTH))
        return EPERM;
    return stat->st_size > FILE_SIZE_MAX ? EFBIG : 0;
}

static void on_stat(uv_fs_t *request)
{
    struct reading *g = CONTAINER_OF(request, struct reading, request);
    g->stamp = stamp_of(request);
    request_end(g);
    if (!g->error)
        g->error = unfit(g);
    size_t size = (size_t)request->statbuf.st_size + 1;
    if (!g->error && !make_room(g, size > ROOM_MIN ? size : ROOM_MIN))
        g->error = ENOMEM;
    if (g->error)
        reading_close(g, g->error);
    else
        reading_more(g);
}

/* A folder that we may not search hides its files: there are none for us. */
static void on_looked(uv_fs_t *request)
{
    struct reading *g = CONTAINER_OF(request, struct reading, request);
    bool is_hidden = request->result == UV_EACCES;
    g->stamp = stamp_of(request);
    uv_fs_req_cleanup(request);
    if (is_hidden && g->error == EACCES)
        g->error = ENOENT;
    reading_end(g);
}

static void on_opened(uv_fs_t *request)
{
    struct reading *g = CONTAINER_OF(request, struct reading, request);
    bool opened = request->result >= 0;
    g->fd = (int)request_end(g);
    g->stamp.error = g->error;
    /* One that is not there may come before we look: then what it is would count as read. */
    if (!opened && g->owner && g->error != ENOENT && g->error != ENOTDIR &&
        !uv_fs_stat(request->loop, request, g->path, on_looked))
        return;
    if (!opened)
        reading_end(g);
    else if (g->error)
        reading_close(g, g->error);
    else
        uv_fs_fstat(request->loop, request, g->fd, on_stat);
}

/* --- start and forget --- */

int file_read_start(struct file_read *r, struct uv_loop_s *loop, const struct alloc *alloc,
                    const char *path)
{
    size_t path_size = strlen(path) + 1, size = sizeof(struct reading) + path_size;
    struct reading *g = alloc_new(alloc, size);
    if (!g)
        return PIPEPOLL_ENOMEM;
    memcpy(g->path, path, path_size);
    g->size = size;
    g->distrusts = r->distrusts;
    g->owner = r;
    g->alloc = *alloc;
    /* A named pipe must not hold a thread of the pool until somebody writes to it. */
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (uv_fs_open(loop, &g->request, path, flags, 0, on_opened)) {
        alloc_free(alloc, g, size);
        return PIPEPOLL_ENOMEM;
    }
    r->private = g;
    return 0;
}

void file_read_forget(struct file_read *r)
{
    struct reading *g = r->private;
    if (!g)
        return;
    g->owner = NULL;
    r->private = NULL;
    if (!g->closing)
        uv_cancel((uv_req_t *)&g->request); /* what waits for a thread need not run */
}

/* --- a look --- */

struct looking {
    uv_fs_t request;
    struct file_look *owner; /* NULL: it went */
    struct alloc alloc;
};

static void on_look(uv_fs_t *request)
{
    struct looking *g = CONTAINER_OF(request, struct looking, request);
    struct file_stamp stamp = stamp_of(request);
    struct file_look *l = g->owner;
    struct alloc alloc = g->alloc;
    uv_fs_req_cleanup(request);
    alloc_free(&alloc, g, sizeof *g);
    if (!l)
        return;
    l->private = NULL; /* on_done() may start it again */
    l->on_done(l, &stamp);
}

int file_look_start(struct file_look *l, struct uv_loop_s *loop, const struct alloc *alloc,
                    const char *path)
{
    struct looking *g = alloc_new(alloc, sizeof *g);
    if (!g)
        return PIPEPOLL_ENOMEM;
    g->owner = l;
    g->alloc = *alloc;
    if (uv_fs_stat(loop, &g->request, path, on_look)) {
        alloc_free(alloc, g, sizeof *g);
        return PIPEPOLL_ENOMEM;
    }
    l->private = g;
    return 0;
}

void file_look_forget(struct file_look *l)
{
    struct looking *g = l->private;
    if (!g)
        return;
    g->owner = NULL;
    l->private = NULL;
    uv_cancel((uv_req_t *)&g->request);
}
