/* SPDX-License-Identifier: MIT */
/* AWS reads the types first and stops at the first wrong one; then it checks all values and names
 * every one that breaks a rule. Both are walks over the model's tables here, kept apart in the same
 * way. */
#include "sim/validate.h"

#include <math.h>

#include "base/buf.h"
#include "base/plural.h"
#include "sim/pattern.h"
#include "sim/scope.h"

/* Of a value quoted in a message. */
enum { QUOTE_MAX = 512 };

/* Numbers of any size and strings with a NUL are JSON: only their type or value may be wrong. */
json_t *validate_document(str body)
{
    return json_loadb(body.ptr ? body.ptr : "", body.len,
                      JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
}

/* --- types ----------------------------------------------------------------------------------- */

static bool refuse_type(struct refusal *out, const json_t *value, const char *wanted)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "START_OBJECT", [JSON_ARRAY] = "START_ARRAY",
        [JSON_STRING] = "STRING_VALUE", [JSON_INTEGER] = "NUMBER_VALUE",
        [JSON_REAL] = "DECIMAL_VALUE",  [JSON_TRUE] = "TRUE_VALUE",
        [JSON_FALSE] = "FALSE_VALUE",   [JSON_NULL] = "VALUE_NULL",
    };
    double n = json_number_value(value);
    bool is_whole = json_is_number(value) && n == floor(n);
    return http_message_refuse(out, "SerializationException", "%s can not be converted to %s",
                               is_whole ? names[JSON_INTEGER] : names[json_typeof(value)], wanted);
}

/* An absent member and null are the same to AWS: NULL here. */
static json_t *member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

/* Numbers are read as reals, however long they are: whole ones of 32 bits are integers. */
static bool is_integer(const json_t *value)
{
    double n = json_number_value(value);
    return json_is_number(value) && n >= INT32_MIN && n <= INT32_MAX && n == (double)(int32_t)n;
}

static bool check_members(struct refusal *out, const json_t *object,
                          const struct model_member *members);

/* Its values are strings; null is one that is missing. */
static bool check_map(struct refusal *out, json_t *map)
{
    const char *key;
    json_t *value;
    if (!json_is_object(map))
        return refuse_type(out, map, "a Map");
    json_object_foreach(map, key, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return refuse_type(out, value, "a String");
    }
    return true;
}

static bool check_structure(struct refusal *out, const json_t *value,
                            const struct model_member *members)
{
    return json_is_object(value) ? check_members(out, value, members)
                                 : refuse_type(out, value, "a Structure");
}

static bool check_type(struct refusal *out, json_t *value, const struct model_member *m)
{
    switch (m->type) {
    case MODEL_STRING:
        return json_is_string(value) || refuse_type(out, value, "a String");
    case MODEL_INTEGER:
        return is_integer(value) || refuse_type(out, value, "an Integer");
    case MODEL_TIMESTAMP:
        return json_is_number(value) || refuse_type(out, value, "milliseconds since epoch");
    case MODEL_STRUCTURE:
        return check_structure(out, value, m->members);
    case MODEL_MAP:
        return check_map(out, value);
    }
    return false;
}

static bool check_members(struct refusal *out, const json_t *object,
                          const struct model_member *members)
{
    for (const struct model_member *m = members; m->name; m++) {
        json_t *value = member(object, m->name);
        if (value && !check_type(out, value, m))
            return false;
    }
    return true;
}

/* --- values ---------------------------------------------------------------------------------- */

struct validation_errors {
    unsigned count;
    struct buf text, where; /* the path of the member that is being checked */
    char memory[3584], path[96];
};

/* A NUL, which JSON may bring, would end the message. */
static void put_quoted(struct buf *b, str value)
{
    while (value.len) {
        str plain = http_message_cut(&value, '\0');
        buf_put(b, plain);
        if (value.ptr > plain.ptr + plain.len)
            buf_put(b, STR("\\u0000"));
    }
}

