/* SPDX-License-Identifier: MIT */
/* A URL of a server never has a user, for URLs are shown, logged and passed on: what is secret is
 * in files that others may not read, of which the config has the names alone. For the same reason
 * what is wrong about a server is told by its place in the file, never by its text. A password goes
 * over the line as it is, so it needs TLS; seeds of nkeys and creds sign and stay here. */
#include "config/fleet_config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/url.h"
#include "config/quantity.h"
#include "config/value.h"
#include "config/worker_config.h"

enum {
    NATS_PORT = 4222,
    URL_MAX = 300, /* with a host of 255 bytes */
    HOST_MAX = 255,
    HOUR_MS = 3600000,
    WEEK_MS = 168 * HOUR_MS,
    SPOOL_MAX = 10000000
};

static const uint64_t queue_size_least = 1 << 20, queue_size_most = 1ull << 40;

static const char *const takeovers[] = { "default", "fast", NULL };
static const char *const replica_counts[] = { "1", "3", "5", NULL };

/* --- names --- */

static bool is_word_char(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
           c == '_';
}

static bool is_word(str s)
{
    size_t i = 0;
    while (i < s.len && is_word_char(s.ptr[i]))
        i++;
    return s.len && s.len <= FLEET_NAME_MAX && i == s.len;
}

bool fleet_config_member_of(char *out, size_t size, const char *host)
{
    str name = str_of(host);
    if (!name.len || name.len > FLEET_NAME_MAX || name.len >= size ||
        str_eq_nocase(name, STR("localhost")) || str_starts(name, STR("localhost.")))
        return false;
    for (size_t i = 0; i < name.len; i++)
        out[i] = is_word_char(name.ptr[i]) ? name.ptr[i] : '-';
    out[name.len] = '\0';
    return true;
}

static int read_word(const struct value_reader *r, enum key k, const char *otherwise, char **out)
{
    value_judge(r, k, is_word(r->section->values[k].text), "1 to 64 letters, digits, '-' and '_'");
    int result = value_text(r, k, out);
    if (!result && !*out && otherwise && !(*out = strdup(otherwise)))
        result = PIPEPOLL_ENOMEM;
    return result;
}

static int read_names(struct fleet_config *out, const struct value_reader *r)
{
    char host[256] = "", member[FLEET_NAME_MAX + 1];
    gethostname(host, sizeof host - 1);
    bool found = fleet_config_member_of(member, sizeof member, host);
    int result = read_word(r, KEY_NAME, "pipepoll", &out->name);
    if (!result)
        result = read_word(r, KEY_MEMBER, found ? member : NULL, &out->member);
    if (!result && !out->member && !r->section->misspelt[KEY_MEMBER])
        complain(r->diagnostics, PIPEPOLL_ERROR, r->section->at,
                 "[fleet] needs a member, the name of this machine in the fleet, for its host name "
                 "is of no use: \"%s\"",
                 host);
    return result;
}

/* --- servers --- */

struct server {
    str host;
    uint32_t port;
    bool is_tls, in_brackets;
};

static bool is_host(str host, bool in_brackets)
{
    size_t i = 0;
    while (i < host.len && (is_word_char(host.ptr[i]) || host.ptr[i] == '.' ||
                            (in_brackets && (host.ptr[i] == ':' || host.ptr[i] == '%'))))
        i++;
    return host.len && host.len <= HOST_MAX && i == host.len;
}

/* NULL, or what is wrong with it. */
static const char *read_server(struct server *out, str text)
{
    struct url url;
    bool split = url_split(&url, text);
    if (split && url.user.ptr)
        return "must not name a user, password or token: they have keys of their own, user and "
               "password-file, nkey-file or creds-file";
    if (!split && (str_starts(text, STR("nats://[")) || str_starts(text, STR("tls://["))))
        return "has a server with an address in brackets that is not like [::1] or [::1]:4222";
    out->is_tls = split && str_eq_nocase(url.scheme, STR("tls"));
    if (!out->is_tls && !(split && str_eq_nocase(url.scheme, STR("nats"))))
        return "has a server that does not begin with nats:// or tls://";
    if (url.target.len)
        return "has a server with more than a host and a port";
    if (!is_host(url.host, url.in_brackets))
        return "has a server without a name or address that can be one";
    out->host = url.host;
    out->in_brackets = url.in_brackets;
    out->port = NATS_PORT;
    if (url.port.ptr && !quantity_count(url.port, 1, 65535, &out->port))
        return "has a port that is no number from 1 to 65535";
    return NULL;
}

static char *put_server(char *at, const struct server *s)
{
    struct buf b = { .at = at, .cap = URL_MAX };
    buf_printf(&b, "%s://%s%.*s%s:%u", s->is_tls ? "tls" : "nats", s->in_brackets ? "[" : "",
               STR_ARG(s->host), s->in_brackets ? "]" : "", s->port);
    buf_cstr(&b);
    return at;
}

