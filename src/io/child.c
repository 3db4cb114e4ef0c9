/* SPDX-License-Identifier: MIT */
/* The child leads a session, and with it a process group of its own, so one kill reaches what it
 * started as well. That kill goes by number, and the number is ours only until the child is reaped:
 * afterwards it may be another's, and nothing is killed any more. So the thread first waits for the
 * end without taking it, and reaps under the mutex that kills are done under. */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/timers.h"

extern char **environ;

static struct child *child_of(struct worker_job *j)
{
    return CONTAINER_OF(j, struct child, job);
}

/* --- copies of argv and of the environment, each one block --- */

static size_t strings_size(char *const *from)
{
    size_t size = sizeof *from;
    for (; *from; from++)
        size += sizeof *from + strlen(*from) + 1;
    return size;
}

/* The pointers, NULL, and the bytes. */
static char **copy_strings(char *const *from, size_t *size)
{
    *size = strings_size(from);
    char **copy = malloc(*size), **at = copy;
    if (!copy)
        return NULL;
    size_t count = 0;
    while (from[count])
        count++;
    char *bytes = (char *)(copy + count + 1);
    for (; *from; from++) {
        size_t len = strlen(*from) + 1;
        memcpy(bytes, *from, len);
        *at++ = bytes;
        bytes += len;
    }
    *at = NULL;
    return copy;
}

static void free_strings(char **strings, size_t size)
{
    if (strings)
        explicit_bzero(strings, size);
    free(strings);
}

/* --- on the thread --- */

static void close_fds(struct child *c)
{
    for (int i = 0; i < 2; i++)
        if (c->fds[i] >= 0)
            close(c->fds[i]);
    c->fds[0] = c->fds[1] = -1;
}

static int set_attributes(posix_spawnattr_t *a)
{
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    sigdelset(&every, SIGKILL);
    sigdelset(&every, SIGSTOP);
    posix_spawnattr_setsigmask(a, &none);
    posix_spawnattr_setsigdefault(a, &every);
    return posix_spawnattr_setflags(a, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                           POSIX_SPAWN_SETSIGDEF);
}

static int spawn_with(struct child *c, const posix_spawnattr_t *attributes, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);
    if (r)
        return r;
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (int i = 0; !r && i < 2; i++)
        r = posix_spawn_file_actions_adddup2(&actions, c->fds[i], i + 1);
    if (!r)
        r = posix_spawnp(pid, c->argv[0], &actions, attributes, c->argv, c->environment);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

/* 0 or a positive errno. */
static int spawn(struct child *c, pid_t *pid)
{
    posix_spawnattr_t attributes;
    int r = posix_spawnattr_init(&attributes);
    if (r)
        return r;
    r = set_attributes(&attributes);
    if (!r)
        r = spawn_with(c, &attributes, pid);
    posix_spawnattr_destroy(&attributes);
    return r;
}

static bool begin(struct child *c)
{
    pthread_mutex_lock(&c->mutex);
    c->begun_ns = timers_now_ns();
    bool doomed = c->doomed;
    pthread_mutex_unlock(&c->mutex);
    return !doomed;
}

static void note_started(struct child *c, pid_t pid)
{
    pthread_mutex_lock(&c->mutex);
    c->pid = pid;
    if (c->doomed)
        kill(-pid, SIGKILL);
    pthread_mutex_unlock(&c->mutex);
}

/* An embedder who ignores SIGCHLD, or waits for any child, takes the status away. */
static void await_end(struct child *c)
{
    siginfo_t unused;
    while (waitid(P_PID, (id_t)c->pid, &unused, WEXITED | WNOWAIT) && errno == EINTR) {
    }
    pthread_mutex_lock(&c->mutex);
    if (waitpid(c->pid, &c->status, 0) != c->pid)
        c->status = 0;
    c->pid = 0;
    pthread_mutex_unlock(&c->mutex);
}

static void run(struct worker_job *j)
{
    struct child *c = child_of(j);
    pid_t pid = 0;
    c->error = begin(c) ? spawn(c, &pid) : ECANCELED;
    close_fds(c);
    if (c->error)
        return;
    note_started(c, pid);
    await_end(c);
}

/* --- on the loop --- */

static void done(struct worker_job *j)
{
    struct child *c = child_of(j);
    c->on_exit(c);
}

static void end(struct worker_job *j)
{
    struct child *c = child_of(j);
    close_fds(c);
    free_strings(c->argv, c->argv_size);
    free_strings(c->environment, c->environment_size);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static struct child *child_new(char **argv, const int fds[2])
{
    static const struct worker_kind kind = { run, done, end, NULL };
    struct child *c = calloc(1, sizeof *c);
    if (!c) {
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    c->job.kind = &kind;
    c->job.class = WORKER_PROGRAM;
    c->fds[0] = fds[0];
    c->fds[1] = fds[1];
    c->argv = copy_strings(argv, &c->argv_size);
    c->environment = copy_strings(environ, &c->environment_size);
    pthread_mutex_init(&c->mutex, NULL);
    if (c->argv && c->environment)
        return c;
    end(&c->job);
    return NULL;
}

int child_start(struct child **out, struct worker *w, char **argv, const int fds[2],
                void (*on_exit)(struct child *c), void *ctx)
{
    struct child *c = child_new(argv, fds);
    if (!c)
        return ENOMEM;
    c->on_exit = on_exit;
    c->ctx = ctx;
    int error = worker_start(w, &c->job);
    if (error)
        end(&c->job);
    else
        *out = c;
    return error;
}

uint64_t child_begun_ns(struct child *c)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t begun_ns = c->begun_ns;
    pthread_mutex_unlock(&c->mutex);
    return begun_ns;
}

void child_abandon(struct child *c)
{
    pthread_mutex_lock(&c->mutex);
    c->doomed = true;
    if (c->pid)
        kill(-c->pid, SIGKILL);
    pthread_mutex_unlock(&c->mutex);
    worker_abandon(&c->job);
}
