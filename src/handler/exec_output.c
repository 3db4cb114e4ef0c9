/* SPDX-License-Identifier: MIT */
/* stdout is read for reports, stderr goes to the log and, with its last line, into the message of a
 * failure. Whatever a program prints is hostile: each line is bounded, so are the lines that are
 * logged, and control characters are blotted out, for a line of the log must stay one. */
#include "handler/exec_job.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/plural.h"

/* --- the log --- */

static void log_job(struct exec_job *job, enum pipepoll_level level, str text)
{
    char room[EXEC_LOG_LINE_MAX + 600];
    struct buf line = BUF_ON(room);
    if (!job->events->log)
        return;
    buf_printf(&line, "job %.*s: ", STR_ARG(job->id));
    buf_put(&line, text);
    job->events->log(job->ctx, level, buf_str(&line));
}

static void keep_last(struct exec_job *job, str line)
{
    if (!str_trim(line).len)
        return;
    memcpy(job->last_line, line.ptr, line.len);
    job->last_len = line.len;
}

static void on_err_line(void *ctx, char *line, size_t len, bool cut)
{
    struct exec_job *job = ctx;
    secrets_mask(&job->secrets, line, len, cut);
    len = lines_clean(line, len, cut);
    keep_last(job, (str) { line, len });
    if (!job->log_lines_left || len > job->log_bytes_left) {
        job->log_lines_left = 0;
        job->left_out++;
        return;
    }
    job->log_lines_left--;
    job->log_bytes_left -= len;
    log_job(job, PIPEPOLL_INFO, (str) { line, len });
}

/* --- reports --- */

static void forget_report(struct exec_job *job)
{
    if (job->report_text)
        explicit_bzero(job->report_text, job->report_len);
    free(job->report_text);
    job->report_text = NULL;
    job->report = (struct report) { .kind = REPORT_OTHER };
}

static void mask(struct exec_job *job, str text)
{
    secrets_mask(&job->secrets, (char *)(uintptr_t)text.ptr, text.len, false);
}

/* Without the memory for it the exit code would decide, so that is a bad result. */
static void keep_report(struct exec_job *job, const char *line, size_t len)
{
    char *copy = malloc(len + 1);
    forget_report(job);
    job->report.kind = REPORT_BAD;
    if (!copy || report_read(&job->report, memcpy(copy, line, len), len)) {
        free(copy);
        job->report = (struct report) { .kind = REPORT_BAD };
        explain(&job->report.why, PIPEPOLL_ENOMEM, "out of memory");
        return;
    }
    job->report_text = copy;
    job->report_len = len;
    mask(job, job->report.message);
    mask(job, job->report.summary);
}

static void bad_line(struct exec_job *job)
{
    forget_report(job);
    job->report.kind = REPORT_BAD;
    explain(&job->report.why, PIPEPOLL_EPROTO, "its line has more than %d bytes", EXEC_LINE_MAX);
}

static void take_progress(struct exec_job *job, char *line, size_t len)
{
    struct report progress;
    if (report_read(&progress, line, len) || progress.kind != REPORT_PROGRESS) {
        job->other_lines++;
        return;
    }
    mask(job, progress.summary);
    if (job->events->progress)
        job->events->progress(job->ctx, &progress);
}

static void on_out_line(void *ctx, char *line, size_t len, bool cut)
{
    struct exec_job *job = ctx;
    str text = { line, len };
    if (report_begins_result(text, NULL) && cut)
        bad_line(job);
    else if (cut)
        job->other_lines++;
    else if (report_begins_result(text, NULL))
        keep_report(job, line, len);
    else if (str_trim(text).len)
        take_progress(job, line, len);
}

/* --- the end --- */

static bool may_pass(int error)
{
    return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM ||
           error == ETIMEDOUT || error == ENOSYS;
}

static enum pipepoll_failure_type failure_of_start(const struct subprocess_result *end)
{
    return end->timed_out || end->stage == LAUNCH_PROCESS || may_pass(end->code)
               ? PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE
               : PIPEPOLL_FAILURE_CONFIGURATION;
}

static enum pipepoll_failure_type failure_of_code(int code)
{
    return code == EX_TEMPFAIL ? PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE
           : code == EX_NOPERM ? PIPEPOLL_FAILURE_PERMISSION
           : code == EX_CONFIG ? PIPEPOLL_FAILURE_CONFIGURATION
                               : PIPEPOLL_FAILURE_JOB;
}

