/* SPDX-License-Identifier: MIT */
/* In the order of the help: what is used most comes first. */
#include "cli/commands.h"

static const struct command *const commands[] = {
    &command_poll,  &command_run,    &command_jobs, &command_top,  &command_health, &command_fleet,
    &command_check, &command_doctor, &command_sim,  &command_demo, &command_bench,
};

const struct program commands_of_pipepoll = {
    .name = "pipepoll",
    .summary = "poll AWS CodePipeline for third-party jobs",
    .more = "To see it work without an AWS account: pipepoll demo",
    .commands = commands,
    .count = sizeof commands / sizeof *commands,
};
