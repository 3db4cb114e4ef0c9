/* SPDX-License-Identifier: MIT */
/* A chain of steps, each of which is started and comes back: the shared files, if the chain needs
 * them; the source; the roles. go_on() starts the next one, so the story is read there. However far
 * it got, a fetch ends in one place, from a timer of its own. */
#include "credentials/fetch.h"

#include <errno.h>

#include "aws/digest.h"
#include "credentials/profiles.h"
#include "credentials/watch.h"
#include "io/file.h"

struct fetch {
    struct fetch_order order;
    struct fetch_outcome outcome;
    struct timer end;
    bool ended, stopped;

    struct file_read file;
    enum profiles_which which;
    struct profiles_paths paths;
    struct profiles_file files[PROFILES_FILES]; /* with what was read and not merged yet */
    struct profiles *profiles;                  /* NULL: not read */

    struct chain chain;
    const struct provider_kind *kind; /* of the run */
    struct provider_run *run;         /* NULL: none is under way */
    size_t roles_assumed;
};

static int64_t host_now_s(const struct provider_host *host)
{
    return host->now_s(host->now_ctx);
}

/* --- the end --- */

static void fetch_free(struct fetch *f)
{
    struct alloc alloc = f->order.host->alloc;
    profiles_files_deinit(f->files);
    profiles_free(f->profiles);
    timer_deinit(&f->end);
    digest_wipe(f, sizeof *f);
    alloc_free(&alloc, f, sizeof *f);
}

static void on_end(struct timer *timer)
{
    struct fetch *f = CONTAINER_OF(timer, struct fetch, end);
    struct fetch_order order = f->order;
    struct fetch_outcome outcome = f->outcome;
    fetch_free(f);
    order.on_done(order.ctx, &outcome);
}

static void end(struct fetch *f)
{
    f->ended = true;
    timer_set(&f->end, timers_now_ns());
}

/* Without credentials; why was written. */
static void end_failed(struct fetch *f, bool lasting)
{
    f->outcome.credentials = credentials_unref(f->outcome.credentials);
    f->outcome.lasting = lasting;
    if (!f->outcome.why.cause)
        explain_cause(&f->outcome.why, PIPEPOLL_CAUSE_SOURCE, STR(""));
    end(f);
}

static void end_for_memory(struct fetch *f)
{
    explain(&f->outcome.why, PIPEPOLL_ENOMEM, "out of memory");
    end_failed(f, false);
}

static bool is_at_hand(enum source source)
{
    return source == SOURCE_NONE || source == SOURCE_FIXED;
}

/* What the chain alone tells of the credentials. */
static void describe(struct fetch_outcome *out, const struct chain *chain)
{
    bool metadata = chain->source == SOURCE_CONTAINER || chain->source == SOURCE_IMDS;
    out->outlives_expiry = metadata && !chain->role_count;
    out->may_change = !is_at_hand(chain->source) || chain->role_count || chain->may_change;
    memcpy(out->label, chain->label, sizeof out->label);
}

/* --- credentials in hand --- */

static int take_fixed(struct fetch_outcome *out, const struct chain *chain,
                      const struct provider_host *host)
{
    const struct credentials_text text = {
        .access_key_id = chain->access_key_id,
        .secret_access_key = chain->secret_access_key,
        .session_token = chain->session_token,
        .account_id = chain->account_id,
    };
    out->dated_s = host_now_s(host);
    int status = chain->source == SOURCE_NONE
                     ? credentials_new_anonymous(&out->credentials, &host->alloc)
                     : credentials_new(&out->credentials, &host->alloc, &text,
                                       chain->expires_s ? (uint64_t)chain->expires_s : UINT64_MAX);
    if (status == PIPEPOLL_EINVAL)
        explain(&out->why, 0, "%s: the credentials %s", chain->label, credentials_problem(&text));
    else if (status)
        explain(&out->why, status, "out of memory");
    return status;
}

bool fetch_at_once(struct fetch_outcome *out, const struct credentials_config *config,
                   const struct provider_host *host)
{
    struct chain chain = { 0 };
    *out = (struct fetch_outcome) { 0 };
    /* Trouble is fetch_start()'s to tell. */
    bool at_hand = chain_resolve(&chain, config, host->environment, NULL, NULL) == 0 &&
                   is_at_hand(chain.source) && !chain.role_count && !take_fixed(out, &chain, host);
    if (at_hand)
        describe(out, &chain);
    digest_wipe(&chain, sizeof chain);
    return at_hand;
}

/* --- the steps --- */

static void go_on(struct fetch *f);
static void on_provided(void *ctx, const struct provider_outcome *got);

static void start_provider(struct fetch *f, const struct provider_kind *kind)
{
    const struct provider_order order = {
        .host = f->order.host,
        .chain = &f->chain,
        .role = kind == &provider_role ? &f->chain.roles[f->roles_assumed] : NULL,
        .source = f->outcome.credentials,
        .region = f->order.region,
        .watch = f->order.watch,
        .on_done = on_provided,
        .ctx = f,
    };
    f->kind = kind;
    f->run = provider_start(kind, &order);
    if (!f->run)
        end_for_memory(f);
}

static const struct provider_kind *kind_of(enum source source)
{
    switch (source) {
    case SOURCE_NONE:
    case SOURCE_FIXED:
        return NULL;
    case SOURCE_WEB_IDENTITY:
        return &provider_web_identity;
    case SOURCE_SSO:
        return &provider_sso;
    case SOURCE_PROCESS:
        return &provider_process;
    case SOURCE_CONTAINER:
        return &provider_container;
    case SOURCE_IMDS:
        return &provider_imds;
    }
    return NULL;
}

