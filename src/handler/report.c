/* SPDX-License-Identifier: MIT */
/* A line is parsed only if it may be an object: programs print much else. What is wrong with a
 * result is told, since a job that ran for hours must not fail for a reason that nobody can see. */
#include "handler/report.h"

#include <stdlib.h>

#include "aws/json.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "base/nearest.h"

enum { TOKENS = 64, PERCENT_MAX = 100, DIGITS_MAX = 12 };

static const struct {
    str name;
    enum report_kind kind;
} statuses[] = { { STR_INIT("succeeded"), REPORT_SUCCEEDED },
                 { STR_INIT("failed"), REPORT_FAILED },
                 { STR_INIT("continue"), REPORT_CONTINUE } };
enum { STATUSES = sizeof statuses / sizeof *statuses };

/* One object of a line. `bad` is sticky: the first trouble is the one that is told. */
struct reading {
    struct json *json;
    int object;
    struct pipepoll_error *why;
    bool bad;
};

str report_cut(str text, size_t most)
{
    size_t len = 0, characters = 0;
    for (; len < text.len; len++)
        if (((unsigned char)text.ptr[len] & 0xc0) != 0x80 && characters++ == most)
            break;
    return (str) { text.ptr, len };
}

/* --- members --- */

static int member(struct reading *r, const char *name)
{
    int node = json_member(r->json, r->object, name);
    return node != JSON_NONE && json_type(r->json, node) == JSON_NULL ? JSON_NONE : node;
}

static bool has_type(struct reading *r, int node, const char *name, enum json_type want,
                     const char *what)
{
    if (json_type(r->json, node) == want)
        return true;
    if (!r->bad)
        explain(r->why, PIPEPOLL_EPROTO, "%s is %s, not %s", name,
                json_type_name(json_type(r->json, node)), what);
    r->bad = true;
    return false;
}

static str read_text(struct reading *r, const char *name)
{
    int node = member(r, name);
    if (node == JSON_NONE || !has_type(r, node, name, JSON_STRING, "a string"))
        return (str) { NULL, 0 };
    return json_text(r->json, node);
}

static str read_cut(struct reading *r, const char *name, size_t most)
{
    return report_cut(read_text(r, name), most);
}

/* Cut, it would be another. */
static str read_whole(struct reading *r, const char *name, size_t most)
{
    str text = read_text(r, name);
    if (report_cut(text, most).len == text.len)
        return text;
    if (!r->bad)
        explain(r->why, PIPEPOLL_EPROTO, "%s has more than %zu characters", name, most);
    r->bad = true;
    return (str) { NULL, 0 };
}

/* A whole number from 0 to most. false: it is not there, or wrong. */
static bool read_number(struct reading *r, const char *name, int64_t most, int64_t *out)
{
    int node = member(r, name);
    if (node == JSON_NONE || !has_type(r, node, name, JSON_NUMBER, "a number"))
        return false;
    str digits = json_scalar(r->json, node);
    int64_t number = 0;
    bool right = digits.len <= DIGITS_MAX;
    for (size_t i = 0; right && i < digits.len; i++) {
        right = ascii_is_digit(digits.ptr[i]);
        number = number * 10 + (digits.ptr[i] - '0');
    }
    *out = number;
    if (right && number <= most)
        return true;
    if (!r->bad)
        explain(r->why, PIPEPOLL_EPROTO, "%s is %.*s, not a whole number from 0 to %lld", name,
                (int)(digits.len < 40 ? digits.len : 40), digits.ptr, (long long)most);
    r->bad = true;
    return false;
}

static void read_percent(struct reading *r, struct report *out, const char *name)
{
    int64_t percent = 0;
    out->has_percent = read_number(r, name, PERCENT_MAX, &percent);
    out->percent = (uint32_t)percent;
}

/* --- a result --- */

static void bad_word(struct reading *r, const char *name, struct nearest *near,
                     const char *there_are)
{
    char hint[96];
    str word = near->word;
    if (!r->bad)
        explain(r->why, PIPEPOLL_EPROTO, "%s is \"%.*s\"%s: there are %s", name,
                (int)(word.len < 60 ? word.len : 60), word.ptr,
                nearest_hint(near, hint, sizeof hint), there_are);
    r->bad = true;
}

