/* SPDX-License-Identifier: MIT */
/* Put into a block that is doubled until all fits, for a job is seldom larger than the first. */
#include "handler/job_document.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/jsontext.h"
#include "base/log.h"

enum { CAP_FIRST = 16384 };

struct job {
    str job_id, client_id, region;
    const struct pipepoll_job_data *data;
};

static void put_action_type(struct buf *b, const struct pipepoll_action_type *type)
{
    jsontext_open(b, "actionTypeId", '{');
    jsontext_member_if(b, "category", type->category);
    jsontext_member_if(b, "owner", type->owner);
    jsontext_member_if(b, "provider", type->provider);
    jsontext_member_if(b, "version", type->version);
    buf_put_char(b, '}');
}

static void put_configuration(struct buf *b, const struct pipepoll_job_data *data)
{
    jsontext_open(b, "configuration", '{');
    for (size_t i = 0; i < data->property_count; i++) {
        const struct pipepoll_property *p = pipepoll_job_property(data, i);
        jsontext_name(b, p->key);
        jsontext_string(b, p->value);
    }
    buf_put_char(b, '}');
}

static void put_pipeline(struct buf *b, const struct pipepoll_pipeline *p)
{
    jsontext_open(b, "pipelineContext", '{');
    jsontext_member_if(b, "pipelineName", p->name);
    jsontext_open(b, "stage", '{');
    jsontext_member_if(b, "name", p->stage);
    buf_put_char(b, '}');
    jsontext_open(b, "action", '{');
    jsontext_member_if(b, "name", p->action);
    jsontext_member_if(b, "actionExecutionId", p->action_execution_id);
    buf_put_char(b, '}');
    jsontext_member_if(b, "pipelineArn", p->arn);
    jsontext_member_if(b, "pipelineExecutionId", p->execution_id);
    buf_put_char(b, '}');
}

static void put_artifact(struct buf *b, const struct pipepoll_artifact *a)
{
    jsontext_element(b, '{');
    jsontext_member_if(b, "name", a->name);
    jsontext_member_if(b, "revision", a->revision);
    jsontext_open(b, "location", '{');
    jsontext_member_if(b, "type", a->location_type);
    jsontext_open(b, "s3Location", '{');
    jsontext_member_if(b, "bucketName", a->bucket_name);
    jsontext_member_if(b, "objectKey", a->object_key);
    buf_put(b, STR("}}}"));
}

static void put_artifacts(struct buf *b, const char *name, const struct pipepoll_job_data *data,
                          const struct pipepoll_artifact *(*at)(const struct pipepoll_job_data *,
                                                                size_t))
{
    const struct pipepoll_artifact *a;
    jsontext_open(b, name, '[');
    for (size_t i = 0; !b->overflow && (a = at(data, i)); i++)
        put_artifact(b, a);
    buf_put_char(b, ']');
}

static void put_credentials(struct buf *b, const struct pipepoll_artifact_credentials *c)
{
    jsontext_open(b, "artifactCredentials", '{');
    jsontext_member_if(b, "accessKeyId", c->access_key_id);
    jsontext_member_if(b, "secretAccessKey", c->secret_access_key);
    jsontext_member_if(b, "sessionToken", c->session_token);
    buf_put_char(b, '}');
}

static void put_key(struct buf *b, const struct pipepoll_job_data *data)
{
    jsontext_open(b, "encryptionKey", '{');
    jsontext_member_if(b, "id", data->encryption_key_id);
    jsontext_member_if(b, "type", data->encryption_key_type);
    buf_put_char(b, '}');
}

static void put_document(struct buf *b, const struct job *job)
{
    const struct pipepoll_job_data *data = job->data;
    buf_put_char(b, '{');
    jsontext_member(b, "jobId", job->job_id);
    jsontext_member_if(b, "clientId", job->client_id);
    jsontext_member(b, "region", job->region);
    put_action_type(b, &data->action_type);
    put_configuration(b, data);
    if (data->pipeline)
        put_pipeline(b, data->pipeline);
    put_artifacts(b, "inputArtifacts", data, pipepoll_job_input);
    put_artifacts(b, "outputArtifacts", data, pipepoll_job_output);
    if (data->artifact_credentials)
        put_credentials(b, data->artifact_credentials);
    jsontext_member_if(b, "continuationToken", data->continuation_token);
    if (data->encryption_key_id.len)
        put_key(b, data);
    buf_put(b, STR("}\n"));
}

void job_document_deinit(struct job_document *d)
{
    if (d->text)
        explicit_bzero(d->text, d->cap);
    free(d->text);
    *d = (struct job_document) { 0 };
}

int job_document_make(struct job_document *out, str job_id, str client_id, str region,
                      const struct pipepoll_job_data *data, size_t max, struct pipepoll_error *why)
{
    const struct job job = { job_id, client_id, region, data };
    for (size_t cap = max < CAP_FIRST ? max : CAP_FIRST;; cap = cap < max / 2 ? cap * 2 : max) {
        struct buf b = { .at = malloc(cap + 1), .cap = cap };
        if (!b.at)
            return explain(why, PIPEPOLL_ENOMEM, "out of memory");
        put_document(&b, &job);
        *out = (struct job_document) { b.at, b.len, cap };
        if (!b.overflow)
            return PIPEPOLL_OK;
        job_document_deinit(out);
        if (cap == max)
            return explain(why, PIPEPOLL_EINVAL,
                           "the job's configuration and artifacts make a document of more than "
                           "%zu bytes, which is the most that a handler is given",
                           max);
    }
}

static size_t environment_room(char *const *environment)
{
    size_t room = sizeof ",\"environment\":{}}\n";
    for (; environment && *environment; environment++)
        room += jsontext_size(str_of(*environment)) + sizeof ",\"\":\"\"";
    return room;
}

static void put_environment(struct buf *b, char *const *environment)
{
    jsontext_open(b, "environment", '{');
    for (; *environment; environment++) {
        str entry = str_of(*environment);
        size_t name_len = str_find(entry, '=');
        jsontext_name(b, (str) { entry.ptr, name_len });
        jsontext_string(b, str_skip(entry, name_len < entry.len ? name_len + 1 : name_len));
    }
    buf_put_char(b, '}');
}

int job_document_with_environment(struct job_document *out, str document, char *const *environment)
{
    str members = str_trim(document);
    members.len -= members.len && members.ptr[members.len - 1] == '}';
    size_t cap = members.len + environment_room(environment);
    struct buf b = { .at = malloc(cap), .cap = cap };
    if (!b.at)
        return PIPEPOLL_ENOMEM;
    buf_put(&b, members);
    if (environment && *environment)
        put_environment(&b, environment);
    buf_put(&b, STR("}\n"));
    *out = (struct job_document) { b.at, b.len, cap };
    return PIPEPOLL_OK;
}

size_t job_secrets(const struct pipepoll_job_data *data, str secrets[JOB_SECRETS_MAX])
{
    size_t count = 0;
    if (data->artifact_credentials) {
        secrets[count++] = data->artifact_credentials->secret_access_key;
        secrets[count++] = data->artifact_credentials->session_token;
    }
    secrets[count++] = data->continuation_token;
    return count;
}
