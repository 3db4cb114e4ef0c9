/* SPDX-License-Identifier: MIT */
/* What a web service says is hostile: it is bounded, and before it is quoted anywhere secrets are
 * masked and control characters go. JSON is quoted by its members alone: in the text as it stands,
 * an escaped secret would pass for something else. */
#include <stdarg.h>
#include <stdio.h>

#include "aws/json.h"
#include "base/log.h"
#include "handler/lines.h"
#include "handler/webhook_run.h"

enum {
    STATUS_OK = 200,
    STATUS_ACCEPTED = 202,
    STATUS_TIMEOUT = 408,
    STATUS_EARLY = 425,
    STATUS_MANY = 429,
    TOKENS = 64,
    LOG_LINE_MAX = 1024
};

/* --- texts --- */

void webhook_log(struct webhook_run *run, enum pipepoll_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;
    if (!run->events->log)
        return;
    int head = snprintf(line, sizeof line,
                        "job %.*s: ", (int)(run->id.len < 256 ? run->id.len : 256), run->id.ptr);
    va_start(args, format);
    int rest = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
    va_end(args);
    size_t len = strnlen(line, sizeof line);
    run->events->log(run->ctx, level,
                     (str) { line, lines_clean(line, len, rest >= (int)sizeof line - head) });
}

void webhook_fail(struct webhook_run *run, enum pipepoll_failure_type failure, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(run->message, sizeof run->message, format, args);
    va_end(args);
    bool cut = len >= (int)sizeof run->message;
    size_t kept = strnlen(run->message, sizeof run->message);
    run->result = (struct handler_result) {
        .report = { .kind = REPORT_FAILED,
                    .failure = failure,
                    .message = { run->message, lines_clean(run->message, kept, cut) } }
    };
}

static str masked(struct webhook_run *run, str text)
{
    secrets_mask(&run->secrets, (char *)(uintptr_t)text.ptr, text.len, false);
    return text;
}

/* The words of an error in JSON: "message", or "error". */
static str words_of_json(char *text, size_t len)
{
    struct json_token tokens[TOKENS];
    struct json j;
    if (json_parse(&j, text, len, tokens, TOKENS, NULL))
        return STR("");
    str words = json_member_text(&j, JSON_ROOT, "message");
    return words.len ? words : json_member_text(&j, JSON_ROOT, "error");
}

static bool looks_like_json(str text)
{
    return text.len && strchr("{[\"", text.ptr[0]);
}

/* What the answer says, fit to be quoted, behind ": "; or nothing. */
static const char *quote(struct webhook_run *run, char text[WEBHOOK_TEXT_MAX + 8])
{
    struct http_call *c = &run->call;
    str said = str_trim((str) { c->answer, c->answer_len });
    struct buf out = { .at = text, .cap = WEBHOOK_TEXT_MAX + 8 };
    if (looks_like_json(said))
        said = words_of_json((char *)(uintptr_t)said.ptr, said.len);
    masked(run, said);
    bool cut = said.len > WEBHOOK_TEXT_MAX;
    said.len = cut ? WEBHOOK_TEXT_MAX : said.len;
    said.len = lines_clean((char *)(uintptr_t)said.ptr, said.len, cut);
    if (said.len)
        buf_put(&out, STR(": "));
    buf_put(&out, said);
    if (cut)
        buf_put(&out, STR("..."));
    return buf_cstr(&out);
}

/* --- reports --- */

static void keep_result(struct webhook_run *run, const struct report *report)
{
    run->result = (struct handler_result) { .report = *report };
    struct report *kept = &run->result.report;
    if (kept->kind != REPORT_FAILED || kept->message.len)
        return;
    if (kept->summary.len) {
        kept->message = kept->summary;
        return;
    }
    int len = snprintf(run->message, sizeof run->message,
                       "%.*s reported a failure without a message", STR_ARG(run->host));
    kept->message = (str) { run->message, (size_t)len };
}

