/* SPDX-License-Identifier: MIT */
/* `pipepoll sim` and `pipepoll demo`, commands of the program `pipepoll-sim`. It takes the
 * place of this process instead of being its child: whoever started us keeps the process number,
 * and signals, descriptors and the exit code are the other program's own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/program.h"

#define PROGRAM "pipepoll-sim"

static int launch(const struct command *self, int argc, char **argv)
{
    char text[4096], name[] = PROGRAM;
    struct buf path = BUF_ON(text);
    program_beside(&path, STR(PROGRAM));
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
