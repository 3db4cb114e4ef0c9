/* SPDX-License-Identifier: MIT */
/* Phases: it is launched (launch.c), runs, is told to end (SIGTERM), is killed (SIGKILL), and when
 * it has ended its output is read to its end. One timer bounds each phase but running without a
 * time-out; the pidfd tells of the end.
 *
 * The group is killed while its leader is a zombie, looked at but not reaped: until then its number
 * cannot be another's. Its pipes are real ones, not libuv's socket pairs, with which a program
 * could not open /dev/stdout. */
#include "handler/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "handler/input_queue.h"

enum {
    LINGER_MS = 5000, /* from SIGKILL on: a process may hang in the kernel for longer */
    READ_SIZE = 16384,
    READS_MAX = 64 /* at the end, of what lies in a pipe of 64 KiB */
};

enum phase { PHASE_LAUNCH, PHASE_RUN, PHASE_TERM, PHASE_KILL, PHASE_DRAIN, PHASE_OVER };

enum pipe_index { PIPE_IN, PIPE_OUT, PIPE_ERR, PIPES };

struct subprocess {
    struct background *background;
    struct subprocess_options options;
    struct subprocess_result result;
    enum phase phase;
    struct launch *launch; /* while it is launched */
    pid_t pid;             /* 0: none, or reaped */
    int pidfd;
    uv_poll_t exit_poll; /* when has_poll */
    uv_timer_t timer;
    uv_pipe_t pipes[PIPES];
    bool pipe_open[PIPES];
    bool has_poll;
    unsigned handles; /* not closed yet */
    struct input_queue input;
    bool input_ends; /* behind what is written */
    char bytes[READ_SIZE];
};

/* --- memory --- */

static void on_closed(uv_handle_t *handle)
{
    struct subprocess *s = handle->data;
    if (--s->handles)
        return;
    struct background *b = s->background;
    if (s->pidfd >= 0)
        close(s->pidfd);
    free(s);
    background_release(b);
}

static void close_pipe(struct subprocess *s, enum pipe_index i)
{
    if (!s->pipe_open[i])
        return;
    s->pipe_open[i] = false;
    uv_close((uv_handle_t *)&s->pipes[i], on_closed);
}

