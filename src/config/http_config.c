/* SPDX-License-Identifier: MIT */
/* Whoever can connect is told names of targets and of roles, and where trouble is: so other
 * machines may only where two keys say that they may, one of them a secret. A unix socket is as
 * open as its file, whose mode is 0600, and as the folder that it is in. */
#include "config/http_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/socket_address.h"
#include "config/config_file.h"
#include "config/http_token.h"
#include "config/quantity.h"
#include "config/value.h"

static const char listen_default[] = "127.0.0.1:9464";

/* What is wrong with it, as it goes on after "listen"; NULL: nothing. */
static const char *problem_of(const struct http_config *c)
{
    if (c->is_local)
        return NULL;
    if (!c->allow_remote)
        return "can be reached from other machines: that needs allow-remote = yes and a "
               "token-file; or listen at 127.0.0.1";
    return c->token_file ? NULL
                         : "can be reached from other machines: that needs a token-file, whose "
                           "secret they must send";
}

static void check_folder(const struct value_reader *r, const char *path)
{
    char folder[sizeof(struct sockaddr_un)];
    struct buf b = BUF_ON(folder);
    struct stat st;
    buf_printf(&b, "%.*s/", (int)(strrchr(path, '/') - path), path);
    if (stat(folder, &st) || !S_ISDIR(st.st_mode))
        value_complain(r, KEY_LISTEN, PIPEPOLL_ERROR, "cannot be %s: its folder is not there",
                       path);
    else if (access(folder, W_OK | X_OK))
        value_complain(r, KEY_LISTEN, PIPEPOLL_WARNING,
                       "cannot be %s for this user, who may not make files in its folder: %s", path,
                       strerror(errno));
    else if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
        value_complain(r, KEY_LISTEN, PIPEPOLL_WARNING,
                       "is %s, in whose place everybody on this machine may put another socket: "
                       "the mode of its folder is %03o",
                       path, (unsigned)st.st_mode & 07777);
}

/* A socket is replaced where nobody listens on it any more. */
static void check_path(const struct value_reader *r, const char *path)
{
    struct stat st;
    check_folder(r, path);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        value_complain(r, KEY_LISTEN, PIPEPOLL_ERROR, "is %s, which is there and no socket", path);
}

/* What is in it, where it may be read. PIPEPOLL_ENOMEM. */
static int read_token(struct http_config *out, const struct value_reader *r)
{
    struct pipepoll_error why;
    size_t before = r->diagnostics->errors;
    value_check_secret_file(r, KEY_TOKEN_FILE, out->token_file, PIPEPOLL_ERROR);
    if (r->diagnostics->errors != before)
        return PIPEPOLL_OK;
    out->token = calloc(1, sizeof *out->token);
    if (!out->token)
        return PIPEPOLL_ENOMEM;
    if (http_token_read(out->token, out->token_file, &why))
        complain(r->diagnostics, PIPEPOLL_ERROR, r->section->values[KEY_TOKEN_FILE].at, "%s",
                 why.text);
    return PIPEPOLL_OK;
}

static void check_listen(struct http_config *out, const struct value_reader *r)
{
    struct socket_address address;
    bool right = socket_address_read(&address, str_of(out->listen));
    value_judge(r, KEY_LISTEN, right,
                "an address and a port such as 127.0.0.1:9464 or [::1]:9464, or a path such as "
                "/run/pipepoll/http.sock");
    out->is_local = !right || socket_address_is_local(&address);
    const char *problem = problem_of(out);
    if (problem)
        value_complain(r, KEY_LISTEN, PIPEPOLL_ERROR, "%s", problem);
    if (!right || !socket_address_is_unix(&address))
        return;
    if (address.at.path.sun_path[0] == '/')
        check_path(r, address.at.path.sun_path);
    else
        value_complain(r, KEY_LISTEN, PIPEPOLL_ERROR,
                       "is an absolute path, not \"%s\": whoever asks has to find it",
                       address.at.path.sun_path);
}

int http_config_read(struct http_config *out, const struct section *s,
                     struct diagnostics *diagnostics)
{
    const struct value_reader r = { s, diagnostics };
    *out = (struct http_config) { .is_local = true };
    if (!s->at.line)
        return PIPEPOLL_OK;
    value_judge(&r, KEY_ALLOW_REMOTE,
                quantity_switch(s->values[KEY_ALLOW_REMOTE].text, &out->allow_remote), "yes or no");
    int result = value_path(&r, KEY_TOKEN_FILE, &out->token_file);
    if (!result)
        result = value_path(&r, KEY_LISTEN, &out->listen);
    if (!result && !out->listen && !(out->listen = strdup(listen_default)))
        result = PIPEPOLL_ENOMEM;
    if (!result && out->token_file)
        result = read_token(out, &r);
    if (result)
        return result;
    check_listen(out, &r);
    return PIPEPOLL_OK;
}

static int read_alone(void *out, const struct sections *s, struct diagnostics *diagnostics)
{
    section_complain_misspelt(&s->http, "http", diagnostics);
    return http_config_read(out, &s->http, diagnostics);
}

int http_config_load(struct http_config *out, const char *path, struct diagnostics *diagnostics)
{
    *out = (struct http_config) { .is_local = true };
    return sections_load(path, read_alone, out, diagnostics);
}

int http_config_set_listen(struct http_config *c, const char *listen, struct pipepoll_error *why)
{
    struct socket_address address;
    char *copy = strdup(listen);
    if (!copy)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    free(c->listen);
    c->listen = copy;
    c->is_local =
        !socket_address_read(&address, str_of(listen)) || socket_address_is_local(&address);
    const char *problem = problem_of(c);
    return problem ? explain(why, PIPEPOLL_EINVAL, "%s %s", listen, problem) : PIPEPOLL_OK;
}

void http_config_deinit(struct http_config *c)
{
    if (c->token)
        explicit_bzero(c->token, sizeof *c->token);
    free(c->token);
    free(c->listen);
    free(c->token_file);
    *c = (struct http_config) { .listen = NULL };
}
