/* SPDX-License-Identifier: MIT */
/* What the command line says overrides the file. */
#include "cli/ask_where.h"

#include <stdio.h>

#include "cli/ask.h"
#include "config/config_file.h"

/* Of a port that the system picked the file knows nothing. */
static bool is_found_by_file(const char *listen)
{
    struct socket_address a;
    return ask_address_read(&a, listen, NULL) == PIPEPOLL_OK;
}

static int find_by_file(struct ask_where *w, const struct command *command)
{
    struct diagnostics diagnostics;
    int r = http_config_load(&w->http, w->config, &diagnostics);
    if (r == PIPEPOLL_ENOMEM)
        return command_misuse(command, "out of memory");
    diagnostics_print(&diagnostics);
    if (r)
        return EXIT_USAGE;
    if (!w->http.listen)
        return command_misuse(command, "%s has no [http], so nobody can be asked",
                              config_name(w->config));
    if (!is_found_by_file(w->http.listen))
        return command_misuse(command,
                              "listen = %s in %s lets the system pick the port: say which "
                              "it is by --at",
                              w->http.listen, config_name(w->config));
    w->at = w->http.listen;
    w->token_file = w->token_file ? w->token_file : w->http.token_file;
    return EXIT_FINE;
}

int ask_where_find(struct ask_where *w, const struct command *command)
{
    struct socket_address address;
    struct pipepoll_error why;
    if (!w->at && !w->config)
        return command_misuse(command, "whom to ask is missing: --config FILE, or --at ADDRESS");
    if (!w->at)
        return find_by_file(w, command);
    if (ask_address_read(&address, w->at, &why))
        return command_misuse(command, "--at %s", why.text);
    return EXIT_FINE;
}

void ask_where_take(struct ask_where *w, int flag, str value)
{
    const char **const members[ASK_WHERE_FLAG_COUNT] = { [ASK_WHERE_CONFIG] = &w->config,
                                                         [ASK_WHERE_AT] = &w->at,
                                                         [ASK_WHERE_TOKEN_FILE] = &w->token_file };
    *members[flag] = value.ptr;
}

void ask_where_deinit(struct ask_where *w)
{
    http_config_deinit(&w->http);
}
