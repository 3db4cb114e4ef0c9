/* SPDX-License-Identifier: MIT */
/* Out through base/jsontext.h, in through aws/json.h, which unescape in place. */
#include "fleet/message_text.h"

#include "base/jsontext.h"
#include "fleet/message.h"

void message_text_put_type(struct buf *out, const struct pipepoll_action_type *type)
{
    jsontext_open(out, "actionTypeId", '{');
    jsontext_member(out, "category", type->category);
    jsontext_member(out, "owner", type->owner);
    jsontext_member(out, "provider", type->provider);
    jsontext_member(out, "version", type->version);
    buf_put_char(out, '}');
}

bool message_text_get(struct json *j, int object, const char *name, str *out)
{
    int node = message_member(j, object, name);
    *out = STR("");
    if (node == JSON_NONE)
        return true;
    if (json_type(j, node) != JSON_STRING)
        return false;
    *out = json_text(j, node);
    return true;
}

bool message_text_get_object(const struct json *j, int object, const char *name, int *out)
{
    *out = message_member(j, object, name);
    return *out == JSON_NONE || json_type(j, *out) == JSON_OBJECT;
}

bool message_text_get_type(struct json *j, struct pipepoll_action_type *out)
{
    int object;
    return message_text_get_object(j, JSON_ROOT, "actionTypeId", &object) && object != JSON_NONE &&
           message_text_get(j, object, "category", &out->category) &&
           message_text_get(j, object, "owner", &out->owner) &&
           message_text_get(j, object, "provider", &out->provider) &&
           message_text_get(j, object, "version", &out->version) && out->category.len &&
           out->owner.len && out->provider.len && out->version.len;
}