enum report_kind webhook_read(struct webhook_run *run, char *text, size_t len,
                              struct pipepoll_error *why)
{
    struct report report;
    if (report_read(&report, text, len)) {
        explain(why, PIPEPOLL_ENOMEM, "out of memory");
        return REPORT_BAD;
    }
    masked(run, report.summary);
    masked(run, report.message);
    switch (report.kind) {
    case REPORT_OTHER:
        explain(why, PIPEPOLL_EPROTO,
                "it is neither {\"progress\": {...}} nor {\"result\": {...}}");
        break;
    case REPORT_BAD:
        explain(why, PIPEPOLL_EPROTO, "%s", report.why.text);
        masked(run, str_of(why->text));
        break;
    case REPORT_PROGRESS:
        if (run->events->progress)
            run->events->progress(run->ctx, &report);
        break;
    case REPORT_SUCCEEDED:
    case REPORT_CONTINUE:
    case REPORT_FAILED:
        keep_result(run, &report);
        break;
    }
    return report.kind;
}

/* --- answers --- */

static enum webhook_verdict judge_ok(struct webhook_run *run)
{
    struct http_call *c = &run->call;
    struct pipepoll_error why;
    enum report_kind kind = webhook_read(run, c->answer, c->answer_len, &why);
    if (kind == REPORT_PROGRESS)
        explain(&why, PIPEPOLL_EPROTO, "it is progress, and no result");
    if (kind == REPORT_PROGRESS || kind == REPORT_BAD || kind == REPORT_OTHER)
        webhook_fail(run, PIPEPOLL_FAILURE_JOB, "the result of %.*s is not understood: %s",
                     STR_ARG(run->host), why.text);
    return WEBHOOK_RESULT;
}

/* It may say progress, such as the id that it gave the job. */
static enum webhook_verdict judge_accepted(struct webhook_run *run)
{
    struct http_call *c = &run->call;
    struct pipepoll_error why;
    if (!run->callback.take) {
        webhook_fail(run, PIPEPOLL_FAILURE_CONFIGURATION,
                     "%.*s answered 202, to call back, and no address for call-backs is set",
                     STR_ARG(run->host));
        return WEBHOOK_RESULT;
    }
    enum report_kind kind =
        c->answer_len ? webhook_read(run, c->answer, c->answer_len, &why) : REPORT_OTHER;
    bool has_result = kind == REPORT_SUCCEEDED || kind == REPORT_CONTINUE || kind == REPORT_FAILED;
    return has_result ? WEBHOOK_RESULT : WEBHOOK_LATER;
}

static enum webhook_verdict judge_redirect(struct webhook_run *run)
{
    str location = run->call.location;
    masked(run, location);
    webhook_fail(run, PIPEPOLL_FAILURE_CONFIGURATION,
                 "%.*s answered %d, a redirect%s%.*s, which is not followed", STR_ARG(run->host),
                 run->call.status, location.len ? " to " : "", STR_ARG(location));
    return WEBHOOK_RESULT;
}

static bool may_pass(int status)
{
    return status == STATUS_TIMEOUT || status == STATUS_EARLY || status == STATUS_MANY ||
           status >= 500;
}

static enum webhook_verdict judge_status(struct webhook_run *run)
{
    char text[WEBHOOK_TEXT_MAX + 8];
    int status = run->call.status;
    if (status == STATUS_OK)
        return judge_ok(run);
    if (status == STATUS_ACCEPTED)
        return judge_accepted(run);
    if (status / 100 == 3)
        return judge_redirect(run);
    if (may_pass(status)) {
        snprintf(run->trouble, sizeof run->trouble, "it answered %d%s", status, quote(run, text));
        return WEBHOOK_TROUBLE;
    }
    if (status / 100 == 4)
        webhook_fail(run, PIPEPOLL_FAILURE_JOB, "%.*s answered %d%s", STR_ARG(run->host), status,
                     quote(run, text));
    else
        webhook_fail(run, PIPEPOLL_FAILURE_JOB,
                     "%.*s answered %d, which is neither 200 with a result nor 202",
                     STR_ARG(run->host), status);
    return WEBHOOK_RESULT;
}

enum webhook_verdict webhook_judge(struct webhook_run *run)
{
    struct http_call *c = &run->call;
    if (!c->problem)
        return judge_status(run);
    if (c->is_unsendable || (c->is_too_long && !may_pass(c->status))) {
        webhook_fail(run, c->is_unsendable ? PIPEPOLL_FAILURE_CONFIGURATION : PIPEPOLL_FAILURE_JOB,
                     "%.*s: %s", STR_ARG(run->host), c->problem);
        return WEBHOOK_RESULT;
    }
    snprintf(run->trouble, sizeof run->trouble, "%s", c->problem);
    masked(run, str_of(run->trouble)); /* it may quote the answer */
    return WEBHOOK_TROUBLE;
}
