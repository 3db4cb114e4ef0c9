/* What the command line says overrides the file. */
#include "cli/ask_where.h"

#include <stdio.h>

#include "base/socket_address.h"
#include "config/config_file.h"

/* Of a port that the system picked the file knows nothing. */
static bool is_found_by_file(const char *listen)
{
    struct socket_address a;
    if (!socket_address_read(&a, str_of(listen)) || socket_address_is_unix(&a))
        return true;
    return a.at.any.sa_family == AF_INET ? a.at.ipv4.sin_port != 0 : a.at.ipv6.sin6_port != 0;
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
    if (!w->at && !w->config)
        return command_misuse(command, "whom to ask is missing: --config FILE, or --at ADDRESS");
    if (!w->at)
        return find_by_file(w, command);
    if (!socket_address_read(&address, str_of(w->at)))
        return command_misuse(command,
                              "--at is an address and a port such as 127.0.0.1:9464, or unix:PATH, "
                              "not \"%s\"",
                              w->at);
    return EXIT_FINE;
}

void ask_where_deinit(struct ask_where *w)
{
    http_config_deinit(&w->http);
}
