/* SPDX-License-Identifier: MIT */
/* `pipepoll health`: one question to a running `pipepoll run`, for what starts containers and
 * services. Its exit status is the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/ask.h"
#include "cli/ask_where.h"
#include "cli/screen.h"
#include "config/quantity.h"

enum { TIMEOUT_LEAST_MS = 10, TIMEOUT_MAX_MS = 3600000 };

struct options {
    struct ask_where where;
    uint32_t timeout_ms;
    bool alive;
};

enum { FLAG_ALIVE = ASK_WHERE_FLAG_COUNT, FLAG_TIMEOUT };

static const struct flag flags[] = {
    ASK_WHERE_FLAGS,
    [FLAG_ALIVE] = { STR_INIT("--alive"), NULL,
                     "ask whether its loops turn, not whether it polls" },
    [FLAG_TIMEOUT] = { STR_INIT("--timeout"), "DURATION",
                       "how long to wait for the whole answer (default 2s)" },
};

static const char *read_value(void *ctx, int flag, str value)
{
    struct options *o = ctx;
    switch (flag) {
    case FLAG_ALIVE:
        o->alive = true;
        break;
    case FLAG_TIMEOUT:
        return quantity_duration_ms(value, TIMEOUT_LEAST_MS, TIMEOUT_MAX_MS, &o->timeout_ms)
                   ? NULL
                   : "a duration from 10ms to 1h";
    default:
        ask_where_take(&o->where, flag, value);
    }
    return NULL;
}

/* What is neither yes nor no is no answer: a token that is wrong, somebody else's server. */
static int tell(const struct ask_where *where, const struct ask_answer *answer)
{
    struct pipepoll_error why;
    if (answer->status != 200 && answer->status != 503) {
        ask_refuse(answer, where->at, &why);
        fprintf(stderr, "pipepoll health: %s\n", why.text);
        return EXIT_OTHER;
    }
    screen_print(ask_answer_line(answer), SIZE_MAX);
    putchar('\n');
    return command_finish(answer->status == 200 ? EXIT_FINE : EXIT_FAILED);
}

static int ask_health(const struct options *o)
{
    const struct ask question = { .address = o->where.at,
                                  .token_file = o->where.token_file,
                                  .path = o->alive ? "/healthz" : "/readyz",
                                  .timeout_ms = o->timeout_ms };
    struct ask_answer answer = { .body = NULL };
    struct pipepoll_error why;
    if (ask(&answer, &question, &why)) {
        fprintf(stderr, "pipepoll health: %s\n", why.text);
        return EXIT_OTHER;
    }
    int code = tell(&o->where, &answer);
    free(answer.body);
    return code;
}

static int run_health(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct options o = { .timeout_ms = ASK_TIMEOUT_MS };
    int code;
    if (!flags_read(&f, read_value, &o, &code))
        return code;
    code = ask_where_find(&o.where, self);
    if (!code)
        code = ask_health(&o);
    ask_where_deinit(&o.where);
    return code;
}

const struct command command_health = {
    .name = STR_INIT("health"),
    .summary = "ask a running `run` whether it polls, for scripts and containers",
    .about = "Asks its /readyz, and prints the one line that it answers: that it polls, or why it\n"
             "does not, as while it starts, ends, or has no target that can be polled. With\n"
             "--alive it is /healthz: whether its loops turn, which a restart can mend.\n"
             "Of the file [http] alone is read.\n",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .operand = STR_INIT("--config"),
    .more =
        "Examples:\n"
        "  pipepoll health pipepoll.ini && echo it polls\n"
        "  pipepoll health --alive --at 127.0.0.1:9464\n"
        "  HEALTHCHECK CMD pipepoll health --alive /etc/pipepoll/pipepoll.ini\n\n"
        "Exit codes: 0 it is ready (with --alive: alive); 1 it is not; 252 wrong usage or file,\n"
        "or it has no [http]; 255 nobody answers there in time, or not as expected.\n",
    .run = run_health,
};
