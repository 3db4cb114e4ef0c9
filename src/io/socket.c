/* SPDX-License-Identifier: MIT */
/* libcurl closes some of its sockets behind our back: by a plain close(), with the callbacks coming
 * later or never (7.88.1: a connect that failed, that timed out, that lost the race of happy
 * eyeballs). So nothing here waits for it, and nothing acts by a number that may be another's:
 *
 *  - The kernel takes a closed socket out of our epoll set by itself, and a late order for its
 *    number finds nothing in this set, whoever has the number by then.
 *  - A number that comes again gets a new generation, which the events carry.
 *  - libcurl, which has not noticed that a number is another socket now, does not ask for the
 *    events that it believes to get already: a new socket inherits what its number was watched for.
 *
 * A socket that is closed here but lives on in a child of fork() stays in the set, and would be
 * told of for ever: then the set is made anew. The loop sees one handle, the set's, whose callback
 * works for a few milliseconds at most; epoll tells the rest again in the next turn. */
#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/list.h"
#include "base/str.h"

static const uint64_t turn_ns = 1000000;

enum { BATCH = 64, FIRST_CAPACITY = 64 };

/* What is known of a descriptor's number. */
struct socket {
    struct socket_watcher *watcher; /* NULL: nobody's */
    uint32_t generation;
    uint32_t events;  /* EPOLLIN, EPOLLOUT; 0: not in the set, as far as we know */
    bool opened_here; /* and not closed here */
};

struct sockets {
    uv_poll_t poll; /* of the set */
    struct uv_loop_s *loop;
    struct alloc alloc;
    int set;
    struct socket *by_fd;
    size_t fd_cap;
    struct epoll_event batch[BATCH]; /* told by the set; done are those before `next` */
    size_t next, told;
    void (*closed)(void *ctx);
    void *ctx;
};

static void on_set_ready(uv_poll_t *poll, int status, int events);

