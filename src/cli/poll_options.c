/* SPDX-License-Identifier: MIT */
/* The flags of the AWS CLI's command, its global ones included, and a few of ours. They are kept as
 * they stand until all are read, since a flag overrides the same member of --cli-input-json
 * wherever it stands; then the input is judged as a whole, in the CLI's words. */
#include "cli/poll_options.h"

#include <stdio.h>

#include "base/log.h"
#include "cli/parameter.h"
#include "cli/poll_input.h"
#include "config/quantity.h"

enum {
    FLAG_REGION,
    FLAG_ACTION_TYPE_ID,
    FLAG_MAX_BATCH_SIZE,
    FLAG_QUERY_PARAM,
    FLAG_PROFILE,
    FLAG_ENDPOINT_URL,
    FLAG_CA_BUNDLE,
    FLAG_QUERY,
    FLAG_OUTPUT,
    FLAG_COLOR,
    FLAG_TIMEOUT,
    FLAG_READ_TIMEOUT,
    FLAG_CONNECT_TIMEOUT,
    FLAG_INPUT_JSON,
    FLAG_INPUT_YAML,
    FLAG_SKELETON,
    FLAG_ALLOW_UNKNOWN_REGION,
    FLAG_DEBUG,
    FLAG_VERSION,
    FLAG_NO_VERIFY_SSL,
    FLAG_NO_SIGN_REQUEST,
    FLAG_NO_PAGINATE,
    FLAG_NO_CLI_PAGER,
    FLAG_NO_CLI_AUTO_PROMPT,
    FLAG_CLI_AUTO_PROMPT,
    FLAG_CLI_BINARY_FORMAT
};

_Static_assert(FLAG_CLI_BINARY_FORMAT + 1 == POLL_FLAG_COUNT,
               "a flag without a name, or the other");

const struct flag poll_flags[POLL_FLAG_COUNT] = {
    [FLAG_REGION] = { STR_INIT("--region"), "REGION|all",
                      "a region, `all`, or `all:PARTITION` such as all:aws-us-gov;\n"
                      "repeat it for several (default AWS_REGION,\n"
                      "AWS_DEFAULT_REGION, the profile's)" },
    [FLAG_ACTION_TYPE_ID] = { STR_INIT("--action-type-id"), "ID",
                              "category=Build,owner=ThirdParty,provider=P,version=1\n"
                              "or the same as JSON, or file://FILE of either (required;\n"
                              "owner may be left out)" },
    [FLAG_MAX_BATCH_SIZE] = { STR_INIT("--max-batch-size"), "N",
                              "jobs at most (default: left to the service)" },
    [FLAG_QUERY_PARAM] = { STR_INIT("--query-param"), "KEY=VALUE",
                           "of custom jobs (owner=Custom), only those with this value\n"
                           "of the action type's queryable property" },
    [FLAG_PROFILE] = { STR_INIT("--profile"), "NAME",
                       "of the shared files ~/.aws/config and ~/.aws/credentials:\n"
                       "its credentials and settings (default: see below)" },
    [FLAG_ENDPOINT_URL] = { STR_INIT("--endpoint-url"), "URL",
                            "instead of the region's own (default\n"
                            "AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL,\n"
                            "the profile's)" },
    [FLAG_CA_BUNDLE] = { STR_INIT("--ca-bundle"), "FILE",
                         "PEM file of trusted roots (default AWS_CA_BUNDLE,\n"
                         "the profile's, the system's)" },
    [FLAG_QUERY] = { STR_INIT("--query"), "EXPRESSION",
                     "JMESPath over the answer; amzRequestId is not in it then" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "json|text|table|yaml|yaml-stream|off",
                      "default AWS_DEFAULT_OUTPUT, the profile's, json" },
    [FLAG_COLOR] = { STR_INIT("--color"), "on|off|auto",
                     "of tables (auto: on a terminal, unless NO_COLOR is set)" },
    [FLAG_TIMEOUT] = { STR_INIT("--timeout"), "S",
                       "of the whole command, retries and their pauses\n"
                       "included, in seconds (default 60, or as much more as\n"
                       "the two below need); an attempt has 30 s of it" },
    [FLAG_READ_TIMEOUT] = { STR_INIT("--cli-read-timeout"), "S",
                            "of an attempt, from a connection to the answer;\n"
                            "0: a day" },
    [FLAG_CONNECT_TIMEOUT] = { STR_INIT("--cli-connect-timeout"), "S",
                               "of an attempt, to the connection (default 10);\n"
                               "0: a day" },
    [FLAG_INPUT_JSON] = { STR_INIT("--cli-input-json"), "JSON",
                          "or file://FILE: the input as a whole; flags override it" },
    [FLAG_INPUT_YAML] = { STR_INIT("--cli-input-yaml"), "YAML",
                          "the same, where it is JSON: other YAML is not understood" },
    [FLAG_SKELETON] = { STR_INIT("--generate-cli-skeleton"), "input|output",
                        "print what an input, or the output, looks like, and send\nnothing" },
    [FLAG_ALLOW_UNKNOWN_REGION] = { STR_INIT("--allow-unknown-region"), NULL,
                                    "even if it looks like a misspelt one" },
    [FLAG_DEBUG] = { STR_INIT("--debug"), NULL,
                     "say on stderr what is done, by which way, and what\ncame of each attempt; no "
                     "secrets" },
    [FLAG_VERSION] = { STR_INIT("--version"), NULL, "name the libraries in use" },
    [FLAG_NO_VERIFY_SSL] = { STR_INIT("--no-verify-ssl"), NULL,
                             "take any certificate of the endpoint's: whoever is on the\n"
                             "way can read and answer; never where credentials come from" },
    [FLAG_NO_SIGN_REQUEST] = { STR_INIT("--no-sign-request"), NULL,
                               "look for no credentials and sign nothing" },
    [FLAG_NO_PAGINATE] = { STR_INIT("--no-paginate"), NULL, "changes nothing here" },
    [FLAG_NO_CLI_PAGER] = { STR_INIT("--no-cli-pager"), NULL, "changes nothing here" },
    [FLAG_NO_CLI_AUTO_PROMPT] = { STR_INIT("--no-cli-auto-prompt"), NULL, "changes nothing here" },
    [FLAG_CLI_AUTO_PROMPT] = { STR_INIT("--cli-auto-prompt"), NULL, "is refused: nobody is asked" },
    [FLAG_CLI_BINARY_FORMAT] = { STR_INIT("--cli-binary-format"), "base64|raw-in-base64-out",
                                 "changes nothing here" },
};

