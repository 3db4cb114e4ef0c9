/* SPDX-License-Identifier: MIT */
/* The strings lie behind the struct in one allocation: one wipe forgets the credentials, and nobody
 * can hold a part of them longer than the rest. */
#include "aws/credentials.h"

#include "aws/digest.h"

enum { ACCOUNT_DIGITS = 12 };

/* The credentials travel in header lines: a control character could start another line. */
static bool printable(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    return true;
}

/* Some origins put a name or an ARN where the account belongs: better none than a wrong one. */
static bool is_account(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_digit(s.ptr[i]))
            return false;
    return s.len == ACCOUNT_DIGITS;
}

/* The copy of s at *at with a NUL after it; *at moves on. */
static str keep(char **at, str s)
{
    str kept = { *at, s.len };
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    (*at)[s.len] = '\0';
    *at += s.len + 1;
    return kept;
}

const char *credentials_problem(const struct credentials_text *text)
{
    const str id = text->access_key_id, secret = text->secret_access_key;
    const str token = text->session_token;
    if (!id.len || !secret.len || !printable(id) || !printable(secret) || !printable(token))
        return "are empty or hold a character that is not printable ASCII (a line end, perhaps)";
    if (token.len > CREDENTIALS_TOKEN_MAX)
        return "have a session token of more than 16 KiB, longer than any that AWS gives";
    if (id.len > CREDENTIALS_KEY_MAX)
        return "have an access key id of more than 512 bytes, longer than any that AWS gives";
    return NULL;
}

static int make(struct credentials **out, const struct alloc *alloc,
                const struct credentials_text *text, uint64_t expires_s)
{
    const str id = text->access_key_id, secret = text->secret_access_key;
    const str token = text->session_token;
    const str account = is_account(text->account_id) ? text->account_id : STR("");
    size_t size = sizeof(struct credentials) + id.len + secret.len + token.len + account.len + 4;
    struct credentials *c = alloc_new(alloc, size);
    if (!c)
        return PIPEPOLL_ENOMEM;
    char *at = (char *)(c + 1);
    c->access_key_id = keep(&at, id);
    c->secret_access_key = keep(&at, secret);
    c->session_token = keep(&at, token);
    c->account_id = keep(&at, account);
    c->expires_s = expires_s;
    c->alloc = *alloc;
    c->refs = 1;
    c->size = size;
    *out = c;
    return 0;
}

int credentials_new(struct credentials **out, const struct alloc *alloc,
                    const struct credentials_text *text, uint64_t expires_s)
{
    return credentials_problem(text) ? PIPEPOLL_EINVAL : make(out, alloc, text, expires_s);
}

int credentials_new_anonymous(struct credentials **out, const struct alloc *alloc)
{
    return make(out, alloc, &(struct credentials_text) { .session_token = STR("") }, UINT64_MAX);
}

bool credentials_eq(const struct credentials *a, const struct credentials *b)
{
    return str_eq(a->access_key_id, b->access_key_id) &&
           str_eq(a->secret_access_key, b->secret_access_key) &&
           str_eq(a->session_token, b->session_token);
}

struct credentials *credentials_ref(struct credentials *c)
{
    if (c)
        c->refs++;
    return c;
}

struct credentials *credentials_unref(struct credentials *c)
{
    if (!c || --c->refs > 0)
        return NULL;
    struct alloc alloc = c->alloc;
    size_t size = c->size;
    digest_wipe(c, size);
    return alloc_free(&alloc, c, size);
}
