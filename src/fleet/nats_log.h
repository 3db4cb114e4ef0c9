/* SPDX-License-Identifier: MIT */
/* The logs as JetStream has them: their streams' names and subjects, how they must be configured,
 * and what is wrong with one that is otherwise. Pure. */
#ifndef FLEET_NATS_LOG_H
#define FLEET_NATS_LOG_H

#include "aws/json.h"
#include "base/buf.h"
#include "fleet/nats_engine.h"

enum {
    NATS_FORMAT = 1, /* of all that is in a fleet's streams */
    NATS_FLEET_MAX = 64,
    NATS_STREAM_MAX = NATS_FLEET_MAX + 24,
    NATS_SUBJECT_MAX = NATS_FLEET_MAX + ENGINE_KEY_MAX + 32
};

/* PIPEPOLL_<fleet>_LEASES */
void nats_log_stream(struct buf *out, str fleet, enum engine_log log);
/* pipepoll.<fleet>.lease.<key> */
void nats_log_subject(struct buf *out, str fleet, enum engine_log log, str key);
/* The key of a subject, or an empty one if it is none of this log's. */
str nats_log_key(str fleet, enum engine_log log, str subject);
/* The durable consumer of a filter: '.' is ',' in it, and '*' is '@', which no key has. */
void nats_log_consumer(struct buf *out, str filter);

/* The names of the fleets whose leases are among the streams that an answer of STREAM.NAMES lists,
 * parted by ", ", and "..." where there are more. Nothing: there are none. */
void nats_log_fleets(struct buf *out, const struct json *answer);

/* Does a subject match a filter of the servers', in which '*' stands for a word, and a last '>' for
 * all that follows, one word at least? */
bool nats_log_matches(str subject, str filter);

/* The body of a request that makes a stream. */
void nats_log_config(struct buf *out, const struct nats_options *o, enum engine_log log);

enum nats_log_verdict {
    NATS_LOG_GOOD,
    NATS_LOG_RESIZE, /* all but max_bytes is as it must be */
    NATS_LOG_WRONG   /* `why` says what, and what to do */
};
/* config: the node of the stream's configuration, which is not changed. */
enum nats_log_verdict nats_log_judge(const struct nats_options *o, enum engine_log log,
                                     const struct json *j, int config, struct buf *why);

/* The body of a request that resizes a stream: all else stays as it is there, also what we do not
 * know. */
void nats_log_resized(struct buf *out, const struct nats_options *o, enum engine_log log,
                      const struct json *j, int config);

/* What a message of JetStream's says of itself, in its reply subject. false: it is none. */
struct nats_place {
    str stream, consumer;
    uint64_t delivered, sequence, consumer_sequence, pending;
};
bool nats_place_read(struct nats_place *out, str reply);

#endif
