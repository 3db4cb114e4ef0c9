/* SPDX-License-Identifier: MIT */
/* Options of an engine. */
#include "fleet/nats_options.h"

#include <stdlib.h>

#include "base/url.h"
#include "fleet/nats_log.h"

#define AGE_LEAST_MS INT64_C(3600000) /* as long as an id is known */

static int check_word(const char *what, const char *word, struct pipepoll_error *why)
{
    str s = str_of(word);
    if (s.len && s.len <= NATS_FLEET_MAX && engine_is_key(s, false) && str_find(s, '.') == s.len)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_EINVAL,
                   "%s must be up to %d letters, digits, '-' and '_', and is \"%.64s\"", what,
                   NATS_FLEET_MAX, word ? word : "");
}

static int check_server(const char *server, struct pipepoll_error *why)
{
    struct url url;
    bool is_url = server && url_split(&url, str_of(server)) && url.scheme.ptr && url.host.len;
    if (is_url && url.user.ptr)
        return explain(why, PIPEPOLL_EINVAL,
                       "a server's address holds a user or password: these have keys of their own");
    if (is_url && url.authority.len < 200 && !url.target.len &&
        (str_eq(url.scheme, STR("nats")) || str_eq(url.scheme, STR("tls"))))
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_EINVAL,
                   "a server must be like nats://host:4222 or "
                   "tls://host:4222");
}

static int check_servers(const struct nats_options *o, struct pipepoll_error *why)
{
    if (!o->server_count || o->server_count > NATS_SERVERS_MAX)
        return explain(why, PIPEPOLL_EINVAL, "there must be 1 to %d servers", NATS_SERVERS_MAX);
    for (size_t i = 0; i < o->server_count; i++)
        if (check_server(o->servers[i], why))
            return PIPEPOLL_EINVAL;
    return PIPEPOLL_OK;
}

static int check_login(const struct nats_options *o, struct pipepoll_error *why)
{
    if (!o->tls_cert != !o->tls_key)
        return explain(why, PIPEPOLL_EINVAL, "tls-cert and tls-key go together");
    if (!o->user != !o->password_file)
        return explain(why, PIPEPOLL_EINVAL, "user and password-file go together");
    if (!!o->nkey_file + !!o->creds_file + !!o->user > 1)
        return explain(why, PIPEPOLL_EINVAL, "nkey-file, creds-file and user exclude each other");
    return PIPEPOLL_OK;
}

static int check_sizes(const struct nats_options *o, struct pipepoll_error *why)
{
    if (o->replicas < 1 || o->replicas > NATS_REPLICAS_MAX)
        return explain(why, PIPEPOLL_EINVAL, "replicas must be 1 to %d", NATS_REPLICAS_MAX);
    if (o->jobs_max_bytes < ENGINE_BODY_MAX)
        return explain(why, PIPEPOLL_EINVAL, "the jobs' bytes must be %d or more", ENGINE_BODY_MAX);
    if (o->jobs_max_age_ms < AGE_LEAST_MS)
        return explain(why, PIPEPOLL_EINVAL, "the jobs' age must be 1 h or more");
    return PIPEPOLL_OK;
}

int nats_options_check(const struct nats_options *o, struct pipepoll_error *why)
{
    int r = check_word("the fleet's name", o->fleet, why);
    if (!r)
        r = check_word("the member's name", o->member, why);
    if (!r)
        r = check_servers(o, why);
    if (!r)
        r = check_login(o, why);
    return r ? r : check_sizes(o, why);
}

/* --- a copy --- */

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep(char **at, const char *text)
{
    if (!text)
        return NULL;
    const char *kept = *at;
    str_keep(at, (str) { text, strlen(text) + 1 });
    return kept;
}

struct nats_options *nats_options_copy(const struct nats_options *o)
{
    struct {
        struct nats_options options;
        const char *servers[NATS_SERVERS_MAX];
    } * copy;
    const char *texts[] = { o->fleet,     o->member,     o->tls_ca, o->tls_cert,     o->tls_key,
                            o->nkey_file, o->creds_file, o->user,   o->password_file };
    enum { TEXTS = sizeof texts / sizeof *texts };
    size_t size = sizeof *copy;
    for (int i = 0; i < TEXTS; i++)
        size += size_of(texts[i]);
    for (size_t i = 0; i < o->server_count; i++)
        size += size_of(o->servers[i]);
    if ((copy = calloc(1, size)) == NULL)
        return NULL;
    copy->options = *o;
    copy->options.servers = copy->servers;
    char *at = (char *)(copy + 1);
    const char **kept[TEXTS] = { &copy->options.fleet,        &copy->options.member,
                                 &copy->options.tls_ca,       &copy->options.tls_cert,
                                 &copy->options.tls_key,      &copy->options.nkey_file,
                                 &copy->options.creds_file,   &copy->options.user,
                                 &copy->options.password_file };
    for (int i = 0; i < TEXTS; i++)
        *kept[i] = keep(&at, texts[i]);
    for (size_t i = 0; i < o->server_count; i++)
        copy->servers[i] = keep(&at, o->servers[i]);
    return &copy->options;
}