static enum report_kind read_status(struct reading *r)
{
    str word = read_text(r, "status");
    struct nearest near = nearest_to(word);
    if (!word.len && !r->bad) {
        explain(r->why, PIPEPOLL_EPROTO, "it has no status");
        r->bad = true;
    }
    for (size_t i = 0; i < STATUSES; i++) {
        if (str_eq(word, statuses[i].name))
            return statuses[i].kind;
        nearest_try(&near, statuses[i].name);
    }
    bad_word(r, "status", &near, "succeeded, failed and continue");
    return REPORT_BAD;
}

static enum pipepoll_failure_type read_failure(struct reading *r)
{
    str word = read_text(r, "failureType");
    struct nearest near = nearest_to(word);
    if (!word.len)
        return PIPEPOLL_FAILURE_JOB;
    for (unsigned i = 0; pipepoll_failure_type_name(i); i++) {
        str name = str_of(pipepoll_failure_type_name(i));
        if (str_eq(word, name))
            return (enum pipepoll_failure_type)i;
        nearest_try(&near, name);
    }
    bad_word(r, "failureType", &near,
             "JobFailed, ConfigurationError, PermissionError, RevisionOutOfSync, "
             "RevisionUnavailable and SystemUnavailable");
    return PIPEPOLL_FAILURE_JOB;
}

static void read_revision(struct reading *r, struct report *out)
{
    int node = member(r, "revision");
    if (node == JSON_NONE || !has_type(r, node, "revision", JSON_OBJECT, "an object"))
        return;
    struct reading inner = { r->json, node, r->why, r->bad };
    out->has_revision = true;
    out->revision = read_whole(&inner, "revision", REPORT_REVISION_MAX);
    out->change_identifier = read_whole(&inner, "changeIdentifier", REPORT_CHANGE_MAX);
    out->revision_summary = read_cut(&inner, "summary", REPORT_SUMMARY_MAX);
    if (!read_number(&inner, "created", INT64_C(253402300799), &out->revision_created_s))
        out->revision_created_s = 0;
    r->bad = inner.bad;
    if (!r->bad && (!out->revision.len || !out->change_identifier.len)) {
        explain(r->why, PIPEPOLL_EPROTO, "revision needs both revision and changeIdentifier");
        r->bad = true;
    }
}

/* They stay as they are: whoever wants them has memory for them. */
static void read_variables(struct reading *r, struct report *out)
{
    int node = member(r, "outputVariables");
    if (node == JSON_NONE || !has_type(r, node, "outputVariables", JSON_OBJECT, "an object"))
        return;
    for (int key = json_first(r->json, node); key != JSON_NONE; key = json_next(r->json, key)) {
        if (!has_type(r, json_value(key), "a value of outputVariables", JSON_STRING, "a string"))
            return;
        out->variable_count++;
    }
    out->variables = json_raw(r->json, node);
}

static void read_result(struct reading *r, struct report *out)
{
    out->kind = read_status(r);
    out->summary = read_cut(r, "summary", REPORT_SUMMARY_MAX);
    out->execution_id = read_whole(r, "externalExecutionId", REPORT_EXECUTION_ID_MAX);
    read_percent(r, out, "percentComplete");
    out->failure = read_failure(r);
    out->message = read_cut(r, "message", REPORT_MESSAGE_MAX);
    out->continuation_token = read_whole(r, "continuationToken", REPORT_TOKEN_MAX);
    read_revision(r, out);
    read_variables(r, out);
    if (!r->bad && out->kind == REPORT_CONTINUE && !out->continuation_token.len) {
        explain(r->why, PIPEPOLL_EPROTO, "status is continue, and there is no continuationToken");
        r->bad = true;
    }
    if (r->bad)
        out->kind = REPORT_BAD;
}

static void read_progress(struct reading *r, struct report *out)
{
    out->kind = REPORT_PROGRESS;
    out->summary = read_cut(r, "summary", REPORT_SUMMARY_MAX);
    out->execution_id = read_whole(r, "externalExecutionId", REPORT_EXECUTION_ID_MAX);
    read_percent(r, out, "percent");
    if (r->bad)
        out->kind = REPORT_OTHER;
}

