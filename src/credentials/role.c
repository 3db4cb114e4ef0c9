#include "credentials/role.h"

enum { ARN_MAX = 2048, SESSION_NAME_MAX = 64, EXTERNAL_ID_MAX = 1224 };

const char *role_fault_text(enum role_fault f)
{
    switch (f) {
#define X(name, text)                                                                              \
    case ROLE_BAD_##name:                                                                          \
        return text;
        ROLE_FAULT_MAP(X)
#undef X
    case ROLE_FINE:
    case ROLE_FAULT_COUNT:
        break;
    }
    return "is fine";
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_made_of(str s, str marks)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && str_find(marks, s.ptr[i]) == marks.len)
            return false;
    return true;
}

/* The part up to the next ':', which *rest is moved behind. */
static str take_part(str *rest)
{
    str part = { rest->ptr, str_find(*rest, ':') };
    *rest = str_skip(*rest, part.len < rest->len ? part.len + 1 : part.len);
    return part;
}

/* arn:PARTITION:iam::ACCOUNT:role/NAME; false leaves *account alone. */
static bool read_arn(str arn, str *account)
{
    str rest = arn;
    if (arn.len > ARN_MAX || !str_eq(take_part(&rest), STR("arn")) || !take_part(&rest).len ||
        !str_eq(take_part(&rest), STR("iam")) || take_part(&rest).len)
        return false;
    str digits = take_part(&rest);
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
    if (!digits.len || !str_starts(rest, STR("role/")) || rest.len == STR("role/").len)
        return false;
    for (size_t i = 0; i < arn.len; i++)
        if (arn.ptr[i] <= 0x20 || arn.ptr[i] > 0x7e)
            return false;
    *account = digits;
    return true;
}

str role_account(str arn)
{
    str account = { NULL, 0 };
    read_arn(arn, &account);
    return account;
}

static bool is_between(size_t n, size_t least, size_t most)
{
    return n >= least && n <= most;
}

enum role_fault role_check(const struct role *r)
{
    if (!role_account(r->arn).len)
        return ROLE_BAD_ARN;
    if (r->session_name.len && (!is_between(r->session_name.len, 2, SESSION_NAME_MAX) ||
                                !is_made_of(r->session_name, STR("+=,.@_-"))))
        return ROLE_BAD_SESSION_NAME;
    if (r->external_id.len && (!is_between(r->external_id.len, 2, EXTERNAL_ID_MAX) ||
                               !is_made_of(r->external_id, STR("+=,.@:/_-"))))
        return ROLE_BAD_EXTERNAL_ID;
    if (r->duration_s && !is_between(r->duration_s, 900, 43200))
        return ROLE_BAD_DURATION;
    return ROLE_FINE;
}

bool role_eq(const struct role *a, const struct role *b)
{
    return str_eq(a->arn, b->arn) && str_eq(a->session_name, b->session_name) &&
           str_eq(a->external_id, b->external_id) && a->duration_s == b->duration_s;
}
