/* SPDX-License-Identifier: MIT */
/* An address is bound and let go, without listening; a path has to be in a folder where files may
 * be made. Whoever listens there already is asked how it stands: a pipepoll is what should be
 * there. */
#include "cli/http_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket_address.h"
#include "cli/ask.h"
#include "cli/command.h"

static const char other_address[] =
    "End what listens there, or let [http] listen at another address.";

static void judge_answer(struct part_finding *f, const struct http_config *c,
                         const struct ask_answer *answer)
{
    str line = ask_answer_line(answer);
    int len = (int)(line.len < 200 ? line.len : 200);
    if (answer->status == 200)
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "",
                         "%s: a pipepoll listens there, and is alive", c->listen);
    else if (answer->status == 503)
        part_finding_set(f, VERDICT_WARNING, EXIT_FAILED, "Restart it, once its log is kept.",
                         "%s: a pipepoll listens there, and is not alive: %.*s", c->listen, len,
                         line.ptr);
    else if (answer->status == 401)
        part_finding_set(f, VERDICT_WARNING, EXIT_FAILED,
                         "Reload it (SIGHUP); restart it where it had no token-file at its start.",
                         "%s: what listens there wants another secret than token-file holds",
                         c->listen);
    else
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, other_address,
                         "%s: what listens there is no pipepoll: it answers with %u", c->listen,
                         answer->status);
}

/* 0: a socket can be made there, in place of one that nobody listens at, or an errno. */
static int try_path(const char *path)
{
    char folder[sizeof(struct sockaddr_un)];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 0, path);
    if (access(folder[0] ? folder : ".", W_OK | X_OK))
        return errno;
    return access(path, W_OK) && errno != ENOENT ? errno : 0;
}

static int try_address(const struct socket_address *a)
{
    const int one = 1;
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    if (!error && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
                   bind(fd, &a->at.any, a->len)))
        error = errno;
    if (fd >= 0)
        close(fd);
    return error;
}

static const char *fix_of(int error, bool is_path)
{
    if (is_path)
        return "Let the user that runs pipepoll make files in its folder, and remove what is "
               "there.";
    if (error == EADDRINUSE)
        return other_address;
    if (error == EACCES)
        return "Choose a port from 1024 on.";
    return "Let [http] listen at an address of this machine.";
}

/* Nobody listens there now, or who does cannot be asked. error: why `run` could not. */
static void judge_free(struct part_finding *f, const struct http_config *c, int error, bool is_path)
{
    if (error)
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, fix_of(error, is_path),
                         "%s cannot be listened at: %s", c->listen, strerror(error));
    else
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s can be listened at%s", c->listen,
                         c->token_file ? ", with the secret of token-file" : "");
}

/* Only where it is an address of this machine: no other one is called. */
bool http_check(struct part_finding *f, const struct http_config *c)
{
    struct socket_address a;
    struct ask_answer answer = { .body = NULL };
    struct pipepoll_error why;
    const struct ask question = { .address = c->listen,
                                  .token_file = c->token_file,
                                  .path = "/healthz" };
    if (!c->listen || !socket_address_read(&a, str_of(c->listen)))
        return false;
    *f = (struct part_finding) { .part = "http" };
    bool is_path = socket_address_is_unix(&a);
    int error = is_path ? try_path(a.at.path.sun_path) : try_address(&a);
    bool is_perhaps_used = is_path || error == EADDRINUSE;
    int r = is_perhaps_used ? ask(&answer, &question, &why) : PIPEPOLL_ETRANSPORT;
    if (!r)
        judge_answer(f, c, &answer);
    else if (r == PIPEPOLL_ETIMEDOUT || r == PIPEPOLL_EPROTO)
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, other_address, "%s", why.text);
    else
        judge_free(f, c, error, is_path);
    free(answer.body);
    return true;
}
