/* SPDX-License-Identifier: MIT */
/* Look-ups are answered from the tokens that were read last. Where the last look at the file is
 * older than a second they wait for a new one, which is done on the background thread: the file may
 * lie on a disk that hangs. Its tokens replace the old ones only if all of it is right.
 *
 * A file that was written at about the time it was read may change once more within the clock's
 * grain: it is read again with the next look, whatever its stamp says. */
#include "handler/token_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "base/plural.h"
#include "handler/token_load.h"

enum { LOOK_MS = 1000, TIMEOUT_MS = 10000, GRAIN_S = 2 };

struct stamp {
    bool is_set;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* One look at the file, on the thread; what it finds. */
struct look {
    struct background_work work;
    struct token_watch *watch;
    struct stamp stamp; /* before: what is known; after: what was read */
    bool fresh;         /* read: `file` counts */
    bool open_to_others;
    struct token_file file;
    struct pipepoll_error why; /* empty: no trouble */
    char path[];
};

struct token_watch {
    struct background *background;
    struct log log;
    struct token_file file;
    struct stamp stamp; /* of file; not set: read it in any case */
    struct pipepoll_error why;
    bool has_file, has_looked, open_to_others;
    struct list waiting; /* those that wait for the look, as struct waiter */
    struct look *look;   /* under way */
    bool look_is_late;
    uint64_t looked_ms;
    uint32_t look_ms, timeout_ms;
    uv_timer_t timer;
    void (*closed)(void *ctx);
    void *ctx;
    char path[];
};

/* A look-up that waits; its owner unlinks the look-up, never this. */
struct waiter {
    struct list link;
    struct list lookup; /* the head of a list of one, or of none when it was forgotten */
    size_t len;
    char client_id[];
};

/* --- on the thread --- */

static bool same(const struct stamp *a, const struct stamp *b)
{
    return a->is_set && b->is_set && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp) { true, st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool is_recent(const struct stamp *s)
{
    time_t now = time(NULL);
    return s->changed.tv_sec > now - GRAIN_S || s->modified.tv_sec > now - GRAIN_S;
}

static void read_file(struct look *k, int fd)
{
    struct stat st;
    if (fstat(fd, &st)) {
        explain(&k->why, 0, "%.200s: %s", k->path, strerror(errno));
        return;
    }
    struct stamp now = stamp_of(&st);
    if (same(&now, &k->stamp))
        return;
    k->stamp = now;
    k->open_to_others = st.st_mode & (S_IRWXG | S_IRWXO);
    if (!S_ISREG(st.st_mode))
        explain(&k->why, 0, "%.200s: not a regular file", k->path);
    else
        k->fresh = token_load(&k->file, k->path, fd, st.st_size, &k->why) == PIPEPOLL_OK;
    if (is_recent(&k->stamp))
        k->stamp.is_set = false;
}

static void run(struct background_work *w)
{
    struct look *k = CONTAINER_OF(w, struct look, work);
    int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        explain(&k->why, 0, "%.200s: %s", k->path, strerror(errno));
        k->stamp.is_set = false;
        return;
    }
    read_file(k, fd);
    close(fd);
}

/* --- on the loop --- */

static void tell(struct token_watch *w, struct token_lookup *l, str client_id)
{
    str none = { NULL, 0 };
    if (!w->has_file) {
        l->on_done(l, TOKEN_UNAVAILABLE, none, w->why.text);
        return;
    }
    str token = token_file_find(&w->file, client_id);
    l->on_done(l, token.len ? TOKEN_FOUND : TOKEN_UNKNOWN, token, "");
}

static void tell_all(struct token_watch *w)
{
    struct list now, *link;
    list_init(&now);
    list_move_all(&now, &w->waiting);
    while ((link = list_pop_first(&now))) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        struct list *lookup = list_pop_first(&waiter->lookup);
        if (lookup)
            tell(w, CONTAINER_OF(lookup, struct token_lookup, link),
                 (str) { waiter->client_id, waiter->len });
        free(waiter);
    }
}

