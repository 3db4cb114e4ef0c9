/* SPDX-License-Identifier: MIT */
/* Everything follows from the ARN: the account tells that it is well formed, the partition tells
 * which regions may be asked. The rules are those of STS, checked here so that a typing error is
 * told before any call, by the names that stand where it was made. */
#include "credentials/role.h"

#include "aws/endpoint.h"
#include "base/log.h"

enum { ARN_MAX = 2048, SESSION_NAME_MAX = 64, EXTERNAL_ID_MAX = 1224 };
enum { DURATION_MIN_S = 900, DURATION_MAX_S = 43200 };

static bool is_alnum(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
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
        if (!ascii_is_digit(digits.ptr[i]))
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

/* Partitions know nothing of each other: STS must be of the role's. Its global endpoint is never
 * taken instead of a region: it gives tokens that are no good where an account must opt in. */
str role_region(const struct role *r, str configured, str target)
{
    str rest = r->arn;
    take_part(&rest);
    str partition = take_part(&rest), fallback = endpoint_default_region(partition);
    const str named[] = { configured, target };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].len && (!fallback.len || str_eq(endpoint_partition(named[i]), partition)))
            return named[i];
    return fallback;
}

static bool is_between(size_t n, size_t least, size_t most)
{
    return n >= least && n <= most;
}

/* What is left empty breaks no rule. */
static bool fits(str s, size_t most, str marks)
{
    return !s.len || (is_between(s.len, 2, most) && is_made_of(s, marks));
}

int role_explain(const struct role *r, const struct role_words *w, int status,
                 struct pipepoll_error *why)
{
    if (!role_account(r->arn).len)
        return explain(why, status,
                       "%s%s \"%.*s\" is not a role's ARN, such as "
                       "arn:aws:iam::123456789012:role/Name",
                       w->subject, w->arn, STR_ARG(r->arn));
    if (!fits(r->session_name, SESSION_NAME_MAX, STR("+=,.@_-")))
        return explain(why, status, "%s%s \"%.*s\" must be 2 to %d of A-Z a-z 0-9 + = , . @ _ -",
                       w->subject, w->session_name, STR_ARG(r->session_name), SESSION_NAME_MAX);
    /* Something of a password: not quoted. */
    if (!fits(r->external_id, EXTERNAL_ID_MAX, STR("+=,.@:/_-")))
        return explain(why, status, "%s%s must be 2 to %d of A-Z a-z 0-9 + = , . @ : / _ -",
                       w->subject, w->external_id, EXTERNAL_ID_MAX);
    if (r->duration_s && !is_between(r->duration_s, DURATION_MIN_S, DURATION_MAX_S))
        return explain(why, status, "%s%s %u must be %d to %d seconds", w->subject, w->duration,
                       r->duration_s, DURATION_MIN_S, DURATION_MAX_S);
    return 0;
}

bool role_eq(const struct role *a, const struct role *b)
{
    return str_eq(a->arn, b->arn) && str_eq(a->session_name, b->session_name) &&
           str_eq(a->external_id, b->external_id) && a->duration_s == b->duration_s;
}
