/* The embedder's options, read once: missing tails zeroed (older callers), defaults put in, rules
 * checked. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "aws/endpoint.h"
#include "base/environment.h"

/* What max_connections is by default, from RLIMIT_NOFILE as it is now. */
uint32_t options_max_connections(void);

/* PIPEPOLL_EINVAL with one sentence. *sink is a copy of the options': what it lacks is NULL. */
int options_read(struct pipepoll_options *out, struct pipepoll_sink *sink,
                 const struct pipepoll_options *in, struct pipepoll_error *why);
int target_options_read(struct pipepoll_target_options *out,
                        const struct pipepoll_target_options *in, struct pipepoll_error *why);

struct endpoint_rule target_options_endpoint(const struct pipepoll_target_options *o);

/* As given, else AWS_CA_BUNDLE, else REQUESTS_CA_BUNDLE, these with "~" and $NAME replaced; else
 * nothing is put: the system's. PIPEPOLL_EINVAL: it does not fit. */
int options_put_ca_bundle(struct buf *out, const struct pipepoll_options *o,
                          const struct environment *e, struct pipepoll_error *why);

#endif
