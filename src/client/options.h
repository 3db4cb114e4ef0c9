/* SPDX-License-Identifier: MIT */
/* The embedder's options, read once: missing tails zeroed (older callers), defaults put in, rules
 * checked. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "aws/endpoint.h"
#include "base/environment.h"
#include "io/trust_store.h"

/* What max_connections is by default, from RLIMIT_NOFILE as it is now. */
uint32_t options_max_connections(void);

/* PIPEPOLL_EINVAL with one sentence. Whose answers go nowhere is the next one's to tell. */
int options_read(struct pipepoll_options *out, const struct pipepoll_options *in,
                 struct pipepoll_error *why);
/* A copy of a sink, which may be NULL: what it lacks is NULL. PIPEPOLL_EINVAL. */
int options_read_sink(struct pipepoll_sink *out, const struct pipepoll_sink *in,
                      struct pipepoll_error *why);
int target_options_read(struct pipepoll_target_options *out,
                        const struct pipepoll_target_options *in, struct pipepoll_error *why);

/* Is it polled by PollForJobs? */
bool target_options_is_custom(const struct pipepoll_target_options *o);

struct endpoint_rule target_options_endpoint(const struct pipepoll_target_options *o);

/* The CA bundle as given, else AWS_CA_BUNDLE's, else REQUESTS_CA_BUNDLE's, these with "~" and $NAME
 * replaced; else the system's. As trust_store_new(); PIPEPOLL_EINVAL: a path is too long. */
int options_read_roots(struct trust_store **out, const struct pipepoll_options *o,
                       const struct environment *e, struct pipepoll_error *why);

#endif
