/* SPDX-License-Identifier: MIT */
/* A found job as a message of ENGINE_JOBS, out and in: the key by which workers choose their jobs,
 * and the body, JSON that any language reads. Members that a reader does not know it ignores; a
 * body of another version it leaves to those who know that. Pure. */
#ifndef FLEET_JOB_MESSAGE_H
#define FLEET_JOB_MESSAGE_H

#include "aws/json.h"
#include "base/buf.h"
#include "fleet/beat.h"

enum {
    JOB_MESSAGE_BODY_MAX = 16384, /* a longer one is malformed */
    JOB_MESSAGE_TOKENS = 256
};

struct job_message {
    str region;
    struct pipepoll_action_type action_type;
    str job_id, client_id; /* client_id: empty in a custom job */
    str nonce, account_id; /* of a custom job; the nonce is a secret */
    uint64_t target;       /* target_hash(); 0: not said */
    str member;            /* who found it; may be empty */
    uint64_t epoch;        /* of its claim to the target; 0: not said */
    int64_t found_ms;      /* Unix time */
};

/* `REGION.OWNER.CATEGORY.PROVIDER.VERSION`. false: one of these is not a word that a key may have,
 * as none is that the service takes. */
bool job_message_put_key(struct buf *out, str region, const struct pipepoll_action_type *type);
/* The same of all regions, for a pull: `*.OWNER.CATEGORY.PROVIDER.VERSION`. */
bool job_message_put_filter(struct buf *out, const struct pipepoll_action_type *type);

void job_message_put(struct buf *out, const struct job_message *job);

/* Under which once-id it is written: the first 32 hex digits of the SHA-256 of the job's id, which
 * may be long and have any bytes, with the nonce behind it; and ':' and the generation. For a
 * custom job that was handed out again is another message, with the one nonce that will do. */
enum { JOB_MESSAGE_ONCE_MAX = 32 + 1 + 20 };
void job_message_put_once(struct buf *out, str job_id, str nonce, int64_t generation);

/* A body that was read; its texts lie in here, so it must not move. */
struct job_message_text {
    struct job_message job;
    struct json_token tokens[JOB_MESSAGE_TOKENS];
    char text[JOB_MESSAGE_BODY_MAX];
};

/* MALFORMED: not JSON, of other types, or without a region, an action type and a job id. body is
 * not written to. Call job_message_wipe() when the job is not needed any more, whatever this said:
 * a nonce may be in there. */
enum beat_read job_message_read(struct job_message_text *out, str body);
void job_message_wipe(struct job_message_text *m);

#endif
