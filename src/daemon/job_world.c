/* SPDX-License-Identifier: MIT */
/* Opened before anything polls, since what the journal holds must be known before its jobs can be
 * found again. */
#include "daemon/job_world.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/random_file.h"
#include "store/state_dir.h"

enum { CLOSE_MS = 5000, CONTINUATION_KEY_BYTES = 32 };

/* That it fails and that it is written again are one kind: of the two the last must be told. Slow
 * writes, the only warnings, are another. */
static void log_journal(void *ctx, enum pipepoll_level level, str line)
{
    enum { LINES = 4 };
    str kind = level == PIPEPOLL_WARNING ? STR("a journal is slow") : STR("a journal fails");
    logger_repeat(ctx, level, NULL, kind, LINES, line);
}

static int open_journal(struct job_world *w, const struct logger *logger,
                        struct pipepoll_error *why)
{
    const struct worker_config *c = w->config;
    const struct journal_options o = { .state_dir = c->state_dir,
                                       .max_jobs = c->max_jobs,
                                       .history_jobs = JOURNAL_HISTORY_JOBS,
                                       .history_s = JOURNAL_HISTORY_S,
                                       .retry_ms = JOURNAL_RETRY_MS,
                                       .log = { log_journal, (void *)(uintptr_t)logger } };
    int r = journal_open(&w->journal, &o, why);
    return r ? r : job_recovery_open(&w->recovery, w->journal, why);
}

static const char what_key[] = "the continuation key", what_owner[] = "the id of this worker";

static int load_key(struct job_world *w, struct pipepoll_error *why)
{
    unsigned char key[CONTINUATION_KEY_BYTES];
    int r = random_file_load(key, sizeof key, w->config->continuation_key_file, what_key, why);
    if (!r)
        hmac_key_set(&w->key, (str) { (const char *)key, sizeof key });
    explicit_bzero(key, sizeof key);
    return r;
}

/* With a journal there is one process at a time in its folder, which knows what became of the runs
 * of the one before, wherever that ran; without one each process is another: NULL. */
static const char *owner_path(char path[PATH_MAX], const struct worker_config *c)
{
    if (!c->has_journal)
        return NULL;
    snprintf(path, PATH_MAX, "%s/worker.id", c->state_dir);
    return path;
}

static int load_owner(struct job_world *w, struct pipepoll_error *why)
{
    char path[PATH_MAX];
    return random_file_load(&w->owner, sizeof w->owner, owner_path(path, w->config), what_owner,
                            why);
}

int job_world_open(struct job_world *w, const struct worker_config *c, const struct logger *logger,
                   struct pipepoll_error *why)
{
    *w = (struct job_world) { .config = c };
    int r = c->has_journal ? open_journal(w, logger, why)
            : c->state_dir ? state_dir_make(c->state_dir, why)
                           : PIPEPOLL_OK;
    if (!r)
        r = load_key(w, why);
    return r ? r : load_owner(w, why);
}

/* Is it to be in a folder that is made at the start? */
static bool is_to_be_made(const struct worker_config *c, const char *path)
{
    size_t len = c->state_dir ? strlen(c->state_dir) : 0;
    return len && access(c->state_dir, F_OK) && strncmp(path, c->state_dir, len) == 0 &&
           path[len] == '/';
}

static int check_key(const struct worker_config *c, size_t size, const char *path, const char *what,
                     struct pipepoll_error *why)
{
    return !path || is_to_be_made(c, path) ? PIPEPOLL_OK : random_file_check(size, path, what, why);
}

int job_world_check_keys(const struct worker_config *c, struct pipepoll_error *why)
{
    char path[PATH_MAX];
    int r = check_key(c, CONTINUATION_KEY_BYTES, c->continuation_key_file, what_key, why);
    return r ? r : check_key(c, sizeof(uint64_t), owner_path(path, c), what_owner, why);
}

bool job_world_close(struct job_world *w)
{
    job_recovery_close(w->recovery);
    hmac_key_wipe(&w->key);
    bool is_closed = !w->journal || journal_close(w->journal, CLOSE_MS);
    *w = (struct job_world) { .config = NULL };
    return is_closed;
}
