/* The program `pipepoll`: its commands. Those with the simulated service in them are another
 * program, so that this one loads no library of a server. */
#include "cli/program.h"

static const struct command *const commands[] = {
    &command_poll,  &command_run,    &command_jobs, &command_top,  &command_health,
    &command_check, &command_doctor, &command_sim,  &command_demo, &command_bench,
};

int main(int argc, char **argv)
{
    static const struct program pipepoll = {
        .name = "pipepoll",
        .summary = "poll AWS CodePipeline for third-party jobs",
        .more = "To see it work without an AWS account: pipepoll demo",
        .commands = commands,
        .count = sizeof commands / sizeof *commands,
    };
    return program_main(&pipepoll, argc, argv);
}
