/* SPDX-License-Identifier: MIT */
/* The form is that of the SDKs' User-Agent, version 2.1, with the two parts of it that AWS counts
 * by: the product and its version, and the app id. */
#include "aws/user_agent.h"

static bool is_allowed(char c)
{
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || ascii_is_digit(c) ||
           (c != '\0' && strchr("!#$%&'*+,-.^_`|~", c));
}

void user_agent_put(struct buf *out, str app_id)
{
    buf_put(out, STR("pipepoll/" PIPEPOLL_VERSION));
    if (app_id.len > USER_AGENT_APP_ID_MAX)
        out->overflow = true;
    if (!app_id.len)
        return;
    buf_put(out, STR(" app/"));
    for (size_t i = 0; i < app_id.len; i++)
        buf_put_char(out, is_allowed(app_id.ptr[i]) ? app_id.ptr[i] : '-');
}
