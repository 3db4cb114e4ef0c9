/* SPDX-License-Identifier: MIT */
/* The library judges whole targets, so each value is put into a sample in which only it can be
 * wrong: the rules stay in one place, and each diagnostic names the location of its value. The
 * section's own word overrides the default in [pipepoll], and for the endpoint both override the
 * settings of the profile, which come with the identity: it is read first. A key that is of no use
 * without another (external-id, slowest-interval) is an error only in the section itself: a default
 * is for those targets that it fits. */
#include "config/target_config.h"

#include "base/buf.h"
#include "base/nearest.h"
#include "config/quantity.h"

enum { INTERVAL_MAX_MS = 86400000, BATCH_MAX = 10000 };

const struct value *target_config_value(const struct target_config *config, enum key k)
{
    return sections_value(config->sections, config->section, k);
}

static void wrong_value(const struct target_config *config, enum key k, const char *what)
{
    const struct value *v = target_config_value(config, k);
    complain(config->diagnostics, PIPEPOLL_ERROR, v->at, "%s is %s, not \"%.*s\"", key_name(k),
             what, STR_ARG(v->text));
}

/* An empty value was complained of where it was read. */
static bool is_given(const struct target_config *config, enum key k)
{
    return target_config_value(config, k)->text.len > 0;
}

/* In the section itself, not as the default of all. */
static bool is_own(const struct target_config *config, enum key k)
{
    return config->section->values[k].text.len > 0;
}

/* Complained of where it was read: what follows from it is not worth a sentence of its own. */
bool target_config_is_misspelt(const struct target_config *config, enum key k)
{
    return config->section->misspelt[k] || config->sections->process.misspelt[k];
}

void target_config_require(const struct target_config *config, enum key k, const char *example)
{
    if (!target_config_value(config, k)->text.ptr && !target_config_is_misspelt(config, k))
        complain(config->diagnostics, PIPEPOLL_ERROR, config->section->at,
                 "[target %.*s] has no %s (%s)", STR_ARG(config->section->name), key_name(k),
                 example);
}

/* The library judges whole targets: give it one in which only this value can be wrong. */
static void check_value(const struct target_config *config, const struct value *v,
                        const struct pipepoll_target_options *o)
{
    struct pipepoll_error why;
    if (v->text.len && pipepoll_target_check(o, &why))
        complain(config->diagnostics, PIPEPOLL_ERROR, v->at, "%s", why.text);
}

struct pipepoll_target_options target_config_sample(void)
{
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.region = STR("us-east-1");
    o.action_type = (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                                    STR_INIT("P"), STR_INIT("1") };
    return o;
}

static void read_action_type(struct target_config *config)
{
    struct pipepoll_action_type *a = &config->options.action_type;
    struct pipepoll_target_options sample = target_config_sample();
    struct pipepoll_action_type *s = &sample.action_type;
    const struct {
        enum key key;
        str *value, *in_sample;
    } members[] = { { KEY_CATEGORY, &a->category, &s->category },
                    { KEY_OWNER, &a->owner, &s->owner },
                    { KEY_PROVIDER, &a->provider, &s->provider },
                    { KEY_VERSION, &a->version, &s->version } };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct value *v = target_config_value(config, members[i].key);
        str kept = *members[i].in_sample;
        *members[i].value = *members[i].in_sample = v->text;
        check_value(config, v, &sample);
        *members[i].in_sample = kept;
    }
    if (!a->owner.ptr)
        a->owner = STR("ThirdParty");
    target_config_require(config, KEY_CATEGORY, "such as Build or Test");
    target_config_require(config, KEY_PROVIDER,
                          "your name in CodePipeline's list of action providers");
    target_config_require(config, KEY_VERSION, "such as 1");
}

