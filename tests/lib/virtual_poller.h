/* SPDX-License-Identifier: MIT */
/* A poller in virtual time (lib/virtual.h), and what its tests give it. */
#ifndef TESTS_VIRTUAL_POLLER_H
#define TESTS_VIRTUAL_POLLER_H

#include "client/poller.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/virtual.h"

/* Nothing of this machine has a say, no file is read, and http://sts.test is asked for roles. */
static inline void virtual_alone(void)
{
    alone();
    setenv("AWS_ENDPOINT_URL_STS", "http://sts.test", 1);
    setenv("AWS_CONFIG_FILE", "/dev/null", 1); /* which no file is read for */
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
}

static inline void run_for(double seconds)
{
    virtual_run(timers_now_ns() + (uint64_t)(seconds * 1e9));
}

/* Access keys; with an ARN, those of this role, for which they ask. */
static inline struct pipepoll_credentials *virtual_credentials(const char *role_arn)
{
    struct pipepoll_credentials *keys = NULL, *out = NULL;
    struct pipepoll_role role = PIPEPOLL_ROLE_INIT;
    assert_int_equal(
        pipepoll_credentials_static(&keys, STR("AKIDEXAMPLE"), STR("s"), STR(""), NULL), 0);
    if (!role_arn)
        return keys;
    role.arn = str_of(role_arn);
    assert_int_equal(pipepoll_credentials_role(&out, keys, &role, NULL), 0);
    pipepoll_credentials_unref(keys);
    return out;
}

/* The credentials become the poller's. */
static inline void virtual_open(struct pipepoll **out, struct pipepoll_options *o)
{
    assert_int_equal(pipepoll_open(out, NULL, o, NULL), 0);
    pipepoll_credentials_unref(o->credentials);
}

/* At http://service.test, once a second. */
static inline struct pipepoll_target_options virtual_target(const char *provider)
{
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type = (struct pipepoll_action_type) { STR_INIT("Build"), STR_INIT("ThirdParty"),
                                                    str_of(provider), STR_INIT("1") };
    t.region = STR("us-east-1");
    t.endpoint_url = STR("http://service.test");
    t.interval_ms = 1000;
    return t;
}

#endif