int sockets_open(struct sockets **out, struct uv_loop_s *loop, const struct alloc *alloc)
{
    struct sockets *s = alloc_new(alloc, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    s->loop = loop;
    s->alloc = *alloc;
    s->set = epoll_create1(EPOLL_CLOEXEC);
    int failed = s->set < 0 ? -errno : uv_poll_init(loop, &s->poll, s->set);
    if (failed) {
        if (s->set >= 0)
            close(s->set);
        alloc_free(alloc, s, sizeof *s);
        errno = -failed; /* libuv's codes are negative errnos on Unix */
        return PIPEPOLL_ESYSTEM;
    }
    /* What waits for a socket has a deadline, whose timer holds the loop; idle connections do
     * not. */
    uv_unref((uv_handle_t *)&s->poll);
    uv_poll_start(&s->poll, UV_READABLE, on_set_ready);
    *out = s;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct sockets *s = CONTAINER_OF((uv_poll_t *)handle, struct sockets, poll);
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->ctx;
    struct alloc alloc = s->alloc;
    alloc_free(&alloc, s->by_fd, s->fd_cap * sizeof *s->by_fd);
    alloc_free(&alloc, s, sizeof *s);
    if (closed)
        closed(ctx);
}

void sockets_close(struct sockets *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->ctx = ctx;
    uv_close((uv_handle_t *)&s->poll, on_closed);
    close(s->set);
    s->set = -1; /* this may run inside on_set_ready() */
    s->next = s->told = 0;
}

/* --- the table --- */

/* NULL: out of memory. */
static struct socket *socket_for(struct sockets *s, int fd)
{
    if ((size_t)fd < s->fd_cap)
        return &s->by_fd[fd];
    size_t cap = s->fd_cap ? s->fd_cap : FIRST_CAPACITY, unit = sizeof *s->by_fd;
    while (cap <= (size_t)fd)
        cap *= 2;
    struct socket *more = alloc_resize(&s->alloc, s->by_fd, s->fd_cap * unit, cap * unit);
    if (!more)
        return NULL;
    memset(more + s->fd_cap, 0, (cap - s->fd_cap) * unit);
    s->by_fd = more;
    s->fd_cap = cap;
    return &s->by_fd[fd];
}

static struct socket *socket_at(struct sockets *s, int fd)
{
    return fd >= 0 && (size_t)fd < s->fd_cap ? &s->by_fd[fd] : NULL;
}

static void set_watcher(struct socket *socket, struct socket_watcher *w)
{
    if (socket->watcher)
        socket->watcher->watched--;
    socket->watcher = w;
    if (w)
        w->watched++;
}

/* --- the set --- */

/* The set may know the number although we don't think so, and the other way round. */
static bool put_into_set(struct sockets *s, int fd, const struct socket *socket, int op)
{
    struct epoll_event event = { .events = socket->events,
                                 .data.u64 = (uint64_t)socket->generation << 32 | (uint32_t)fd };
    if (epoll_ctl(s->set, op, fd, &event) == 0)
        return true;
    if (errno == ENOENT)
        return epoll_ctl(s->set, EPOLL_CTL_ADD, fd, &event) == 0;
    return errno == EEXIST && epoll_ctl(s->set, EPOLL_CTL_MOD, fd, &event) == 0;
}

/* What was told of it already is stale from now on. */
static void forget(struct sockets *s, int fd, struct socket *socket)
{
    if (socket->events)
        epoll_ctl(s->set, EPOLL_CTL_DEL, fd, NULL);
    set_watcher(socket, NULL);
    socket->events = 0;
    socket->generation++;
}

static uint32_t events_of(int what)
{
    return (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
           (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
}

static bool watch(struct sockets *s, int fd, struct socket_watcher *w, int what)
{
    struct socket *socket = socket_for(s, fd);
    if (!socket)
        return false;
    int op = socket->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    set_watcher(socket, w);
    w->last = fd;
    socket->events = events_of(what);
    if (put_into_set(s, fd, socket, op))
        return true;
    forget(s, fd, socket);
    return false;
}

bool sockets_watch(struct sockets *s, curl_socket_t fd, struct socket_watcher *w, int what)
{
    const struct socket *socket = socket_at(s, fd);
    if (!socket || !socket->opened_here)
        return false;
    bool is_watched = socket->watcher == w && socket->events == events_of(what);
    return is_watched || watch(s, fd, w, what);
}

void sockets_leave(struct socket_watcher *w)
{
    struct sockets *s = w->sockets;
    if (w->watched && s->by_fd[w->last].watcher == w)
        forget(s, w->last, &s->by_fd[w->last]);
    for (size_t fd = 0; w->watched && fd < s->fd_cap; fd++)
        if (s->by_fd[fd].watcher == w)
            forget(s, (int)fd, &s->by_fd[fd]);
}

/* --- events --- */

static int bits_of(uint32_t events)
{
    int bits = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        bits |= CURL_CSELECT_IN;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        bits |= CURL_CSELECT_OUT;
    return events & EPOLLERR ? bits | CURL_CSELECT_ERR : bits;
}

/* NULL: of a socket that was closed or let go of. */
static struct socket *socket_of(struct sockets *s, const struct epoll_event *event)
{
    struct socket *socket = socket_at(s, (int)(uint32_t)event->data.u64);
    bool current = socket && socket->generation == event->data.u64 >> 32;
    return current && socket->watcher ? socket : NULL;
}

/* The old set goes, and with it what nobody can take out any more; the number stays, which the
 * loop's handle goes by. */
static void renew_set(struct sockets *s)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return; /* told of again in the next turn */
    uv_poll_stop(&s->poll);
    dup3(set, s->set, O_CLOEXEC);
    close(set);
    for (size_t fd = 0; fd < s->fd_cap; fd++)
        if (s->by_fd[fd].events)
            put_into_set(s, (int)fd, &s->by_fd[fd], EPOLL_CTL_ADD);
    uv_poll_start(&s->poll, UV_READABLE, on_set_ready);
}

static bool fetch(struct sockets *s)
{
    bool stale = false;
    int told = epoll_wait(s->set, s->batch, BATCH, 0);
    s->next = 0;
    s->told = told > 0 ? (size_t)told : 0;
    for (size_t i = 0; i < s->told; i++)
        stale = stale || !socket_of(s, &s->batch[i]);
    if (stale)
        renew_set(s);
    return s->told > 0;
}

/* What a turn leaves of a batch comes first in the next one: if all began anew, those at the end
 * might never have their turn. */
static void on_set_ready(uv_poll_t *poll, int status, int events)
{
    struct sockets *s = CONTAINER_OF(poll, struct sockets, poll);
    uint64_t end_ns = 0;
    while (s->next < s->told || fetch(s)) {
        bool may_be_all = s->told < BATCH;
        while (s->next < s->told) {
            const struct epoll_event event = s->batch[s->next++];
            const struct socket *socket = socket_of(s, &event);
            if (socket)
                socket->watcher->ready(socket->watcher, (int)(uint32_t)event.data.u64,
                                       bits_of(event.events));
            if (s->next == s->told && may_be_all)
                return;
            uint64_t now_ns = uv_hrtime();
            end_ns = end_ns ? end_ns : now_ns + turn_ns;
            if (now_ns >= end_ns)
                return;
        }
    }
}

/* --- libcurl's callbacks --- */

/* Never returns -1: that would end every transfer of the multi. A socket that cannot be watched
 * ends its own transfer by the deadline. The end of a watch that was another's already, or of a
 * number that has been handed to a h1, is no news. */
int sockets_on_curl(CURL *easy, curl_socket_t fd, int what, void *watcher, void *unused)
{
    struct socket_watcher *w = watcher;
    struct socket *socket = socket_at(w->sockets, fd);
    if (what & CURL_POLL_INOUT && what != CURL_POLL_REMOVE) {
        if (!socket || !socket->opened_here)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        watch(w->sockets, fd, w, what);
    } else if (socket && socket->watcher == w) {
        forget(w->sockets, fd, socket);
    }
    return 0;
}

static void put_opened(struct sockets *s, int fd, struct socket *socket)
{
    uint32_t inherited = socket->events;
    socket->opened_here = true;
    socket->generation++;
    if (inherited && !put_into_set(s, fd, socket, EPOLL_CTL_ADD))
        socket->events = 0;
}

/* Returns fd, or -1 when it cannot be kept account of. */
static int adopt(struct socket_opener *o, int fd)
{
    struct socket *socket = fd < 0 ? NULL : socket_for(o->sockets, fd);
    if (socket) {
        put_opened(o->sockets, fd, socket);
        return fd;
    }
    o->error = fd < 0 ? errno : ENOMEM;
    if (fd >= 0)
        close(fd);
    return -1;
}

curl_socket_t sockets_on_open(void *opener, curlsocktype purpose, struct curl_sockaddr *address)
{
    return adopt(opener,
                 socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
}

int sockets_duplicate(struct sockets *s, curl_socket_t fd, struct socket_opener *opener)
{
    opener->sockets = s;
    return adopt(opener, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

int sockets_on_close(void *sockets, curl_socket_t fd)
{
    struct socket *socket = socket_at(sockets, fd);
    if (socket) {
        forget(sockets, fd, socket);
        socket->opened_here = false;
    }
    return close(fd);
}
