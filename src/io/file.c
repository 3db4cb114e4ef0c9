/* SPDX-License-Identifier: MIT */
/* A job for a thread: open, fstat, read until the end, close; or stat alone. It belongs to itself,
 * so whoever wanted it may go, or be told that it took too long, while the disk hangs. Files are
 * read one by one and in turn: two readings of one path never occupy two threads, but for one of
 * each maker. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "io/worker.h"

enum { FIRST_SIZE = 4096 }; /* for files without a size, those of /proc */
static const uint64_t ns_per_ms = 1000000;

struct reading {
    struct worker_job job;
    struct file_read *reader; /* the owner is one of these two */
    struct file_look *looker;
    const struct file_maker *maker; /* NULL: the text is wanted */
    void *made;
    bool is_look, open_to_all;
    int error;
    struct file_stamp stamp;
    char *text;
    size_t len, cap;
    const char *path; /* the key without its first byte */
    char key[];
};

static struct reading *reading_of(struct worker_job *j)
{
    return CONTAINER_OF(j, struct reading, job);
}

/* --- stamps --- */

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->error == b->error && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* failed: what stat() or fstat() returned. */
static struct file_stamp stamp_of(int failed, const struct stat *stat)
{
    if (failed)
        return (struct file_stamp) { .error = errno };
    return (struct file_stamp) {
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .size = (uint64_t)stat->st_size,
        .modified_ns = ns_of(stat->st_mtim),
        .changed_ns = ns_of(stat->st_ctim),
    };
}

/* --- on the thread --- */

static void text_free(struct reading *g)
{
    if (g->text)
        explicit_bzero(g->text, g->cap);
    free(g->text);
    g->text = NULL;
}

/* By copy and wipe: realloc() would leave the first half behind. */
static bool make_space(struct reading *g, size_t cap)
{
    char *text = malloc(cap);
    if (!text)
        return false;
    if (g->len)
        memcpy(text, g->text, g->len);
    text_free(g);
    g->text = text;
    g->cap = cap;
    return true;
}

/* The end is where a read returns nothing, so there is always space for one byte more. */
static int read_all(struct reading *g, int fd)
{
    for (;;) {
        if (g->len > FILE_SIZE_MAX)
            return EFBIG;
        if (g->len == g->cap &&
            !make_space(g, g->cap > FILE_SIZE_MAX / 2 ? FILE_SIZE_MAX + 1 : 2 * g->cap))
            return ENOMEM;
        ssize_t got = read(fd, g->text + g->len, g->cap - g->len);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return errno;
        g->len += got > 0 ? (size_t)got : 0;
    }
}

static int unfit(const struct stat *stat)
{
    if (S_ISDIR(stat->st_mode))
        return EISDIR;
    if (!S_ISREG(stat->st_mode))
        return EINVAL;
    return stat->st_size > FILE_SIZE_MAX ? EFBIG : 0;
}

static int read_open(struct reading *g, int fd)
{
    struct stat stat;
    g->stamp = stamp_of(fstat(fd, &stat), &stat);
    int error = g->stamp.error ? g->stamp.error : unfit(&stat);
    g->open_to_all = !g->stamp.error && (stat.st_mode & S_IWOTH);
    if (error)
        return error;
    size_t size = (size_t)stat.st_size + 1;
    return make_space(g, size > FIRST_SIZE ? size : FIRST_SIZE) ? read_all(g, fd) : ENOMEM;
}

/* The text is not wanted any more. */
static int make(struct reading *g)
{
    g->made = g->maker->make((str) { g->text, g->len });
    text_free(g);
    g->len = 0;
    return g->made ? 0 : ENOMEM;
}

/* One that is not there may come before we look: then what it is would count as read. */
static int explain_unopened(struct reading *g, int error)
{
    struct stat now;
    g->stamp = (struct file_stamp) { .error = error };
    if (error == ENOENT || error == ENOTDIR)
        return error;
    g->stamp = stamp_of(stat(g->path, &now), &now);
    return error;
}

/* A named pipe must not hold the thread until somebody writes to it. */
static void run(struct worker_job *j)
{
    struct reading *g = reading_of(j);
    struct stat now;
    if (g->is_look) {
        g->stamp = stamp_of(stat(g->path, &now), &now);
        return;
    }
    int fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g->error = fd < 0 ? explain_unopened(g, errno) : read_open(g, fd);
    if (fd >= 0)
        close(fd);
    if (!g->error && g->maker)
        g->error = make(g);
}

static void share(struct worker_job *to, const struct worker_job *from)
{
    struct reading *g = reading_of(to);
    const struct reading *done = CONTAINER_OF(from, struct reading, job);
    g->error = done->error;
    g->stamp = done->stamp;
    g->open_to_all = done->open_to_all;
    g->made = done->made ? done->maker->ref(done->made) : NULL;
}

/* --- on the loop --- */

static void tell_reader(struct file_read *r, int error, str text)
{
    timer_deinit(&r->deadline);
    r->private = NULL; /* on_done() may start it again */
    r->on_done(r, error, error ? (str) { NULL, 0 } : text);
}

