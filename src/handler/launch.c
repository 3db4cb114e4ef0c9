/* SPDX-License-Identifier: MIT */
/* By vfork(), since nobody else can set limits between fork and exec: posix_spawn() knows none, nor
 * does uv_spawn(), which moreover forks on the loop's thread (copying the memory map of a large
 * process) and waits there until the program is loaded. The child of a vfork() has its own
 * descriptors, signal dispositions and limits but shares memory with the thread, which is suspended
 * until exec: so it makes system calls only, with all signals blocked, and reports its failure
 * through a pipe that closes on exec, which works where vfork() is but a fork() too (under
 * valgrind). What needs a decision (the path of the program, the limits) is made up
 * before.
 *
 * The pidfd is opened on the thread, while nobody else could have reaped the child. */
#include "handler/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

enum { LIMITS = 4 };

/* All that the child uses. */
struct birth {
    const char *path, *directory;
    char *const *argv, *const *environment;
    const int *fds;
    int open_max; /* descriptors above stderr end below this */
    struct {
        unsigned resource; /* as the C library has it */
        struct rlimit value;
    } limits[LIMITS];
    int limit_count;
    int report_fd; /* takes a struct failure; closes on exec */
    pid_t parent;
};

struct failure {
    int error;
    enum launch_stage stage;
};

enum { REPORT_FD = 3 }; /* where the child keeps it */

/* --- in the child --- */

_Noreturn static void fail(int report_fd, enum launch_stage stage)
{
    const struct failure failure = { errno, stage };
    _exit(write(report_fd, &failure, sizeof failure) == sizeof failure ? 126 : 127);
}

/* Ignored ones stay ignored across exec, hence all of them. */
static void reset_signals(void)
{
    struct sigaction fallback = { .sa_handler = SIG_DFL };
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &fallback, NULL); /* some cannot be changed, and need not be */
}

/* Other threads and libraries open descriptors that are not closed on exec. */
static void close_others(int open_max)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, REPORT_FD + 1U, ~0U, 0U) == 0)
        return;
#endif
    for (int fd = REPORT_FD + 1; fd < open_max; fd++)
        close(fd);
}

/* When this process is killed, nobody is left to take the program's result. The thread that starts
 * programs outlives them, for it is that one's death that this signal tells of. */
static void die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

_Noreturn static void be_born(struct birth *b)
{
    sigset_t none;
    setsid();
    die_with_parent(b->parent);
    reset_signals();
    for (int i = 0; i < 3; i++)
        if (dup2(b->fds[i], i) < 0)
            fail(b->report_fd, LAUNCH_PROCESS);
    if (b->report_fd != REPORT_FD)
        dup3(b->report_fd, REPORT_FD, O_CLOEXEC);
    close_others(b->open_max);
    if (b->directory && chdir(b->directory))
        fail(REPORT_FD, LAUNCH_DIRECTORY);
    for (int i = 0; i < b->limit_count; i++)
        if (setrlimit(b->limits[i].resource, &b->limits[i].value))
            fail(REPORT_FD, LAUNCH_PROCESS);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(b->path, b->argv, b->environment);
    fail(REPORT_FD, LAUNCH_PROGRAM);
}

/* A function of its own: what vfork() returns into twice must not be inlined. */
__attribute__((noinline)) static pid_t give_birth(struct birth *b)
{
    pid_t pid = vfork();
    if (pid == 0)
        be_born(b);
    return pid;
}

/* --- on the thread --- */

static const char *value_of(char *const *environment, str name)
{
    for (; *environment; environment++)
        if (str_starts(str_of(*environment), name) && (*environment)[name.len] == '=')
            return *environment + name.len + 1;
    return "";
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Along PATH, whose relative folders are passed over: they would depend on where we stand. */
static bool find_program(struct launch *l)
{
    str rest = str_of(value_of(l->environment, STR("PATH")));
    while (rest.len) {
        size_t len = str_find(rest, ':');
        struct buf path = { .at = l->path, .cap = PATH_MAX };
        buf_printf(&path, "%.*s/%s", (int)len, rest.ptr, l->argv[0]);
        if (!path.overflow && l->path[0] == '/' && is_program(l->path))
            return true;
        rest = str_skip(rest, len < rest.len ? len + 1 : len);
    }
    errno = ENOENT;
    return false;
}

static void add_limit(struct birth *b, unsigned resource, uint64_t value)
{
    struct rlimit now;
    if (getrlimit(resource, &now))
        return;
    rlim_t most = now.rlim_max == RLIM_INFINITY || value < now.rlim_max ? value : now.rlim_max;
    b->limits[b->limit_count].resource = resource;
    /* A second between the two, for the signal that tells what is the matter. */
    bool spare = resource == RLIMIT_CPU && most < now.rlim_max;
    b->limits[b->limit_count++].value = (struct rlimit) { most, spare ? most + 1 : most };
}

static void add_limits(struct birth *b, const struct launch_limits *l)
{
    add_limit(b, RLIMIT_CORE, 0); /* a core would hold the job's secrets */
    if (l->open_files)
        add_limit(b, RLIMIT_NOFILE, l->open_files);
    if (l->address_space)
        add_limit(b, RLIMIT_AS, l->address_space);
    if (l->cpu_seconds)
        add_limit(b, RLIMIT_CPU, l->cpu_seconds);
}

static int open_max(void)
{
    long most = sysconf(_SC_OPEN_MAX);
    return most < 3 || most > 1 << 20 ? 1 << 20 : (int)most;
}

static void close_fds(struct launch *l)
{
    for (int i = 0; i < 3; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    l->fds[0] = l->fds[1] = l->fds[2] = -1;
}

static void destroy(pid_t pid)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static void open_pidfd(struct launch *l)
{
    l->pidfd = (int)syscall(SYS_pidfd_open, l->pid, 0);
    if (l->pidfd >= 0)
        return;
    l->error = errno;
    l->stage = LAUNCH_PROCESS;
    destroy(l->pid);
    l->pid = 0;
}

/* 0: it runs; a positive errno else. */
static int await_exec(int report_fd, enum launch_stage *stage)
{
    struct failure failure = { 0 };
    ssize_t got;
    do
        got = read(report_fd, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    *stage = failure.stage;
    return got == sizeof failure ? failure.error : 0;
}

static void spawn_reporting(struct launch *l, const int report[2])
{
    struct birth b = { .directory = l->directory,
                       .argv = l->argv,
                       .environment = l->environment,
                       .fds = l->fds,
                       .open_max = open_max(),
                       .report_fd = report[1],
                       .parent = getpid() };
    b.path = strchr(l->argv[0], '/') ? l->argv[0] : l->path;
    add_limits(&b, &l->limits);
    l->pid = give_birth(&b);
    l->error = l->pid < 0 ? errno : 0;
    close(report[1]);
    if (!l->error)
        l->error = await_exec(report[0], &l->stage);
    close(report[0]);
    if (l->pid > 0 && l->error)
        destroy(l->pid);
    else if (l->pid > 0)
        open_pidfd(l);
}

static void spawn(struct launch *l)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC)) {
        l->error = errno;
        return;
    }
    int moved =
        fcntl(report[1], F_DUPFD_CLOEXEC, REPORT_FD); /* out of the way of the first three */
    l->error = moved < 0 ? errno : 0;
    close(report[1]);
    report[1] = moved;
    if (moved < 0)
        close(report[0]);
    else
        spawn_reporting(l, report);
}

