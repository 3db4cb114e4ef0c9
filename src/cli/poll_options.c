#include "cli/poll_options.h"

#include <stdio.h>

#include "cli/action_type.h"
#include "cli/quantity.h"
#include "cli/region.h"

enum {
    FLAG_REGION,
    FLAG_ACTION_TYPE_ID,
    FLAG_PROFILE,
    FLAG_MAX_BATCH_SIZE,
    FLAG_ENDPOINT_URL,
    FLAG_CA_BUNDLE,
    FLAG_TIMEOUT,
    FLAG_OUTPUT,
    FLAG_COLOR,
    FLAG_NO_PAGINATE,
    FLAG_NO_CLI_PAGER
};

_Static_assert(FLAG_NO_CLI_PAGER + 1 == POLL_FLAG_COUNT, "a flag without a name, or the other way");

const struct flag poll_flags[POLL_FLAG_COUNT] = {
    [FLAG_REGION] = { STR_INIT("--region"), "REGION",
                      "a region, `all`, or `all:PARTITION` such as all:aws-us-gov;\n"
                      "repeat it for several (default AWS_REGION,\n"
                      "AWS_DEFAULT_REGION, the profile's)" },
    [FLAG_ACTION_TYPE_ID] = { STR_INIT("--action-type-id"), "ID",
                              "category=Build,owner=ThirdParty,provider=P,version=1\n"
                              "or the same as JSON (required; owner may be left out)" },
    [FLAG_PROFILE] = { STR_INIT("--profile"), "NAME",
                       "of the shared files ~/.aws/config and ~/.aws/credentials:\n"
                       "its keys and settings (default: see below)" },
    [FLAG_MAX_BATCH_SIZE] = { STR_INIT("--max-batch-size"), "N",
                              "jobs at most (default: left to the service)" },
    [FLAG_ENDPOINT_URL] = { STR_INIT("--endpoint-url"), "URL",
                            "instead of the region's own (default\n"
                            "AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL,\n"
                            "the profile's)" },
    [FLAG_CA_BUNDLE] = { STR_INIT("--ca-bundle"), "FILE",
                         "PEM file of trusted roots (default AWS_CA_BUNDLE,\n"
                         "the profile's, the system's)" },
    [FLAG_TIMEOUT] = { STR_INIT("--timeout"), "S", "of each request, in seconds (default 30)" },
    [FLAG_OUTPUT] = { STR_INIT("--output"), "json", "there is no other" },
    [FLAG_COLOR] = { STR_INIT("--color"), "WHEN", "changes nothing here" },
    [FLAG_NO_PAGINATE] = { STR_INIT("--no-paginate"), NULL, "changes nothing here" },
    [FLAG_NO_CLI_PAGER] = { STR_INIT("--no-cli-pager"), NULL, "changes nothing here" },
};

static int add_region(struct poll_options *o, const struct command *c, str region)
{
    for (size_t i = 0; i < o->count; i++)
        if (str_eq(o->regions[i], region))
            return EXIT_FINE;
    if (o->count == POLL_REGIONS_MAX)
        return command_misuse(c, "more than %d regions", POLL_REGIONS_MAX);
    o->regions[o->count++] = region;
    return EXIT_FINE;
}

int poll_options_add_regions(struct poll_options *o, const struct command *c, str word)
{
    char hint[96];
    str region = region_expand(word, 0);
    if (region.len == 0)
        return command_misuse(c, "there are no regions in \"%.*s\"%s", STR_ARG(word),
                              region_hint(word, hint, sizeof hint));
    int code = EXIT_FINE;
    for (size_t i = 0; code == EXIT_FINE && region.len; region = region_expand(word, ++i))
        code = add_region(o, c, region);
    o->keyed = region_is_all(word) || o->count > 1;
    return code;
}

