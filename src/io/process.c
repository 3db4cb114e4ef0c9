/* SPDX-License-Identifier: MIT */
/* The pipes are read on the loop; the program itself is a child's matter (child.c). The owner's
 * deadline is ours alone: whatever is not over then is left to itself.
 *
 * Its output is a real pipe, not the socket pair that libuv would make: programs open /dev/stdout
 * again, which does not work with a socket. */
#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "io/child.h"
#include "io/timers.h"

static const uint64_t ns_per_ms = 1000000;

struct running {
    struct child *child; /* NULL: it did not start, or has ended */
    uv_pipe_t pipe, stderr_pipe;
    struct timer deadline;
    uint64_t timeout_ns;
    struct process_run *owner; /* NULL: it went, or knows the end */
    struct alloc alloc;
    unsigned handles; /* not yet closed */
    unsigned waits;   /* for a thread: times the time was up before it began */
    bool drained;     /* nobody holds the other end of the pipe */
    enum process_end end;
    int code;
    size_t len, diagnostic_len;
    char output[PROCESS_OUTPUT_MAX + 1]; /* one more, to see that there is more */
    char diagnostic[PROCESS_DIAGNOSTIC_MAX],
        fresh[PROCESS_DIAGNOSTIC_MAX]; /* the end; what just came */
};

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    struct running *g = handle->data;
    struct alloc alloc = g->alloc;
    if (!--g->handles)
        alloc_free(&alloc, g, sizeof *g);
}

static void running_leave(struct running *g)
{
    if (g->child)
        child_abandon(g->child);
    g->child = NULL;
    g->owner = NULL;
    timer_deinit(&g->deadline);
    uv_close((uv_handle_t *)&g->pipe, on_closed);
    uv_close((uv_handle_t *)&g->stderr_pipe, on_closed);
}

static void wipe(struct running *g)
{
    explicit_bzero(g->output, sizeof g->output);
    explicit_bzero(g->diagnostic, sizeof g->diagnostic);
    explicit_bzero(g->fresh, sizeof g->fresh);
}

/* The last words are what tells: what came first gives way. */
static void take_diagnostic(struct running *g, size_t len)
{
    size_t room = sizeof g->diagnostic - len;
    size_t kept = g->diagnostic_len < room ? g->diagnostic_len : room;
    memmove(g->diagnostic, g->diagnostic + g->diagnostic_len - kept, kept);
    memcpy(g->diagnostic + kept, g->fresh, len);
    g->diagnostic_len = kept + len;
}

/* What lies in the pipe already, when the end comes from elsewhere: not for ever, if others write
 * on. */
static void drain_diagnostic(struct running *g)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&g->stderr_pipe, &fd))
        return;
    for (int i = 0; i < 64; i++) {
        ssize_t got = read(fd, g->fresh, sizeof g->fresh);
        if (got <= 0)
            return;
        take_diagnostic(g, (size_t)got);
    }
}

static void running_end(struct running *g, enum process_end end, int code)
{
    struct process_run *r = g->owner;
    size_t len = g->len < PROCESS_OUTPUT_MAX ? g->len : PROCESS_OUTPUT_MAX;
    drain_diagnostic(g);
    running_leave(g);
    r->private = NULL; /* on_done() may start it again */
    r->diagnostic = (str) { g->diagnostic, g->diagnostic_len };
    r->on_done(r, end, code, (str) { g->output, len });
    wipe(g);
}

static void on_exited(struct child *c)
{
    struct running *g = c->ctx;
    bool signalled = WIFSIGNALED(c->status);
    g->child = NULL;
    g->end = signalled ? PROCESS_SIGNALLED : PROCESS_EXITED;
    g->code = signalled ? WTERMSIG(c->status) : WEXITSTATUS(c->status);
    if (c->error)
        running_end(g, PROCESS_NO_START, c->error);
    else if (g->drained)
        running_end(g, g->end, g->code);
}

/* It counts from when the program was begun with: others may have to end first, and that has a
 * bound too. */
