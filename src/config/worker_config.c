/* SPDX-License-Identifier: MIT */
/* In two steps: what [pipepoll] and the handlers say is read before the targets, which name
 * handlers; what is missing shows only when it is known which targets have one. Nothing is asked of
 * a file whose targets all go to stdout. */
#include "config/worker_config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/config_file.h"
#include "config/plan.h"
#include "config/quantity.h"
#include "config/value.h"

enum { TTL_MIN_MS = 1000, TTL_MAX_MS = 86400000, MAX_JOBS_MAX = 65536, HANDLERS_MAX = 1000 };

static const char *const journals[] = { "sqlite", "none", NULL };
static const char *const restarts[] = { "fail", "rerun", NULL };

/* --- the state directory --- */

static bool has_parent(const char *path)
{
    char parent[PATH_MAX];
    struct buf b = BUF_ON(parent);
    struct stat st;
    buf_printf(&b, "%.*s/", (int)(strrchr(path, '/') - path), path);
    buf_cstr(&b);
    return !b.overflow && stat(parent, &st) == 0 && S_ISDIR(st.st_mode);
}

/* It is made when it is missing, in a folder that is there. */
static void check_state_dir(const struct value_reader *r, const char *path)
{
    struct stat st;
    if (path[0] != '/')
        value_complain(r, KEY_STATE_DIR, PIPEPOLL_ERROR,
                       "is an absolute path, not \"%s\": it must be the same at every start", path);
    else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        value_complain(r, KEY_STATE_DIR, PIPEPOLL_ERROR, "%s is not a directory", path);
    else if (stat(path, &st) && errno == ENOENT && !has_parent(path))
        value_complain(r, KEY_STATE_DIR, PIPEPOLL_ERROR,
                       "%s cannot be made: the folder that it is to be in is not there", path);
}

static int read_state_dir(struct worker_config *out, const struct value_reader *r)
{
    int result = value_path(r, KEY_STATE_DIR, &out->state_dir);
    if (result || !out->state_dir)
        return result;
    size_t len = strlen(out->state_dir);
    while (len > 1 && out->state_dir[len - 1] == '/')
        out->state_dir[--len] = '\0';
    check_state_dir(r, out->state_dir);
    return PIPEPOLL_OK;
}

static int read_continuation_key(struct worker_config *out, const struct value_reader *r)
{
    int result = value_path(r, KEY_CONTINUATION_KEY_FILE, &out->continuation_key_file);
    if (result)
        return result;
    const char *path = out->continuation_key_file;
    if (path && access(path, F_OK) == 0)
        value_check_secret_file(r, KEY_CONTINUATION_KEY_FILE, path, PIPEPOLL_ERROR);
    if (path || !out->state_dir)
        return PIPEPOLL_OK;
    return asprintf(&out->continuation_key_file, "%s/continuation.key", out->state_dir) < 0
               ? PIPEPOLL_ENOMEM
               : PIPEPOLL_OK;
}

/* --- client tokens --- */

static const enum key sources[] = { KEY_CLIENT_TOKENS, KEY_CLIENT_TOKENS_COMMAND,
                                    KEY_CLIENT_TOKENS_URL };
enum { SOURCES = sizeof sources / sizeof *sources };

static void complain_of_two_sources(const struct value_reader *r)
{
    enum key first = KEY_COUNT;
    for (size_t i = 0; i < SOURCES; i++) {
        if (!value_is_given(r, sources[i]))
            continue;
        if (first != KEY_COUNT)
            value_complain(r, sources[i], PIPEPOLL_ERROR,
                           "stands instead of %s, which is given at line %u: one of both must go",
                           key_name(first), r->section->values[first].at.line);
        else
            first = sources[i];
    }
}