static void tell_looker(struct file_look *l, const struct file_stamp *stamp)
{
    timer_deinit(&l->deadline);
    l->private = NULL;
    l->on_done(l, stamp);
}

static void done(struct worker_job *j)
{
    struct reading *g = reading_of(j);
    if (g->is_look) {
        tell_looker(g->looker, &g->stamp);
        return;
    }
    g->reader->stamp = g->stamp;
    g->reader->open_to_all = g->open_to_all;
    g->reader->made = g->made;
    g->made = NULL;
    tell_reader(g->reader, g->error, (str) { g->text, g->len });
}

static void end(struct worker_job *j)
{
    struct reading *g = reading_of(j);
    text_free(g);
    if (g->made)
        g->maker->unref(g->made);
    free(g);
}

static struct reading *reading_new(const char *path, const struct file_maker *maker)
{
    static const struct worker_kind kind = { run, done, end, NULL };
    static const struct worker_kind shared = { run, done, end, share };
    size_t len = strlen(path);
    struct reading *g = calloc(1, sizeof *g + 1 + len + 1);
    if (!g)
        return NULL;
    g->key[0] = maker ? maker->id : ' ';
    memcpy(g->key + 1, path, len);
    g->path = g->key + 1;
    g->maker = maker;
    g->job.kind = maker ? &shared : &kind;
    g->job.class = WORKER_FILE;
    g->job.key = (str) { g->key, 1 + len };
    return g;
}

/* Without a thread the timer fires at once, and tells so. */
static struct reading *begin(struct reading *g, struct worker *w, struct timer *deadline)
{
    if (worker_start(w, &g->job)) {
        free(g);
        g = NULL;
    }
    timer_set(deadline, timers_now_ns() + (g ? FILE_TIMEOUT_MS * ns_per_ms : 0));
    return g;
}

/* What the owner no longer waits for. */
static int give_up(struct reading *g)
{
    if (!g)
        return EAGAIN;
    worker_abandon(&g->job);
    return ETIMEDOUT;
}

/* --- readings --- */

static void on_read_late(struct timer *deadline)
{
    struct file_read *r = CONTAINER_OF(deadline, struct file_read, deadline);
    int error = give_up(r->private);
    r->stamp = (struct file_stamp) { .error = error };
    tell_reader(r, error, (str) { NULL, 0 });
}

int file_read_start(struct file_read *r, struct worker *w, const char *path)
{
    struct reading *g = reading_new(path, r->maker);
    r->made = NULL;
    if (!g || timer_init(&r->deadline, worker_timers(w), on_read_late)) {
        free(g);
        return PIPEPOLL_ENOMEM;
    }
    g->reader = r;
    r->private = begin(g, w, &r->deadline);
    return 0;
}

void file_read_forget(struct file_read *r)
{
    timer_deinit(&r->deadline);
    if (r->private)
        give_up(r->private);
    r->private = NULL;
}

static const char *problem_of(int error, bool is_found)
{
    if (error == EACCES && !is_found)
        return "a folder of its path is closed to this user";
    return file_strerror(error);
}

const char *file_problem(const struct file_read *r, int error)
{
    return problem_of(error, r->stamp.error != EACCES);
}

const char *file_problem_at(const char *path, int error)
{
    struct stat st;
    return problem_of(error, stat(path, &st) == 0);
}

const char *file_strerror(int error)
{
    if (error == ETIMEDOUT)
        return "it was not read within 10 s; does its disk or network hang?";
    if (error == EAGAIN)
        return "no thread could be started to read it (is there a limit on processes?)";
    return strerror(error);
}

enum pipepoll_cause file_cause(int error)
{
    if (error == EMFILE || error == ENFILE)
        return PIPEPOLL_CAUSE_DESCRIPTORS;
    return error == ENOMEM ? PIPEPOLL_CAUSE_MEMORY : PIPEPOLL_CAUSE_FILE;
}

bool file_error_passes(int error)
{
    static const int passing[] = { ETIMEDOUT, EAGAIN, EMFILE, ENFILE, ENOMEM, EIO, ESTALE };
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (passing[i] == error)
            return true;
    return false;
}

/* --- looks --- */

static void on_look_late(struct timer *deadline)
{
    struct file_look *l = CONTAINER_OF(deadline, struct file_look, deadline);
    struct file_stamp stamp = { .error = give_up(l->private) };
    tell_looker(l, &stamp);
}

int file_look_start(struct file_look *l, struct worker *w, const char *path)
{
    struct reading *g = reading_new(path, NULL);
    if (!g || timer_init(&l->deadline, worker_timers(w), on_look_late)) {
        free(g);
        return PIPEPOLL_ENOMEM;
    }
    g->looker = l;
    g->is_look = true;
    l->private = begin(g, w, &l->deadline);
    return 0;
}

void file_look_forget(struct file_look *l)
{
    timer_deinit(&l->deadline);
    if (l->private)
        give_up(l->private);
    l->private = NULL;
}
