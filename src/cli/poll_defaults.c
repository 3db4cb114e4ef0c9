/* SPDX-License-Identifier: MIT */
/* What the command line of a poll leaves open, the environment and the shared files settle; then
 * each region is judged. What is said is judged before what is not. */
#include <stdio.h>

#include "cli/poll_options.h"
#include "config/region.h"

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

/* An endpoint URL on the command line overrides the machine's FIPS and dual stack, which choose
 * among AWS's own. */
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
    o->user_agent_app_id = pipepoll_settings_get(s, PIPEPOLL_SETTING_USER_AGENT_APP_ID, NULL);
    o->max_attempts = settings_attempts(s);
    str from, region = pipepoll_settings_get(s, PIPEPOLL_SETTING_REGION, &from);
    if (o->count == 0 && region.len) {
        o->regions[o->count++] = region;
        o->region_from = from;
    }
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

static int doubt_region(const struct poll_options *o, const struct command *c, str region)
{
    char text[256];
    enum region_doubt doubt =
        region_doubt(region, o->target.endpoint_url.len > 0, text, sizeof text);
    if (doubt == REGION_LOOKS_MISSPELT && !o->allow_unknown_region)
        return command_misuse(c, "%.*s%s%s; --allow-unknown-region polls there all the same",
                              STR_ARG(o->region_from), o->region_from.len ? ": " : "", text);
    if (doubt)
        fprintf(stderr, "pipepoll %.*s: warning: %s\n", STR_ARG(c->name), text);
    return EXIT_FINE;
}

static int settle_format(struct poll_options *o, const struct pipepoll_settings *s)
{
    str from, output = pipepoll_settings_get(s, PIPEPOLL_SETTING_OUTPUT, &from);
    if (o->has_format || !output.len || format_read(output, &o->format))
        return EXIT_FINE;
    fprintf(stderr, "\nUnknown output type: %.*s (by %.*s): there are %s\n", STR_ARG(output),
            STR_ARG(from), format_names);
    return EXIT_OTHER;
}

static int missing_region(void)
{
    fputs("\nYou must specify a region: by --region, by AWS_REGION, or by region in the profile.\n",
          stderr);
    return EXIT_CREDENTIALS;
}

int poll_options_complete(struct poll_options *o, const struct command *c)
{
    const struct pipepoll_settings *s;
    struct pipepoll_error why;
    int r = settings_of(&o->settings, o->profile, &s, &why);
    if (r) {
        fprintf(stderr, "\n%s\n", why.text);
        return r == PIPEPOLL_ENOMEM ? EXIT_OTHER : EXIT_CREDENTIALS;
    }
    apply(o, s);
    int code = check_target(o, c, s, STR("us-east-1"));
    for (size_t i = 0; code == EXIT_FINE && i < o->count; i++)
        code = check_target(o, c, s, o->regions[i]);
    for (size_t i = 0; code == EXIT_FINE && i < o->count; i++)
        code = doubt_region(o, c, o->regions[i]);
    if (code == EXIT_FINE)
        code = settle_format(o, s);
    return code == EXIT_FINE && o->count == 0 ? missing_region() : code;
}