/* --- flags --- */

static bool one_of(str value, const char *const *words, int *out)
{
    for (int i = 0; words[i]; i++) {
        if (str_eq(value, str_of(words[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A number of seconds as the CLI takes it, where 0 stands for no limit: our longest. */
static bool read_seconds(str value, uint32_t *out_ms)
{
    enum { DAY_MS = 86400000 };
    uint32_t s;
    if (!quantity_count(value, 0, DAY_MS / 1000, &s))
        return false;
    *out_ms = s ? s * 1000 : DAY_MS;
    return true;
}

/* NULL, or what the value should have been. */
static const char *read_time(struct poll_options *o, int flag, str value)
{
    switch (flag) {
    case FLAG_TIMEOUT:
        return quantity_duration_ms(value, 1, 600000, &o->timeout_ms)
                   ? NULL
                   : "a number of seconds up to 600";
    case FLAG_READ_TIMEOUT:
        return read_seconds(value, &o->read_timeout_ms) ? NULL : "a whole number of seconds";
    case FLAG_CONNECT_TIMEOUT:
        return read_seconds(value, &o->connect_timeout_ms) ? NULL : "a whole number of seconds";
    }
    return NULL;
}

static const char *read_print(struct poll_options *o, int flag, str value)
{
    static const char *const colors[] = { "auto", "on", "off", NULL };
    static const char *const binaries[] = { "base64", "raw-in-base64-out", NULL };
    static const char *const skeletons[] = { "input", "output", NULL };
    int which;
    switch (flag) {
    case FLAG_OUTPUT:
        o->has_format = format_read(value, &o->format);
        return o->has_format ? NULL : format_names;
    case FLAG_COLOR:
        if (!one_of(value, colors, &which))
            return "on, off or auto";
        o->color = (enum poll_color)which;
        return NULL;
    case FLAG_CLI_BINARY_FORMAT:
        return one_of(value, binaries, &which) ? NULL : "base64 or raw-in-base64-out";
    case FLAG_SKELETON:
        if (!one_of(value, skeletons, &which))
            return "input or output (yaml-input is not there)";
        o->print = which == 0 ? POLL_PRINT_INPUT : POLL_PRINT_OUTPUT;
        return NULL;
    }
    return read_time(o, flag, value);
}

static int read_switch(struct poll_options *o, const struct flags *f, int flag)
{
    switch (flag) {
    case FLAG_ALLOW_UNKNOWN_REGION:
        o->allow_unknown_region = true;
        break;
    case FLAG_DEBUG:
        o->debug = true;
        break;
    case FLAG_NO_VERIFY_SSL:
        o->target.insecure = true;
        break;
    case FLAG_NO_SIGN_REQUEST:
        o->is_unsigned = true;
        break;
    case FLAG_VERSION:
        o->print = POLL_PRINT_VERSION;
        break;
    case FLAG_CLI_AUTO_PROMPT:
        return command_misuse(f->command, "--cli-auto-prompt is not there: nobody is asked");
    }
    return EXIT_FINE;
}

static int read_flag(struct poll_options *o, const struct flags *f, int flag, str value)
{
    str *const texts[POLL_FLAG_COUNT] = {
        [FLAG_ACTION_TYPE_ID] = &o->action_type,
        [FLAG_MAX_BATCH_SIZE] = &o->max_batch_size,
        [FLAG_QUERY_PARAM] = &o->query_param,
        [FLAG_PROFILE] = &o->profile,
        [FLAG_ENDPOINT_URL] = &o->target.endpoint_url,
        [FLAG_CA_BUNDLE] = &o->ca_bundle,
        [FLAG_QUERY] = &o->query_text,
        [FLAG_INPUT_JSON] = &o->input_json,
        [FLAG_INPUT_YAML] = &o->input_yaml,
    };
    if (texts[flag]) {
        *texts[flag] = value;
        return EXIT_FINE;
    }
    if (!poll_flags[flag].value)
        return read_switch(o, f, flag);
    if (flag == FLAG_REGION)
        return poll_options_add_regions(o, f->command, value);
    const char *what = read_print(o, flag, value);
    return what ? flags_refuse(f, flag, what, value) : EXIT_FINE;
}

/* --- the input --- */

/* As the CLI: an empty line, and its sentence. Returns EXIT_USAGE. */
static int wrong_parameter(const char *name, const struct pipepoll_error *why)
{
    fprintf(stderr, "\nError parsing parameter '%s': %s\n", name, why->text);
    return EXIT_USAGE;
}

static int read_base(struct poll_options *o, const struct command *c, const struct datum **out)
{
    bool is_yaml = o->input_yaml.ptr != NULL;
    const char *name = is_yaml ? "--cli-input-yaml" : "--cli-input-json";
    struct pipepoll_error why, found;
    str text = is_yaml ? o->input_yaml : o->input_json;
    if (o->input_json.ptr && o->input_yaml.ptr)
        return command_misuse(c, "Only one --cli-input- parameter may be specified");
    if (!text.ptr) {
        *out = datum_object(&o->arena);
        return EXIT_FINE;
    }
    if (parameter_load(&o->arena, text, &text, &why))
        return wrong_parameter(name, &why);
    *out = datum_read(&o->arena, text, &found);
    if (*out && (*out)->type == DATUM_OBJECT)
        return EXIT_FINE;
    if (*out)
        explain(&why, PIPEPOLL_EINVAL, "Invalid type: expecting a map");
    else
        explain(&why, PIPEPOLL_EINVAL, "Invalid JSON received: %s%s", found.text,
                is_yaml ? " (of YAML, JSON alone is understood)" : "");
    return wrong_parameter(name, &why);
}

/* A flag's text, as shorthand or JSON. */
struct structured {
    const char *flag;
    str member, text;
};

static int set_structure(struct poll_options *o, struct datum *input, const struct structured *s)
{
    const struct datum *value;
    struct pipepoll_error why;
    str text;
    if (!s->text.ptr)
        return EXIT_FINE;
    int r = parameter_load(&o->arena, s->text, &text, &why);
    if (!r)
        r = parameter_parse(&o->arena, text, &value, &why);
    if (r)
        return wrong_parameter(s->flag, &why);
    datum_set(&o->arena, input, s->member, value);
    return EXIT_FINE;
}

static int set_batch(struct poll_options *o, const struct command *c, struct datum *input)
{
    struct pipepoll_error why;
    str text;
    uint32_t n;
    if (parameter_load(&o->arena, o->max_batch_size, &text, &why))
        return wrong_parameter("--max-batch-size", &why);
    text = str_trim(text);
    bool negative = str_starts(text, STR("-"));
    if (!quantity_count(negative ? str_skip(text, 1) : text, 0, UINT32_MAX, &n))
        return command_misuse(c, "--max-batch-size is a number of at least 1, not \"%.*s\"",
                              STR_ARG(text));
    datum_set(&o->arena, input, STR("maxBatchSize"),
              datum_number(&o->arena, negative ? -(double)n : n, false));
    return EXIT_FINE;
}

static int read_input(struct poll_options *o, const struct command *c)
{
    const struct datum *base;
    struct text wrong = { .arena = &o->arena };
    int code = read_base(o, c, &base);
    if (code != EXIT_FINE)
        return code;
    if (!o->action_type.ptr && !o->input_json.ptr && !o->input_yaml.ptr)
        return command_misuse(c, "--action-type-id is required");
    struct datum *input = datum_object(&o->arena);
    for (size_t i = 0; i < base->count; i++)
        datum_set(&o->arena, input, base->names[i], base->items[i]);
    const struct structured structures[] = {
        { "--action-type-id", STR("actionTypeId"), o->action_type },
        { "--query-param", STR("queryParam"), o->query_param },
    };
    for (size_t i = 0; code == EXIT_FINE && i < 2; i++)
        code = set_structure(o, input, &structures[i]);
    if (code == EXIT_FINE && o->max_batch_size.ptr)
        code = set_batch(o, c, input);
    if (code != EXIT_FINE || poll_input_read(&o->target, input, &wrong))
        return code;
    fprintf(stderr, "\nParameter validation failed:\n%.*s", STR_ARG(buf_str(&wrong.buf)));
    return EXIT_USAGE;
}

/* --- time --- */

/* Left of the whole, so that an attempt which hangs to the end is told by what it met. */
uint32_t poll_options_margin_ms(const struct poll_options *o)
{
    uint64_t part_ms = poll_options_whole_ms(o) / 20;
    return part_ms < 100 ? (uint32_t)part_ms : 100;
}

/* The CLI's read time-out begins when there is a connection; ours is for the whole attempt. */
static uint32_t wanted_attempt_ms(const struct poll_options *o)
{
    enum { CONNECT_MS = 10000, ATTEMPT_MS = 30000, DAY_MS = 86400000 };
    uint32_t connect_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_MS;
    uint32_t read_ms = o->read_timeout_ms ? o->read_timeout_ms : ATTEMPT_MS - CONNECT_MS;
    return read_ms < DAY_MS - connect_ms ? read_ms + connect_ms : DAY_MS;
}

uint64_t poll_options_whole_ms(const struct poll_options *o)
{
    enum { WHOLE_MS = 60000 };
    if (o->timeout_ms)
        return o->timeout_ms;
    if (!o->read_timeout_ms && !o->connect_timeout_ms)
        return WHOLE_MS;
    return WHOLE_MS + (uint64_t)o->max_attempts * wanted_attempt_ms(o);
}

uint32_t poll_options_attempt_ms(const struct poll_options *o)
{
    uint64_t most_ms = poll_options_whole_ms(o) - poll_options_margin_ms(o);
    uint32_t wanted_ms = wanted_attempt_ms(o);
    return most_ms < wanted_ms ? (uint32_t)most_ms : wanted_ms;
}

/* --- the whole --- */

static int compile_query(struct poll_options *o)
{
    struct pipepoll_error why;
    size_t column;
    str text = o->query_text;
    if (!text.ptr)
        return EXIT_FINE;
    o->query = query_compile(&o->arena, text, &column, &why);
    if (o->query)
        return EXIT_FINE;
    fprintf(stderr,
            "\nBad value for --query %.*s: Invalid jmespath expression: %s (column %zu):\n%.*s\n"
            "%*s^\n",
            STR_ARG(text), why.text, column + 1, STR_ARG(text), (int)column, "");
    return EXIT_USAGE;
}

static int read_whole(struct poll_options *o, const struct command *c)
{
    if (o->print == POLL_PRINT_VERSION)
        return EXIT_FINE;
    int code = compile_query(o);
    if (code != EXIT_FINE || o->print == POLL_PRINT_INPUT)
        return code;
    code = read_input(o, c);
    return code == EXIT_FINE && o->print == POLL_PRINT_NOTHING ? poll_options_complete(o, c) : code;
}

bool poll_options_read(struct poll_options *out, struct flags *f, int *code)
{
    *out = (struct poll_options) { .target = PIPEPOLL_TARGET_OPTIONS_INIT };
    str value;
    int flag;
    while ((flag = flags_next(f, &value)) >= 0) {
        *code = read_flag(out, f, flag, value);
        if (*code != EXIT_FINE)
            return false;
    }
    *code = flag == FLAGS_END ? read_whole(out, f->command) : flags_exit(flag);
    if (*code == EXIT_FINE && out->arena.failed) {
        fputs("\npipepoll poll: out of memory\n", stderr);
        *code = EXIT_OTHER;
    }
    return flag == FLAGS_END && *code == EXIT_FINE;
}

void poll_options_deinit(struct poll_options *o)
{
    settings_deinit(&o->settings);
    arena_free(&o->arena);
}
