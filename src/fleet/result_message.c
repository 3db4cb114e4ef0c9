/* SPDX-License-Identifier: MIT */
/* Out: once into nothing, to measure, and once for good. In: one block holds the message, what its
 * entry points to, the tokens of the parse and a copy of the text, into which all strings point. */
#include "fleet/result_message.h"

#include "aws/digest.h"
#include "base/jsontext.h"
#include "base/list.h"
#include "fleet/engine.h"
#include "fleet/message.h"
#include "fleet/message_text.h"

/* --- out --- */

static void put_revision(struct buf *out, const struct pipepoll_revision *r)
{
    jsontext_open(out, "revision", '{');
    jsontext_member(out, "revision", r->revision);
    jsontext_member_if(out, "changeIdentifier", r->change_identifier);
    jsontext_member_if(out, "summary", r->summary);
    if (r->created_s > 0)
        jsontext_count(out, "createdAtS", (uint64_t)r->created_s);
    buf_put_char(out, '}');
}

static void put_variables(struct buf *out, const struct pipepoll_success *s)
{
    jsontext_open(out, "variables", '[');
    for (size_t i = 0; i < s->variable_count; i++) {
        jsontext_element(out, '{');
        jsontext_member(out, "name", s->variables[i].name);
        jsontext_member(out, "value", s->variables[i].value);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_success(struct buf *out, const struct pipepoll_success *s)
{
    jsontext_open(out, "success", '{');
    jsontext_member(out, "summary", s->summary);
    jsontext_member_if(out, "executionId", s->execution_id);
    if (s->has_percent)
        jsontext_count(out, "percentComplete", s->percent_complete);
    if (s->revision)
        put_revision(out, s->revision);
    if (s->variable_count)
        put_variables(out, s);
    buf_put_char(out, '}');
}

static void put_failure(struct buf *out, const struct pipepoll_job_failure *f)
{
    jsontext_open(out, "failure", '{');
    jsontext_member(out, "type", str_of(pipepoll_failure_type_name(f->type)));
    jsontext_member(out, "message", f->message);
    jsontext_member_if(out, "executionId", f->execution_id);
    buf_put_char(out, '}');
}

void result_message_put(struct buf *out, const struct result_message *m)
{
    const struct pipepoll_journal_entry *e = &m->entry;
    message_open(out);
    jsontext_member(out, "region", e->region);
    message_text_put_type(out, &e->action_type);
    jsontext_member(out, "jobId", e->job_id);
    jsontext_member_if(out, "clientId", e->client_id);
    if (m->target)
        message_hash(out, "target", m->target);
    jsontext_member_if(out, "member", m->member);
    jsontext_member_if(out, "claim", e->claim);
    if (e->success)
        put_success(out, e->success);
    else if (e->failure)
        put_failure(out, e->failure);
    jsontext_member_if(out, "continuationToken", e->continuation_token);
    buf_put_char(out, '}');
}

/* Of a string, with its name and what stands around it. */
static size_t string_size(str s)
{
    enum { AROUND = 32 };
    return jsontext_size(s) + AROUND;
}

static size_t success_size(const struct pipepoll_success *s)
{
    const struct pipepoll_revision *r = s->revision;
    size_t size = string_size(s->summary) + string_size(s->execution_id);
    if (r)
        size +=
            string_size(r->revision) + string_size(r->change_identifier) + string_size(r->summary);
    for (size_t i = 0; i < s->variable_count; i++)
        size += string_size(s->variables[i].name) + string_size(s->variables[i].value);
    return size;
}

size_t result_message_size(const struct result_message *m)
{
    enum { REST = 512 };
    const struct pipepoll_journal_entry *e = &m->entry;
    const struct pipepoll_action_type *a = &e->action_type;
    const str strings[] = {
        e->region, e->job_id,   e->client_id, m->member,  e->claim,
        a->owner,  a->category, a->provider,  a->version, e->continuation_token
    };
    size_t size = REST;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        size += string_size(strings[i]);
    if (e->success)
        size += success_size(e->success);
    if (e->failure)
        size += string_size(e->failure->message) + string_size(e->failure->execution_id);
    return size;
}

/* --- in --- */

struct block {
    struct result_message message;
    size_t size;
    struct pipepoll_success success;
    struct pipepoll_revision revision;
    struct pipepoll_job_failure failure;
    struct pipepoll_variable *variables; /* behind this; then tokens, then the text */
    struct json json;
};

static bool get_number(const struct json *j, int object, const char *name, uint64_t *out)
{
    return message_get_parts(j, object, name, 1, out);
}

static bool get_revision(struct block *b, int object)
{
    struct pipepoll_revision *r = &b->revision;
    uint64_t created_s;
    if (!get_number(&b->json, object, "createdAtS", &created_s) || created_s > INT64_MAX)
        return false;
    r->created_s = (int64_t)created_s;
    b->success.revision = r;
    return message_text_get(&b->json, object, "revision", &r->revision) &&
           message_text_get(&b->json, object, "changeIdentifier", &r->change_identifier) &&
           message_text_get(&b->json, object, "summary", &r->summary);
}

/* The room for variables is that of the tokens, of which each has several. */
static bool get_variables(struct block *b, int list)
{
    struct json *j = &b->json;
    size_t count = 0;
    if (json_type(j, list) != JSON_ARRAY || json_count(j, list) > RESULT_MESSAGE_VARIABLES_MAX)
        return false;
    for (int node = json_first(j, list); node != JSON_NONE; node = json_next(j, node)) {
        struct pipepoll_variable *v = &b->variables[count++];
        if (json_type(j, node) != JSON_OBJECT || !message_text_get(j, node, "name", &v->name) ||
            !message_text_get(j, node, "value", &v->value))
            return false;
    }
    b->success.variables = b->variables;
    b->success.variable_count = count;
    return true;
}

static bool get_percent(struct block *b, int object)
{
    uint64_t percent;
    struct pipepoll_success *s = &b->success;
    s->has_percent = message_member(&b->json, object, "percentComplete") != JSON_NONE;
    if (!get_number(&b->json, object, "percentComplete", &percent) || percent > 100)
        return false;
    s->percent_complete = (uint32_t)percent;
    return true;
}

static bool get_success(struct block *b, int object)
{
    int revision, variables = message_member(&b->json, object, "variables");
    struct pipepoll_success *s = &b->success;
    *s = (struct pipepoll_success)PIPEPOLL_SUCCESS_INIT;
    b->message.entry.success = s;
    return get_percent(b, object) &&
           message_text_get_object(&b->json, object, "revision", &revision) &&
           (revision == JSON_NONE || get_revision(b, revision)) &&
           (variables == JSON_NONE || get_variables(b, variables)) &&
           message_text_get(&b->json, object, "summary", &s->summary) &&
           message_text_get(&b->json, object, "executionId", &s->execution_id);
}

/* A type of a later version is told as the plainest one. */
static enum pipepoll_failure_type type_of(str name)
{
    for (unsigned i = 0; pipepoll_failure_type_name(i); i++)
        if (str_eq(name, str_of(pipepoll_failure_type_name(i))))
            return (enum pipepoll_failure_type)i;
    return PIPEPOLL_FAILURE_JOB;
}

static bool get_failure(struct block *b, int object)
{
    str type;
    struct pipepoll_job_failure *f = &b->failure;
    *f = (struct pipepoll_job_failure)PIPEPOLL_JOB_FAILURE_INIT;
    b->message.entry.failure = f;
    if (!message_text_get(&b->json, object, "type", &type) ||
        !message_text_get(&b->json, object, "message", &f->message) ||
        !message_text_get(&b->json, object, "executionId", &f->execution_id))
        return false;
    f->type = type_of(type);
    return true;
}

static bool get_result(struct block *b)
{
    int success, failure;
    return message_text_get_object(&b->json, JSON_ROOT, "success", &success) &&
           message_text_get_object(&b->json, JSON_ROOT, "failure", &failure) &&
           (success == JSON_NONE) != (failure == JSON_NONE) &&
           (success != JSON_NONE ? get_success(b, success) : get_failure(b, failure));
}

static bool get_entry(struct block *b)
{
    struct json *j = &b->json;
    struct result_message *m = &b->message;
    struct pipepoll_journal_entry *e = &m->entry;
    *e = (struct pipepoll_journal_entry)PIPEPOLL_JOURNAL_ENTRY_INIT;
    e->state = PIPEPOLL_JOURNAL_REPORTING;
    return message_get_hash(j, "target", &m->target) && get_result(b) &&
           message_text_get_type(j, &e->action_type) &&
           message_text_get(j, JSON_ROOT, "region", &e->region) &&
           message_text_get(j, JSON_ROOT, "jobId", &e->job_id) &&
           message_text_get(j, JSON_ROOT, "clientId", &e->client_id) &&
           message_text_get(j, JSON_ROOT, "member", &m->member) &&
           message_text_get(j, JSON_ROOT, "claim", &e->claim) &&
           message_text_get(j, JSON_ROOT, "continuationToken", &e->continuation_token) &&
           e->region.len && e->job_id.len;
}

/* How many tokens a body has; 0: it is malformed, as one of a single token is. It is not
 * changed. */
static size_t tokens_of(str body)
{
    struct json json = { 0 };
    struct json_token one;
    bool right = body.len <= ENGINE_BODY_MAX &&
                 json_parse(&json, (char *)body.ptr, body.len, &one, 1, NULL) == JSON_NEED_TOKENS;
    return right && json.tokens_needed <= RESULT_MESSAGE_TOKENS_MAX ? json.tokens_needed : 0;
}

static struct block *block_new(const struct alloc *alloc, str body, size_t tokens)
{
    size_t variables =
        tokens < RESULT_MESSAGE_VARIABLES_MAX ? tokens : RESULT_MESSAGE_VARIABLES_MAX;
    size_t size = sizeof(struct block) + variables * sizeof(struct pipepoll_variable) +
                  tokens * sizeof(struct json_token) + body.len;
    struct block *b = alloc_new(alloc, size);
    if (!b)
        return NULL;
    b->size = size;
    b->variables = (struct pipepoll_variable *)(b + 1);
    struct json_token *first = (struct json_token *)(b->variables + variables);
    char *text = (char *)(first + tokens);
    memcpy(text, body.ptr, body.len);
    json_parse(&b->json, text, body.len, first, tokens, NULL);
    return b;
}

struct result_message *result_message_read(const struct alloc *alloc, str body, enum beat_read *how)
{
    size_t tokens = tokens_of(body);
    *how = tokens ? BEAT_OK : BEAT_MALFORMED;
    struct block *b = tokens ? block_new(alloc, body, tokens) : NULL;
    if (!b)
        return NULL;
    *how = message_version(&b->json);
    if (*how == BEAT_OK && !get_entry(b))
        *how = BEAT_MALFORMED;
    if (*how == BEAT_OK)
        return &b->message;
    result_message_free(&b->message, alloc);
    return NULL;
}

void result_message_free(struct result_message *m, const struct alloc *alloc)
{
    if (!m)
        return;
    struct block *b = CONTAINER_OF(m, struct block, message);
    size_t size = b->size;
    digest_wipe(b, size);
    alloc_free(alloc, b, size);
}
