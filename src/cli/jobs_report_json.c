/* SPDX-License-Identifier: MIT */
/* A line for each job, as `pipepoll run` prints jobs; what is not there yet is null. */
#include <stdio.h>

#include "base/jsontext.h"
#include "cli/jobs_report.h"
#include "daemon/event.h"
#include "store/journal_variables.h"

/* From 0: null. */
static void put_ms(struct buf *out, const char *name, int64_t from_ms, int64_t to_ms)
{
    if (from_ms)
        jsontext_count(out, name, to_ms > from_ms ? (uint64_t)(to_ms - from_ms) : 0);
    else
        jsontext_null(out, name);
}

static void put_revision(struct buf *out, const struct pipepoll_revision *revision)
{
    jsontext_open(out, "currentRevision", '{');
    jsontext_member(out, "revision", revision->revision);
    jsontext_member(out, "changeIdentifier", revision->change_identifier);
    jsontext_member_if(out, "revisionSummary", revision->summary);
    if (revision->created_s)
        jsontext_instant(out, "created", revision->created_s * 1000);
    buf_put_char(out, '}');
}

static void put_variables(struct buf *out, str variables)
{
    struct pipepoll_variable v;
    if (!variables.len)
        return;
    jsontext_open(out, "outputVariables", '{');
    while (journal_variables_next(&variables, &v)) {
        jsontext_name(out, v.name);
        jsontext_string(out, v.value);
    }
    buf_put_char(out, '}');
}

static void put_success(struct buf *out, const struct pipepoll_success *s, str variables)
{
    jsontext_open(out, "result", '{');
    jsontext_member(out, "kind", STR("success"));
    jsontext_member_if(out, "summary", s->summary);
    jsontext_member_if(out, "externalExecutionId", s->execution_id);
    if (s->has_percent)
        jsontext_count(out, "percentComplete", s->percent_complete);
    if (s->revision)
        put_revision(out, s->revision);
    put_variables(out, variables);
    buf_put_char(out, '}');
}

static void put_failure(struct buf *out, const struct pipepoll_job_failure *f)
{
    jsontext_open(out, "result", '{');
    jsontext_member(out, "kind", STR("failure"));
    jsontext_member(out, "type", str_of(pipepoll_failure_type_name(f->type)));
    jsontext_member(out, "message", f->message);
    jsontext_member_if(out, "externalExecutionId", f->execution_id);
    buf_put_char(out, '}');
}

static void put_result(struct buf *out, const struct journal_change *note)
{
    const struct pipepoll_journal_entry *e = &note->entry;
    if (e->success)
        put_success(out, e->success, note->variables);
    else if (e->failure)
        put_failure(out, e->failure);
    else
        jsontext_null(out, "result");
}

static void put_state(struct buf *out, const struct jobs_item *item, int64_t now_ms)
{
    jsontext_member(out, "state", str_of(jobs_item_state(item)));
    jsontext_member(out, "lastStep", str_of(jobs_item_step(item)));
    if (item->ended_ms)
        jsontext_member(out, "outcome", str_of(item->outcome));
    else
        jsontext_null(out, "outcome");
    jsontext_instant(out, "firstNoted", item->first_noted_ms);
    jsontext_instant(out, "lastNoted", item->last_noted_ms);
    jsontext_instant(out, "ended", item->ended_ms);
    put_ms(out, "ageMs", item->first_noted_ms, now_ms);
    put_ms(out, "tookMs", item->ended_ms ? item->first_noted_ms : 0, item->ended_ms);
}

static void put_item(struct buf *out, const struct jobs_item *item, int64_t now_ms)
{
    const struct pipepoll_journal_entry *e = &item->note->entry;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", e->job_id);
    jsontext_member(out, "target", item->note->target);
    jsontext_member(out, "region", e->region);
    event_put_action_type(out, &e->action_type);
    jsontext_member_if(out, "clientId", e->client_id);
    put_state(out, item, now_ms);
    put_result(out, item->note);
    buf_put(out, STR("}\n"));
}

static int print_items(const struct jobs_items *items, int64_t now_ms)
{
    struct buf line = BUF_GROWING;
    for (size_t i = 0; !line.overflow && i < items->count; i++) {
        buf_reset(&line);
        put_item(&line, &items->at[i], now_ms);
        if (!line.overflow)
            fwrite(line.at, 1, line.len, stdout);
    }
    bool is_whole = !line.overflow;
    buf_free(&line);
    return is_whole ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
}

int jobs_report_json(const struct jobs_list *l, int64_t now_ms)
{
    int r = print_items(&l->open, now_ms);
    return r ? r : print_items(&l->ended, now_ms);
}
