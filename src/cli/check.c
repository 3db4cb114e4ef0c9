/* SPDX-License-Identifier: MIT */
/* `pipepoll check`: what a config file asks for, before anything is polled. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/estimate_report.h"
#include "cli/fleet_check.h"
#include "cli/worker_check.h"

/* Who holds the state directory may be the very process that runs by this file, of which a second
 * one would be refused. */
static bool may_start(const struct config *config)
{
    struct pipepoll_error why;
    bool is_held;
    int r = worker_check_state(config, &is_held, &why);
    if (r)
        fprintf(stderr, "pipepoll check: %s%s\n", is_held ? "warning: " : "", why.text);
    return !r || is_held;
}

static int print_report(const struct estimate_report *report, bool json)
{
    struct buf out = BUF_GROWING;
    if (json)
        estimate_report_json(&out, report);
    else
        estimate_report_text(report);
    return command_print(&out, EXIT_FINE);
}

static int check_file(const char *path, bool json)
{
    struct config config = { 0 };
    struct diagnostics diagnostics;
    struct estimate_report report = { .config = NULL };
    int r = config_load(&config, path, &diagnostics);
    if (!r)
        r = worker_check_tokens(&config.worker, &diagnostics);
    if (!r)
        r = fleet_check_files(&config.fleet, &diagnostics);
    diagnostics_print(&diagnostics);
    if (r == PIPEPOLL_EINVAL || (!r && !may_start(&config))) {
        config_deinit(&config);
        return r ? EXIT_USAGE : EXIT_OTHER;
    }
    if (!r)
        r = estimate_report_make(&report, &config);
    int code = EXIT_OTHER;
    if (r)
        fprintf(stderr, "pipepoll check: out of memory\n");
    else
        code = print_report(&report, json);
    estimate_report_deinit(&report);
    config_deinit(&config);
    return code;
}

enum { FLAG_CONFIG, FLAG_OUTPUT };

static const struct flag flags[] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "the file, or - for stdin (required; the name alone will\ndo)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "text|json", "how to print the plan (default text)" },
};

static int run_check(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    const char *path = NULL;
    bool json = false;
    str value;
    int flag;
    while ((flag = flags_next(&f, &value)) >= 0) {
        if (flag == FLAG_CONFIG)
            path = value.ptr;
        if (flag == FLAG_OUTPUT && !config_format(value, &json))
            return flags_refuse(&f, flag, "text or json", value);
    }
    if (flag != FLAGS_END)
        return flags_exit(flag);
    if (!path)
        return command_misuse(self, "--config FILE is required");
    return check_file(path, json);
}

const struct command command_check = {
    .name = STR_INIT("check"),
    .summary = "validate a config file and show what it asks for",
    .about =
        "Prints all that is wrong with the file, each with its line and column, a CA bundle that\n"
        "`run` would refuse among it; or the plan: its\n"
        "targets, polls a second and calls a day in all and for each account and region while\n"
        "little is found (a full answer is followed at once, and after jobs a goal makes for more\n"
        "polls; never more than max-polls-per-second, where that is given), the most\n"
        "polls in flight, connections (idle ones included), descriptors and memory, how long a "
        "job\n"
        "waits to be found (P50, P95: one in two, 19 in 20); and warns of a pickup goal that\n"
        "max-polls-per-second does not allow, and of more descriptors than this process may have.\n"
        "It shows each handler with what it starts or calls (the names of variables without their\n"
        "values, URLs without their query), whose jobs it gets, the journal's folder and who "
        "knows\n"
        "client tokens; of a fleet, what each of three members would poll, and what its servers\n"
        "keep; a program, folder, key or file of tokens that is not there or not\n"
        "understood is an error. It starts no program.\n"
        "What the environment and the shared files of the AWS tools settle is shown with its\n"
        "origin, and the proxy on the way. Polls nothing and asks nobody for credentials, so that\n"
        "an account is shown by the name of its credentials.\n",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .judges_loop = true,
    .operand = STR_INIT("--config"),
    .more =
        "Examples:\n"
        "  pipepoll check pipepoll.ini\n"
        "  pipepoll check --config pipepoll.ini --output json | jq .callsPerDay\n\n"
        "Exit codes: 0 the file is fine (there may be warnings); 252 it is not, or wrong usage, or "
        "the\nenvironment lets no poll succeed (half of the access keys, a proxy that is none); "
        "255 "
        "the\nstate-dir cannot be used, or this process may not have the descriptors or threads "
        "that any\n`run` needs.\n",
    .run = run_check,
};
