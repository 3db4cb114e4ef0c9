/* SPDX-License-Identifier: MIT */
/* A JWT is three parts with dots between them, in base64 for URLs; the second is JSON: the claims.
 * They are decoded where they lie. */
#include "fleet/nats_jwt.h"

#include "aws/json.h"
#include "fleet/message.h"

enum { TOKENS = 512 };

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* How long it is then. */
static size_t decode(char *text, size_t len)
{
    unsigned bits = 0, held = 0;
    size_t out = 0;
    for (size_t i = 0; i < len && value_of(text[i]) >= 0; i++) {
        bits = (bits << 6 | (unsigned)value_of(text[i])) & 0xffff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        text[out++] = (char)(bits >> held & 0xff);
    }
    return out;
}

/* The part between the dots. */
static str claims_of(char *creds, size_t len)
{
    static const str mark = STR_INIT("BEGIN NATS USER JWT");
    str text = { creds, len };
    while (text.len && !str_starts(text, mark))
        text = str_skip(text, 1);
    text = str_skip(text, str_find(text, '\n'));
    text = str_skip(text, str_find(text, '.'));
    text = str_skip(text, text.len > 0);
    return str_cut(text, str_find(text, '.'));
}

int64_t nats_jwt_end(char *creds, size_t len)
{
    struct json_token tokens[TOKENS];
    struct json j;
    str claims = claims_of(creds, len);
    char *text = creds + (claims.ptr - creds);
    size_t size = decode(text, claims.len);
    if (json_parse(&j, text, size, tokens, TOKENS, NULL) != JSON_OK)
        return 0;
    int node = json_member(&j, JSON_ROOT, "exp");
    uint64_t end;
    bool has = node != JSON_NONE && json_type(&j, node) == JSON_NUMBER &&
               message_read_decimal(json_scalar(&j, node), &end);
    return has && end <= INT64_MAX ? (int64_t)end : 0;
}
