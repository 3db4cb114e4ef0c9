/* SPDX-License-Identifier: MIT */
/* What the API's model says of the input: names, types, lengths. What values may be beyond that is
 * judged by pipepoll_target_check(). */
#include "cli/poll_input.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "cli/format.h"

enum { MEMBER_COUNT = 4 };

static const str members[MEMBER_COUNT] = { STR_INIT("category"), STR_INIT("owner"),
                                           STR_INIT("provider"), STR_INIT("version") };
/* The last is of PollForJobs alone. */
static const str inputs[] = { STR_INIT("actionTypeId"), STR_INIT("maxBatchSize"),
                              STR_INIT("queryParam") };
enum { INPUT_COUNT = 2 };

static const char *type_name(const struct datum *v)
{
    static const char *const names[] = {
        [DATUM_NULL] = "null",     [DATUM_BOOL] = "boolean", [DATUM_NUMBER] = "number",
        [DATUM_STRING] = "string", [DATUM_LIST] = "list",    [DATUM_OBJECT] = "structure",
    };
    return names[v->type];
}

__attribute__((format(printf, 2, 3))) static void complain(struct text *wrong, const char *format,
                                                           ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_put(wrong, str_of(line));
    text_put_char(wrong, '\n');
}

static void wrong_type(struct text *wrong, const char *parameter, str member, const struct datum *v,
                       const char *valid)
{
    struct text text = { .arena = wrong->arena };
    format_put_plain(&text, v);
    complain(wrong, "Invalid type for parameter %s%.*s, value: %.*s, type: %s, valid types: %s",
             parameter, STR_ARG(member), STR_ARG(buf_str(&text.buf)), type_name(v), valid);
}

static void check_names(struct text *wrong, const char *parameter, const struct datum *object,
                        const str *names, size_t count)
{
    for (size_t i = 0; i < object->count; i++) {
        struct nearest near = nearest_to(object->names[i]);
        struct text all = { .arena = wrong->arena };
        char hint[96];
        bool known = false;
        for (size_t j = 0; j < count; j++) {
            known = known || str_eq(object->names[i], names[j]);
            nearest_try(&near, names[j]);
            text_put(&all, j ? STR(", ") : STR(""));
            text_put(&all, names[j]);
        }
        if (!known)
            complain(wrong, "Unknown parameter in %s: \"%.*s\", must be one of: %.*s%s", parameter,
                     STR_ARG(object->names[i]), STR_ARG(buf_str(&all.buf)),
                     nearest_hint(&near, hint, sizeof hint));
    }
}

static void read_member(str *out, const struct datum *action_type, str name, struct text *wrong)
{
    const struct datum *v = datum_member(action_type, name);
    if (!v && str_eq(name, STR("owner")))
        *out = STR("ThirdParty");
    else if (!v)
        complain(wrong, "Missing required parameter in actionTypeId: \"%.*s\"", STR_ARG(name));
    else if (v->type != DATUM_STRING)
        wrong_type(wrong, "actionTypeId.", name, v, "string");
    else if (v->text.len == 0)
        complain(wrong,
                 "Invalid length for parameter actionTypeId.%.*s, value: 0, valid min length: 1",
                 STR_ARG(name));
    else
        *out = v->text;
}

static void read_action_type(struct pipepoll_action_type *out, const struct datum *v,
                             struct text *wrong)
{
    if (!v) {
        complain(wrong, "Missing required parameter in input: \"actionTypeId\"");
        return;
    }
    if (v->type != DATUM_OBJECT) {
        wrong_type(wrong, "actionTypeId", STR(""), v, "structure");
        return;
    }
    str *to[MEMBER_COUNT] = { &out->category, &out->owner, &out->provider, &out->version };
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        read_member(to[i], v, members[i], wrong);
    check_names(wrong, "actionTypeId", v, members, MEMBER_COUNT);
}

static void read_batch(uint32_t *out, const struct datum *v, struct text *wrong)
{
    if (!v)
        return;
    if (v->type != DATUM_NUMBER || v->is_float)
        wrong_type(wrong, "maxBatchSize", STR(""), v, "integer");
    else if (v->number < 1 || v->number > INT32_MAX)
        complain(wrong, "Invalid value for parameter maxBatchSize, value: %.0f, valid %s",
                 v->number, v->number < 1 ? "min value: 1" : "max value: 2147483647");
    else
        *out = (uint32_t)v->number;
}

/* One property at most, as the model has it. */
static void read_query(struct pipepoll_query_param *out, const struct datum *v, struct text *wrong)
{
    if (!v)
        return;
    if (v->type != DATUM_OBJECT) {
        wrong_type(wrong, "queryParam", STR(""), v, "map");
    } else if (v->count > 1) {
        complain(wrong, "Invalid length for parameter queryParam, value: %zu, valid max length: 1",
                 v->count);
    } else if (v->count && v->items[0]->type != DATUM_STRING) {
        wrong_type(wrong, "queryParam.", v->names[0], v->items[0], "string");
    } else if (v->count) {
        *out = (struct pipepoll_query_param) { v->names[0], v->items[0]->text };
    }
}

bool poll_input_read(struct pipepoll_target_options *out, const struct datum *input,
                     struct text *wrong)
{
    read_action_type(&out->action_type, datum_member(input, inputs[0]), wrong);
    read_batch(&out->max_batch_size, datum_member(input, inputs[1]), wrong);
    bool is_custom = str_eq(out->action_type.owner, STR("Custom"));
    if (is_custom)
        read_query(&out->query_param, datum_member(input, inputs[2]), wrong);
    check_names(wrong, "input", input, inputs, INPUT_COUNT + is_custom);
    return wrong->buf.len == 0;
}

const struct datum *poll_input_skeleton(struct arena *a)
{
    static const char *const values[MEMBER_COUNT] = { "Source", "AWS", "", "" };
    struct datum *input = datum_object(a), *action_type = datum_object(a);
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        datum_set(a, action_type, members[i], datum_string(a, str_of(values[i])));
    datum_set(a, input, inputs[0], action_type);
    datum_set(a, input, inputs[1], datum_number(a, 0, false));
    return input;
}

const struct datum *poll_output_skeleton(struct arena *a)
{
    struct datum *output = datum_object(a), *jobs = datum_list(a), *job = datum_object(a);
    datum_set_text(a, job, "clientId", STR("clientId"));
    datum_set_text(a, job, "jobId", STR("jobId"));
    datum_append(a, jobs, job);
    datum_set(a, output, STR("jobs"), jobs);
    return output;
}