static void on_time_up(struct timer *timer)
{
    struct running *g = CONTAINER_OF(timer, struct running, deadline);
    uint64_t now_ns = timers_now_ns(), begun_ns = g->child ? child_begun_ns(g->child) : 0;
    if (!g->child)
        running_end(g, g->end, g->code);
    else if (!begun_ns && ++g->waits == PROCESS_WAITS)
        running_end(g, PROCESS_NO_START, EAGAIN);
    else if (!begun_ns)
        timer_set(timer, now_ns + g->timeout_ns);
    else if (now_ns < begun_ns + g->timeout_ns)
        timer_set(timer, begun_ns + g->timeout_ns);
    else
        running_end(g, PROCESS_TIMED_OUT, 0);
}

/* --- the output --- */

static void on_room_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *room)
{
    struct running *g = CONTAINER_OF((uv_pipe_t *)handle, struct running, pipe);
    *room = uv_buf_init(g->output + g->len, (unsigned)(sizeof g->output - g->len));
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *room)
{
    struct running *g = CONTAINER_OF((uv_pipe_t *)stream, struct running, pipe);
    if (got >= 0) {
        g->len += (size_t)got;
        if (g->len > PROCESS_OUTPUT_MAX)
            running_end(g, PROCESS_TOO_LONG, 0);
        return;
    }
    g->drained = true; /* its end, or a pipe that broke: nothing more will come */
    uv_read_stop(stream);
    if (!g->child)
        running_end(g, g->end, g->code);
}

static void on_diagnostic_room_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *room)
{
    struct running *g = CONTAINER_OF((uv_pipe_t *)handle, struct running, stderr_pipe);
    *room = uv_buf_init(g->fresh, sizeof g->fresh);
}

static void on_diagnostic(uv_stream_t *stream, ssize_t got, const uv_buf_t *room)
{
    struct running *g = CONTAINER_OF((uv_pipe_t *)stream, struct running, stderr_pipe);
    if (got >= 0)
        take_diagnostic(g, (size_t)got);
    else
        uv_read_stop(stream);
}

/* --- the start --- */

/* Not among the first three, which are put in place one by one. */
static int above_stderr(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -errno;
    close(*fd);
    *fd = moved;
    return 0;
}

/* A pipe that is read from now on; its other end in *fd. 0 or libuv's negative errno. */
static int read_from(uv_pipe_t *pipe, uv_alloc_cb room, uv_read_cb read_cb, int *fd)
{
    uv_file ends[2];
    int r = uv_pipe(ends, UV_NONBLOCK_PIPE, 0); /* both close on exec */
    if (r)
        return r;
    r = uv_pipe_open(pipe, ends[0]);
    if (r)
        close(ends[0]);
    else
        r = uv_read_start((uv_stream_t *)pipe, room, read_cb);
    *fd = ends[1];
    return !r && *fd <= STDERR_FILENO ? above_stderr(fd) : r;
}

/* Returns 0 or a positive errno. */
static int begin(struct running *g, struct worker *w, char **argv)
{
    int fds[2] = { -1, -1 };
    int r = read_from(&g->pipe, on_room_wanted, on_output, &fds[0]);
    if (!r)
        r = read_from(&g->stderr_pipe, on_diagnostic_room_wanted, on_diagnostic, &fds[1]);
    if (!r)
        return child_start(&g->child, w, argv, fds, on_exited, g);
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return -r;
}

int process_run_start(struct process_run *r, struct worker *w, const struct alloc *alloc,
                      char **argv, uint32_t timeout_ms)
{
    struct running *g = alloc_new(alloc, sizeof *g);
    if (!g || timer_init(&g->deadline, worker_timers(w), on_time_up)) {
        alloc_free(alloc, g, sizeof *g);
        return PIPEPOLL_ENOMEM;
    }
    g->owner = r;
    g->alloc = *alloc;
    g->timeout_ns = timeout_ms * ns_per_ms;
    uv_pipe_init(worker_loop(w), &g->pipe, 0); /* cannot fail */
    uv_pipe_init(worker_loop(w), &g->stderr_pipe, 0);
    g->pipe.data = g->stderr_pipe.data = g;
    g->handles = 2;
    g->end = PROCESS_NO_START;
    g->code = begin(g, w, argv);
    /* Without a child the timer tells, from the loop. */
    timer_set(&g->deadline, timers_now_ns() + (g->code ? 0 : g->timeout_ns));
    r->private = g;
    return 0;
}

void process_run_forget(struct process_run *r)
{
    struct running *g = r->private;
    if (!g)
        return;
    r->private = NULL;
    running_leave(g);
    wipe(g);
}