static void run(struct background_work *w)
{
    struct launch *l = CONTAINER_OF(w, struct launch, work);
    if (!strchr(l->argv[0], '/') && !find_program(l)) {
        l->error = errno;
        l->stage = LAUNCH_PROGRAM;
    } else {
        spawn(l);
    }
    if (l->error)
        l->pid = 0;
    close_fds(l);
}

/* --- on the loop --- */

static void done(struct background_work *w)
{
    struct launch *l = CONTAINER_OF(w, struct launch, work);
    l->on_done(l);
    l->pid = 0;
    l->pidfd = -1;
}

static void end(struct background_work *w)
{
    struct launch *l = CONTAINER_OF(w, struct launch, work);
    close_fds(l);
    if (l->pid)
        destroy(l->pid);
    if (l->pidfd >= 0)
        close(l->pidfd);
    if (l->block)
        explicit_bzero(l->block, l->block_size);
    free(l->block);
    free(l);
}

static size_t strings_size(char *const *from)
{
    size_t size = sizeof *from;
    for (; *from; from++)
        size += sizeof *from + strlen(*from) + 1;
    return size;
}

static char **keep_strings(char ***pointers, char **bytes, char *const *from)
{
    char **kept = *pointers;
    for (; *from; from++) {
        *(*pointers)++ = *bytes;
        str_keep(bytes, (str) { *from, strlen(*from) + 1 });
    }
    *(*pointers)++ = NULL;
    return kept;
}

/* One block: the pointers, the texts, and room for a path. */
static bool keep(struct launch *l, const struct launch_options *o)
{
    size_t directory_size = o->directory ? strlen(o->directory) + 1 : 0;
    size_t strings = strings_size(o->argv) + strings_size(o->environment);
    l->block_size = strings + directory_size + PATH_MAX;
    l->block = malloc(l->block_size);
    if (!l->block)
        return false;
    size_t count = 2;
    for (char *const *s = o->argv; *s; s++)
        count++;
    for (char *const *s = o->environment; *s; s++)
        count++;
    char **pointers = l->block, *bytes = (char *)(pointers + count);
    l->argv = keep_strings(&pointers, &bytes, o->argv);
    l->environment = keep_strings(&pointers, &bytes, o->environment);
    l->path = (char *)l->block + strings + directory_size;
    if (o->directory) {
        l->directory = bytes;
        str_keep(&bytes, (str) { o->directory, directory_size });
    }
    l->limits = o->limits;
    return true;
}

int launch_start(struct launch **out, struct background *b, const struct launch_options *o,
                 const int fds[3], void (*on_done)(struct launch *l), void *ctx)
{
    struct launch *l = calloc(1, sizeof *l);
    if (!l) {
        for (int i = 0; i < 3; i++)
            close(fds[i]);
        return PIPEPOLL_ENOMEM;
    }
    l->work = (struct background_work) { .run = run, .done = done, .end = end };
    l->on_done = on_done;
    l->ctx = ctx;
    l->pidfd = -1;
    memcpy(l->fds, fds, sizeof l->fds);
    if (!keep(l, o)) {
        end(&l->work);
        return PIPEPOLL_ENOMEM;
    }
    background_start(b, &l->work);
    *out = l;
    return PIPEPOLL_OK;
}

void launch_abandon(struct launch *l)
{
    background_abandon(&l->work);
}

/* The thread may take it up before it is abandoned. */
static void run_nothing(struct background_work *w)
{
}

void launch_bury(struct background *b, pid_t pid)
{
    struct launch *l = calloc(1, sizeof *l);
    kill(-pid, SIGKILL);
    if (!l)
        return;
    l->work = (struct background_work) { .run = run_nothing, .done = done, .end = end };
    l->pid = pid;
    l->pidfd = l->fds[0] = l->fds[1] = l->fds[2] = -1;
    background_start(b, &l->work);
    background_abandon(&l->work);
}
