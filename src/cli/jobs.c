/* SPDX-License-Identifier: MIT */
/* `pipepoll jobs`: what the journal says of jobs, beside a running pipepoll or after it. The
 * journal is read to its end before a line is printed, so that a slow reader of ours holds up no
 * writer. */
#include <stdio.h>

#include "base/log.h"
#include "base/wall_clock.h"
#include "cli/jobs_options.h"
#include "cli/jobs_report.h"
#include "config/config_file.h"
#include "config/worker_config.h"

/* Ids that begin alike and are not told apart: as many are named. */
enum { NAMED_MAX = 4 };

static int fail(const char *why)
{
    fprintf(stderr, "pipepoll jobs: %s\n", why);
    return EXIT_OTHER;
}

/* Whatever else the file says is a matter of `check` and `run`, as are warnings: a service may have
 * variables and files that whoever asks has not. EXIT_FINE, or what to exit with. */
static int load(struct worker_config *c, const char *path)
{
    struct diagnostics diagnostics = { 0 };
    int r = worker_config_load_journal(c, path, &diagnostics);
    if (!r && c->has_journal && c->state_dir)
        return EXIT_FINE;
    if (r)
        diagnostics_print(&diagnostics);
    else
        fprintf(stderr, "pipepoll jobs: %s: %s\n", config_name(path),
                c->has_journal ? "names no state-dir, so there is no journal"
                               : "says journal = none: no jobs are kept");
    return r == PIPEPOLL_ENOMEM ? fail("out of memory") : EXIT_USAGE;
}

static str id_at(const struct jobs_list *l, size_t i)
{
    const struct jobs_item *item =
        i < l->open.count ? &l->open.at[i] : &l->ended.at[i - l->open.count];
    return item->note->entry.job_id;
}

static bool is_one_job(const struct jobs_list *l)
{
    for (size_t i = 1; i < l->open.count + l->ended.count; i++)
        if (!str_eq(id_at(l, i), id_at(l, 0)))
            return false;
    return l->found > 0;
}

/* Ids are the service's: no control character of theirs reaches the terminal. */
static int refuse_job(const struct jobs_list *l, const char *state_dir)
{
    char text[512];
    struct buf ids = BUF_ON(text);
    struct pipepoll_error why;
    size_t count = l->open.count + l->ended.count;
    for (size_t i = 0; i < count && i < NAMED_MAX; i++)
        buf_printf(&ids, "%s%.*s", i ? ", " : "", STR_ARG(id_at(l, i)));
    if (l->found)
        explain(&why, 0, "several jobs begin with \"%.*s\": %.*s%s", STR_ARG(l->filter.job),
                STR_ARG(buf_str(&ids)), count > NAMED_MAX ? ", ..." : "");
    else
        explain(&why, 0, "no such job in %s: \"%.*s\"", state_dir, STR_ARG(l->filter.job));
    fail(why.text);
    return EXIT_FAILED;
}

static int print(const struct jobs_list *l, const struct jobs_options *o, const char *state_dir)
{
    int64_t now_ms = wall_clock_ms();
    if (o->filter.job.len && !is_one_job(l))
        return refuse_job(l, state_dir);
    if (o->json && jobs_report_json(l, now_ms))
        return fail("out of memory");
    if (!o->json && o->filter.job.len)
        jobs_report_whole(l, now_ms);
    else if (!o->json)
        jobs_report_table(l, state_dir, now_ms);
    return command_finish(EXIT_FINE);
}

static int run_jobs(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct jobs_options o;
    struct worker_config config = { 0 };
    struct jobs_list list;
    struct pipepoll_error why;
    int code;
    if (!jobs_options_read(&o, &f, &code))
        return code;
    code = o.config ? load(&config, o.config) : EXIT_FINE;
    if (code == EXIT_FINE) {
        const char *state_dir = o.config ? config.state_dir : o.state_dir;
        int r = jobs_list_read(&list, state_dir, &o.filter, &why);
        code = r ? fail(why.text) : print(&list, &o, state_dir);
        jobs_list_deinit(&list);
    }
    worker_config_deinit(&config);
    return code;
}

const struct command command_jobs = {
    .name = STR_INIT("jobs"),
    .summary = "show the jobs in the journal of `run`, and what became of them",
    .about =
        "Prints the jobs in hand, the oldest first, and those that ended last: their state (while\n"
        "open: claiming, running, or reporting, which is until the service has confirmed the\n"
        "result; then the outcome), how long ago they were first noted, how long they took, and\n"
        "what their handler said. Or all that is known of one job. Works beside a running\n"
        "pipepoll, and after a crash; changes nothing. What has ended is kept for a week, 10000\n"
        "jobs at most.\n",
    .flags = jobs_flags,
    .flag_count = JOBS_FLAG_COUNT,
    .operand = STR_INIT("--job"),
    .more = "Examples:\n"
            "  pipepoll jobs --config pipepoll.ini\n"
            "  pipepoll jobs --config pipepoll.ini 5f3a\n"
            "  pipepoll jobs --state-dir /var/lib/pipepoll --state running --region eu-west-1\n"
            "  pipepoll jobs --config pipepoll.ini --output json --limit 10000 |\n"
            "      jq -r 'select(.outcome == \"failed\") | .jobId + \" \" + .result.message'\n\n"
            "Exit codes: 0 printed; 1 no job has that id, or several begin so; 252 wrong usage or\n"
            "file, or it keeps no journal; 255 there is no journal, or it cannot be read.\n",
    .run = run_jobs,
};
