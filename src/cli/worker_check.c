/* SPDX-License-Identifier: MIT */
/* Programs, folders and the modes of files were judged where the config file was read; here is what
 * takes a look inside: the tokens' file, the key of a web service, the journal. A journal is read
 * as `pipepoll jobs` reads it, beside a running pipepoll too. */
#include "cli/worker_check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/plural.h"
#include "cli/command.h"
#include "cli/worker_report.h"
#include "daemon/job_world.h"
#include "handler/token_load.h"
#include "store/journal.h"
#include "store/spool.h"
#include "store/state_dir.h"

static int count_tokens(const char *path, size_t *count, struct pipepoll_error *why)
{
    struct token_file tokens = { .lines = NULL };
    int result = token_load_path(&tokens, path, why);
    *count = tokens.count;
    if (!result)
        token_file_deinit(&tokens);
    return result;
}

int worker_check_tokens(const struct worker_config *w, struct diagnostics *diagnostics)
{
    struct pipepoll_error why;
    size_t count;
    if (!w->in_use || !w->tokens.file)
        return PIPEPOLL_OK;
    int result = count_tokens(w->tokens.file, &count, &why);
    if (result == PIPEPOLL_ENOMEM)
        return result;
    if (result)
        complain(diagnostics, PIPEPOLL_ERROR, w->tokens.at, "client-tokens: %s", why.text);
    else if (!count)
        complain(diagnostics, PIPEPOLL_WARNING, w->tokens.at,
                 "client-tokens: %s holds no client id: no job can be claimed", w->tokens.file);
    return result ? PIPEPOLL_EINVAL : PIPEPOLL_OK;
}

/* --- findings --- */

static void judge_program(struct part_finding *f, const struct handler_config *h)
{
    part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s: %s%s%s", handler_kind_name(h->kind),
                     h->program, h->directory ? ", in " : "", h->directory ? h->directory : "");
}

static void judge_webhook(struct part_finding *f, const struct handler_config *h)
{
    char text[512];
    struct buf url = BUF_ON(text);
    struct stat st;
    worker_report_put_url(&url, str_of(h->url));
    if (stat(h->secret_file, &st))
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, "Make it readable for this user.", "%s: %s",
                         h->secret_file, strerror(errno));
    else if (S_ISREG(st.st_mode) && st.st_size == 0)
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER,
                         "Write a random key of 32 bytes or more into it.",
                         "%s is empty: nothing would sign the requests", h->secret_file);
    else
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "",
                         "webhook: %s (not called), signed with the key in %s", buf_cstr(&url),
                         h->secret_file);
}

static void judge_token_file(struct part_finding *f, const char *path)
{
    struct pipepoll_error why;
    size_t count;
    if (count_tokens(path, &count, &why))
        part_finding_set(f, VERDICT_ILL, EXIT_USAGE,
                         "Each line is a client id, blanks and its token; '#' begins a comment.",
                         "%s", why.text);
    else if (!count)
        part_finding_set(f, VERDICT_WARNING, EXIT_FAILED,
                         "Add a line for each client: its id and its token.",
                         "%s holds no client id: no job can be claimed", path);
    else
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s: %zu client id%s", path, count,
                         plural(count));
}

static void judge_tokens(struct part_finding *f, const struct client_tokens_config *t)
{
    char text[512];
    struct buf url = BUF_ON(text);
    if (t->file)
        judge_token_file(f, t->file);
    else if (t->command)
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s can be run (it was not)",
                         t->command[0]);
    else if (t->url) {
        worker_report_put_url(&url, str_of(t->url));
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s (not asked)", buf_cstr(&url));
    } else {
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "",
                         "none are needed: only custom actions are worked");
    }
}

/* --- the journal --- */

struct tally {
    size_t open, ended;
};

static void count_row(void *ctx, const struct journal_row *row)
{
    struct tally *t = ctx;
    t->open += !row->ended_ms;
    t->ended += row->ended_ms != 0;
}