/* KEY=VALUE. As a default of all it is for those targets that it fits. */
static void read_query(struct target_config *config)
{
    struct pipepoll_target_options *o = &config->options, sample = target_config_sample();
    const struct value *v = target_config_value(config, KEY_QUERY_PARAM);
    bool is_custom = str_eq(o->action_type.owner, STR("Custom"));
    if (!is_given(config, KEY_QUERY_PARAM) || !(is_custom || is_own(config, KEY_QUERY_PARAM)))
        return;
    size_t at = str_find(v->text, '=');
    str value = str_skip(v->text, at < v->text.len ? at + 1 : at);
    struct pipepoll_query_param q = { str_trim((str) { v->text.ptr, at }), str_trim(value) };
    o->query_param = sample.query_param = q;
    sample.action_type.owner = STR("Custom");
    if (!q.key.len || !q.value.len)
        wrong_value(config, KEY_QUERY_PARAM, "a property and its value such as Project=web");
    else if (!is_custom)
        complain(config->diagnostics, PIPEPOLL_ERROR, v->at,
                 "query-param goes with owner = Custom only, and [target %.*s] has another",
                 STR_ARG(config->section->name));
    else
        check_value(config, v, &sample);
}

/* --- pace --- */

static void read_duration(const struct target_config *config, enum key k, uint32_t *out_ms)
{
    if (!quantity_duration_ms(target_config_value(config, k)->text, 1, INTERVAL_MAX_MS, out_ms))
        wrong_value(config, k, "a time from 1ms to 24h such as 500ms, 5s or 2m");
}

/* A section's own word overrides the default of all. */
static bool has_goal(const struct target_config *config)
{
    if (!is_given(config, KEY_PICKUP_GOAL) || !is_given(config, KEY_INTERVAL))
        return is_given(config, KEY_PICKUP_GOAL);
    if (is_own(config, KEY_PICKUP_GOAL) == is_own(config, KEY_INTERVAL)) {
        const struct value *goal = target_config_value(config, KEY_PICKUP_GOAL);
        complain(config->diagnostics, PIPEPOLL_ERROR, goal->at,
                 "pickup-goal stands instead of interval, which is given at line %u: one of both "
                 "must go",
                 target_config_value(config, KEY_INTERVAL)->at.line);
    }
    return is_own(config, KEY_PICKUP_GOAL);
}

static void read_pace(struct target_config *config)
{
    struct pipepoll_target_options *o = &config->options;
    o->max_batch_size = 10;
    if (has_goal(config)) {
        read_duration(config, KEY_PICKUP_GOAL, &o->pickup_goal_ms);
        if (is_given(config, KEY_SLOWEST_INTERVAL))
            read_duration(config, KEY_SLOWEST_INTERVAL, &o->slowest_interval_ms);
    } else {
        o->interval_ms = 5000;
        if (is_given(config, KEY_INTERVAL))
            read_duration(config, KEY_INTERVAL, &o->interval_ms);
        if (is_own(config, KEY_SLOWEST_INTERVAL) &&
            !target_config_is_misspelt(config, KEY_PICKUP_GOAL))
            complain(config->diagnostics, PIPEPOLL_ERROR,
                     target_config_value(config, KEY_SLOWEST_INTERVAL)->at,
                     "slowest-interval goes with a pickup-goal, and [target %.*s] has none",
                     STR_ARG(config->section->name));
    }
    if (is_given(config, KEY_MAX_BATCH_SIZE) &&
        !quantity_count(target_config_value(config, KEY_MAX_BATCH_SIZE)->text, 1, BATCH_MAX,
                        &o->max_batch_size))
        wrong_value(config, KEY_MAX_BATCH_SIZE, "a number from 1 to 10000");
}

/* --- identity --- */

/* As check_value(), for the parts of an identity. */
static void check_identity(const struct target_config *config, enum key k,
                           const struct identity_config *id)
{
    struct pipepoll_error why;
    struct pipepoll_credentials *c;
    if (!is_given(config, k))
        return;
    if (identity_config_credentials(&c, id, &why))
        complain(config->diagnostics, PIPEPOLL_ERROR, target_config_value(config, k)->at, "%s",
                 why.text);
    else
        pipepoll_credentials_unref(c);
}

