/* SPDX-License-Identifier: MIT */
/* What a program says on stdout: each line that is a JSON object with one of these members counts,
 *
 *     {"progress": {"percent": 40, "summary": "...", "externalExecutionId": "..."}}
 *     {"result": {"status": "succeeded" | "failed" | "continue", "summary": "...",
 *                 "externalExecutionId": "...", "percentComplete": 100,
 *                 "failureType": "JobFailed", "message": "...", "continuationToken": "...",
 *                 "revision": {"revision": "...", "changeIdentifier": "...", "summary": "...",
 *                              "created": 1764360000},
 *                 "outputVariables": {"NAME": "...", ...}}}
 *
 * and all but status may be left out, but for the token of a "continue". A program that has several
 * jobs says which one it is about: {"jobId": "...", "result": ...}. Pure. */
#ifndef HANDLER_REPORT_H
#define HANDLER_REPORT_H

#include <stdint.h>

#include "base/str.h"
#include "pipepoll/worker.h"

/* The limits of the API, in characters. */
enum {
    REPORT_MESSAGE_MAX = 5000,
    REPORT_SUMMARY_MAX = 2048,
    REPORT_EXECUTION_ID_MAX = 1500,
    REPORT_TOKEN_MAX = 2048,
    REPORT_REVISION_MAX = 1500,
    REPORT_CHANGE_MAX = 100
};

enum report_kind {
    REPORT_OTHER, /* no line of ours */
    REPORT_PROGRESS,
    REPORT_SUCCEEDED,
    REPORT_CONTINUE,
    REPORT_FAILED,
    REPORT_BAD /* a result that is not understood: why */
};

struct report {
    enum report_kind kind;
    str job_id;                /* of the line, whatever its kind; empty: it says none */
    str summary, execution_id; /* may be empty, as all texts but that of their kind */
    bool has_percent;
    uint32_t percent;
    enum pipepoll_failure_type failure; /* of FAILED, with message */
    str message;
    str continuation_token; /* of CONTINUE */
    bool has_revision;
    str revision, change_identifier, revision_summary;
    int64_t revision_created_s; /* Unix time; 0: not said */
    str variables; /* of SUCCEEDED, as JSON: an object of texts; see report_variables() */
    size_t variable_count;
    struct pipepoll_error why;
};

/* Read a line, which is changed, and which the texts lie in. Summaries and messages are cut to
 * their limits; what else is too long, or of the wrong type, makes a result BAD, and progress that
 * is wrong OTHER. PIPEPOLL_ENOMEM. */
int report_read(struct report *out, char *line, size_t len);

/* A copy whose texts lie in *block, which is to be freed. PIPEPOLL_ENOMEM. */
int report_copy(struct report *out, void **block, const struct report *in);

/* The output variables, as many as variable_count says, in one block with their texts, which is to
 * be freed; NULL for none. Whether they are right the worker says. PIPEPOLL_ENOMEM. */
int report_variables(struct pipepoll_variable **out, const struct report *in);

/* Is this the beginning of a result, whole or not? One that cannot be read must not pass for none,
 * for the exit code would decide then. job_id (may be NULL) becomes that which stands before it, as
 * it is written, or empty. */
bool report_begins_result(str line, str *job_id);

/* At most `most` characters of text; only whole ones. */
str report_cut(str text, size_t most);

#endif
