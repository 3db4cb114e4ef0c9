/* SPDX-License-Identifier: MIT */
/* What is found comes in pieces, a server's before and after those of the logs that it was asked
 * about. A part tells all that is well of it, or what is worst alone, which says what to do. */
#include "cli/fleet_check.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "daemon/fleet_engine.h"

enum { MOST_MS = 5000 };

struct checking {
    struct fleet_check *out;
    struct part_finding logs; /* part empty: nothing of them yet */
    const char *server;       /* the last part is of */
};

static void add(struct part_finding *f, enum verdict verdict, str text)
{
    static const int codes[] = {
        [VERDICT_WELL] = EXIT_FINE, [VERDICT_WARNING] = EXIT_FAILED, [VERDICT_ILL] = EXIT_OTHER
    };
    bool is_worse = verdict > f->verdict;
    size_t len = is_worse ? 0 : strlen(f->text);
    if (verdict < f->verdict)
        return;
    snprintf(f->text + len, sizeof f->text - len, "%s%.*s", len ? "; " : "", STR_ARG(text));
    f->verdict = verdict;
    f->exit_code = codes[verdict];
}

static struct part_finding *part_of(struct checking *c, const char *server)
{
    struct fleet_check *out = c->out;
    if (!server) {
        snprintf(c->logs.part, sizeof c->logs.part, "fleet's logs");
        return &c->logs;
    }
    if (server != c->server && out->count < FLEET_SERVERS_MAX) {
        struct part_finding *f = &out->parts[out->count++];
        *f = (struct part_finding) { .verdict = VERDICT_WELL };
        snprintf(f->part, sizeof f->part, "%s", server);
    }
    c->server = server;
    return &out->parts[out->count - 1];
}

static void on_found(void *ctx, enum verdict verdict, const char *server, str text)
{
    add(part_of(ctx, server), verdict, text);
}

int fleet_check_files(const struct fleet_config *c, struct diagnostics *diagnostics)
{
    struct pipepoll_error why;
    int r = c->servers ? fleet_engine_check(c, &why) : PIPEPOLL_OK;
    if (!r || r == PIPEPOLL_ENOMEM)
        return r;
    complain(diagnostics, PIPEPOLL_ERROR, c->at, "[fleet] %s", why.text);
    return PIPEPOLL_EINVAL;
}

void fleet_check(struct fleet_check *out, const struct fleet_config *config)
{
    struct checking c = { .out = out };
    out->count = 0;
    if (!config->servers)
        return;
    fleet_engine_probe(config, MOST_MS, on_found, &c);
    if (c.logs.part[0])
        out->parts[out->count++] = c.logs;
}