static void read_parsed(struct report *out, struct json *j)
{
    struct reading r = { .json = j, .object = JSON_ROOT, .why = &out->why };
    int result = member(&r, "result"), progress = member(&r, "progress");
    out->job_id = json_member_text(j, JSON_ROOT, "jobId");
    r.object = result != JSON_NONE ? result : progress;
    if (r.object == JSON_NONE)
        return;
    bool is_object = has_type(&r, r.object, "result", JSON_OBJECT, "an object");
    if (!is_object)
        out->kind = result != JSON_NONE ? REPORT_BAD : REPORT_OTHER;
    else if (result != JSON_NONE)
        read_result(&r, out);
    else
        read_progress(&r, out);
}

/* --- a line that need not be whole --- */

static bool take(str *rest, str what)
{
    str at = str_trim(*rest);
    if (!str_starts(at, what))
        return false;
    *rest = str_skip(at, what.len);
    return true;
}

/* `"jobId": "...",`: without that, *rest stays where it is. */
static str take_job_id(str *rest)
{
    str at = *rest, none = { NULL, 0 };
    if (!take(&at, STR("\"jobId\"")) || !take(&at, STR(":")) || !take(&at, STR("\"")))
        return none;
    str job_id = { at.ptr, str_find(at, '"') };
    at = str_skip(at, job_id.len);
    if (!take(&at, STR("\"")) || !take(&at, STR(",")))
        return none;
    *rest = at;
    return job_id;
}

bool report_begins_result(str line, str *job_id)
{
    str rest = line, id = { NULL, 0 };
    bool is_object = take(&rest, STR("{"));
    if (is_object)
        id = take_job_id(&rest);
    if (job_id)
        *job_id = id;
    return is_object && take(&rest, STR("\"result\""));
}

int report_read(struct report *out, char *line, size_t len)
{
    struct json_token some[TOKENS], *tokens = some, *more = NULL;
    struct json j;
    *out = (struct report) { .kind = REPORT_OTHER };
    if (!str_starts(str_trim((str) { line, len }), STR("{")))
        return PIPEPOLL_OK;
    int r = json_parse(&j, line, len, tokens, TOKENS, &out->why);
    if (r == JSON_NEED_TOKENS) {
        size_t needed = j.tokens_needed;
        more = tokens = calloc(needed, sizeof *more);
        if (!more)
            return PIPEPOLL_ENOMEM;
        r = json_parse(&j, line, len, tokens, needed, &out->why);
    }
    if (r == JSON_OK)
        read_parsed(out, &j);
    else if (report_begins_result((str) { line, len }, &out->job_id))
        out->kind = REPORT_BAD;
    free(more);
    return PIPEPOLL_OK;
}

int report_copy(struct report *out, void **block, const struct report *in)
{
    size_t size = in->summary.len + in->execution_id.len + in->message.len +
                  in->continuation_token.len + in->revision.len + in->change_identifier.len +
                  in->revision_summary.len + in->variables.len;
    char *at = malloc(size ? size : 1);
    if (!at)
        return PIPEPOLL_ENOMEM;
    *block = at;
    *out = *in;
    out->summary = str_keep(&at, in->summary);
    out->execution_id = str_keep(&at, in->execution_id);
    out->message = str_keep(&at, in->message);
    out->continuation_token = str_keep(&at, in->continuation_token);
    out->revision = str_keep(&at, in->revision);
    out->change_identifier = str_keep(&at, in->change_identifier);
    out->revision_summary = str_keep(&at, in->revision_summary);
    out->variables = str_keep(&at, in->variables);
    return PIPEPOLL_OK;
}

int report_variables(struct pipepoll_variable **out, const struct report *in)
{
    size_t count = in->variable_count, token_count = 2 * count + 1, i = 0;
    struct json j;
    *out = NULL;
    if (!count)
        return PIPEPOLL_OK;
    struct pipepoll_variable *variables = malloc(
        count * sizeof *variables + token_count * sizeof(struct json_token) + in->variables.len);
    if (!variables)
        return PIPEPOLL_ENOMEM;
    struct json_token *tokens = (void *)(variables + count);
    char *text = (char *)(tokens + token_count);
    memcpy(text, in->variables.ptr, in->variables.len);
    json_parse(&j, text, in->variables.len, tokens, token_count, NULL); /* as it was parsed once */
    for (int key = json_first(&j, JSON_ROOT); i < count; key = json_next(&j, key), i++) {
        variables[i].name = json_text(&j, key);
        variables[i].value = json_text(&j, json_value(key));
    }
    *out = variables;
    return PIPEPOLL_OK;
}