static void read_ttl(struct client_tokens_config *out, const struct value_reader *r)
{
    out->ttl_ms = 300000;
    value_judge(r, KEY_CLIENT_TOKENS_TTL,
                quantity_duration_ms(r->section->values[KEY_CLIENT_TOKENS_TTL].text, TTL_MIN_MS,
                                     TTL_MAX_MS, &out->ttl_ms),
                "a time from 1s to 24h such as 5m");
    if (!value_is_given(r, KEY_CLIENT_TOKENS_COMMAND) && !value_is_given(r, KEY_CLIENT_TOKENS_URL))
        out->ttl_ms = 0;
    if (value_is_given(r, KEY_CLIENT_TOKENS_TTL) && value_is_given(r, KEY_CLIENT_TOKENS))
        value_complain(r, KEY_CLIENT_TOKENS_TTL, PIPEPOLL_ERROR,
                       "goes with client-tokens-command or client-tokens-url; the file of "
                       "client-tokens is read again when it changes");
}

static void check_url(const struct client_tokens_config *tokens, const struct value_reader *r)
{
    value_check_url(r, KEY_CLIENT_TOKENS_URL, tokens->url, false);
    if (!strstr(tokens->url, "{clientId}"))
        value_complain(r, KEY_CLIENT_TOKENS_URL, PIPEPOLL_ERROR,
                       "must hold {clientId}, in whose place the client id goes");
}

static void check_tokens(const struct client_tokens_config *tokens, const struct value_reader *r)
{
    char path[PATH_MAX];
    complain_of_two_sources(r);
    if (tokens->file)
        value_check_secret_file(r, KEY_CLIENT_TOKENS, tokens->file, PIPEPOLL_WARNING);
    if (tokens->command)
        value_find_program(r, KEY_CLIENT_TOKENS_COMMAND, tokens->command, NULL, NULL, path);
    if (tokens->url)
        check_url(tokens, r);
    if (tokens->bearer_file)
        value_check_secret_file(r, KEY_CLIENT_TOKENS_BEARER_FILE, tokens->bearer_file,
                                PIPEPOLL_ERROR);
    if (tokens->bearer_file && !tokens->url)
        value_complain(r, KEY_CLIENT_TOKENS_BEARER_FILE, PIPEPOLL_ERROR,
                       "goes with client-tokens-url");
}

static int read_tokens(struct client_tokens_config *out, const struct value_reader *r)
{
    out->at = r->section->values[KEY_CLIENT_TOKENS].at;
    read_ttl(out, r);
    int result = value_path(r, KEY_CLIENT_TOKENS, &out->file);
    if (!result)
        result = value_words(r, KEY_CLIENT_TOKENS_COMMAND, &out->command);
    if (!result)
        result = value_text(r, KEY_CLIENT_TOKENS_COMMAND, &out->command_text);
    if (!result)
        result = value_text(r, KEY_CLIENT_TOKENS_URL, &out->url);
    if (!result)
        result = value_path(r, KEY_CLIENT_TOKENS_BEARER_FILE, &out->bearer_file);
    if (!result)
        check_tokens(out, r);
    return result;
}

/* --- all --- */

static int read_handlers(struct worker_config *out, const struct section_list *l,
                         struct diagnostics *diagnostics)
{
    if (l->count > HANDLERS_MAX) {
        complain(diagnostics, PIPEPOLL_ERROR, l->list[HANDLERS_MAX].at, "more than %d handlers",
                 HANDLERS_MAX);
        return PIPEPOLL_OK;
    }
    out->handlers = l->count ? calloc(l->count, sizeof *out->handlers) : NULL;
    if (l->count && !out->handlers)
        return PIPEPOLL_ENOMEM;
    int result = PIPEPOLL_OK;
    for (size_t i = 0; !result && i < l->count; i++) {
        out->handler_count++;
        result = handler_config_read(&out->handlers[i], &l->list[i], diagnostics);
    }
    return result;
}

int worker_config_read(struct worker_config *out, const struct sections *s,
                       struct diagnostics *diagnostics)
{
    const struct value_reader r = { &s->process, diagnostics };
    *out = (struct worker_config) { .max_jobs = 16 };
    out->has_journal = value_word(&r, KEY_JOURNAL, journals, 0, "sqlite or none") == 0;
    out->rerun = value_word(&r, KEY_ON_RESTART, restarts, 0, "fail or rerun") == 1;
    value_judge(
        &r, KEY_MAX_JOBS,
        quantity_count(s->process.values[KEY_MAX_JOBS].text, 1, MAX_JOBS_MAX, &out->max_jobs),
        "a number from 1 to 65536");
    int result = read_state_dir(out, &r);
    if (!result)
        result = read_continuation_key(out, &r);
    if (!result)
        result = read_tokens(&out->tokens, &r);
    return result ? result : read_handlers(out, &s->handlers, diagnostics);
}