/* What only all servers together show, and what they need of other keys. */
static const char *judge_server(const struct fleet_config *c, const struct value_reader *r,
                                const struct server *s, bool is_first)
{
    if (!is_first && s->is_tls != c->is_tls)
        return "has servers with nats:// and with tls://: all are one or the other";
    if (!s->is_tls && value_is_given(r, KEY_PASSWORD_FILE) && !value_is_loopback(s->host))
        return "would show the password to whoever is on the way: use tls://";
    return NULL;
}

static bool is_among(const struct fleet_config *c, const char *server)
{
    for (size_t i = 0; c->servers[i]; i++)
        if (str_eq_nocase(str_of(c->servers[i]), str_of(server)))
            return true;
    return false;
}

/* Once, however many there are. */
static void warn_of_plain(const struct fleet_config *c, const struct value_reader *r,
                          struct location at)
{
    static const char warning[] = "servers has nats:// to another machine: what members say, jobs "
                                  "too, can be read and changed on the way; use tls://";
    for (size_t i = 0; c->servers[i]; i++) {
        struct url url;
        if (url_split(&url, str_of(c->servers[i])) && !value_is_loopback(url.host))
            return;
    }
    complain(r->diagnostics, PIPEPOLL_WARNING, at, "%s", warning);
}

static bool add_server(struct fleet_config *c, const struct value_reader *r, str word,
                       struct location at, size_t count)
{
    char text[URL_MAX];
    struct server s;
    const char *problem = read_server(&s, word);
    if (!problem)
        problem = judge_server(c, r, &s, count == 0);
    if (!problem && count == FLEET_SERVERS_MAX)
        problem = "has more than 32 servers: some are enough, they tell the others";
    if (problem) {
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "servers %s", problem);
        return false;
    }
    if (is_among(c, put_server(text, &s))) {
        complain(r->diagnostics, PIPEPOLL_WARNING, at,
                 "servers has this one twice: once is enough");
        return false;
    }
    if (!s.is_tls && !value_is_loopback(s.host))
        warn_of_plain(c, r, at);
    char *room = (char *)(c->servers + FLEET_SERVERS_MAX + 1);
    c->servers[count] = put_server(room + count * URL_MAX, &s);
    c->is_tls = s.is_tls;
    return true;
}

static int read_servers(struct fleet_config *out, const struct value_reader *r)
{
    const struct value *v = &r->section->values[KEY_SERVERS];
    str rest = v->text, word;
    struct location at;
    bool any = false;
    out->servers = calloc(1, (FLEET_SERVERS_MAX + 1) * sizeof *out->servers +
                                 (size_t)FLEET_SERVERS_MAX * URL_MAX);
    if (!out->servers)
        return PIPEPOLL_ENOMEM;
    for (; value_next(v, &rest, &word, &at); any = true)
        out->server_count += add_server(out, r, word, at, out->server_count);
    if (v->text.len && !any)
        value_complain(r, KEY_SERVERS, PIPEPOLL_ERROR, "names no server");
    if (!v->at.line && !r->section->misspelt[KEY_SERVERS])
        complain(r->diagnostics, PIPEPOLL_ERROR, r->section->at,
                 "[fleet] needs servers, such as tls://nats-1.example.com, "
                 "tls://nats-2.example.com, tls://nats-3.example.com");
    return PIPEPOLL_OK;
}

/* --- who we are --- */

static const struct {
    enum key key;
    size_t at; /* of its path */
    bool is_secret;
} files[] = {
    { KEY_TLS_CA, offsetof(struct fleet_config, tls_ca), false },
    { KEY_TLS_CERT, offsetof(struct fleet_config, tls_cert), false },
    { KEY_TLS_KEY, offsetof(struct fleet_config, tls_key), true },
    { KEY_NKEY_FILE, offsetof(struct fleet_config, nkey_file), true },
    { KEY_CREDS_FILE, offsetof(struct fleet_config, creds_file), true },
    { KEY_PASSWORD_FILE, offsetof(struct fleet_config, password_file), true },
};
enum { FILES = sizeof files / sizeof *files };

static char **path_in(const struct fleet_config *c, size_t i)
{
    return (char **)((char *)c + files[i].at);
}

static void check_pair(const struct value_reader *r, enum key a, enum key b)
{
    bool has_a = value_is_given(r, a), has_b = value_is_given(r, b);
    if (has_a != has_b && !r->section->misspelt[has_a ? b : a])
        value_complain(r, has_a ? a : b, PIPEPOLL_ERROR, "needs %s as well",
                       key_name(has_a ? b : a));
}

static void check_ways_in(const struct value_reader *r)
{
    static const enum key ways[] = { KEY_NKEY_FILE, KEY_CREDS_FILE, KEY_USER };
    enum key first = KEY_COUNT;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (value_is_given(r, ways[i]) && first != KEY_COUNT)
            value_complain(r, ways[i], PIPEPOLL_ERROR,
                           "stands instead of %s, which is given at line %u: one of both must go",
                           key_name(first), r->section->values[first].at.line);
        else if (value_is_given(r, ways[i]))
            first = ways[i];
    }
}

