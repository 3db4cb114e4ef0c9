/* SPDX-License-Identifier: MIT */
/* A table of flags in the order of their enum, and a switch that reads their values. What was not
 * given is marked so (a flag of its own, or 0), and then the file decides. */
#include "cli/run_options.h"

#include "base/socket_address.h"
#include "config/config.h"
#include "config/quantity.h"
#include "daemon/loop_threads.h"

enum {
    FLAG_CONFIG,
    FLAG_DRAIN_TIMEOUT,
    FLAG_LISTEN,
    FLAG_LOOPS,
    FLAG_LOG_FORMAT,
    FLAG_LOG_LEVEL,
    FLAG_PRINT_CONFIG
};

_Static_assert(FLAG_PRINT_CONFIG + 1 == RUN_FLAG_COUNT, "a flag without a name, or the other way");

const struct flag run_flags[RUN_FLAG_COUNT] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE",
                      "what to poll, or - for stdin (required); see below" },
    [FLAG_DRAIN_TIMEOUT] = { STR_INIT("--drain-timeout"), "TIME",
                             "how long the end may wait for polls in flight and for the reader\n"
                             "of stdout (default 30s, or the file's)" },
    [FLAG_LISTEN] = { STR_INIT("--listen"), "ADDRESS",
                      "answer over HTTP how things stand, at IP:PORT or unix:PATH\n"
                      "(default as [http] of the file says, else nowhere)" },
    [FLAG_LOOPS] = { STR_INIT("--loops"), "N",
                     "poll on so many threads, the regions split among them\n"
                     "(default 1, at most 64)" },
    [FLAG_LOG_FORMAT] = { STR_INIT("--log-format"), "text|json",
                          "of the log on stderr (default text, or the file's)" },
    [FLAG_LOG_LEVEL] = { STR_INIT("--log-level"), "error|warning|info|debug",
                         "the least important to log (default info, or the file's)" },
    [FLAG_PRINT_CONFIG] = { STR_INIT("--print-config"), NULL,
                            "print what the file comes to, with defaults and settings\n"
                            "filled in and their origin, and poll nothing" },
};

/* NULL, or what the value should have been. */
static const char *read_value(void *options, int flag, str value)
{
    struct run_options *o = options;
    struct socket_address address;
    switch (flag) {
    case FLAG_CONFIG:
        o->config = value.ptr;
        return NULL;
    case FLAG_DRAIN_TIMEOUT:
        return quantity_duration_ms(value, 1, CONFIG_DRAIN_TIMEOUT_MAX_MS, &o->drain_timeout_ms)
                   ? NULL
                   : "a time from 1ms to 24h such as 20s or 5m";
    case FLAG_LISTEN:
        o->listen = value.ptr;
        return socket_address_read(&address, value) ? NULL
                                                    : "IP:PORT such as 127.0.0.1:9464 or unix:PATH";
    case FLAG_LOOPS:
        return quantity_count(value, 1, LOOP_THREADS_LOOPS_MAX, &o->loops)
                   ? NULL
                   : "a number from 1 to 64";
    case FLAG_LOG_FORMAT:
        o->has_format = config_format(value, &o->log_json);
        return o->has_format ? NULL : "text or json";
    case FLAG_LOG_LEVEL:
        o->has_level = config_log_level(value, &o->level);
        return o->has_level ? NULL : "error, warning, info or debug";
    case FLAG_PRINT_CONFIG:
        o->print_config = true;
        return NULL;
    }
    return NULL;
}

bool run_options_read(struct run_options *out, struct flags *f, int *code)
{
    *out = (struct run_options) { .loops = 1 };
    if (!flags_read(f, read_value, out, code))
        return false;
    if (!out->config)
        *code = command_misuse(f->command, "--config FILE is required");
    return out->config;
}
