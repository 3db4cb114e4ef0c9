/* SPDX-License-Identifier: MIT */
/* What the environment and one profile say of where calls go, the environment first: the order and
 * the names that all AWS tools share. Pure. */
#ifndef CREDENTIALS_CONFIGURED_H
#define CREDENTIALS_CONFIGURED_H

#include "credentials/profiles.h"

/* Where to look; all borrowed. */
struct configured {
    const struct environment *environment;
    const struct profiles *profiles;
    str profile;
    /* NULL, or where it is told why a key of the profile was passed over (profiles_check()); the
     * first such reason stays. */
    struct pipepoll_error *doubt;
};

struct configured_value {
    str text;       /* borrowed from the environment or the profiles; empty: not given */
    char from[128]; /* "AWS_REGION", "profile acme", "services section x"; NUL-terminated */
};

/* A key of the profile; empty also when it may not be used, for which see doubt. */
str configured_key(const struct configured *c, const char *key);

/* A variable alone. */
struct configured_value configured_variable(const struct configured *c, const char *name);
/* AWS_REGION, AWS_DEFAULT_REGION, region. */
struct configured_value configured_region(const struct configured *c);
/* variable: AWS_USE_FIPS_ENDPOINT or the like; key: of the profile. */
struct configured_value configured_either(const struct configured *c, const char *variable,
                                          const char *key);
bool configured_is_true(const struct configured_value *v);
/* The same for what is on or off: "true", or empty. PIPEPOLL_EINVAL for any other word than true
 * and false: who meant to call FIPS endpoints must not call others unawares. */
int configured_switch(struct configured_value *out, const struct configured *c,
                      const char *variable, const char *key, struct pipepoll_error *why);

/* The override of one service's endpoint ("STS": AWS_ENDPOINT_URL_STS, and sts = in the services
 * section), or that of all services. PIPEPOLL_EINVAL: one is given, but empty, or the profile names
 * a services section that is not there. */
int configured_endpoint_url(struct configured_value *out, const struct configured *c,
                            const char *service, struct pipepoll_error *why);

#endif