static void need_role(const struct target_config *config, enum key k)
{
    if (is_own(config, k) && !target_config_is_misspelt(config, KEY_ROLE_ARN))
        complain(config->diagnostics, PIPEPOLL_ERROR, target_config_value(config, k)->at,
                 "%s goes with a role-arn, and [target %.*s] has none", key_name(k),
                 STR_ARG(config->section->name));
}

static void read_role(struct target_config *config)
{
    const str arn = STR("arn:aws:iam::123456789012:role/R");
    struct identity_config *id = &config->identity;
    id->role_arn = target_config_value(config, KEY_ROLE_ARN)->text;
    id->external_id = target_config_value(config, KEY_EXTERNAL_ID)->text;
    id->role_session_name = target_config_value(config, KEY_ROLE_SESSION_NAME)->text;
    check_identity(config, KEY_ROLE_ARN, &(struct identity_config) { .role_arn = id->role_arn });
    check_identity(config, KEY_EXTERNAL_ID,
                   &(struct identity_config) { .role_arn = arn, .external_id = id->external_id });
    check_identity(
        config, KEY_ROLE_SESSION_NAME,
        &(struct identity_config) { .role_arn = arn, .role_session_name = id->role_session_name });
}

/* What a file can mend may be mended while targets wait: a warning. */
static void check_credentials(const struct target_config *config, const struct value *profile)
{
    struct pipepoll_error why;
    int r = pipepoll_settings_credentials(config->ambient, &why);
    enum pipepoll_level level = r == PIPEPOLL_EINVAL ? PIPEPOLL_ERROR : PIPEPOLL_WARNING;
    if (r && profile->at.line)
        complain(config->diagnostics, level, profile->at, "%s", why.text);
    else if (r)
        complain_elsewhere(config->diagnostics, level, "%s", why.text);
}

static int read_identity(struct target_config *config)
{
    const struct value *profile = target_config_value(config, KEY_PROFILE);
    struct pipepoll_error why;
    config->identity = (struct identity_config) { .profile = profile->text };
    if (is_given(config, KEY_ROLE_ARN)) {
        read_role(config);
    } else {
        need_role(config, KEY_EXTERNAL_ID);
        need_role(config, KEY_ROLE_SESSION_NAME);
    }
    if (!config->settings)
        return PIPEPOLL_OK;
    int r = settings_of(config->settings, profile->text, &config->ambient, &why);
    if (r == PIPEPOLL_ENOMEM)
        return r;
    if (r && profile->at.line)
        complain(config->diagnostics, PIPEPOLL_ERROR, profile->at, "%s", why.text);
    else if (r)
        complain_elsewhere(config->diagnostics, PIPEPOLL_ERROR, "%s", why.text);
    if (r)
        return PIPEPOLL_OK;
    settings_complain(config->ambient, config->diagnostics);
    check_credentials(config, profile);
    return PIPEPOLL_OK;
}

/* --- endpoint --- */

str target_config_setting(struct target_config *config, enum pipepoll_setting which)
{
    str value =
        config->ambient ? pipepoll_settings_get(config->ambient, which, NULL) : (str) { NULL, 0 };
    if (value.len)
        config->in_force |= 1u << which;
    return value;
}

/* The file's own choice of an endpoint URL, FIPS or dual stack excludes another one of the
 * machine's, and overrides it. */
static void read_switch(struct target_config *config, enum key k, enum pipepoll_setting which,
                        bool *out)
{
    if (is_given(config, k)) {
        if (!quantity_switch(target_config_value(config, k)->text, out))
            wrong_value(config, k, "yes or no");
    } else if (!is_given(config, KEY_ENDPOINT_URL)) {
        *out = target_config_setting(config, which).len > 0;
    }
}

