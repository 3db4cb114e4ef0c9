/* SPDX-License-Identifier: MIT
 *
 * Where calls go by the environment and the shared files, as the AWS CLI reads them. The library
 * itself uses only what its credentials need, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, HTTPS_PROXY,
 * NO_PROXY and AWS_DISABLE_CLOCK_SKEW_CORRECTION; the caller decides whether to apply the rest. */
#ifndef PIPEPOLL_SETTINGS_H
#define PIPEPOLL_SETTINGS_H

#include "pipepoll/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pipepoll_settings; /* what was read; never changes */

enum pipepoll_setting {
    PIPEPOLL_SETTING_PROFILE,      /* AWS_PROFILE, AWS_DEFAULT_PROFILE; "default" */
    PIPEPOLL_SETTING_REGION,       /* AWS_REGION, AWS_DEFAULT_REGION, region of the profile */
    PIPEPOLL_SETTING_ENDPOINT_URL, /* AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL, the profile's
                                    * services section, its endpoint_url; a variable that is set
                                    * but empty is an error */
    PIPEPOLL_SETTING_FIPS,         /* AWS_USE_FIPS_ENDPOINT, use_fips_endpoint: "true" or empty */
    PIPEPOLL_SETTING_DUALSTACK,    /* AWS_USE_DUALSTACK_ENDPOINT, use_dualstack_endpoint */
    PIPEPOLL_SETTING_CA_BUNDLE,    /* AWS_CA_BUNDLE, ca_bundle, REQUESTS_CA_BUNDLE: as a path, with
                                    * "~" and $NAME replaced */
    /* As ENDPOINT_URL, for the services that give out credentials: */
    PIPEPOLL_SETTING_STS_ENDPOINT_URL,
    PIPEPOLL_SETTING_SSO_ENDPOINT_URL,
    PIPEPOLL_SETTING_MAX_ATTEMPTS, /* AWS_MAX_ATTEMPTS, max_attempts: 1 or more */
    PIPEPOLL_SETTING_RETRY_MODE,   /* AWS_RETRY_MODE, retry_mode: legacy, standard or adaptive */
    PIPEPOLL_SETTING_OUTPUT,       /* AWS_DEFAULT_OUTPUT, output: as it was written */
    PIPEPOLL_SETTING_USER_AGENT_APP_ID, /* AWS_SDK_UA_APP_ID, sdk_ua_app_id */
    PIPEPOLL_SETTING_COUNT
};

/* Read the settings of this profile (empty: AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default"). Blocks
 * to read the files. EINVAL: a value is not one of those that are allowed, the named profile does
 * not exist, or a line that says where calls go is not understood or is in a file that everybody
 * may write ("FILE:LINE:COLUMN: what"). ENOMEM. */
PIPEPOLL_API int pipepoll_settings_load(struct pipepoll_settings **out, struct pipepoll_str profile,
                                        struct pipepoll_error *why);
/* A value, and where it comes from ("AWS_REGION", "profile acme"). The value is empty if it is not
 * set or if the library does not know this setting. */
PIPEPOLL_API struct pipepoll_str pipepoll_settings_get(const struct pipepoll_settings *s,
                                                       enum pipepoll_setting which,
                                                       struct pipepoll_str *from);
/* What was skipped or looks wrong: the i-th sentence, empty past the last. */
PIPEPOLL_API struct pipepoll_str pipepoll_settings_warning(const struct pipepoll_settings *s,
                                                           size_t i);
/* Whether the credentials of this profile can come, as far as the environment and the files told:
 * of the profile that was asked for, or else of the default chain. Nobody is asked for any. 0: they
 * may, or nothing is configured. EINVAL: the environment of the process is broken, so that they
 * never can; ECREDENTIALS: they cannot before somebody corrects a file. Any thread. */
PIPEPOLL_API int pipepoll_settings_credentials(const struct pipepoll_settings *s,
                                               struct pipepoll_error *why);
PIPEPOLL_API struct pipepoll_settings *pipepoll_settings_free(struct pipepoll_settings *s);

/* The proxy that calls to this endpoint URL would use, without its password, in text[size]; "" for
 * none. */
PIPEPOLL_API void pipepoll_proxy(struct pipepoll_str url, char *text, size_t size);
/* Whether that proxy can be used. EINVAL: it cannot, and why names the variable; ENOMEM. */
PIPEPOLL_API int pipepoll_proxy_check(struct pipepoll_str url, struct pipepoll_error *why);

#ifdef __cplusplus
}
#endif

#endif
