/* SPDX-License-Identifier: MIT */
/* Either a config file or the other flags say what is polled, never both. Of flags a plan is made
 * as a config file would have made it, so that all that comes after knows plans only. Without an
 * action type it is one that does not exist: to be told so takes credentials, a way and a clock
 * that work. */
#include "cli/doctor_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/action_type.h"
#include "cli/fleet_check.h"

enum {
    FLAG_CONFIG,
    FLAG_PROFILE,
    FLAG_REGION,
    FLAG_ACTION_TYPE_ID,
    FLAG_ENDPOINT_URL,
    FLAG_CA_BUNDLE,
    FLAG_OUTPUT,
    FLAG_NO_POLL,
    FLAG_ALLOW_UNKNOWN_REGION,
};

_Static_assert(FLAG_ALLOW_UNKNOWN_REGION + 1 == DOCTOR_FLAG_COUNT,
               "a flag without a name, or the other way");

const struct flag doctor_flags[DOCTOR_FLAG_COUNT] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "examine every target of this config file (- for stdin); or\nwithout it:" },
    [FLAG_PROFILE] = { STR_INIT("--profile"), "NAME",
                       "of the shared files (default: as found, see below)" },
    [FLAG_REGION] = { STR_INIT("--region"), "REGION|all",
                      "a region, `all`, or `all:PARTITION`; repeat it for several\n"
                      "(default AWS_REGION, AWS_DEFAULT_REGION, the profile's)" },
    [FLAG_ACTION_TYPE_ID] = { STR_INIT("--action-type-id"), "ID",
                              "category=Build,owner=ThirdParty,provider=P,version=1\n"
                              "(default: one that does not exist, which proves all but the\n"
                              "action type)" },
    [FLAG_ENDPOINT_URL] = { STR_INIT("--endpoint-url"), "URL",
                            "instead of the region's own (default\n"
                            "AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL,\n"
                            "the profile's)" },
    [FLAG_CA_BUNDLE] = { STR_INIT("--ca-bundle"), "FILE",
                         "PEM file of trusted roots, also with --config (default the\n"
                         "file's, AWS_CA_BUNDLE, the profile's, the system's)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "text|json", "how to print it (default text)" },
    [FLAG_NO_POLL] = { STR_INIT("--no-poll"), NULL,
                       "look for credentials only: nothing is said to the service,\n"
                       "so that nothing is known of the way there" },
    [FLAG_ALLOW_UNKNOWN_REGION] = { STR_INIT("--allow-unknown-region"), NULL,
                                    "even if it looks like a misspelt one" },
};

static int read_flag(struct doctor_options *o, const struct flags *f, int flag, str value,
                     const char **path)
{
    struct pipepoll_error why;
    switch (flag) {
    case FLAG_CONFIG:
        *path = value.ptr;
        break;
    case FLAG_PROFILE:
        o->poll.profile = value;
        break;
    case FLAG_REGION:
        return poll_options_add_regions(&o->poll, f->command, value);
    case FLAG_ACTION_TYPE_ID:
        if (action_type_parse(&o->poll.arena, &o->poll.target.action_type, value, &why))
            return command_misuse(f->command, "--action-type-id: %s", why.text);
        break;
    case FLAG_ENDPOINT_URL:
        o->poll.target.endpoint_url = value;
        break;
    case FLAG_CA_BUNDLE:
        o->poll.ca_bundle = value;
        break;
    case FLAG_OUTPUT:
        return config_format(value, &o->json) ? EXIT_FINE
                                              : flags_refuse(f, flag, "text or json", value);
    case FLAG_NO_POLL:
        o->no_poll = true;
        break;
    case FLAG_ALLOW_UNKNOWN_REGION:
        o->poll.allow_unknown_region = true;
        break;
    }
    return EXIT_FINE;
}

static int load(struct doctor_options *o, const struct flags *f, const char *path)
{
    struct diagnostics diagnostics;
    const struct poll_options *p = &o->poll;
    if (p->profile.len || p->count || p->target.action_type.provider.len ||
        p->target.endpoint_url.len)
        return command_misuse(f->command,
                              "--config names profiles, regions, action types and endpoints "
                              "itself: leave out --profile, --region, --action-type-id and "
                              "--endpoint-url");
    int r = config_load(&o->config, path, &diagnostics);
    if (!r)
        r = fleet_check_files(&o->config.fleet, &diagnostics);
    diagnostics_print(&diagnostics);
    if (!r && p->ca_bundle.len)
        o->config.ca_bundle = p->ca_bundle;
    return r == PIPEPOLL_EINVAL ? EXIT_USAGE : r ? EXIT_OTHER : EXIT_FINE;
}

/* A plan of one target for each region, as a config file would have made it. */
static int make(struct doctor_options *o, const struct flags *f)
{
    struct plan *plan = &o->config.plan;
    struct poll_options *p = &o->poll;
    o->made_up = !p->target.action_type.provider.ptr;
    if (o->made_up)
        p->target.action_type =
            (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                            STR_INIT("pipepoll-doctor"), STR_INIT("0") };
    int code = poll_options_complete(p, f->command);
    if (code != EXIT_FINE)
        return code;
    plan->targets = calloc(p->count, sizeof *plan->targets);
    if (!plan->targets) {
        fprintf(stderr, "pipepoll doctor: out of memory\n");
        return EXIT_OTHER;
    }
    plan->section_count = 1;
    for (; plan->count < p->count; plan->count++) {
        struct plan_target *t = &plan->targets[plan->count];
        t->options = p->target;
        t->options.region = p->regions[plan->count];
        t->identity.profile = p->profile;
        t->name = p->target.action_type.provider;
    }
    o->config.ca_bundle = p->ca_bundle;
    return EXIT_FINE;
}

bool doctor_options_read(struct doctor_options *out, struct flags *f, int *code)
{
    *out = (struct doctor_options) { .poll.target = PIPEPOLL_TARGET_OPTIONS_INIT };
    const char *path = NULL;
    str value;
    int flag;
    while ((flag = flags_next(f, &value)) >= 0) {
        *code = read_flag(out, f, flag, value, &path);
        if (*code != EXIT_FINE)
            return false;
    }
    *code = flag != FLAGS_END ? flags_exit(flag) : path ? load(out, f, path) : make(out, f);
    return flag == FLAGS_END && *code == EXIT_FINE;
}

void doctor_options_deinit(struct doctor_options *o)
{
    config_deinit(&o->config);
    poll_options_deinit(&o->poll);
}
