/* SPDX-License-Identifier: MIT */
/* The public header stands alone: compiled, not run, as C99 and later by each C compiler. */
#include "pipepoll.h"
#include "pipepoll.h" /* a second time does no harm */
#include "pipepoll/worker.h"

struct pipepoll_options header_options(struct pipepoll_sink *sink);
struct pipepoll_target_options header_target_options(void);

struct pipepoll_options header_options(struct pipepoll_sink *sink)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    o.sink = sink;
    return o;
}

struct pipepoll_target_options header_target_options(void)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.region = pipepoll_str("us-east-1");
    return o;
}

/* Each structure with a size has its initialiser. */
size_t header_sizes(const struct pipepoll_failure *failure);

size_t header_sizes(const struct pipepoll_failure *failure)
{
    struct pipepoll_sink sink = PIPEPOLL_SINK_INIT;
    struct pipepoll_role role = PIPEPOLL_ROLE_INIT;
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    struct pipepoll_report report = PIPEPOLL_REPORT_INIT;
    struct pipepoll_footprint footprint = PIPEPOLL_FOOTPRINT_INIT;
    struct pipepoll_versions versions = PIPEPOLL_VERSIONS_INIT;
    return sink.size + role.size + stats.size + report.size + footprint.size + versions.size +
           (PIPEPOLL_HAS(failure, subject) ? failure->subject.len : 0);
}

size_t header_worker_sizes(void);

size_t header_worker_sizes(void)
{
    struct pipepoll_handler handler = PIPEPOLL_HANDLER_INIT;
    struct pipepoll_journal journal = PIPEPOLL_JOURNAL_INIT;
    struct pipepoll_journal_entry entry = PIPEPOLL_JOURNAL_ENTRY_INIT;
    struct pipepoll_worker_options options = PIPEPOLL_WORKER_OPTIONS_INIT;
    struct pipepoll_worker_stats stats = PIPEPOLL_WORKER_STATS_INIT;
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_job_failure failure = PIPEPOLL_JOB_FAILURE_INIT;
    return handler.size + journal.size + entry.size + options.size + stats.size + success.size +
           failure.size;
}
