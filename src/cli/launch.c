/* `pipepoll sim` and `pipepoll demo`, commands of the program `pipepoll-sim`. It takes the
 * place of this process instead of being its child: whoever started us keeps the process number,
 * and signals, descriptors and the exit code are the other program's own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"

#define PROGRAM "pipepoll-sim"

/* It is beside this program, in the build folder and where both are installed. */
static void find_program(struct buf *path)
{
    char self[4096];
    ssize_t got = readlink("/proc/self/exe", self, sizeof self);
    size_t len = got > 0 ? (size_t)got : 0;
    while (len && self[len - 1] != '/')
        len--;
    buf_put(path, (str) { self, len });
    buf_put(path, STR(PROGRAM));
}

static int launch(const struct command *self, int argc, char **argv)
{
    char text[4096], name[] = PROGRAM;
    struct buf path = BUF_ON(text);
    find_program(&path);
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
    if (arguments) {
        arguments[0] = name;
        memcpy(arguments + 1, argv, (size_t)argc * sizeof *argv);
        execv(buf_cstr(&path), arguments);
    }
    fprintf(stderr, "pipepoll %.*s: cannot start %s: %s; it belongs beside pipepoll\n",
            STR_ARG(self->name), buf_cstr(&path), strerror(errno));
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