static void check_settings(const struct target_config *config,
                           const struct pipepoll_target_options *sample)
{
    struct pipepoll_error why;
    char from[256];
    if (pipepoll_target_check(sample, &why))
        complain(config->diagnostics, PIPEPOLL_ERROR, config->section->at, "%s: %s",
                 settings_origins(config->ambient, config->in_force & SETTINGS_OF_ENDPOINT, from,
                                  sizeof from),
                 why.text);
}

static void read_endpoint(struct target_config *config)
{
    struct pipepoll_target_options sample = target_config_sample();
    read_switch(config, KEY_FIPS, PIPEPOLL_SETTING_FIPS, &config->options.fips);
    read_switch(config, KEY_DUALSTACK, PIPEPOLL_SETTING_DUALSTACK, &config->options.dualstack);
    sample.fips = config->options.fips;
    sample.dualstack = config->options.dualstack;
    const struct value *url = target_config_value(config, KEY_ENDPOINT_URL);
    bool own_choice = (is_given(config, KEY_FIPS) && config->options.fips) ||
                      (is_given(config, KEY_DUALSTACK) && config->options.dualstack);
    sample.endpoint_url = url->text;
    if (!url->text.len && !own_choice && !target_config_is_misspelt(config, KEY_ENDPOINT_URL))
        sample.endpoint_url = target_config_setting(config, PIPEPOLL_SETTING_ENDPOINT_URL);
    config->options.endpoint_url = sample.endpoint_url;
    if (url->text.len)
        check_value(config, url, &sample);
    else if (sample.endpoint_url.len)
        check_settings(config, &sample);
}

/* Of a service that gives out credentials: worth telling where it is not CodePipeline's too. */
static void note_endpoint(struct target_config *config, enum pipepoll_setting which)
{
    str from, of_all;
    if (!config->ambient)
        return;
    pipepoll_settings_get(config->ambient, which, &from);
    pipepoll_settings_get(config->ambient, PIPEPOLL_SETTING_ENDPOINT_URL, &of_all);
    if (!str_eq(from, of_all))
        target_config_setting(config, which);
}

static void read_allow_unknown(struct target_config *config)
{
    enum key k = KEY_ALLOW_UNKNOWN_REGIONS;
    config->allow_unknown_regions = false;
    if (is_given(config, k) &&
        !quantity_switch(target_config_value(config, k)->text, &config->allow_unknown_regions))
        wrong_value(config, k, "yes or no");
}

static void read_handler(struct target_config *config)
{
    const struct value *v = target_config_value(config, KEY_HANDLER);
    const struct worker_config *worker = config->worker;
    config->handler = NULL;
    if (!v->text.len || str_eq(v->text, STR("none")))
        return;
    config->handler = worker_config_find(worker, v->text);
    if (config->handler)
        return;
    struct nearest near = nearest_to(v->text);
    for (size_t i = 0; i < worker->handler_count; i++)
        nearest_try(&near, str_of(worker->handlers[i].name));
    char hint[96];
    complain(config->diagnostics, PIPEPOLL_ERROR, v->at, "there is no [handler %.*s]%s",
             STR_ARG(v->text), nearest_hint(&near, hint, sizeof hint));
}

int target_config_read(struct target_config *config)
{
    struct pipepoll_target_options none = PIPEPOLL_TARGET_OPTIONS_INIT;
    config->options = none;
    config->ambient = NULL;
    config->in_force = 0;
    read_action_type(config);
    read_query(config);
    read_pace(config);
    read_allow_unknown(config);
    read_handler(config);
    int r = read_identity(config);
    if (r)
        return r;
    read_endpoint(config);
    note_endpoint(config, PIPEPOLL_SETTING_STS_ENDPOINT_URL);
    note_endpoint(config, PIPEPOLL_SETTING_SSO_ENDPOINT_URL);
    return PIPEPOLL_OK;
}
