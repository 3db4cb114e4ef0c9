/* SPDX-License-Identifier: MIT */
/* `pipepoll fleet`: how the members of a fleet stand, and the request that one be drained. It asks
 * the fleet's servers alone: no member need be reached from here. */
#include <stdio.h>

#include "base/log.h"
#include "base/plural.h"
#include "cli/fleet_check.h"
#include "cli/fleet_options.h"
#include "cli/fleet_report.h"
#include "config/config.h"

static int fail(int code, const char *why)
{
    fprintf(stderr, "pipepoll fleet: %s\n", why);
    return code;
}

/* All that is wrong with [fleet] is told; the rest of the file matters only where targets are to
 * have names. Into config->fleet. */
static int load(struct config *config, const struct fleet_options_cli *o)
{
    struct diagnostics diagnostics = { .count = 0 };
    int r = o->targets ? config_load(config, o->config, &diagnostics)
                       : config_load_fleet(&config->fleet, o->config, &diagnostics);
    if (!r)
        r = fleet_check_files(&config->fleet, &diagnostics);
    if (r == PIPEPOLL_ENOMEM)
        return fail(EXIT_OTHER, "out of memory");
    if (r)
        diagnostics_print(&diagnostics);
    if (!r && !config->fleet.servers) {
        fprintf(stderr, "pipepoll fleet: %s has no [fleet]\n", config_name(o->config));
        r = PIPEPOLL_EINVAL;
    }
    return r ? EXIT_USAGE : EXIT_FINE;
}

static int tell_status(const struct fleet_watch *w, const struct fleet_options_cli *o,
                       const struct config *config)
{
    const struct fleet_report report = { .config = &config->fleet,
                                         .watch = w,
                                         .plan = o->targets ? &config->plan : NULL };
    struct buf out = BUF_GROWING;
    int r = o->json ? fleet_report_json(&out, &report) : fleet_report_table(&report);
    if (r) {
        buf_free(&out);
        return fail(EXIT_OTHER, "out of memory");
    }
    return command_print(&out, EXIT_FINE);
}

static int refuse_member(const struct fleet_watch *w, const struct fleet_options_cli *o)
{
    char text[512];
    struct buf known = BUF_ON(text);
    struct pipepoll_error why;
    fleet_report_put_members(&known, &w->roster);
    if (known.len)
        explain(&why, 0, "no member is called %.*s; there are: %.*s", STR_ARG(o->member),
                STR_ARG(buf_str(&known)));
    else
        explain(&why, 0, "no member is called %.*s: there are none", STR_ARG(o->member));
    return fail(EXIT_FAILED, why.text);
}

/* The request is in the log, and holds for whoever starts as this member. */
static int refuse_late(const struct fleet_watch *w, const struct fleet_options_cli *o)
{
    const struct roster_member *m = roster_find(&w->roster, o->member);
    const char *wish = o->is_end ? "takes its part again" : "is drained";
    struct pipepoll_error why;
    if (m && m->is_alive)
        explain(
            &why, 0,
            "member %.*s was asked, and has not said in time that it %s; the request stays, and "
            "`fleet status` shows when it is so",
            STR_ARG(o->member), wish);
    else
        explain(&why, 0,
                "member %.*s is silent: it is dead, or cut off from the servers%s; the request "
                "stays, so it %s once it is back",
                STR_ARG(o->member),
                o->is_end ? "" : ", and its targets go to the others when they find it dead", wish);
    return fail(EXIT_FAILED, why.text);
}

static int tell_drain(const struct fleet_watch *w, const struct fleet_options_cli *o)
{
    const struct roster_member *m = roster_find(&w->roster, o->member);
    bool waited = !o->is_hasty, drained = waited && !o->is_end;
    const char *state = o->is_end ? "is back" : "is drained";
    if (!waited)
        state = o->is_end ? "is asked to come back" : "is asked to drain";
    printf("member %.*s %s", STR_ARG(o->member), state);
    if (drained && m->figures.jobs)
        printf("; it finishes %u job%s", m->figures.jobs, plural(m->figures.jobs));
    if (drained && !roster_active(&w->roster, o->member))
        printf("; no other member is active: nobody polls its targets until `pipepoll fleet drain "
               "%.*s --end`, or another one starts",
               STR_ARG(o->member));
    putchar('\n');
    return command_finish(EXIT_FINE);
}

static int tell(const struct fleet_watch *w, const struct fleet_options_cli *o,
                const struct config *config)
{
    switch (w->result) {
    case FLEET_WATCH_DONE:
        return o->is_drain ? tell_drain(w, o) : tell_status(w, o, config);
    case FLEET_WATCH_NO_MEMBER:
        return refuse_member(w, o);
    case FLEET_WATCH_LATE:
        return refuse_late(w, o);
    case FLEET_WATCH_FAILED:
        break;
    }
    return fail(EXIT_OTHER, w->why);
}

static int run_fleet(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct fleet_options_cli o;
    struct config config = { 0 };
    int code;
    if (!fleet_options_read(&o, &f, &code))
        return code;
    code = load(&config, &o);
    if (code == EXIT_FINE) {
        struct fleet_watch w;
        fleet_watch(&w, &(struct fleet_watch_options) { .config = &config.fleet,
                                                        .timeout_ms = o.timeout_ms,
                                                        .member = o.member,
                                                        .is_end = o.is_end,
                                                        .is_hasty = o.is_hasty });
        code = tell(&w, &o, &config);
        fleet_watch_deinit(&w);
    }
    config_deinit(&config);
    return code;
}

const struct command command_fleet = {
    .name = STR_INIT("fleet"),
    .summary = "show the members of a fleet, or drain one",
    .about =
        "status prints the members that are there, and how each stands: active, waiting (it does\n"
        "not see the others yet), draining, drained, or silent (it has not been heard since the\n"
        "command began: it may be dead); the targets that it holds, its polls a second, jobs in\n"
        "hand and free slots; and how many jobs are in the queue. drain asks a member to give its\n"
        "targets to the others, to take no jobs and to finish those that it has, as before its\n"
        "machine goes; it stays so, restarted or not, until drain --end. Both ask the servers of\n"
        "[fleet], so they work from any machine with the file.\n",
    .flags = fleet_flags,
    .flag_count = FLEET_FLAG_COUNT,
    .operand = STR_INIT("--action"),
    .second_operand = STR_INIT("--member"),
    .more =
        "Examples:\n"
        "  pipepoll fleet status --config pipepoll.ini\n"
        "  pipepoll fleet status --config pipepoll.ini --targets --output json |\n"
        "      jq -c '.targets[] | select(.holder == null)'\n"
        "  pipepoll fleet drain build-2 --config pipepoll.ini && ssh build-2 reboot\n"
        "  pipepoll fleet drain build-2 --end --config pipepoll.ini\n\n"
        "Exit codes: 0 printed, or the member is drained (or back); 1 there is no such member,\n"
        "or it has not said so in time; 252 wrong usage or file; 255 the servers cannot be\n"
        "reached, have no such fleet, or are of no use (`pipepoll doctor` says more).\n",
    .run = run_fleet,
};
