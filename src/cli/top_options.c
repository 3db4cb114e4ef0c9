/* SPDX-License-Identifier: MIT */
/* A table of flags in the order of their enum, and a switch that reads their values. */
#include "cli/top_options.h"

#include "config/quantity.h"

enum { INTERVAL_MS = 1000, INTERVAL_LEAST_MS = 100, INTERVAL_MAX_MS = 3600000 };

enum { FLAG_INTERVAL = ASK_WHERE_FLAG_COUNT, FLAG_ONCE };

_Static_assert(FLAG_ONCE + 1 == TOP_FLAG_COUNT, "a flag without a name, or the other way");

const struct flag top_flags[TOP_FLAG_COUNT] = {
    ASK_WHERE_FLAGS,
    [FLAG_INTERVAL] = { STR_INIT("--interval"), "DURATION", "how often to ask (default 1s)" },
    [FLAG_ONCE] = { STR_INIT("--once"), NULL,
                    "print it once as plain text, as where stdout is no terminal" },
};

static const char *read_value(void *options, int flag, str value)
{
    struct top_options *o = options;
    switch (flag) {
    case FLAG_INTERVAL:
        return quantity_duration_ms(value, INTERVAL_LEAST_MS, INTERVAL_MAX_MS, &o->interval_ms)
                   ? NULL
                   : "a duration from 100ms to 1h";
    case FLAG_ONCE:
        o->once = true;
        break;
    default:
        ask_where_take(&o->where, flag, value);
    }
    return NULL;
}

bool top_options_read(struct top_options *out, struct flags *f, int *code)
{
    *out = (struct top_options) { .interval_ms = INTERVAL_MS };
    return flags_read(f, read_value, out, code);
}
