/* SPDX-License-Identifier: MIT */
/* A value is quoted, cut, where a person has to find it in what was typed: names and ids. Texts may
 * be secrets, and are only measured. */
#include "aws/input.h"

#include "base/jsontext.h"
#include "base/log.h"
#include "base/nearest.h"

enum { QUOTE_MAX = 48 };

/* Fill why: `FIELD "VALUE" is not RULE`. */
static int refuse(struct pipepoll_error *why, const char *field, str value, const char *rule)
{
    size_t shown = value.len < QUOTE_MAX ? value.len : QUOTE_MAX;
    return explain(why, PIPEPOLL_EINVAL, "%s \"%.*s%s\" is not %s", field, (int)shown, value.ptr,
                   shown < value.len ? "..." : "", rule);
}

int input_check_text(const char *field, str text, size_t max, struct pipepoll_error *why)
{
    size_t characters = jsontext_characters(text);
    if (characters >= 1 && characters <= max)
        return 0;
    if (characters == SIZE_MAX)
        return explain(why, PIPEPOLL_EINVAL, "%s is not UTF-8", field);
    return explain(why, PIPEPOLL_EINVAL, "%s has %zu characters, not 1 to %zu", field, characters,
                   max);
}

int input_check_optional(const char *field, str text, size_t max, struct pipepoll_error *why)
{
    return text.len ? input_check_text(field, text, max, why) : 0;
}

static bool is_name_char(char c)
{
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || ascii_is_digit(c) || c == '_' || c == '-';
}

int input_check_name(const char *field, str value, size_t max, struct pipepoll_error *why)
{
    bool ok = value.len > 0 && value.len <= max;
    for (size_t i = 0; ok && i < value.len; i++)
        ok = is_name_char(value.ptr[i]);
    if (ok)
        return 0;
    char text[64];
    struct buf rule = BUF_ON(text);
    buf_printf(&rule, "1 to %zu of a-z, A-Z, 0-9, '_' and '-'", max);
    return refuse(why, field, value, buf_cstr(&rule));
}

int input_check_choice(const char *field, str value, const char *const *names,
                       struct pipepoll_error *why)
{
    char text[192], hint[64];
    struct buf rule = BUF_ON(text);
    struct nearest near = nearest_to(value);
    buf_put(&rule, STR("one of "));
    for (size_t i = 0; names[i]; i++) {
        if (str_eq(value, str_of(names[i])))
            return 0;
        buf_printf(&rule, i ? ", %s" : "%s", names[i]);
        nearest_try(&near, str_of(names[i]));
    }
    buf_put(&rule, str_of(nearest_hint(&near, hint, sizeof hint)));
    return refuse(why, field, value, buf_cstr(&rule));
}

int input_check_uuid(const char *field, str value, struct pipepoll_error *why)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool ok = value.len == sizeof form - 1;
    for (size_t i = 0; ok && i < value.len; i++) {
        char c = value.ptr[i];
        bool is_hex = ascii_is_digit(c) || (c >= 'a' && c <= 'f');
        ok = form[i] == '-' ? c == '-' : is_hex;
    }
    return ok ? 0 : refuse(why, field, value, "a UUID: 8-4-4-4-12 of 0-9 and a-f");
}

int input_check_absent(const char *field, bool is_absent, struct pipepoll_error *why)
{
    return is_absent ? 0
                     : explain(why, PIPEPOLL_EINVAL, "%s is no member of this operation", field);
}

int input_check_third_party_job(str job_id, str client_token, struct pipepoll_error *why)
{
    int r = input_check_text("jobId", job_id, 512, why);
    return r ? r : input_check_text("clientToken", client_token, 256, why);
}

int input_check_custom_job(str job_id, str client_token, struct pipepoll_error *why)
{
    int r = input_check_uuid("jobId", job_id, why);
    return r ? r : input_check_absent("clientToken", !client_token.len, why);
}
