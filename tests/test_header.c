/* The public header stands alone: compiled, not run, as C99 and later by each C compiler. */
#include "pipepoll.h"
#include "pipepoll.h" /* a second time does no harm */

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