static int read_journal(void *ctx, const struct sections *s, struct diagnostics *diagnostics)
{
    struct worker_config *out = ctx;
    const struct value_reader r = { &s->process, diagnostics };
    out->has_journal = value_word(&r, KEY_JOURNAL, journals, 0, "sqlite or none") == 0;
    int result = read_state_dir(out, &r);
    if (!out->state_dir)
        section_complain_misspelt(&s->process, "pipepoll", diagnostics);
    return result;
}

int worker_config_load_journal(struct worker_config *out, const char *path,
                               struct diagnostics *diagnostics)
{
    *out = (struct worker_config) { .handlers = NULL };
    return sections_load(path, read_journal, out, diagnostics);
}

void worker_config_deinit(struct worker_config *c)
{
    for (size_t i = 0; i < c->handler_count; i++)
        handler_config_deinit(&c->handlers[i]);
    free(c->handlers);
    free(c->state_dir);
    free(c->continuation_key_file);
    free(c->tokens.file);
    free(c->tokens.command);
    free(c->tokens.command_text);
    free(c->tokens.url);
    free(c->tokens.bearer_file);
    *c = (struct worker_config) { .handlers = NULL };
}

const struct handler_config *worker_config_find(const struct worker_config *c, str name)
{
    for (size_t i = 0; i < c->handler_count; i++)
        if (str_eq(str_of(c->handlers[i].name), name))
            return &c->handlers[i];
    return NULL;
}

/* --- with the targets --- */

/* Of those with a handler, the first in the file; NULL: none has one. */
static const struct plan_target *first_worked(const struct plan *p, bool third_party)
{
    const struct plan_target *first = NULL;
    for (size_t i = 0; i < p->count; i++) {
        const struct plan_target *t = &p->targets[i];
        bool fits = !third_party || !str_eq(t->options.action_type.owner, STR("Custom"));
        if (t->handler && fits && (!first || t->section < first->section))
            first = t;
    }
    return first;
}

static bool has_source(const struct section *process)
{
    for (size_t i = 0; i < SOURCES; i++)
        if (process->values[sources[i]].text.ptr || process->misspelt[sources[i]])
            return true;
    return false;
}

static void warn_of_unused(const struct worker_config *c, const struct plan *p,
                           struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < c->handler_count; i++) {
        bool used = false;
        for (size_t t = 0; !used && t < p->count; t++)
            used = p->targets[t].handler == &c->handlers[i];
        if (!used)
            complain(diagnostics, PIPEPOLL_WARNING, c->handlers[i].at,
                     "[handler %s] is of no use: no target has handler = %s", c->handlers[i].name,
                     c->handlers[i].name);
    }
}

void worker_config_check(struct worker_config *c, const struct plan *p, const struct sections *s,
                         struct diagnostics *diagnostics)
{
    const struct plan_target *first = first_worked(p, false), *third = first_worked(p, true);
    const struct section *process = &s->process;
    c->in_use = first != NULL;
    if (first && c->has_journal && !process->values[KEY_STATE_DIR].text.ptr &&
        !process->misspelt[KEY_STATE_DIR])
        complain(diagnostics, PIPEPOLL_ERROR, first->at,
                 "[target %.*s] has a handler, and [pipepoll] no state-dir: a folder for the "
                 "journal, which keeps jobs through a crash (or journal = none)",
                 STR_ARG(first->name));
    if (third && !has_source(process))
        complain(diagnostics, PIPEPOLL_ERROR, third->at,
                 "[target %.*s] has a handler, and nothing tells client tokens: [pipepoll] needs "
                 "client-tokens (a file), client-tokens-command or client-tokens-url",
                 STR_ARG(third->name));
    if (!diagnostics->errors)
        warn_of_unused(c, p, diagnostics);
}
