/* Two kinds of descriptors pass here. Those libcurl opens through us (connections) keep their
 * uv_poll until libcurl closes them through us, so that the poll handle is always stopped before
 * its number can be used again: libuv would refuse the second handle (UV_EEXIST) and lose its
 * wake-ups. Those libcurl opens by itself (its resolver's socket pair) are let go of when it stops
 * watching them. */
#include "io/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/list.h"
#include "base/str.h"

struct socket {
    uv_poll_t poll;
    struct sockets *all;
    struct socket_watcher *watcher;
    int fd;
    bool opened_here;
};

struct sockets {
    struct uv_loop_s *loop;
    struct alloc alloc;
    struct socket **by_fd;
    size_t fd_cap;
    size_t open; /* poll handles whose close callback is still to come */
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

static void sockets_finish(struct sockets *s)
{
    if (!s->closing || s->open)
        return;
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->ctx;
    struct alloc alloc = s->alloc;
    alloc_free(&alloc, s->by_fd, s->fd_cap * sizeof(struct socket *));
    alloc_free(&alloc, s, sizeof *s);
    if (closed)
        closed(ctx);
}

int sockets_open(struct sockets **out, struct uv_loop_s *loop, const struct alloc *alloc)
{
    struct sockets *s = alloc_new(alloc, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    s->loop = loop;
    s->alloc = *alloc;
    *out = s;
    return 0;
}

void sockets_close(struct sockets *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->ctx = ctx;
    sockets_finish(s);
}

static bool make_room(struct sockets *s, size_t fd)
{
    if (fd < s->fd_cap)
        return true;
    size_t cap = s->fd_cap ? s->fd_cap : 64;
    while (cap <= fd)
        cap *= 2;
    size_t unit = sizeof(struct socket *);
    struct socket **more = alloc_resize(&s->alloc, s->by_fd, s->fd_cap * unit, cap * unit);
    if (!more)
        return false;
    memset(more + s->fd_cap, 0, (cap - s->fd_cap) * unit);
    s->by_fd = more;
    s->fd_cap = cap;
    return true;
}

static struct socket *socket_at(struct sockets *s, int fd)
{
    return fd >= 0 && (size_t)fd < s->fd_cap ? s->by_fd[fd] : NULL;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct socket *socket = CONTAINER_OF((uv_poll_t *)handle, struct socket, poll);
    struct sockets *s = socket->all;
    alloc_free(&s->alloc, socket, sizeof *socket);
    s->open--;
    sockets_finish(s);
}

/* Stops watching at once; the memory goes when libuv is done with the handle. */
static void socket_forget(struct socket *socket)
{
    socket->all->by_fd[socket->fd] = NULL;
    uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, on_poll_closed);
}

static struct socket *socket_new(struct sockets *s, int fd, bool opened_here)
{
    if (!make_room(s, (size_t)fd))
        return NULL;
    struct socket *stale = s->by_fd[fd];
    if (stale)
        socket_forget(stale);
    struct socket *socket = alloc_new(&s->alloc, sizeof *socket);
    if (!socket)
        return NULL;
    *socket = (struct socket) { .all = s, .fd = fd, .opened_here = opened_here };
    if (uv_poll_init(s->loop, &socket->poll, fd)) {
        alloc_free(&s->alloc, socket, sizeof *socket);
        return NULL;
    }
    /* What waits for a socket has a deadline, whose alarm holds the loop; idle connections do
     * not. */
    uv_unref((uv_handle_t *)&socket->poll);
    s->by_fd[fd] = socket;
    s->open++;
    return socket;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = CONTAINER_OF(poll, struct socket, poll);
    int bits = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        bits |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        bits |= CURL_CSELECT_OUT;
    socket->watcher->ready(socket->watcher, socket->fd, bits);
}

static void socket_watch(struct socket *socket, struct socket_watcher *w, int what)
{
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    socket->watcher = w;
    uv_poll_start(&socket->poll, events, on_ready);
}

void sockets_watch(struct sockets *s, curl_socket_t fd, struct socket_watcher *w, int what)
{
    struct socket *socket = socket_at(s, fd);
    if (socket)
        socket_watch(socket, w, what);
}

/* Never returns -1: that would end every transfer of the multi. A socket that cannot be watched
 * ends its own transfer by the deadline. */
int sockets_on_curl(CURL *easy, curl_socket_t fd, int what, void *watcher, void *unused)
{
    (void)easy;
    (void)unused;
    struct socket_watcher *w = watcher;
    struct socket *socket = socket_at(w->sockets, fd);
    if (what == CURL_POLL_REMOVE) {
        if (socket && socket->opened_here)
            uv_poll_stop(&socket->poll);
        else if (socket)
            socket_forget(socket);
        return 0;
    }
    if (!socket) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        socket = socket_new(w->sockets, fd, false);
        if (!socket)
            return 0;
    }
    socket_watch(socket, w, what);
    return 0;
}

curl_socket_t sockets_on_open(void *sockets, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && !socket_new(sockets, fd, true)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int sockets_on_close(void *sockets, curl_socket_t fd)
{
    struct socket *socket = socket_at(sockets, fd);
    if (socket)
        socket_forget(socket);
    return close(fd);
}
