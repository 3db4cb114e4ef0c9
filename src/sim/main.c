/* The program `pipepoll-sim`: the commands that have the simulated service in them. `pipepoll sim`
 * and `pipepoll demo` start it. */
#include "cli/program.h"

static const struct command *const commands[] = { &command_sim, &command_demo };

int main(int argc, char **argv)
{
    static const struct program sim = { commands, sizeof commands / sizeof *commands };
    return program_main(&sim, argc, argv);
}
