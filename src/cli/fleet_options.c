/* SPDX-License-Identifier: MIT */
/* Two actions in one table of flags: what is of no use to the action that was asked for is
 * refused, for who gives it means something else. */
#include "cli/fleet_options.h"

#include "config/quantity.h"
#include "fleet/beat.h"

enum {
    FLAG_ACTION,
    FLAG_MEMBER,
    FLAG_CONFIG,
    FLAG_TARGETS,
    FLAG_OUTPUT,
    FLAG_END,
    FLAG_NO_WAIT,
    FLAG_TIMEOUT
};

_Static_assert(FLAG_TIMEOUT + 1 == FLEET_FLAG_COUNT, "a flag without a name, or the other way");

enum { TIMEOUT_MS = 10000, TIMEOUT_LEAST_MS = 100, TIMEOUT_MAX_MS = 3600000 };

const struct flag fleet_flags[FLEET_FLAG_COUNT] = {
    [FLAG_ACTION] = { STR_INIT("--action"), "status|drain",
                      "what to do (required; the word alone will do)" },
    [FLAG_MEMBER] = { STR_INIT("--member"), "MEMBER",
                      "drain: which one (the word after drain will do)" },
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "the file of `pipepoll run`, whose [fleet] says where the servers\n"
                      "are (required)" },
    [FLAG_TARGETS] = { STR_INIT("--targets"), NULL, "status: each target too, and who polls it" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "table|json",
                      "status: json is one object (default table)" },
    [FLAG_END] = { STR_INIT("--end"), NULL, "drain: end it; the member takes its part again" },
    [FLAG_NO_WAIT] = { STR_INIT("--no-wait"), NULL,
                       "drain: ask for it, and do not wait until it is so" },
    [FLAG_TIMEOUT] = { STR_INIT("--timeout"), "DURATION",
                       "how long to wait for the servers and the member (default 10s)" },
};

static bool read_word(str word, str no, str yes, bool *is)
{
    *is = str_eq(word, yes);
    return *is || str_eq(word, no);
}

/* NULL, or what the value should have been. */
static const char *read_value(void *options, int flag, str value)
{
    struct fleet_options_cli *o = options;
    switch (flag) {
    case FLAG_ACTION:
        return read_word(value, STR("status"), STR("drain"), &o->is_drain) ? NULL
                                                                           : "status or drain";
    case FLAG_MEMBER:
        o->member = value;
        return beat_is_member(value) ? NULL : "the id of a member";
    case FLAG_CONFIG:
        o->config = value.ptr;
        break;
    case FLAG_TARGETS:
        o->targets = true;
        break;
    case FLAG_OUTPUT:
        return read_word(value, STR("table"), STR("json"), &o->json) ? NULL : "table or json";
    case FLAG_END:
        o->is_end = true;
        break;
    case FLAG_NO_WAIT:
        o->is_hasty = true;
        break;
    case FLAG_TIMEOUT:
        return quantity_duration_ms(value, TIMEOUT_LEAST_MS, TIMEOUT_MAX_MS, &o->timeout_ms)
                   ? NULL
                   : "a duration from 100ms to 1h";
    }
    return NULL;
}

/* NULL: what was given goes together. */
static const char *problem_of(const struct fleet_options_cli *o, bool has_action)
{
    if (!has_action)
        return "what to do is missing: status, or drain MEMBER";
    if (!o->config)
        return "--config FILE is required";
    if (o->is_drain && !o->member.len)
        return "drain needs a MEMBER: `fleet status` names them";
    if (o->is_drain && (o->targets || o->json))
        return "--targets and --output are of status";
    if (!o->is_drain && (o->member.len || o->is_end || o->is_hasty))
        return "a MEMBER, --end and --no-wait are of drain";
    return NULL;
}

bool fleet_options_read(struct fleet_options_cli *out, struct flags *f, int *code)
{
    *out = (struct fleet_options_cli) { .timeout_ms = TIMEOUT_MS };
    if (!flags_read(f, read_value, out, code))
        return false;
    const char *problem = problem_of(out, f->has_operand);
    if (problem)
        *code = command_misuse(f->command, "%s", problem);
    return !problem;
}
