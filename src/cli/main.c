/* SPDX-License-Identifier: MIT */
/* The program `pipepoll`: its commands. Those with the simulated service in them are another
 * program, whose libraries this one need not load. */
#include "cli/commands.h"

int main(int argc, char **argv)
{
    return program_main(&commands_of_pipepoll, argc, argv);
}
