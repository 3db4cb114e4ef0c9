/* SPDX-License-Identifier: MIT */
/* The kernel's default for most signals ends the process at once: polls in flight, and lines that
 * wait for the reader, would be lost without a word. So each is looked at here. What somebody
 * ignored before us stays ignored, except SIGTERM: after that only SIGKILL would be left. */
#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

enum role {
    ROLE_COMMAND, /* the commands handle it where it means something to them */
    ROLE_IGNORE,
    ROLE_END,    /* as SIGTERM does */
    ROLE_DEFAULT /* left to the system */
};

static const struct {
    int number;
    const char *name;
    enum role role;
} table[] = {
    { SIGTERM, "SIGTERM", ROLE_COMMAND },
    { SIGINT, "SIGINT", ROLE_COMMAND },
    { SIGHUP, "SIGHUP", ROLE_COMMAND },   /* run: read the file again */
    { SIGUSR1, "SIGUSR1", ROLE_COMMAND }, /* run: how do things stand? */
    /* Errors of the write that raised them, told where they are met. */
    { SIGPIPE, "SIGPIPE", ROLE_IGNORE },
    { SIGXFSZ, "SIGXFSZ", ROLE_IGNORE },
    /* News of a descriptor that somebody shares with us and wanted signals for. */
    { SIGIO, "SIGIO", ROLE_IGNORE },
    /* Somebody wants an end: Ctrl-\, a wrapper's alarm(2), a limit, a power supply, whoever sends
     * what has no meaning here. */
    { SIGQUIT, "SIGQUIT", ROLE_END },
    { SIGALRM, "SIGALRM", ROLE_END },
    { SIGVTALRM, "SIGVTALRM", ROLE_END },
    { SIGPROF, "SIGPROF", ROLE_END },
    { SIGXCPU, "SIGXCPU", ROLE_END },
    { SIGUSR2, "SIGUSR2", ROLE_END },
#ifdef SIGPWR
    { SIGPWR, "SIGPWR", ROLE_END },
#endif
#ifdef SIGSTKFLT
    { SIGSTKFLT, "SIGSTKFLT", ROLE_END },
#endif
    /* Our own fault: to go on would be worse. */
    { SIGSEGV, "SIGSEGV", ROLE_DEFAULT },
    { SIGBUS, "SIGBUS", ROLE_DEFAULT },
    { SIGILL, "SIGILL", ROLE_DEFAULT },
    { SIGFPE, "SIGFPE", ROLE_DEFAULT },
    { SIGTRAP, "SIGTRAP", ROLE_DEFAULT },
    { SIGSYS, "SIGSYS", ROLE_DEFAULT },
    { SIGABRT, "SIGABRT", ROLE_DEFAULT },
    /* Job control stops us, and SIGCONT goes on: timers that are late by then fire once. */
    { SIGTSTP, "SIGTSTP", ROLE_DEFAULT },
    { SIGTTIN, "SIGTTIN", ROLE_DEFAULT },
    { SIGTTOU, "SIGTTOU", ROLE_DEFAULT },
    { SIGCONT, "SIGCONT", ROLE_DEFAULT },
    /* The end of a child is waited for by libuv, which needs it neither blocked nor ignored. */
    { SIGCHLD, "SIGCHLD", ROLE_DEFAULT },
    /* Ignored by default: SIGURG, SIGWINCH. Not to be handled: SIGKILL, SIGSTOP. */
};

enum { COUNT = sizeof table / sizeof *table };

static bool was_ignored[COUNT];
static volatile sig_atomic_t stands_for; /* 0: SIGTERM is meant */

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void signals_init(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        was_ignored[i] = table[i].role != ROLE_IGNORE && is_ignored(table[i].number);
        if (table[i].role == ROLE_IGNORE)
            signal(table[i].number, SIG_IGN);
    }
    if (is_ignored(SIGCHLD))
        signal(SIGCHLD, SIG_DFL);
}

static bool stays_ignored(size_t i)
{
    return was_ignored[i] && table[i].number != SIGTERM && table[i].number != SIGCHLD;
}

int signals_start(struct uv_signal_s *handle, void (*on)(struct uv_signal_s *handle, int number),
                  int number)
{
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].number == number && stays_ignored(i))
            return 0;
    return uv_signal_start(handle, on, number);
}

static void on_end(int number)
{
    int before = errno;
    stands_for = number;
    kill(getpid(), SIGTERM);
    errno = before;
}

static void redirect(int number)
{
    struct sigaction now, end = { .sa_handler = on_end, .sa_flags = SA_RESTART };
    sigemptyset(&end.sa_mask);
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        sigaction(number, &end, NULL);
}

void signals_end_gracefully(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].role == ROLE_END)
            redirect(table[i].number);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        redirect(number);
}

const char *signals_name_of_end(int number)
{
    int meant = number == SIGTERM && stands_for ? stands_for : number;
    stands_for = 0;
    for (size_t i = 0; i < COUNT; i++)
        if (table[i].number == meant)
            return table[i].name;
    return "a real-time signal";
}

void signals_put_ignored(struct buf *out)
{
    for (size_t i = 0; i < COUNT; i++)
        if (stays_ignored(i))
            buf_printf(out, "%s%s", out->len ? ", " : "", table[i].name);
}