/* "Value 'x' at 'where' failed to satisfy constraint: Member must ..."; value NULL: it is
 * missing. */
static void complain(struct validation_errors *errors, const str *value, const char *must)
{
    struct buf *b = &errors->text;
    if (errors->count++)
        buf_put(b, STR("; "));
    buf_put(b, value ? STR("Value '") : STR("Value null"));
    if (value) {
        put_quoted(b, str_cut(*value, QUOTE_MAX));
        buf_put(b, STR("'"));
    }
    buf_put(b, STR(" at '"));
    buf_put(b, buf_str(&errors->where));
    buf_printf(b, "' failed to satisfy constraint: Member must %s", must);
}

/* "have WHAT less than or equal to N", and its opposite. */
static void check_bounds(struct validation_errors *errors, str quoted, double n,
                         const struct model_member *m, const char *what)
{
    char must[96];
    struct buf b = BUF_ON(must);
    if (n < (double)m->min)
        buf_printf(&b, "have %s greater than or equal to %lld", what, (long long)m->min);
    else if (m->max && n > (double)m->max)
        buf_printf(&b, "have %s less than or equal to %lld", what, (long long)m->max);
    if (b.len)
        complain(errors, &quoted, buf_cstr(&b));
}

static size_t characters(str utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.len; i++)
        n += ((unsigned char)utf8.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void check_enumeration(struct validation_errors *errors, str value,
                              const char *const *values)
{
    char must[192];
    struct buf b = BUF_ON(must);
    buf_put(&b, STR("satisfy enum value set: ["));
    for (size_t i = 0; values[i]; i++) {
        if (str_eq(value, str_of(values[i])))
            return;
        buf_printf(&b, "%s%s", i ? ", " : "", values[i]);
    }
    buf_put(&b, STR("]"));
    complain(errors, &value, buf_cstr(&b));
}

static void check_text(struct validation_errors *errors, str value, const struct model_member *m)
{
    char must[160];
    struct buf b = BUF_ON(must);
    if (m->values) {
        check_enumeration(errors, value, m->values);
        return;
    }
    check_bounds(errors, value, (double)characters(value), m, "length");
    if (!m->pattern || pattern_matches(m->pattern, value))
        return;
    buf_printf(&b, "satisfy regular expression pattern: %s", m->pattern);
    complain(errors, &value, buf_cstr(&b));
}

static str text_of(const json_t *string)
{
    return (str) { json_string_value(string), json_string_length(string) };
}

static void check_number(struct validation_errors *errors, const json_t *value,
                         const struct model_member *m)
{
    char digits[24];
    struct buf b = BUF_ON(digits);
    buf_printf(&b, "%.0f", json_number_value(value));
    check_bounds(errors, buf_str(&b), json_number_value(value), m, "value");
}

/* "{key=value, ...}", as AWS prints a map; cut to QUOTE_MAX. */
static str map_text(json_t *map, char out[QUOTE_MAX])
{
    struct buf b = { .at = out, .cap = QUOTE_MAX };
    const char *key, *separator = "{";
    json_t *value;
    json_object_foreach(map, key, value)
    {
        buf_printf(&b, "%s%s=%s", separator, key,
                   json_is_string(value) ? json_string_value(value) : "null");
        separator = ", ";
    }
    buf_put(&b, STR("}"));
    return buf_str(&b);
}

/* Its keys and values are all told by the map's own name. */
static void check_entries(struct validation_errors *errors, json_t *map,
                          const struct model_member *m)
{
    char text[QUOTE_MAX];
    const char *key;
    json_t *value;
    check_bounds(errors, map_text(map, text), (double)json_object_size(map), m, "length");
    json_object_foreach(map, key, value)
    {
        check_text(errors, str_of(key), &m->members[0]);
        if (json_is_null(value))
            complain(errors, NULL, "not be null");
        else
            check_text(errors, text_of(value), &m->members[1]);
    }
}

static void check_values(struct validation_errors *errors, const json_t *object,
                         const struct model_member *members);

static void check_value(struct validation_errors *errors, json_t *value,
                        const struct model_member *m)
{
    switch (m->type) {
    case MODEL_STRING:
        check_text(errors, text_of(value), m);
        return;
    case MODEL_INTEGER:
        check_number(errors, value, m);
        return;
    case MODEL_TIMESTAMP:
        return;
    case MODEL_STRUCTURE:
        check_values(errors, value, m->members);
        return;
    case MODEL_MAP:
        check_entries(errors, value, m);
        return;
    }
}

static void check_values(struct validation_errors *errors, const json_t *object,
                         const struct model_member *members)
{
    size_t above = errors->where.len;
    for (const struct model_member *m = members; m->name; m++) {
        json_t *value = member(object, m->name);
        buf_put(&errors->where, above ? STR(".") : STR(""));
        buf_put(&errors->where, str_of(m->name));
        if (value)
            check_value(errors, value, m);
        else if (m->required)
            complain(errors, NULL, "not be null");
        errors->where.len = above;
    }
}

static bool check_input(struct refusal *out, enum model_operation op, const json_t *document)
{
    const struct model_member *members = model_input(op);
    struct validation_errors errors = { 0 };
    errors.text = BUF_ON(errors.memory);
    errors.where = BUF_ON(errors.path);
    if (!document)
        return http_message_refuse(out, "SerializationException", "%s", "");
    if (!check_structure(out, document, members))
        return false;
    check_values(&errors, document, members);
    if (errors.count == 0)
        return true;
    return http_message_refuse(out, "ValidationException", "%u validation error%s detected: %.*s",
                               errors.count, plural(errors.count), STR_ARG(buf_str(&errors.text)));
}

/* --- what was sent --------------------------------------------------------------------------- */

/* Empty where it is missing, or no string. */
static str text_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? text_of(value) : (str) { 0 };
}