static bool same_text(const struct token_file *a, const struct token_file *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static void take_file(struct token_watch *w, struct look *k)
{
    bool changed = !w->has_file || !same_text(&w->file, &k->file);
    if (w->has_file && changed)
        log_line(&w->log, PIPEPOLL_INFO, "%.200s: read again, %zu client token%s", w->path,
                 k->file.count, plural(k->file.count));
    if (k->open_to_others && (changed || !w->open_to_others))
        log_line(&w->log, PIPEPOLL_WARNING,
                 "%.200s: others than its owner may open this file of client tokens; chmod 600 it",
                 w->path);
    token_file_deinit(&w->file);
    w->file = k->file;
    k->file = (struct token_file) { 0 };
    w->has_file = true;
    w->open_to_others = k->open_to_others;
    w->why.text[0] = '\0';
}

/* The same trouble is told once. */
static void take_trouble(struct token_watch *w, const struct look *k)
{
    if (strcmp(w->why.text, k->why.text) != 0)
        log_line(&w->log, w->has_file ? PIPEPOLL_WARNING : PIPEPOLL_ERROR, "%s%s", k->why.text,
                 w->has_file ? "; the client tokens of before stay in use" : "");
    w->why = k->why;
}

static void done(struct background_work *work)
{
    struct look *k = CONTAINER_OF(work, struct look, work);
    struct token_watch *w = k->watch;
    uv_timer_stop(&w->timer);
    w->look = NULL;
    w->look_is_late = false;
    w->has_looked = true;
    w->looked_ms = uv_now(background_loop(w->background));
    w->stamp = k->stamp;
    if (k->fresh)
        take_file(w, k);
    else if (k->why.text[0])
        take_trouble(w, k);
    tell_all(w);
}

static void end(struct background_work *work)
{
    struct look *k = CONTAINER_OF(work, struct look, work);
    token_file_deinit(&k->file);
    free(k);
}

/* The thread is left to itself; until it is back all are answered by what is known. */
static void on_late(uv_timer_t *timer)
{
    struct token_watch *w = timer->data;
    w->look_is_late = true;
    if (!w->has_file)
        explain(&w->why, 0, "%.200s: it could not be read within %u ms", w->path, w->timeout_ms);
    tell_all(w);
}

static bool start_look(struct token_watch *w)
{
    size_t size = strlen(w->path) + 1;
    struct look *k = calloc(1, sizeof *k + size);
    if (!k)
        return false;
    k->work = (struct background_work) { .run = run, .done = done, .end = end };
    k->watch = w;
    k->stamp = w->stamp;
    memcpy(k->path, w->path, size);
    w->look = k;
    background_start(w->background, &k->work);
    uv_timer_start(&w->timer, on_late, w->timeout_ms, 0);
    return true;
}

static bool is_due(const struct token_watch *w, bool refresh)
{
    return !w->has_looked || refresh ||
           uv_now(background_loop(w->background)) - w->looked_ms >= w->look_ms;
}

static bool wait_for_look(struct token_watch *w, struct token_lookup *l, str client_id)
{
    struct waiter *waiter = malloc(sizeof *waiter + client_id.len);
    if (!waiter || (!w->look && !start_look(w))) {
        free(waiter);
        return false;
    }
    waiter->len = client_id.len;
    memcpy(waiter->client_id, client_id.ptr, client_id.len);
    list_init(&waiter->lookup);
    list_put_last(&waiter->lookup, &l->link);
    list_put_last(&w->waiting, &waiter->link);
    return true;
}

void token_watch_get(struct token_watch *w, struct token_lookup *l, str client_id, bool refresh)
{
    uv_update_time(background_loop(w->background));
    if (!client_id.len) {
        l->on_done(l, TOKEN_UNKNOWN, (str) { NULL, 0 }, "");
        return;
    }
    if (w->look_is_late || !is_due(w, refresh)) {
        tell(w, l, client_id);
        return;
    }
    if (wait_for_look(w, l, client_id))
        return;
    if (!w->has_file)
        explain(&w->why, 0, "%.200s: out of memory", w->path);
    tell(w, l, client_id);
}

/* --- open and close --- */

int token_watch_open(struct token_watch **out, struct background *b,
                     const struct token_source_options *o)
{
    size_t size = strlen(o->file) + 1;
    struct token_watch *w = calloc(1, sizeof *w + size);
    if (!w)
        return PIPEPOLL_ENOMEM;
    memcpy(w->path, o->file, size);
    w->background = b;
    w->log = o->log;
    w->look_ms = o->look_ms ? o->look_ms : LOOK_MS;
    w->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    list_init(&w->waiting);
    uv_timer_init(background_loop(b), &w->timer);
    w->timer.data = w;
    *out = w;
    return PIPEPOLL_OK;
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct token_watch *w = timer->data;
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->ctx;
    token_file_deinit(&w->file);
    free(w);
    closed(ctx);
}

void token_watch_close(struct token_watch *w, void (*closed)(void *ctx), void *ctx)
{
    struct list *link;
    while ((link = list_pop_first(&w->waiting))) {
        struct waiter *waiter = CONTAINER_OF(link, struct waiter, link);
        list_pop_first(&waiter->lookup);
        free(waiter);
    }
    if (w->look)
        background_abandon(&w->look->work);
    w->closed = closed;
    w->ctx = ctx;
    uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}
