/* SPDX-License-Identifier: MIT */
/* An hour for a job, since nobody knows how long a build takes; ten seconds to end, as service
 * managers give; and a bound on the log that a program meets only when it runs wild. */
#include "handler/program_options.h"

#include <string.h>

#include "base/str.h"

enum {
    TIMEOUT_MS = 3600000,
    KILL_AFTER_MS = 10000,
    GRACE_MS = 500,
    LOG_LINES_MAX = 1000,
    LOG_BYTES_MAX = 1 << 20,
    OPEN_FILES = 1024
};

void program_options_fill_in(struct program_options *o)
{
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    o->kill_after_ms = o->kill_after_ms ? o->kill_after_ms : KILL_AFTER_MS;
    o->grace_ms = o->grace_ms ? o->grace_ms : GRACE_MS;
    o->log_lines_max = o->log_lines_max ? o->log_lines_max : LOG_LINES_MAX;
    o->log_bytes_max = o->log_bytes_max ? o->log_bytes_max : LOG_BYTES_MAX;
    if (!o->limits.open_files)
        o->limits.open_files = OPEN_FILES;
}

void program_options_name(const struct program_options *o, char *out, size_t size)
{
    const char *slash = strrchr(o->argv[0], '/');
    str_copy(out, size, str_of(slash ? slash + 1 : o->argv[0]));
}

struct subprocess_options program_options_start(const struct program_options *o,
                                                char *const *environment)
{
    return (struct subprocess_options) { .launch = { .argv = o->argv,
                                                     .environment = environment,
                                                     .directory = o->directory,
                                                     .limits = o->limits },
                                         .kill_after_ms = o->kill_after_ms,
                                         .grace_ms = o->grace_ms };
}
