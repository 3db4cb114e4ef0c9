/* SPDX-License-Identifier: MIT */
/* A dozen bytes at most times, a megabyte of malice at the worst. The list is found and counted
 * before the first byte is changed, so that the caller can make room and ask again.
 *
 * This is read by hand where all other answers are read by tables (aws/shape): a table takes a
 * fifth more instructions for ten jobs, and this answer comes with every poll. */
#include "aws/job.h"

#include "base/log.h"

/* What an id is before its member was seen, and when that is null. */
static const str absent = { NULL, 0 }, null_id = STR_INIT("");

/* Where in the answer a sentence points to. */
struct job_member {
    size_t index;
    const char *name;
};

static int read_id(str *id, struct json *j, int value, struct job_member at,
                   struct pipepoll_error *why)
{
    if (id->ptr)
        return explain(why, DECODE_BAD, "jobs[%zu].%s is there twice", at.index, at.name);
    enum json_type type = json_type(j, value);
    if (type == JSON_NULL) {
        *id = null_id;
        return DECODE_OK;
    }
    if (type != JSON_STRING)
        return explain(why, DECODE_BAD, "jobs[%zu].%s is %s, not a string", at.index, at.name,
                       json_type_name(type));

    str text = json_text(j, value);
    if (text.len > JOB_ID_LEN_MAX)
        return explain(why, DECODE_BAD, "jobs[%zu].%s is longer than %d bytes", at.index, at.name,
                       JOB_ID_LEN_MAX);
    if (j->has_escapes && str_find(text, '\0') < text.len)
        return explain(why, DECODE_BAD, "jobs[%zu].%s has a NUL in it", at.index, at.name);
    *id = text;
    return DECODE_OK;
}

static int read_job(struct pipepoll_job *out, struct json *j, int node, size_t index,
                    struct pipepoll_error *why)
{
    enum json_type type = json_type(j, node);
    if (type != JSON_OBJECT)
        return explain(why, DECODE_BAD, "jobs[%zu] is %s, not an object", index,
                       json_type_name(type));

    struct pipepoll_job job = { absent, absent };
    for (int key = json_first(j, node); key != JSON_NONE; key = json_next(j, key)) {
        int r = DECODE_OK;
        if (json_is(j, key, STR("clientId")))
            r = read_id(&job.client_id, j, json_value(key),
                        (struct job_member) { index, "clientId" }, why);
        else if (json_is(j, key, STR("jobId")))
            r = read_id(&job.job_id, j, json_value(key), (struct job_member) { index, "jobId" },
                        why);
        if (r)
            return r;
    }
    *out = job;
    return DECODE_OK;
}

enum { NAME_SHOWN = 40, TEXT_SHOWN = 80 };

static int shown(str text, int most)
{
    return text.len < (size_t)most ? (int)text.len : most;
}

/* A page of a middle-box is no word of the service that there is nothing to do. */
static int tell_other(struct json *j, struct pipepoll_error *why)
{
    int key = json_first(j, JSON_ROOT), value = json_value(key);
    str name = json_text(j, key);
    if (json_type(j, value) != JSON_STRING)
        return explain(why, DECODE_BAD, "the answer has no jobs, but %.*s", shown(name, NAME_SHOWN),
                       name.ptr);
    str text = json_text(j, value);
    return explain(why, DECODE_BAD, "the answer has no jobs, but %.*s: \"%.*s\"",
                   shown(name, NAME_SHOWN), name.ptr, shown(text, TEXT_SHOWN), text.ptr);
}

/* The value of `jobs`, or JSON_NONE. */
static int find_jobs(int *value, struct json *j, struct pipepoll_error *why)
{
    *value = JSON_NONE;
    for (int key = json_first(j, JSON_ROOT); key != JSON_NONE; key = json_next(j, key)) {
        if (!json_is(j, key, STR("jobs")))
            continue;
        if (*value != JSON_NONE)
            return explain(why, DECODE_BAD, "jobs is there twice");
        *value = json_value(key);
    }
    if (*value == JSON_NONE)
        return json_first(j, JSON_ROOT) == JSON_NONE ? DECODE_OK : tell_other(j, why);

    enum json_type type = json_type(j, *value);
    if (type == JSON_NULL)
        *value = JSON_NONE;
    else if (type != JSON_ARRAY)
        return explain(why, DECODE_BAD, "jobs is %s, not a list", json_type_name(type));
    return DECODE_OK;
}

static int read_jobs(struct job_list *out, struct decode_memory *memory, struct json *j, int list,
                     struct pipepoll_error *why)
{
    struct pipepoll_job *jobs = memory->items;
    memory->items_needed = json_count(j, list) * sizeof *jobs;
    if (memory->items_needed > memory->item_cap)
        return DECODE_NEED_MEMORY;
    size_t count = 0, index = 0;
    for (int node = json_first(j, list); node != JSON_NONE; node = json_next(j, node), index++) {
        if (json_type(j, node) == JSON_NULL)
            continue;
        int r = read_job(&jobs[count], j, node, index, why);
        if (r)
            return r;
        count++;
    }
    *out = (struct job_list) { jobs, count, NULL };
    return DECODE_OK;
}

enum decode_result job_decode(struct job_list *out, struct decode_memory *memory, str body,
                              struct pipepoll_error *why)
{
    *out = (struct job_list) { NULL, 0, NULL };
    if (job_list_is_none(body))
        return DECODE_OK;
    struct json j;
    memory->items_needed = 0;
    int r = json_parse(&j, (char *)body.ptr, body.len, memory->tokens, memory->token_cap, why);
    memory->tokens_needed = j.tokens_needed;
    if (r)
        return r == JSON_NEED_TOKENS ? DECODE_NEED_MEMORY : DECODE_BAD;

    int list;
    r = find_jobs(&list, &j, why);
    if (!r && list != JSON_NONE)
        r = read_jobs(out, memory, &j, list, why);
    return (enum decode_result)r;
}
