/* SPDX-License-Identifier: MIT */
/* What the program says: lines of stdout are progress and results of the jobs that it has, lines of
 * stderr go to the log. All of it is hostile: it may be about another's job, or none, or come
 * twice, and hold the secrets of any job that the program has seen. */
#include "handler/stdio_job.h"

enum { BEGINNING_MAX = 120 };

static void mask_list(struct list *jobs, char *text, size_t len, bool cut)
{
    for (struct list *l = jobs->next; l != jobs; l = l->next)
        secrets_mask(&stdio_job_of(l)->secrets, text, len, cut);
}

static void mask(struct stdio_handler *h, char *text, size_t len, bool cut)
{
    mask_list(&h->held, text, len, cut);
    mask_list(&h->stopping, text, len, cut);
    stdio_log_mask(&h->log, text, len, cut);
}

static void mask_text(struct stdio_handler *h, str text)
{
    mask(h, (char *)(uintptr_t)text.ptr, text.len, false);
}

static bool admit(struct stdio_handler *h, size_t len)
{
    return stdio_log_admit(&h->log, uv_now(h->timer.loop), len);
}

/* --- stderr --- */

/* With a single job in hand, it is about that one. */
static struct stdio_job *only_job(struct stdio_handler *h)
{
    if (h->in_hand != 1)
        return NULL;
    return stdio_job_of(list_empty(&h->held) ? h->stopping.next : h->held.next);
}

static void log_error(struct stdio_handler *h, str text)
{
    char room[STDIO_HANDLER_LOG_LINE_MAX + 600];
    struct buf line = BUF_ON(room);
    struct stdio_job *job = only_job(h);
    if (!job || !job->events->log) {
        stdio_log_put(&h->log, PIPEPOLL_INFO, text);
        return;
    }
    buf_printf(&line, "job %.*s: ", STR_ARG(job->id));
    buf_put(&line, text);
    job->events->log(job->ctx, PIPEPOLL_INFO, buf_str(&line));
}

void stdio_answer_on_error(void *handler, char *line, size_t len, bool cut)
{
    struct stdio_handler *h = handler;
    mask(h, line, len, cut);
    len = lines_clean(line, len, cut);
    stdio_worker_keep_line(&h->worker, (str) { line, len });
    if (admit(h, len))
        log_error(h, (str) { line, len });
}

/* --- stdout --- */

static struct stdio_job *find_in(struct list *jobs, str id)
{
    for (struct list *l = jobs->next; l != jobs; l = l->next)
        if (str_eq(stdio_job_of(l)->id, id))
            return stdio_job_of(l);
    return NULL;
}

static struct stdio_job *find(struct stdio_handler *h, str id)
{
    struct stdio_job *job = id.len ? find_in(&h->held, id) : NULL;
    return job || !id.len ? job : find_in(&h->stopping, id);
}

static void log_stray(struct stdio_handler *h, bool says_a_job, char *beginning, size_t len,
                      bool cut)
{
    char room[BEGINNING_MAX + 100];
    struct buf text = BUF_ON(room);
    mask(h, beginning, len, cut);
    len = lines_clean(beginning, len, cut);
    buf_printf(&text, "a line of stdout is about %s: ",
               says_a_job ? "a job that it does not have" : "no job");
    buf_put(&text, (str) { beginning, len });
    if (admit(h, text.len))
        stdio_log_put(&h->log, PIPEPOLL_WARNING, buf_str(&text));
}

static void read_line(struct report *out, char *line, size_t len, bool cut)
{
    str job_id, text = { line, len };
    bool is_result = report_begins_result(text, &job_id);
    if (!cut && !report_read(out, line, len))
        return;
    *out = (struct report) { .kind = is_result ? REPORT_BAD : REPORT_OTHER, .job_id = job_id };
    if (cut)
        explain(&out->why, PIPEPOLL_EPROTO, "its line has more than %d bytes",
                STDIO_HANDLER_LINE_MAX);
    else
        explain(&out->why, PIPEPOLL_ENOMEM, "out of memory");
}

static void take_bad(struct stdio_handler *h, struct stdio_job *job, const struct report *bad)
{
    struct buf b = BUF_ON(job->message);
    buf_printf(&b, "the result of %s is not understood: %.300s", h->worker.program, bad->why.text);
    mask(h, b.at, b.len, false);
    stdio_job_tell(h, job,
                   &(struct report) { .kind = REPORT_FAILED,
                                      .failure = PIPEPOLL_FAILURE_JOB,
                                      .message = buf_str(&b) });
}

static void take_result(struct stdio_handler *h, struct stdio_job *job, struct report *report)
{
    struct buf b = BUF_ON(job->message);
    mask_text(h, report->summary);
    mask_text(h, report->message);
    if (report->kind == REPORT_FAILED && !report->message.len)
        report->message = report->summary;
    if (report->kind == REPORT_FAILED && !report->message.len) {
        buf_printf(&b, "%s reported a failure without a message", h->worker.program);
        report->message = buf_str(&b);
    }
    stdio_job_tell(h, job, report);
}

static void take_progress(struct stdio_handler *h, struct stdio_job *job,
                          const struct report *progress)
{
    mask_text(h, progress->summary);
    if (job->events->progress)
        job->events->progress(job->ctx, progress);
}

static void take(struct stdio_handler *h, struct stdio_job *job, struct report *report)
{
    switch (report->kind) {
    case REPORT_OTHER:
        job->other_lines++;
        return;
    case REPORT_PROGRESS:
        take_progress(h, job, report);
        return;
    case REPORT_BAD:
        take_bad(h, job, report);
        return;
    case REPORT_SUCCEEDED:
    case REPORT_CONTINUE:
    case REPORT_FAILED:
        take_result(h, job, report);
        return;
    }
}

void stdio_answer_on_output(void *handler, char *line, size_t len, bool cut)
{
    struct stdio_handler *h = handler;
    char beginning[BEGINNING_MAX];
    size_t kept = len < BEGINNING_MAX ? len : BEGINNING_MAX;
    struct report report;
    if (!str_trim((str) { line, len }).len)
        return;
    memcpy(beginning, line, kept);
    read_line(&report, line, len, cut);
    struct stdio_job *job = find(h, report.job_id);
    if (job)
        take(h, job, &report);
    else
        log_stray(h, report.job_id.len != 0, beginning, kept, cut || kept < len);
    explicit_bzero(beginning, sizeof beginning);
}
