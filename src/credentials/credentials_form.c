/* SPDX-License-Identifier: MIT */
/* Numbers are read here and not by strtod(), which follows the locale of the embedding program:
 * STS writes 1.632249686E9 for an expiration. */
#include "credentials/credentials_form.h"

#include "aws/timestamp.h"
#include "base/log.h"

enum { DIGITS_MAX = 18 }; /* of a number: more would not fit 64 bits, and mean nothing here */

/* The value of [+-]digits at the start of text, bounded: an exponent of a thousand is as good as
 * one of a million. */
static int read_exponent(str text)
{
    bool minus = text.len && text.ptr[0] == '-';
    int n = 0;
    if (text.len && !ascii_is_digit(text.ptr[0]))
        text = str_skip(text, 1);
    for (; text.len && ascii_is_digit(text.ptr[0]); text = str_skip(text, 1))
        n = n < 1000 ? n * 10 + (text.ptr[0] - '0') : n;
    return minus ? -n : n;
}

/* The whole part of a JSON number, times 10^shift (not above 0). false: negative, or too large to
 * be a time. */
static bool read_number(str text, int shift, uint64_t *out)
{
    uint64_t n = 0;
    int digits = 0;
    bool fraction = false;
    for (; text.len && (ascii_is_digit(text.ptr[0]) || text.ptr[0] == '.');
         text = str_skip(text, 1)) {
        if (text.ptr[0] == '.') {
            fraction = true;
            continue;
        }
        if (digits == DIGITS_MAX && !fraction)
            return false;
        if (digits == DIGITS_MAX)
            continue;
        n = n * 10 + (uint64_t)(text.ptr[0] - '0');
        digits += n > 0;
        shift -= fraction;
    }
    if (text.len && text.ptr[0] != 'e' && text.ptr[0] != 'E')
        return false;
    if (text.len)
        shift += read_exponent(str_skip(text, 1));
    for (; shift > 0 && n; shift--) {
        if (n > UINT64_MAX / 100)
            return false;
        n *= 10;
    }
    for (; shift < 0 && n; shift++)
        n /= 10;
    *out = n;
    return true;
}

static bool read_expiration(struct json *j, int node, bool in_ms, uint64_t *expires_s)
{
    int64_t unix_s;
    switch (json_type(j, node)) {
    case JSON_NUMBER:
        return read_number(json_text(j, node), in_ms ? -3 : 0, expires_s);
    case JSON_STRING:
        if (!timestamp_iso8601(json_text(j, node), &unix_s) || unix_s < 0)
            return false;
        *expires_s = (uint64_t)unix_s;
        return true;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static int missing(const char *what, const char *name, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_EPROTO, "%s gave no %s (as a text that is not empty)", what, name);
}

static int read_expiry(uint64_t *expires_s, const struct credentials_form_json *from,
                       struct pipepoll_error *why)
{
    const char *name = from->form->expiration;
    int node = json_member(from->json, from->object, name);
    bool given = node != JSON_NONE && json_type(from->json, node) != JSON_NULL;
    *expires_s = UINT64_MAX;
    if (!given && !from->form->may_be_permanent)
        return explain(why, PIPEPOLL_EPROTO, "%s gave no %s", from->what, name);
    if (given && !read_expiration(from->json, node, from->form->expires_in_ms, expires_s))
        return explain(why, PIPEPOLL_EPROTO, "%s gave an %s that is not a time", from->what, name);
    return 0;
}

/* Are the texts there that must be? */
static int check_texts(const struct credentials_text *text, const struct credentials_form *form,
                       const char *what, struct pipepoll_error *why)
{
    if (!text->access_key_id.len)
        return missing(what, form->access_key_id, why);
    if (!text->secret_access_key.len)
        return missing(what, form->secret_access_key, why);
    if (!text->session_token.len && !form->may_be_permanent)
        return missing(what, form->session_token, why);
    const char *problem = credentials_problem(text);
    return problem ? explain(why, PIPEPOLL_EPROTO, "%s gave credentials that %s", what, problem)
                   : 0;
}

/* Of texts that were checked. */
static int make(struct credentials **out, const struct alloc *alloc,
                const struct credentials_text *text, uint64_t expires_s, struct pipepoll_error *why)
{
    int r = credentials_new(out, alloc, text, expires_s);
    return r ? explain(why, r, "%s", pipepoll_strerror(r)) : 0;
}

int credentials_form_read(struct credentials **out, const struct alloc *alloc,
                          const struct credentials_form_json *from, struct pipepoll_error *why)
{
    const struct credentials_form *form = from->form;
    struct json *j = from->json;
    struct credentials_text text = {
        .access_key_id = json_member_text(j, from->object, form->access_key_id),
        .secret_access_key = json_member_text(j, from->object, form->secret_access_key),
        .session_token = json_member_text(j, from->object, form->session_token),
        .account_id =
            form->account_id ? json_member_text(j, from->object, form->account_id) : STR(""),
    };
    if (!text.account_id.len)
        text.account_id = from->account_id;
    int r = check_texts(&text, form, from->what, why);
    uint64_t expires_s;
    if (!r)
        r = read_expiry(&expires_s, from, why);
    if (r)
        return r;
    return make(out, alloc, &text, expires_s, why);
}

int credentials_form_read_texts(struct credentials **out, const struct alloc *alloc,
                                const struct credentials_form_texts *from,
                                struct pipepoll_error *why)
{
    int64_t expires_s;
    int r = check_texts(&from->credentials, from->form, from->what, why);
    if (r)
        return r;
    if (!from->expiration.len)
        return explain(why, PIPEPOLL_EPROTO, "%s gave no %s", from->what, from->form->expiration);
    if (!timestamp_iso8601(from->expiration, &expires_s) || expires_s < 0)
        return explain(why, PIPEPOLL_EPROTO, "%s gave an %s that is not a time", from->what,
                       from->form->expiration);
    return make(out, alloc, &from->credentials, (uint64_t)expires_s, why);
}