static void start_source(struct fetch *f)
{
    if (!is_at_hand(f->chain.source)) {
        start_provider(f, kind_of(f->chain.source));
        return;
    }
    int status = take_fixed(&f->outcome, &f->chain, f->order.host);
    if (status)
        end_failed(f, status != PIPEPOLL_ENOMEM);
    else
        go_on(f);
}

static void go_on(struct fetch *f)
{
    if (f->stopped) {
        explain(&f->outcome.why, 0, "it was stopped");
        end_failed(f, false);
    } else if (!f->outcome.credentials) {
        start_source(f);
    } else if (f->roles_assumed < f->chain.role_count) {
        start_provider(f, &provider_role);
    } else {
        end(f);
    }
}

/* The credentials of a role outlive those that assumed it, and yet the chain is only as fresh as
 * its first link: who rotates that one expects the rest to follow. */
static void on_provided(void *ctx, const struct provider_outcome *got)
{
    struct fetch *f = ctx;
    struct credentials *source = f->outcome.credentials;
    f->run = NULL;
    if (!got->credentials) {
        explain(&f->outcome.why, 0, "%s%s", got->why.text, f->chain.doubt);
        explain_cause(&f->outcome.why, got->why.cause, str_of(got->why.subject));
        end_failed(f, got->lasting);
        return;
    }
    if (source && source->expires_s < got->credentials->expires_s)
        got->credentials->expires_s = source->expires_s;
    credentials_unref(source);
    f->outcome.credentials = got->credentials;
    f->outcome.dated_s = got->dated_s;
    f->roles_assumed += f->kind == &provider_role;
    go_on(f);
}

/* CHAIN_NEED_FILES, or 0 and the fetch goes on or has ended. */
static int resolve(struct fetch *f)
{
    int r = chain_resolve(&f->chain, f->order.config, f->order.host->environment, f->profiles,
                          &f->outcome.why);
    if (r == CHAIN_NEED_FILES && !f->profiles)
        return r;
    describe(&f->outcome, &f->chain);
    if (r == PIPEPOLL_ENOMEM)
        end_for_memory(f);
    else if (r)
        end_failed(f, true);
    else
        go_on(f);
    return 0;
}

/* --- the shared files --- */

static void read_file(struct fetch *f, enum profiles_which which);

static const char *path_of(const struct fetch *f)
{
    return profiles_path(&f->paths, f->which);
}

static void merge_files(struct fetch *f)
{
    const struct provider_host *host = f->order.host;
    if (profiles_merge(&f->profiles, host->recent, &host->alloc, &f->paths, f->files))
        end_for_memory(f);
    else
        resolve(f);
}

/* Of files[which] all is known. */
static void next_file(struct fetch *f)
{
    if (f->which == PROFILES_CREDENTIALS)
        merge_files(f);
    else
        read_file(f, PROFILES_CREDENTIALS);
}

static void on_file(struct file_read *file, int error, str text)
{
    struct fetch *f = CONTAINER_OF(file, struct fetch, file);
    struct profiles_file *read = &f->files[f->which];
    watch_note(f->order.watch, path_of(f), &file->stamp);
    if (error == ENOMEM) {
        end_for_memory(f);
        return;
    }
    if (file_error_passes(error)) {
        explain(&f->outcome.why, 0, "cannot read %s: %s", path_of(f), file_strerror(error));
        explain_cause(&f->outcome.why, file_cause(error), str_of(path_of(f)));
        end_failed(f, false);
        return;
    }
    if (error)
        profiles_file_failed(read, error, file_problem(file, error));
    else
        profiles_file_take_part(read, file->made, file->open_to_all, f->order.host->environment);
    next_file(f);
}

static void *make_config(str text)
{
    return profiles_part_new(&provider_lasting_alloc, PROFILES_CONFIG, text);
}

static void *make_credentials(str text)
{
    return profiles_part_new(&provider_lasting_alloc, PROFILES_CREDENTIALS, text);
}

static void *ref_part(void *made)
{
    return profiles_part_ref(made);
}

static void unref_part(void *made)
{
    profiles_part_free(made);
}

/* A file of a MiB takes some 20 ms to parse: on the thread that reads it. */
static const struct file_maker makers[PROFILES_FILES] = {
    [PROFILES_CONFIG] = { 'c', make_config, ref_part, unref_part },
    [PROFILES_CREDENTIALS] = { 's', make_credentials, ref_part, unref_part },
};

static void read_file(struct fetch *f, enum profiles_which which)
{
    const struct provider_host *host = f->order.host;
    f->which = which;
    f->file.on_done = on_file;
    f->file.maker = &makers[which];
    const char *path = path_of(f);
    if (profiles_path_is_none(path))
        next_file(f);
    else if (file_read_start(&f->file, host->worker, path))
        end_for_memory(f);
}

/* --- start and stop --- */

static void begin(struct fetch *f)
{
    if (resolve(f) != CHAIN_NEED_FILES)
        return;
    if (profiles_find(&f->paths, f->order.host->environment, &f->outcome.why))
        end_failed(f, true);
    else
        read_file(f, PROFILES_CONFIG);
}

int fetch_start(struct fetch **out, const struct fetch_order *order)
{
    const struct alloc *alloc = &order->host->alloc;
    struct fetch *f = alloc_new(alloc, sizeof *f);
    if (!f)
        return PIPEPOLL_ENOMEM;
    f->order = *order;
    if (timer_init(&f->end, order->host->timers, on_end)) {
        alloc_free(alloc, f, sizeof *f);
        return PIPEPOLL_ENOMEM;
    }
    begin(f);
    *out = f;
    return 0;
}

void fetch_stop(struct fetch *f)
{
    f->stopped = true;
    file_read_forget(&f->file);
    if (f->run)
        f->kind->stop(f->run);
    else if (!f->ended)
        go_on(f);
}
