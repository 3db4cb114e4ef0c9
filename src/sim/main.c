/* SPDX-License-Identifier: MIT */
/* The program `pipepoll-sim`: the commands that have the simulated service in them. `pipepoll sim`
 * and `pipepoll demo` start it. */
#include "cli/program.h"

static const struct command *const commands[] = { &command_sim, &command_demo };

int main(int argc, char **argv)
{
    static const struct program sim = {
        .name = "pipepoll-sim",
        .summary = "a simulated AWS CodePipeline for third-party jobs",
        .more = "`pipepoll sim` and `pipepoll demo` are the same.",
        .commands = commands,
        .count = sizeof commands / sizeof *commands,
    };
    return program_main(&sim, argc, argv);
}
