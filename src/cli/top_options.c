/* SPDX-License-Identifier: MIT */
/* A table of flags in the order of their enum, and a switch that reads their values. */
#include "cli/top_options.h"

#include "config/quantity.h"

enum { INTERVAL_MS = 1000, INTERVAL_LEAST_MS = 100, INTERVAL_MAX_MS = 3600000 };

enum { FLAG_CONFIG, FLAG_AT, FLAG_TOKEN_FILE, FLAG_INTERVAL, FLAG_ONCE };

_Static_assert(FLAG_ONCE + 1 == TOP_FLAG_COUNT, "a flag without a name, or the other way");

const struct flag top_flags[TOP_FLAG_COUNT] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "the file of `pipepoll run`, whose [http] says where it listens;\n"
                      "the file without --config will do" },
    [FLAG_AT] = { STR_INIT("--at"), "ADDRESS",
                  "where it listens, instead: 127.0.0.1:9464, unix:/run/pipepoll/http,\n"
                  "or the URL that it shows" },
    [FLAG_TOKEN_FILE] = { STR_INIT("--token-file"), "FILE",
                          "the file of the token that it wants, instead of [http]'s" },
    [FLAG_INTERVAL] = { STR_INIT("--interval"), "DURATION", "how often to ask (default 1s)" },
    [FLAG_ONCE] = { STR_INIT("--once"), NULL,
                    "print it once as plain text, as where stdout is no terminal" },
};

static const char *read_value(void *options, int flag, str value)
{
    struct top_options *o = options;
    switch (flag) {
    case FLAG_CONFIG:
        o->where.config = value.ptr;
        break;
    case FLAG_AT:
        o->where.at = value.ptr;
        break;
    case FLAG_TOKEN_FILE:
        o->where.token_file = value.ptr;
        break;
    case FLAG_INTERVAL:
        return quantity_duration_ms(value, INTERVAL_LEAST_MS, INTERVAL_MAX_MS, &o->interval_ms)
                   ? NULL
                   : "a duration from 100ms to 1h";
    case FLAG_ONCE:
        o->once = true;
        break;
    }
    return NULL;
}

bool top_options_read(struct top_options *out, struct flags *f, int *code)
{
    *out = (struct top_options) { .interval_ms = INTERVAL_MS };
    return flags_read(f, read_value, out, code);
}
