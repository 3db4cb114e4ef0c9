/* AWS reads the types first and stops at the first wrong one; then it checks all values and names
 * every one that breaks a rule. Both steps are kept apart here in the same way. */
#include "sim/validate.h"

#include <math.h>

#include "base/buf.h"
#include "sim/scope.h"

/* Of a value quoted in a message. */
enum { QUOTE_MAX = 512 };

/* --- operations ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum validate_operation op;
} operations[] = {
    { "PollForThirdPartyJobs", VALIDATE_POLL_FOR_THIRD_PARTY_JOBS },
    { "PollForJobs", VALIDATE_POLL_FOR_JOBS },
    { "AcknowledgeJob", VALIDATE_NOT_SIMULATED },
    { "AcknowledgeThirdPartyJob", VALIDATE_NOT_SIMULATED },
    { "GetJobDetails", VALIDATE_NOT_SIMULATED },
    { "GetThirdPartyJobDetails", VALIDATE_GET_THIRD_PARTY_JOB_DETAILS },
    { "PutJobFailureResult", VALIDATE_NOT_SIMULATED },
    { "PutJobSuccessResult", VALIDATE_NOT_SIMULATED },
    { "PutThirdPartyJobFailureResult", VALIDATE_NOT_SIMULATED },
    { "PutThirdPartyJobSuccessResult", VALIDATE_NOT_SIMULATED },
};

str validate_operation_name(str target)
{
    static const str service = STR_INIT("CodePipeline_20150709.");
    return str_starts(target, service) ? str_skip(target, service.len) : (str) { 0 };
}

enum validate_operation validate_operation(str target)
{
    str name = validate_operation_name(target);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (str_eq(name, str_of(operations[i].name)))
            return operations[i].op;
    return VALIDATE_UNKNOWN;
}

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

static bool check_document(struct refusal *out, const json_t *document)
{
    if (!document)
        return http_message_refuse(out, "SerializationException", "%s", "");
    return json_is_object(document) || refuse_type(out, document, "a Structure");
}

static bool check_query_types(struct refusal *out, json_t *query)
{
    const char *key;
    json_t *value;
    if (query && !json_is_object(query))
        return refuse_type(out, query, "a Map");
    json_object_foreach(query, key, value) if (!json_is_string(value) &&
                                               !json_is_null(value)) return refuse_type(out, value,
                                                                                        "a String");
    return true;
}

static bool check_types(struct refusal *out, const json_t *document, enum validate_operation op)
{
    if (!check_document(out, document))
        return false;
    const json_t *type = member(document, "actionTypeId"), *batch;
    if (type && !json_is_object(type))
        return refuse_type(out, type, "a Structure");
    for (size_t i = SCOPE_CATEGORY; i < SCOPE_MEMBERS; i++) {
        const json_t *text = member(type, scope_rules[i].name);
        if (text && !json_is_string(text))
            return refuse_type(out, text, "a String");
    }
    if ((batch = member(document, "maxBatchSize")) && !is_integer(batch))
        return refuse_type(out, batch, "an Integer");
    return op != VALIDATE_POLL_FOR_JOBS || check_query_types(out, member(document, "queryParam"));
}

/* --- values ---------------------------------------------------------------------------------- */

struct validation_errors {
    unsigned count;
    struct buf text;
    char memory[3584];
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
static void complain(struct validation_errors *errors, const str *value, const char *where,
                     const char *must)
{
    struct buf *b = &errors->text;
    if (errors->count++)
        buf_put(b, STR("; "));
    buf_put(b, value ? STR("Value '") : STR("Value null"));
    if (value) {
        size_t len = value->len < QUOTE_MAX ? value->len : QUOTE_MAX;
        while (len < value->len && len && ((unsigned char)value->ptr[len] & 0xc0) == 0x80)
            len--; /* not in the middle of a character */
        put_quoted(b, (str) { value->ptr, len });
        buf_put(b, STR("'"));
    }
    buf_printf(b, " at '%s' failed to satisfy constraint: Member must %s", where, must);
}

static size_t characters(str utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.len; i++)
        n += ((unsigned char)utf8.ptr[i] & 0xc0) != 0x80;
    return n;
}

static void check_length(struct validation_errors *errors, str value, const char *where, size_t max)
{
    char must[80];
    struct buf b = BUF_ON(must);
    if (value.len == 0)
        complain(errors, &value, where, "have length greater than or equal to 1");
    buf_printf(&b, "have length less than or equal to %zu", max);
    if (characters(value) > max)
        complain(errors, &value, where, buf_cstr(&b));
}

static void check_allowed(struct validation_errors *errors, str value, const char *where,
                          const struct scope_rule *rule)
{
    char must[160];
    struct buf b = BUF_ON(must);
    if (scope_rule_allows(rule, value))
        return;
    if (rule->pattern)
        buf_printf(&b, "satisfy regular expression pattern: %s", rule->pattern);
    else
        buf_put(&b, STR("satisfy enum value set: ["));
    for (size_t i = 0; rule->values[i]; i++)
        buf_printf(&b, "%s%s", i ? ", " : "", rule->values[i]);
    if (!rule->pattern)
        buf_put(&b, STR("]"));
    complain(errors, &value, where, buf_cstr(&b));
}

static str text_of(const json_t *string)
{
    return (str) { json_string_value(string), json_string_length(string) };
}