/* In one sentence, why there is no success. */
static void explain_end(struct exec_job *job, const struct subprocess_result *end, struct buf *b)
{
    if (end->stopped)
        buf_printf(b, "%s was stopped before it ended", job->program);
    else if (end->timed_out)
        buf_printf(b, "%s did not end within %u.%03u s, and was stopped", job->program,
                   job->timeout_ms / 1000, job->timeout_ms % 1000);
    else
        subprocess_explain(b, job->program, end);
}

static enum pipepoll_failure_type failure_of(const struct subprocess_result *end)
{
    if (end->end == SUBPROCESS_NO_START)
        return end->stopped ? PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE : failure_of_start(end);
    if (end->stopped)
        return PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE;
    if (end->end == SUBPROCESS_EXITED && !end->timed_out)
        return failure_of_code(end->code);
    return PIPEPOLL_FAILURE_JOB;
}

/* What the program said last tells more than its exit code. */
static void judge_end(struct exec_job *job, const struct subprocess_result *end,
                      struct report *report)
{
    struct buf b = BUF_ON(job->message);
    *report = (struct report) { .kind = REPORT_SUCCEEDED };
    if (end->end == SUBPROCESS_EXITED && !end->code && !end->timed_out && !end->stopped)
        return;
    report->kind = REPORT_FAILED;
    report->failure = failure_of(end);
    explain_end(job, end, &b);
    report->message = buf_str(&b);
    bool by_itself = end->end == SUBPROCESS_EXITED && !end->timed_out && !end->stopped;
    if (by_itself && job->last_len)
        report->message =
            report_cut(str_trim((str) { job->last_line, job->last_len }), REPORT_MESSAGE_MAX);
}

static void judge_bad(struct exec_job *job, struct report *report)
{
    struct buf b = BUF_ON(job->message);
    buf_printf(&b, "the result of %s is not understood: %.300s", job->program, report->why.text);
    *report = (struct report) { .kind = REPORT_FAILED,
                                .failure = PIPEPOLL_FAILURE_JOB,
                                .message = buf_str(&b) };
}

static void complete_failure(struct exec_job *job, struct report *report)
{
    struct buf b = BUF_ON(job->message);
    if (report->message.len)
        return;
    report->message = report->summary;
    if (report->message.len)
        return;
    buf_printf(&b, "%s reported a failure without a message", job->program);
    report->message = job->last_len
                          ? report_cut((str) { job->last_line, job->last_len }, REPORT_MESSAGE_MAX)
                          : buf_str(&b);
}

void exec_output_judge(struct exec_job *job, const struct subprocess_result *end,
                       struct handler_result *out)
{
    *out = (struct handler_result) { .report = job->report,
                                     .other_lines = job->other_lines,
                                     .left_out = job->left_out };
    switch (job->report.kind) {
    case REPORT_OTHER:
    case REPORT_PROGRESS:
        out->stopped = end->stopped;
        judge_end(job, end, &out->report);
        return;
    case REPORT_BAD:
        judge_bad(job, &out->report);
        return;
    case REPORT_FAILED:
        complete_failure(job, &out->report);
        return;
    case REPORT_SUCCEEDED:
    case REPORT_CONTINUE:
        return;
    }
}

/* --- both streams --- */

void exec_output_init(struct exec_job *job)
{
    job->out = (struct lines) {
        .at = job->out_line, .cap = sizeof job->out_line, .on_line = on_out_line, .ctx = job
    };
    job->err = (struct lines) {
        .at = job->err_line, .cap = sizeof job->err_line, .on_line = on_err_line, .ctx = job
    };
}

void exec_output_put(struct exec_job *job, int fd, str bytes)
{
    lines_put(fd == SUBPROCESS_STDOUT ? &job->out : &job->err, bytes);
}

void exec_output_end(struct exec_job *job)
{
    char text[160];
    struct buf b = BUF_ON(text);
    lines_end(&job->out);
    lines_end(&job->err);
    if (job->left_out)
        buf_printf(&b, "%llu line%s of stderr left out", (unsigned long long)job->left_out,
                   plural(job->left_out));
    if (job->other_lines)
        buf_printf(&b, "%s%llu line%s of stdout %s neither progress nor a result",
                   job->left_out ? "; " : "", (unsigned long long)job->other_lines,
                   plural(job->other_lines), job->other_lines == 1 ? "is" : "are");
    if (b.len)
        log_job(job, PIPEPOLL_WARNING, buf_str(&b));
}

void exec_output_deinit(struct exec_job *job)
{
    forget_report(job);
    secrets_deinit(&job->secrets);
}
