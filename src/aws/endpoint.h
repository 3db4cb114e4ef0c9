/* SPDX-License-Identifier: MIT */
/* Region and flags to host and URL: the partitions and the endpoint rules of CodePipeline, and of
 * the two services that give out credentials. Pure. */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "base/str.h"

struct endpoint {
    bool tls, insecure; /* the latter: as the rule has it */
    char text[512];     /* "https://host[:port]/path", NUL-terminated; the slices below lie in it */
    str url;
    str host; /* as in the Host header: with the port when it is not the scheme's own */
    str path; /* begins and ends with '/' */
    char region_text[64];
    str signing_region; /* in region_text */
};

struct endpoint_rule {
    /* [a-z0-9-]{1,63}, no '-' at either end; or a pseudo-region of AWS's older tools: fips-REGION
     * and REGION-fips are FIPS in REGION, aws-global and its fellows their partition's first
     * region */
    str region;
    str endpoint_url; /* override, or empty */
    bool fips, dualstack;
    bool insecure; /* its certificate is not to be verified */
    str service;   /* empty: "codepipeline"; else "sts", "portal.sso" or "oidc" */
};

/* *out must not be moved afterwards (slices). PIPEPOLL_EINVAL with one sentence: a bad region, a
 * bad URL (scheme, user info, host, port, query, fragment, a character that a URL must escape, too
 * long), an override together with fips or dualstack. An unknown region gets its partition by
 * pattern, else `aws`. STS without a region, or in "aws-global", is its global endpoint, which is
 * us-east-1's by another name: it is signed for that. An http: override is taken for any host: the
 * operator wrote it. */
int endpoint_resolve(struct endpoint *out, const struct endpoint_rule *rule,
                     struct pipepoll_error *why);

/* The partition that a region belongs to, by its name: "aws", "aws-cn", ... */
str endpoint_partition(str region);
/* A region of a partition that every account has enabled; empty: no partition is called so. */
str endpoint_default_region(str partition);

/* The i-th region of a partition (empty: aws) where the service is offered, or NULL. */
const char *endpoint_region(str partition, size_t i);

#endif