static void check_action_type(struct validation_errors *errors, const json_t *type)
{
    if (!type)
        complain(errors, NULL, "actionTypeId", "not be null");
    for (size_t i = SCOPE_CATEGORY; type && i < SCOPE_MEMBERS; i++) {
        const struct scope_rule *rule = &scope_rules[i];
        const json_t *value = member(type, rule->name);
        char where[48];
        struct buf b = BUF_ON(where);
        buf_printf(&b, "actionTypeId.%s", rule->name);
        if (!value) {
            complain(errors, NULL, buf_cstr(&b), "not be null");
            continue;
        }
        if (rule->pattern)
            check_length(errors, text_of(value), buf_cstr(&b), rule->max);
        check_allowed(errors, text_of(value), buf_cstr(&b), rule);
    }
}

static void check_batch(struct validation_errors *errors, const json_t *batch)
{
    char digits[24];
    struct buf b = BUF_ON(digits);
    if (!batch)
        return;
    buf_printf(&b, "%.0f", json_number_value(batch));
    str text = buf_str(&b);
    if (json_number_value(batch) < 1)
        complain(errors, &text, "maxBatchSize", "have value greater than or equal to 1");
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

static void check_query(struct validation_errors *errors, json_t *query)
{
    static const struct scope_rule rule = { .pattern = "[a-zA-Z0-9_-]+" };
    const char *key;
    json_t *value;
    if (json_object_size(query) > 1) {
        char text[QUOTE_MAX];
        str map = map_text(query, text);
        complain(errors, &map, "queryParam", "have length less than or equal to 1");
    }
    json_object_foreach(query, key, value)
    {
        check_length(errors, str_of(key), "queryParam", 50);
        if (json_is_null(value)) {
            complain(errors, NULL, "queryParam", "not be null");
            continue;
        }
        check_length(errors, text_of(value), "queryParam", 50);
        check_allowed(errors, text_of(value), "queryParam", &rule);
    }
}

static bool tell_values(struct refusal *out, const struct validation_errors *errors)
{
    if (errors->count == 0)
        return true;
    return http_message_refuse(out, "ValidationException", "%u validation error%s detected: %.*s",
                               errors->count, errors->count == 1 ? "" : "s",
                               STR_ARG(buf_str(&errors->text)));
}

static bool check_values(struct refusal *out, const json_t *document, enum validate_operation op)
{
    struct validation_errors errors = { 0 };
    errors.text = BUF_ON(errors.memory);
    check_action_type(&errors, member(document, "actionTypeId"));
    check_batch(&errors, member(document, "maxBatchSize"));
    if (op == VALIDATE_POLL_FOR_JOBS)
        check_query(&errors, member(document, "queryParam"));
    return tell_values(out, &errors);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t max, offset;
} job_members[] = {
    { "jobId", 512, offsetof(struct validate_job, job_id) },
    { "clientToken", 256, offsetof(struct validate_job, client_token) },
};
enum { JOB_MEMBERS = sizeof job_members / sizeof *job_members };

static bool check_job_types(struct refusal *out, const json_t *document)
{
    if (!check_document(out, document))
        return false;
    for (size_t i = 0; i < JOB_MEMBERS; i++) {
        const json_t *value = member(document, job_members[i].name);
        if (value && !json_is_string(value))
            return refuse_type(out, value, "a String");
    }
    return true;
}

bool validate_job(struct refusal *out, struct validate_job *in, const json_t *document)
{
    struct validation_errors errors = { 0 };
    errors.text = BUF_ON(errors.memory);
    if (!check_job_types(out, document))
        return false;
    for (size_t i = 0; i < JOB_MEMBERS; i++) {
        const json_t *value = member(document, job_members[i].name);
        str *text = (str *)(void *)((char *)in + job_members[i].offset);
        *text = value ? text_of(value) : (str) { NULL, 0 };
        if (value)
            check_length(&errors, *text, job_members[i].name, job_members[i].max);
        else
            complain(&errors, NULL, job_members[i].name, "not be null");
    }
    return tell_values(out, &errors);
}

/* --- both ------------------------------------------------------------------------------------ */

struct pipepoll_action_type validate_action_type(const json_t *document)
{
    struct sim_scope scope = { 0 };
    const json_t *type = json_object_get(document, "actionTypeId");
    for (size_t i = SCOPE_CATEGORY; i < SCOPE_MEMBERS; i++) {
        const json_t *value = json_object_get(type, scope_rules[i].name);
        if (json_is_string(value))
            *scope_at(&scope, i) = text_of(value);
    }
    return scope.action_type;
}

bool validate_poll(struct refusal *out, struct validate_input *in, enum validate_operation op,
                   const json_t *document)
{
    if (!check_types(out, document, op) || !check_values(out, document, op))
        return false;
    bool third_party = op == VALIDATE_POLL_FOR_THIRD_PARTY_JOBS;
    double batch = json_number_value(json_object_get(document, "maxBatchSize"));
    in->action_type = validate_action_type(document);
    in->max_batch = (uint32_t)batch;
    in->query = op == VALIDATE_POLL_FOR_JOBS ? member(document, "queryParam") : NULL;
    if (!str_eq(in->action_type.owner, third_party ? STR("ThirdParty") : STR("Custom")))
        return http_message_refuse(out, "ValidationException",
                                   "ActionType with owner '%.*s' is not supported",
                                   STR_ARG(in->action_type.owner));
    return true;
}
