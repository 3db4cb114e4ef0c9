/* SPDX-License-Identifier: MIT */
/* Members of a message whose texts may be anything, where fleet/message.h has words: they are
 * escaped and unescaped, which writes to the JSON text. Read what is read by message.h first. Only
 * for this folder. */
#ifndef FLEET_MESSAGE_TEXT_H
#define FLEET_MESSAGE_TEXT_H

#include "aws/json.h"
#include "base/buf.h"

/* `"actionTypeId":{...}`. */
void message_text_put_type(struct buf *out, const struct pipepoll_action_type *type);

/* Empty if it is not there; false: it is of another type. */
bool message_text_get(struct json *j, int object, const char *name, str *out);
/* The object of this name, or JSON_NONE; false: it is of another type. */
bool message_text_get_object(const struct json *j, int object, const char *name, int *out);
/* false: it is not there, or a member is missing. */
bool message_text_get_type(struct json *j, struct pipepoll_action_type *out);

#endif
