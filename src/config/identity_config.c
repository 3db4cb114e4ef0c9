/* SPDX-License-Identifier: MIT */
/* Names are for logs and tables, and need not be unique; identity_config_compare() tells identities
 * apart, by what was written, since whose credentials a profile holds is not known here. */
#include "config/identity_config.h"

#include "base/order.h"

int identity_config_compare(const struct identity_config *a, const struct identity_config *b)
{
    int r = order_str(a->profile, b->profile);
    r = r ? r : order_str(a->role_arn, b->role_arn);
    r = r ? r : order_str(a->external_id, b->external_id);
    return r ? r : order_str(a->role_session_name, b->role_session_name);
}

/* Of arn:aws:iam::123456789012:role/path/Name what tells it from others: 123456789012/path/Name. */
static void put_role(struct buf *out, str arn)
{
    str rest = arn;
    for (int colons = 0; colons < 4 && rest.len; colons++)
        rest = str_skip(rest, str_find(rest, ':') + (str_find(rest, ':') < rest.len));
    str account = { rest.ptr, str_find(rest, ':') };
    str name = str_skip(rest, account.len);
    if (str_starts(name, STR(":role/")) && account.len) {
        buf_put(out, account);
        buf_put(out, str_skip(name, sizeof ":role" - 1));
    } else {
        buf_put(out, arn);
    }
}

void identity_config_put(struct buf *out, const struct identity_config *id)
{
    char text[4096];
    struct buf whole = BUF_ON(text);
    if (id->role_arn.len) {
        buf_put(&whole, STR("role "));
        put_role(&whole, id->role_arn);
        buf_put(&whole, id->profile.len ? STR(" by ") : STR(""));
    }
    if (id->profile.len) {
        buf_put(&whole, STR("profile "));
        buf_put(&whole, id->profile);
    }
    str name = whole.len ? buf_str(&whole) : STR("default");
    buf_put(out,
            (str) { name.ptr,
                    name.len < IDENTITY_CONFIG_NAME_MAX ? name.len : IDENTITY_CONFIG_NAME_MAX });
}

int identity_config_credentials(struct pipepoll_credentials **out, const struct identity_config *id,
                                struct pipepoll_error *why)
{
    struct pipepoll_credentials *source;
    int r = id->profile.len ? pipepoll_credentials_profile(&source, id->profile, why)
                            : pipepoll_credentials_default(&source, why);
    if (r || !id->role_arn.len) {
        if (!r)
            *out = source;
        return r;
    }
    const struct pipepoll_role role = { .size = sizeof role,
                                        .arn = id->role_arn,
                                        .session_name = id->role_session_name,
                                        .external_id = id->external_id };
    r = pipepoll_credentials_role(out, source, &role, why);
    pipepoll_credentials_unref(source);
    return r;
}