/* Nobody is called any more. */
static void leave(struct subprocess *s)
{
    s->phase = PHASE_OVER;
    if (s->launch)
        launch_abandon(s->launch);
    s->launch = NULL;
    input_queue_drop(&s->input);
    for (enum pipe_index i = 0; i < PIPES; i++)
        close_pipe(s, i);
    if (s->has_poll)
        uv_close((uv_handle_t *)&s->exit_poll, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

/* --- output --- */

static void take(struct subprocess *s, enum pipe_index i, size_t len)
{
    int fd = i == PIPE_OUT ? SUBPROCESS_STDOUT : SUBPROCESS_STDERR;
    s->options.on_output(s->options.ctx, fd, (str) { s->bytes, len });
    explicit_bzero(s->bytes, len);
}

/* What lies in the pipe although its end did not come: not for ever, if others write on. */
static void read_rest(struct subprocess *s, enum pipe_index i)
{
    uv_os_fd_t fd;
    if (!s->pipe_open[i] || uv_fileno((uv_handle_t *)&s->pipes[i], &fd))
        return;
    for (int n = 0; n < READS_MAX && s->phase != PHASE_OVER; n++) {
        ssize_t got = read(fd, s->bytes, sizeof s->bytes);
        if (got <= 0)
            return;
        take(s, i, (size_t)got);
    }
}

static void finish(struct subprocess *s)
{
    read_rest(s, PIPE_OUT);
    read_rest(s, PIPE_ERR);
    if (s->phase == PHASE_OVER)
        return; /* abandoned inside on_output() */
    struct subprocess_result r = s->result;
    void (*on_end)(void *ctx, const struct subprocess_result *r) = s->options.on_end;
    void *ctx = s->options.ctx;
    leave(s);
    on_end(ctx, &r);
}

static void finish_if_drained(struct subprocess *s)
{
    if (s->phase == PHASE_DRAIN && !s->pipe_open[PIPE_OUT] && !s->pipe_open[PIPE_ERR])
        finish(s);
}

static void on_room_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *room)
{
    struct subprocess *s = handle->data;
    *room = uv_buf_init(s->bytes, sizeof s->bytes);
}

static void tell_closed(struct subprocess *s, int fd)
{
    if (s->options.on_closed)
        s->options.on_closed(s->options.ctx, fd);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *room)
{
    struct subprocess *s = stream->data;
    enum pipe_index i = (uv_pipe_t *)stream == &s->pipes[PIPE_OUT] ? PIPE_OUT : PIPE_ERR;
    if (s->phase == PHASE_OVER)
        return;
    if (got > 0)
        take(s, i, (size_t)got);
    if (got >= 0 || s->phase == PHASE_OVER)
        return;
    close_pipe(s, i);
    if (i == PIPE_OUT && s->phase != PHASE_DRAIN)
        tell_closed(s, SUBPROCESS_STDOUT);
    finish_if_drained(s);
}

/* --- the end --- */

static void on_time(uv_timer_t *timer);

static void bound(struct subprocess *s, enum phase phase, uint64_t ms)
{
    s->phase = phase;
    uv_timer_start(&s->timer, on_time, ms, 0);
}

static void signal_group(struct subprocess *s, int number)
{
    if (s->pid)
        kill(-s->pid, number);
}

static void note_status(struct subprocess *s, int status)
{
    bool signalled = WIFSIGNALED(status);
    s->result.end = signalled ? SUBPROCESS_SIGNALLED : SUBPROCESS_EXITED;
    s->result.code = signalled ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void reap(struct subprocess *s)
{
    int status = 0;
    signal_group(s, SIGKILL);
    pid_t reaped = waitpid(s->pid, &status, WNOHANG);
    s->pid = 0;
    if (reaped > 0)
        note_status(s, status);
    else
        s->result.end = SUBPROCESS_LOST;
    bound(s, PHASE_DRAIN, s->options.grace_ms);
    finish_if_drained(s);
}

static void on_exit_poll(uv_poll_t *poll, int status, int events)
{
    struct subprocess *s = poll->data;
    uv_poll_stop(poll);
    if (s->pid)
        reap(s);
}

static void finish_unstarted(struct subprocess *s, int error, enum launch_stage stage)
{
    s->result.end = SUBPROCESS_NO_START;
    s->result.code = error;
    s->result.stage = stage;
    finish(s);
}

static void ask_to_end(struct subprocess *s)
{
    signal_group(s, SIGTERM);
    bound(s, PHASE_TERM, s->options.kill_after_ms);
}

static void make_end(struct subprocess *s)
{
    signal_group(s, SIGKILL);
    bound(s, PHASE_KILL, LINGER_MS);
}

static void on_time(uv_timer_t *timer)
{
    struct subprocess *s = timer->data;
    switch (s->phase) {
    case PHASE_LAUNCH: /* it failed, was stopped, or takes too long */
        if (!s->result.code && !s->result.stopped)
            s->result.timed_out = true;
        finish_unstarted(s, s->result.code ? s->result.code : ETIMEDOUT, s->result.stage);
        return;
    case PHASE_RUN:
        s->result.timed_out = true;
        ask_to_end(s);
        return;
    case PHASE_TERM:
        make_end(s);
        return;
    case PHASE_KILL:
        s->result.end = SUBPROCESS_LOST;
        finish(s);
        return;
    case PHASE_DRAIN:
        finish(s);
        return;
    case PHASE_OVER:
        return;
    }
}

void subprocess_stop(struct subprocess *s)
{
    switch (s->phase) {
    case PHASE_LAUNCH:
        s->result.stopped = true;
        uv_timer_start(&s->timer, on_time, 0, 0);
        return;
    case PHASE_RUN:
        s->result.stopped = true;
        ask_to_end(s);
        return;
    case PHASE_TERM:
        make_end(s);
        return;
    case PHASE_KILL:
    case PHASE_DRAIN:
    case PHASE_OVER:
        return;
    }
}

void subprocess_abandon(struct subprocess *s)
{
    if (s->pid)
        launch_bury(s->background, s->pid);
    leave(s);
}

/* --- input --- */

static void on_written(void *ctx, int status, unsigned left)
{
    struct subprocess *s = ctx;
    if (s->phase == PHASE_OVER || !s->pipe_open[PIPE_IN])
        return;
    if (status || (s->input_ends && !left))
        close_pipe(s, PIPE_IN);
    if (status)
        tell_closed(s, SUBPROCESS_STDIN);
    else if (s->options.on_written)
        s->options.on_written(s->options.ctx, left);
}

int subprocess_write(struct subprocess *s, str input)
{
    bool takes = s->pipe_open[PIPE_IN] && !s->input_ends;
    return takes ? input_queue_put(&s->input, input) : PIPEPOLL_OK;
}

void subprocess_end_input(struct subprocess *s)
{
    s->input_ends = true;
    if (input_queue_empty(&s->input))
        close_pipe(s, PIPE_IN);
}

/* --- the start --- */

static void watch_exit(struct subprocess *s)
{
    if (uv_poll_init(background_loop(s->background), &s->exit_poll, s->pidfd)) {
        subprocess_stop(s);
        return;
    }
    s->has_poll = true;
    s->handles++;
    s->exit_poll.data = s;
    uv_poll_start(&s->exit_poll, UV_READABLE, on_exit_poll);
}

/* Not before it is known to run: who is told what it says may stop it as one that does. */
static void read_output(struct subprocess *s)
{
    for (enum pipe_index i = PIPE_OUT; i < PIPES; i++)
        uv_read_start((uv_stream_t *)&s->pipes[i], on_room_wanted, on_read); /* cannot fail */
}

static void on_launched(struct launch *l)
{
    struct subprocess *s = l->ctx;
    s->launch = NULL;
    if (l->error) {
        finish_unstarted(s, l->error, l->stage);
        return;
    }
    s->pid = l->pid;
    s->pidfd = l->pidfd;
    s->phase = PHASE_RUN; /* the timer goes on */
    watch_exit(s);
    read_output(s);
    input_queue_run(&s->input);
    if (s->result.stopped)
        subprocess_stop(s);
}

/* Not among the first three, which are put in place one by one. */
static int above_stderr(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return -errno;
    close(*fd);
    *fd = moved;
    return 0;
}

/* A pipe whose one end is on the loop, and whose other is in *theirs. 0 or a negative errno. */
static int make_pipe(struct subprocess *s, enum pipe_index i, int *theirs)
{
    uv_file ends[2];
    bool writes = i == PIPE_IN;
    int r = uv_pipe(ends, writes ? 0 : UV_NONBLOCK_PIPE, writes ? UV_NONBLOCK_PIPE : 0);
    if (r)
        return r;
    *theirs = ends[!writes];
    r = uv_pipe_open(&s->pipes[i], ends[writes]);
    if (r)
        close(ends[writes]);
    return r ? r : above_stderr(theirs);
}

static int launch(struct subprocess *s)
{
    int fds[PIPES] = { -1, -1, -1 }, r = 0;
    for (enum pipe_index i = 0; i < PIPES && !r; i++)
        r = make_pipe(s, i, &fds[i]);
    if (!r)
        return launch_start(&s->launch, s->background, &s->options.launch, fds, on_launched, s)
                   ? ENOMEM
                   : 0;
    for (enum pipe_index i = 0; i < PIPES; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return -r;
}

static void init_handles(struct subprocess *s)
{
    uv_loop_t *loop = background_loop(s->background);
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    for (enum pipe_index i = 0; i < PIPES; i++) {
        uv_pipe_init(loop, &s->pipes[i], 0); /* cannot fail */
        s->pipes[i].data = s;
        s->pipe_open[i] = true;
    }
    s->handles = PIPES + 1;
}

int subprocess_start(struct subprocess **out, struct background *b,
                     const struct subprocess_options *o, str input)
{
    struct subprocess *s = calloc(1, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    input_queue_init(&s->input, (uv_stream_t *)&s->pipes[PIPE_IN], on_written, s);
    if (input_queue_put(&s->input, input)) {
        free(s);
        return PIPEPOLL_ENOMEM;
    }
    s->background = b;
    s->options = *o;
    s->input_ends = !o->on_written;
    s->pidfd = -1;
    background_hold(b);
    init_handles(s);
    uv_update_time(background_loop(b));
    s->result.code = launch(s);
    if (s->result.code)
        uv_timer_start(&s->timer, on_time, 0, 0);
    else if (o->timeout_ms)
        uv_timer_start(&s->timer, on_time, o->timeout_ms, 0);
    *out = s;
    return PIPEPOLL_OK;
}
