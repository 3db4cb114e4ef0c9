/* SPDX-License-Identifier: MIT */
/* Any bytes as the answer of GetThirdPartyJobDetails, GetJobDetails and PollForJobs: what is taken
 * is walked to its last text. */
#include "aws/job.h"
#include "aws/job_details.h"
#include "fuzz/decoding.h"

enum { TEXTS = 19 };

/* Absent, or inside the body; only what is of the configuration may have a NUL in it. */
static void check_text(str text, str body)
{
    check_inside(text, body);
    check(text.ptr || !text.len);
    check(str_find(text, '\0') == text.len);
}

static void check_list(const struct shape_list *list, size_t size, const struct decode_memory *m)
{
    const char *first = list->items, *items = m->items;
    check(list->count == 0 ||
          (first >= items && first + list->count * size <= items + m->items_needed));
}

static void check_artifacts(const struct shape_list *list, str body, const struct decode_memory *m)
{
    check_list(list, sizeof(struct pipepoll_artifact), m);
    check(list->count <= SHAPE_LIST_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const struct pipepoll_artifact *a = job_artifact(list, i);
        check_text(a->name, body);
        check_text(a->revision, body);
        check_text(a->location_type, body);
        check_text(a->bucket_name, body);
        check_text(a->object_key, body);
    }
}

static void check_configuration(const struct job_data *data, str body,
                                const struct decode_memory *m)
{
    check_list(&data->configuration, sizeof(struct shape_pair), m);
    check(data->configuration.count <= SHAPE_MAP_MAX);
    for (size_t i = 0; i < data->configuration.count; i++) {
        check_inside(job_property(data, i)->key, body);
        check_inside(job_property(data, i)->value, body);
        check(job_property(data, i)->value.ptr != NULL);
        for (size_t k = 0; k < i; k++)
            check(!str_eq(job_property(data, i)->key, job_property(data, k)->key));
    }
}

static void check_details(const struct job_details *d, str body, const struct decode_memory *m)
{
    const struct job_data *data = &d->data;
    const str texts[TEXTS] = { d->id,
                               d->nonce,
                               d->account_id,
                               data->action_type.category,
                               data->action_type.owner,
                               data->action_type.provider,
                               data->action_type.version,
                               data->pipeline.name,
                               data->pipeline.arn,
                               data->pipeline.execution_id,
                               data->pipeline.stage,
                               data->pipeline.action,
                               data->pipeline.action_execution_id,
                               data->artifact_credentials.access_key_id,
                               data->artifact_credentials.secret_access_key,
                               data->artifact_credentials.session_token,
                               data->continuation_token,
                               data->encryption_key.id,
                               data->encryption_key.type };
    for (size_t i = 0; i < TEXTS; i++)
        check_text(texts[i], body);
    check(d->id.len <= JOB_ID_LEN_MAX);
    check_configuration(data, body, m);
    check_artifacts(&data->input_artifacts, body, m);
    check_artifacts(&data->output_artifacts, body, m);
}

static void check_jobs(const struct job_list *list, str body, const struct decode_memory *m)
{
    const char *first = (const char *)list->jobs, *items = m->items;
    check(list->count <= SHAPE_LIST_MAX);
    check_list(&(struct shape_list) { list->details, list->count }, sizeof *list->details, m);
    if (!list->count)
        return;
    check(first >= (const char *)(list->details + list->count));
    check(first + list->count * sizeof *list->jobs <= items + m->items_needed);
    for (size_t i = 0; i < list->count; i++) {
        check(list->jobs[i].job_id.ptr == list->details[i].id.ptr);
        check_details(&list->details[i], body, m);
    }
}

struct decoded {
    struct job_details details;
    struct job_list list;
};

static enum decode_result decode(struct decoded *d, bool is_list, struct decode_memory *memory,
                                 str body, struct pipepoll_error *why)
{
    return is_list ? job_details_decode_list(&d->list, memory, body, why)
                   : job_details_decode(&d->details, memory, body, why);
}

static void run(const uint8_t *data, size_t size, bool is_list)
{
    char *bytes = copy_of(data, size);
    str body = { bytes, size };
    struct decode_memory memory = { 0 };
    struct decoded d;
    struct pipepoll_error why = { .text = "" };
    enum decode_result r;
    int asked = 0;
    while ((r = decode(&d, is_list, &memory, body, &why)) == DECODE_NEED_MEMORY) {
        check(++asked <= 2);
        check(size && memcmp(bytes, data, size) == 0);
        grow_memory(&memory);
    }
    check(r == DECODE_OK || why.text[0]);
    if (r == DECODE_OK && is_list)
        check_jobs(&d.list, body, &memory);
    else if (r == DECODE_OK)
        check_details(&d.details, body, &memory);
    free(memory.tokens);
    free(memory.items);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size, false);
    run(data, size, true);
    return 0;
}
