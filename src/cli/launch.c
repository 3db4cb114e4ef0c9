/* `pipepoll sim` and `pipepoll demo`, commands of the program `pipepoll-sim`. It takes the
 * place of this process instead of being its child: whoever started us keeps the process number,
 * and signals, descriptors and the exit code are the other program's own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"

#define PROGRAM "pipepoll-sim"

/* It is beside this program, in the build folder and where both are installed. */
static bool find_program(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size);
    str self = { path, len > 0 ? (size_t)len : 0 };
    while (self.len && path[self.len - 1] != '/')
        self.len--;
    if (!self.len || self.len + sizeof PROGRAM > size)
        return false;
    memcpy(path + self.len, PROGRAM, sizeof PROGRAM);
    return true;
}

static int launch(const struct command *self, int argc, char **argv)
{
    char path[4096] = PROGRAM, name[] = PROGRAM;
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
    if (arguments) {
        arguments[0] = name;
        memcpy(arguments + 1, argv, (size_t)argc * sizeof *argv);
        errno = ENOENT;
        if (find_program(path, sizeof path))
            execv(path, arguments);
    }
    fprintf(stderr, "pipepoll %.*s: cannot start %s: %s; it belongs beside pipepoll\n",
            STR_ARG(self->name), path, strerror(errno));
    free(arguments);
    return EXIT_OTHER;
}

const struct command command_sim = {
    .name = STR_INIT("sim"),
    .summary = COMMAND_SIM_SUMMARY,
    .run = launch,
};

const struct command command_demo = {
    .name = STR_INIT("demo"),
    .summary = COMMAND_DEMO_SUMMARY,
    .run = launch,
};