struct pipepoll_action_type validate_action_type(const json_t *document)
{
    struct sim_scope scope = { 0 };
    const json_t *type = json_object_get(document, "actionTypeId");
    for (size_t i = SCOPE_CATEGORY; i < SCOPE_MEMBERS; i++)
        *scope_at(&scope, i) = text_at(type, scope_rules[i].name);
    return scope.action_type;
}

str validate_job_id(const json_t *document)
{
    return text_at(document, "jobId");
}

bool validate_poll(struct refusal *out, struct validate_poll *in, enum model_operation op,
                   const json_t *document)
{
    if (!check_input(out, op, document))
        return false;
    double batch = json_number_value(json_object_get(document, "maxBatchSize"));
    in->action_type = validate_action_type(document);
    in->max_batch = (uint32_t)batch;
    in->query = op == MODEL_POLL_FOR_JOBS ? member(document, "queryParam") : NULL;
    str owner = model_is_third_party(op) ? STR("ThirdParty") : STR("Custom");
    return str_eq(in->action_type.owner, owner) ||
           http_message_refuse(out, "ValidationException",
                               "ActionType with owner '%.*s' is not supported",
                               STR_ARG(in->action_type.owner));
}

bool validate_job(struct refusal *out, struct validate_job *in, enum model_operation op,
                  const json_t *document)
{
    if (!check_input(out, op, document))
        return false;
    *in = (struct validate_job) {
        .job_id = validate_job_id(document),
        .client_token = text_at(document, "clientToken"),
        .nonce = text_at(document, "nonce"),
        .continuation_token = text_at(document, "continuationToken"),
    };
    if (op == MODEL_PUT_JOB_SUCCESS_RESULT)
        in->output_variables = member(document, "outputVariables");
    return !in->output_variables || !in->continuation_token.len ||
           http_message_refuse(out, "ValidationException", "%s",
                               "outputVariables can be included only when there is no "
                               "continuationToken in the request");
}