static int read_ways_in(struct fleet_config *out, const struct value_reader *r)
{
    int result = value_text(r, KEY_USER, &out->user);
    for (size_t i = 0; !result && i < FILES; i++) {
        result = value_path(r, files[i].key, path_in(out, i));
        const char *path = *path_in(out, i);
        if (path && files[i].is_secret)
            value_check_secret_file(r, files[i].key, path, PIPEPOLL_ERROR);
        else if (path)
            value_check_file(r, files[i].key, path);
    }
    check_pair(r, KEY_TLS_CERT, KEY_TLS_KEY);
    check_pair(r, KEY_USER, KEY_PASSWORD_FILE);
    check_ways_in(r);
    return result;
}

/* After the servers. */
static void check_tls(const struct fleet_config *c, const struct value_reader *r)
{
    static const enum key keys[] = { KEY_TLS_CA, KEY_TLS_CERT, KEY_TLS_KEY };
    for (size_t i = 0; c->servers[0] && !c->is_tls && i < sizeof keys / sizeof *keys; i++)
        if (value_is_given(r, keys[i]))
            value_complain(r, keys[i], PIPEPOLL_ERROR, "goes with servers that are tls://");
}

/* --- all --- */

static void read_numbers(struct fleet_config *out, const struct value_reader *r)
{
    const struct value *v = r->section->values;
    out->replicas = 1 + 2 * value_word(r, KEY_REPLICAS, replica_counts, 1, "1, 3 or 5");
    out->is_fast = value_word(r, KEY_TAKEOVER, takeovers, 0, "default or fast") == 1;
    value_judge(r, KEY_POLLS, quantity_switch(v[KEY_POLLS].text, &out->polls), "yes or no");
    value_judge(r, KEY_WORKS, quantity_switch(v[KEY_WORKS].text, &out->works), "yes or no");
    value_judge(
        r, KEY_QUEUE_SIZE,
        quantity_bytes(v[KEY_QUEUE_SIZE].text, queue_size_least, queue_size_most, &out->queue_size),
        "a size from 1MiB to 1024GiB such as 4GiB");
    value_judge(r, KEY_QUEUE_AGE,
                quantity_duration_ms(v[KEY_QUEUE_AGE].text, HOUR_MS, WEEK_MS, &out->queue_age_ms),
                "a time from 1h to 168h such as 12h");
    value_judge(r, KEY_SPOOL_JOBS,
                quantity_count(v[KEY_SPOOL_JOBS].text, 1, SPOOL_MAX, &out->spool_jobs),
                "a number from 1 to 10000000");
}

int fleet_config_read(struct fleet_config *out, const struct section *s, bool is_built,
                      struct diagnostics *diagnostics)
{
    const struct value_reader r = { s, diagnostics };
    *out = (struct fleet_config) { .polls = true,
                                   .works = true,
                                   .at = s->at,
                                   .queue_size = 1 << 30,
                                   .queue_age_ms = 24 * HOUR_MS,
                                   .spool_jobs = 100000 };
    if (!s->at.line)
        return PIPEPOLL_OK;
    if (!is_built) {
        complain(diagnostics, PIPEPOLL_ERROR, s->at,
                 "[fleet] is of no use here: this pipepoll was built without fleets, which need "
                 "libnats");
        return PIPEPOLL_OK;
    }
    read_numbers(out, &r);
    int result = read_names(out, &r);
    if (!result)
        result = read_ways_in(out, &r);
    if (!result)
        result = read_servers(out, &r);
    if (!result)
        check_tls(out, &r);
    return result;
}

void fleet_config_deinit(struct fleet_config *c)
{
    for (size_t i = 0; i < FILES; i++)
        free(*path_in(c, i));
    free(c->servers);
    free(c->name);
    free(c->member);
    free(c->user);
    *c = (struct fleet_config) { .servers = NULL };
}

void fleet_config_check(const struct fleet_config *c, const struct worker_config *worker,
                        const struct sections *s, struct diagnostics *diagnostics)
{
    const struct section *process = &s->process;
    if (!c->servers)
        return;
    if (!c->polls && !(c->works && worker->in_use))
        complain(diagnostics, PIPEPOLL_ERROR, s->fleet.at,
                 "[fleet] has nothing to do for this member: polls = no, and %s",
                 c->works ? "no target has a handler" : "works = no");
    if (c->polls && !worker->in_use && worker->has_journal &&
        !process->values[KEY_STATE_DIR].text.ptr && !process->misspelt[KEY_STATE_DIR])
        complain(diagnostics, PIPEPOLL_ERROR, s->fleet.at,
                 "[fleet] needs a state-dir in [pipepoll]: a folder for jobs that were found and "
                 "are not in the queue yet (or journal = none: they wait in memory, and after a "
                 "crash come again from the service)");
}
