/* SPDX-License-Identifier: MIT */
/* The same for each of our programs: which command it is, what to say when it is none, and what has
 * to be in order before a loop turns. */
#include "cli/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nearest.h"
#include "cli/screen.h"
#include "config/limits.h"
#include "daemon/logger.h"
#include "daemon/preflight.h"
#include "daemon/process_harden.h"
#include "daemon/signals.h"

static int print_help(const struct program *p)
{
    printf("%s - %s\n\nUsage: %s COMMAND [OPTION]...\n\nCommands:\n", p->name, p->summary, p->name);
    for (size_t i = 0; i < p->count; i++)
        printf("  %-8.*s%s\n", STR_ARG(p->commands[i]->name), p->commands[i]->summary);
    printf("\n`%s COMMAND --help` says more; `%s --version` names the libraries in use.\n%s\n",
           p->name, p->name, p->more);
    return command_finish(EXIT_FINE);
}

static int refuse(const struct program *p, str word)
{
    struct nearest near = nearest_to(word);
    char hint[96];
    for (size_t i = 0; i < p->count; i++)
        nearest_try(&near, p->commands[i]->name);
    fprintf(stderr, "%s: unknown %s \"", p->name,
            str_starts(word, STR("-")) ? "option" : "command");
    screen_print_error(word);
    fprintf(stderr, "\"%s; see %s --help\n", nearest_hint(&near, hint, sizeof hint), p->name);
    return EXIT_USAGE;
}

/* A standard descriptor that is closed would be the number of the next socket, and what we print
 * would go there. Open it the wrong way round, so that its use is an error. */
static bool hold_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

/* What a loop must not fail for lack of, nor wait for. */
static bool prepare_for_loop(const struct command *c)
{
    struct pipepoll_error why;
    int r = preflight_check(&why);
    if (!r && c->has_loop && logger_open())
        r = explain(&why, PIPEPOLL_ESYSTEM, "no thread can be started that writes to stderr");
    if (r)
        fprintf(stderr, "pipepoll %.*s: %s\n", STR_ARG(c->name), why.text);
    return !r;
}

static int run(const struct command *c, int argc, char **argv)
{
    if (c->holds_credentials)
        process_harden();
    limits_raise();
    if ((c->has_loop || c->judges_loop) && !prepare_for_loop(c))
        return EXIT_OTHER;
    return leave(c->run(c, argc, argv));
}

static const struct command *find(const struct program *p, str word)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(word, p->commands[i]->name))
            return p->commands[i];
    return NULL;
}

static int help_on(const struct program *p, char *name)
{
    char flag[] = "--help";
    char *argv[] = { name, flag, NULL };
    const struct command *c = find(p, str_of(name));
    return c ? c->run(c, 2, argv) : refuse(p, str_of(name));
}

void program_beside(struct buf *path, str name)
{
    char self[4096];
    ssize_t got = readlink("/proc/self/exe", self, sizeof self);
    size_t len = got > 0 ? (size_t)got : 0;
    while (len && self[len - 1] != '/')
        len--;
    buf_put(path, (str) { self, len });
    buf_put(path, name);
}

int program_main(const struct program *p, int argc, char **argv)
{
    signals_init();
    if (!hold_standard_descriptors())
        return EXIT_OTHER;
    if (argc < 2) {
        fprintf(stderr, "%s: a command is missing; see %s --help\n", p->name, p->name);
        return EXIT_USAGE;
    }
    str word = str_of(argv[1]);
    if (str_eq(word, STR("help")) && argc > 2)
        return help_on(p, argv[2]);
    if (str_eq(word, STR("--help")) || str_eq(word, STR("-h")) || str_eq(word, STR("help")))
        return print_help(p);
    if (str_eq(word, STR("--version")) || str_eq(word, STR("version")))
        return command_version();
    const struct command *c = find(p, word);
    return c ? run(c, argc - 1, argv + 1) : refuse(p, word);
}