static int read_flag(struct poll_options *o, const struct flags *f, int flag, str value)
{
    struct pipepoll_error why;
    switch (flag) {
    case FLAG_REGION:
        return poll_options_add_regions(o, f->command, value);
    case FLAG_ACTION_TYPE_ID:
        if (action_type_parse(&o->target.action_type, value, &why))
            return command_misuse(f->command, "--action-type-id: %s", why.text);
        break;
    case FLAG_PROFILE:
        o->profile = value;
        return value.len ? EXIT_FINE : flags_refuse(f, flag, "the name of a profile", value);
    case FLAG_MAX_BATCH_SIZE:
        if (!quantity_count(value, 1, INT32_MAX, &o->target.max_batch_size))
            return flags_refuse(f, flag, "a number of at least 1", value);
        break;
    case FLAG_ENDPOINT_URL:
        o->target.endpoint_url = value;
        break;
    case FLAG_CA_BUNDLE:
        o->ca_bundle = value;
        break;
    case FLAG_TIMEOUT:
        if (!quantity_duration_ms(value, 1, 600000, &o->timeout_ms))
            return flags_refuse(f, flag, "a number of seconds up to 600", value);
        break;
    case FLAG_OUTPUT:
        if (!str_eq(value, STR("json")))
            return flags_refuse(f, flag, "json", value);
        break;
    case FLAG_COLOR:
    case FLAG_NO_PAGINATE:
    case FLAG_NO_CLI_PAGER:
        break;
    }
    return EXIT_FINE;
}

/* What the command line leaves open. An endpoint URL there goes before the machine's FIPS and dual
 * stack, which choose among AWS's own. */
static str endpoint_setting(struct poll_options *o, const struct pipepoll_settings *s,
                            enum pipepoll_setting which)
{
    str value = pipepoll_settings_get(s, which, NULL);
    if (value.len)
        o->in_force |= 1u << which;
    return value;
}

static void apply(struct poll_options *o, const struct pipepoll_settings *s)
{
    if (!o->target.endpoint_url.ptr) {
        o->target.endpoint_url = endpoint_setting(o, s, PIPEPOLL_SETTING_ENDPOINT_URL);
        o->target.fips = endpoint_setting(o, s, PIPEPOLL_SETTING_FIPS).len > 0;
        o->target.dualstack = endpoint_setting(o, s, PIPEPOLL_SETTING_DUALSTACK).len > 0;
    }
    if (!o->ca_bundle.ptr)
        o->ca_bundle = pipepoll_settings_get(s, PIPEPOLL_SETTING_CA_BUNDLE, NULL);
    str region = pipepoll_settings_get(s, PIPEPOLL_SETTING_REGION, NULL);
    if (o->count == 0 && region.len)
        o->regions[o->count++] = region;
}

static int check_target(const struct poll_options *o, const struct command *c,
                        const struct pipepoll_settings *s, str region)
{
    struct pipepoll_target_options target = o->target;
    struct pipepoll_error why;
    char from[256];
    target.region = region;
    if (!pipepoll_target_check(&target, &why))
        return EXIT_FINE;
    /* Is it the endpoint? Then say whose, for it may be nobody's that is here now. */
    target.endpoint_url = (str) { NULL, 0 };
    target.fips = target.dualstack = false;
    if (!o->in_force || pipepoll_target_check(&target, NULL))
        return command_misuse(c, "%s", why.text);
    return command_misuse(c, "%s: %s", settings_origins(s, o->in_force, from, sizeof from),
                          why.text);
}

static void warn_of_region(const struct poll_options *o, const struct command *c, str region)
{
    char text[256];
    const char *doubt = region_doubt(region, o->target.endpoint_url.len > 0, text, sizeof text);
    if (doubt)
        fprintf(stderr, "pipepoll %.*s: warning: %s\n", STR_ARG(c->name), doubt);
}

int poll_options_complete(struct poll_options *o, const struct command *c)
{
    const struct pipepoll_settings *s;
    struct pipepoll_error why;
    if (!o->target.action_type.provider.ptr)
        return command_misuse(c, "--action-type-id is required");
    int r = settings_of(&o->settings, o->profile, &s, &why);
    if (r) {
        fprintf(stderr, "\n%s\n", why.text);
        return r == PIPEPOLL_ENOMEM ? EXIT_OTHER : EXIT_CREDENTIALS;
    }
    apply(o, s);
    /* What was said is judged before what was not. */
    int code = check_target(o, c, s, STR("us-east-1"));
    for (size_t i = 0; code == EXIT_FINE && i < o->count; i++)
        code = check_target(o, c, s, o->regions[i]);
    for (size_t i = 0; code == EXIT_FINE && i < o->count; i++)
        warn_of_region(o, c, o->regions[i]);
    if (code == EXIT_FINE && o->count == 0) {
        fprintf(stderr, "\nYou must specify a region: by --region, by AWS_REGION, or by region in "
                        "the profile.\n");
        return EXIT_CREDENTIALS;
    }
    return code;
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
    *code = flag == FLAGS_END ? poll_options_complete(out, f->command) : flags_exit(flag);
    return flag == FLAGS_END && *code == EXIT_FINE;
}

void poll_options_deinit(struct poll_options *o)
{
    settings_deinit(&o->settings);
}
