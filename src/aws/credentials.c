/* The strings lie behind the struct in one allocation: one wipe forgets the keys, and nobody can
 * hold a part of them longer than the rest. */
#include "aws/credentials.h"

#include "aws/digest.h"

/* The keys travel in header lines: a control character could start another line. */
static bool printable(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    return true;
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

int credentials_new(struct credentials **out, const struct alloc *alloc, str access_key_id,
                    str secret_access_key, str session_token, uint64_t expires_s)
{
    if (!access_key_id.len || !secret_access_key.len)
        return PIPEPOLL_EINVAL;
    if (!printable(access_key_id) || !printable(secret_access_key) || !printable(session_token))
        return PIPEPOLL_EINVAL;
    size_t text = access_key_id.len + 1 + secret_access_key.len + 1 + session_token.len + 1;
    struct credentials *c = alloc_new(alloc, sizeof *c + text);
    if (!c)
        return PIPEPOLL_ENOMEM;
    char *at = (char *)(c + 1);
    c->access_key_id = keep(&at, access_key_id);
    c->secret_access_key = keep(&at, secret_access_key);
    c->session_token = keep(&at, session_token);
    c->expires_s = expires_s;
    c->alloc = *alloc;
    c->refs = 1;
    c->size = sizeof *c + text;
    *out = c;
    return 0;
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