/* Of a folder that cannot be made; what else is wrong says itself what to do. */
static const char *fix_of(const char *path)
{
    bool is_there;
    return state_dir_check_place(path, &is_there, NULL)
               ? "Let the user that runs pipepoll write there (mode 0700), or name another "
                 "state-dir."
               : "";
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* true: it can be used, and is there; perhaps another process holds it. */
static bool judge_folder(struct part_finding *f, const char *path,
                         int (*check)(const char *state_dir, bool *is_held,
                                      struct pipepoll_error *why),
                         bool *is_held)
{
    struct pipepoll_error why;
    int r = check(path, is_held, &why);
    if (r && !*is_held)
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, fix_of(path), "%s", why.text);
    else if (!is_there(path))
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s is made at the start", path);
    else
        return true;
    return false;
}

static void judge_journal_file(struct part_finding *f, const char *path)
{
    struct tally tally = { 0 };
    struct pipepoll_error why;
    char user[64] = "no pipepoll uses it";
    long pid;
    if (state_dir_is_held(path, &pid))
        snprintf(user, sizeof user, "in use by process %ld", pid);
    int result = journal_read(path, count_row, &tally, &why);
    if (result == PIPEPOLL_ENOTFOUND)
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s: no journal yet, %s", path, user);
    else if (result)
        part_finding_set(f, VERDICT_ILL, EXIT_OTHER, "See what it says; nothing was changed.", "%s",
                         why.text);
    else
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "",
                         "%s: %zu job%s in hand, %zu that ended; %s", path, tally.open,
                         plural(tally.open), tally.ended, user);
}

static void judge_journal(struct part_finding *f, const struct worker_config *w)
{
    bool is_held;
    if (!w->has_journal)
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "",
                         "none: what a crash leaves unfinished times out in the service");
    else if (judge_folder(f, w->state_dir, journal_check, &is_held))
        judge_journal_file(f, w->state_dir);
}

/* false: nothing is wrong with them. */
static bool judge_keys(struct part_finding *f, const struct worker_config *w)
{
    struct pipepoll_error why;
    if (!job_world_check_keys(w, &why))
        return false;
    snprintf(f->part, sizeof f->part, "continuations");
    part_finding_set(f, VERDICT_ILL, EXIT_OTHER, "", "%s", why.text);
    return true;
}

static bool has_spool(const struct fleet_config *fleet, const struct worker_config *w)
{
    return fleet->servers && w->has_journal && w->state_dir;
}

bool worker_check_spool(struct part_finding *f, const struct fleet_config *fleet,
                        const struct worker_config *w)
{
    bool is_held;
    if (!has_spool(fleet, w))
        return false;
    snprintf(f->part, sizeof f->part, "spool");
    if (judge_folder(f, w->state_dir, spool_check, &is_held))
        part_finding_set(f, VERDICT_WELL, EXIT_FINE, "", "%s: can be written; %s", w->state_dir,
                         is_held ? "a pipepoll uses it" : "no pipepoll uses it");
    return true;
}

int worker_check_state(const struct config *c, bool *is_held, struct pipepoll_error *why)
{
    const struct worker_config *w = &c->worker;
    *is_held = false;
    int r = has_spool(&c->fleet, w) ? spool_check(w->state_dir, is_held, why) : PIPEPOLL_OK;
    if (!r && w->in_use && w->has_journal)
        r = journal_check(w->state_dir, is_held, why);
    return r || !w->in_use ? r : job_world_check_keys(w, why);
}

void worker_check_each(const struct worker_config *w,
                       void (*take)(void *ctx, const struct part_finding *f), void *ctx)
{
    struct part_finding f;
    if (!w->in_use)
        return;
    for (size_t i = 0; i < w->handler_count; i++) {
        snprintf(f.part, sizeof f.part, "handler %s", w->handlers[i].name);
        if (w->handlers[i].kind == HANDLER_WEBHOOK)
            judge_webhook(&f, &w->handlers[i]);
        else
            judge_program(&f, &w->handlers[i]);
        take(ctx, &f);
    }
    snprintf(f.part, sizeof f.part, "client tokens");
    judge_tokens(&f, &w->tokens);
    take(ctx, &f);
    snprintf(f.part, sizeof f.part, "journal");
    judge_journal(&f, w);
    take(ctx, &f);
    if (judge_keys(&f, w))
        take(ctx, &f);
}
