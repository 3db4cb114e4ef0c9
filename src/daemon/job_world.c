/* Opened before anything polls, since what the journal holds must be known before its jobs can be
 * found again. */
#include "daemon/job_world.h"

#include <sys/random.h>
#include <unistd.h>

#include "daemon/continuation_key.h"

enum { CLOSE_MS = 5000 };

static int open_journal(struct job_world *w, const struct log *log, struct pipepoll_error *why)
{
    const struct worker_config *c = w->config;
    const struct journal_options o = { .state_dir = c->state_dir,
                                       .max_jobs = c->max_jobs,
                                       .history_jobs = JOURNAL_HISTORY_JOBS,
                                       .history_s = JOURNAL_HISTORY_S,
                                       .retry_ms = JOURNAL_RETRY_MS,
                                       .log = *log };
    int r = journal_open(&w->journal, &o, why);
    return r ? r : job_recovery_open(&w->recovery, w->journal, why);
}

/* With a journal there is one process at a time in its folder, which knows what became of the runs
 * of the one before; without one each process is another. */
static uint64_t owner_of(const struct worker_config *c)
{
    char host[256] = "";
    uint64_t random;
    if (!c->has_journal && getrandom(&random, sizeof random, 0) == sizeof random)
        return random;
    gethostname(host, sizeof host - 1);
    return continuation_owner(str_of(host), str_of(c->state_dir ? c->state_dir : ""));
}

int job_world_open(struct job_world *w, const struct worker_config *c, const struct log *log,
                   struct pipepoll_error *why)
{
    *w = (struct job_world) { .config = c };
    int r = c->has_journal ? open_journal(w, log, why) : PIPEPOLL_OK;
    if (!r)
        r = continuation_key_load(&w->key, c->continuation_key_file, why);
    w->owner = owner_of(c);
    return r;
}

bool job_world_close(struct job_world *w)
{
    job_recovery_close(w->recovery);
    hmac_key_wipe(&w->key);
    bool is_closed = !w->journal || journal_close(w->journal, CLOSE_MS);
    *w = (struct job_world) { .config = NULL };
    return is_closed;
}
