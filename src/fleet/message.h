/* SPDX-License-Identifier: MIT */
/* The pieces of a message between members: `{"v":1,...}` out and in, with numbers that are exact.
 * Pure. Readers of one name: false if what is there is of another type; what is not there, or is
 * null as some languages write it, is zero or empty. Only for this folder. */
#ifndef FLEET_MESSAGE_H
#define FLEET_MESSAGE_H

#include "aws/json.h"
#include "base/buf.h"
#include "fleet/beat.h"

enum { MESSAGE_TOKENS = 512, MESSAGE_HEX = 16 /* digits of a hash */ };

struct message {
    struct json json;
    struct json_token tokens[MESSAGE_TOKENS];
};

void message_put_hex(struct buf *out, uint64_t n);
bool message_read_hex(str s, uint64_t *out);
bool message_read_decimal(str s, uint64_t *out);

/* The brace and the version; the caller closes. Other members are put by base/jsontext.h. */
void message_open(struct buf *out);
void message_hash(struct buf *out, const char *name, uint64_t n);

/* Of a body that was parsed: OK, or OTHER_VERSION; MALFORMED where it names none. */
enum beat_read message_version(const struct json *j);
/* body is not written to, and must outlive b. */
enum beat_read message_read(struct message *b, str body);
/* JSON_NONE: it is not there, or null. */
int message_member(const struct json *j, int object, const char *name);
bool message_get_text(const struct json *j, int object, const char *name, str *out);
/* A number with a fraction in parts of one; `parts` is a power of ten. */
bool message_get_parts(const struct json *j, int object, const char *name, uint64_t parts,
                       uint64_t *out);
bool message_get_number(const struct json *j, const char *name, uint64_t *out);
bool message_get_u32(const struct json *j, const char *name, uint32_t *out); /* more: UINT32_MAX */
bool message_get_hash(const struct json *j, const char *name, uint64_t *out);
bool message_get_flag(const struct json *j, const char *name, bool *out);

#endif
