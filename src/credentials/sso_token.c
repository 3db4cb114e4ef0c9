/* SPDX-License-Identifier: MIT */
/* The AWS CLI and the SDKs share this file, and each may add members: what is not ours to change is
 * copied byte by byte. */
#include "credentials/sso_token.h"

#include <time.h>

#include "aws/timestamp.h"
#include "credentials/credentials_form.h"

static bool is_header_value(str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] < 0x20 || token.ptr[i] > 0x7e)
            return false;
    return token.len > 0;
}

const char *sso_token_read(struct sso_token *out, char *text, size_t len,
                           struct json_token tokens[SSO_TOKEN_JSON_TOKENS])
{
    struct json j;
    if (json_parse(&j, text, len, tokens, SSO_TOKEN_JSON_TOKENS, NULL))
        return "is not what `aws sso login` writes";
    *out = (struct sso_token) {
        .access_token = json_member_text(&j, JSON_ROOT, "accessToken"),
        .refresh_token = json_member_text(&j, JSON_ROOT, "refreshToken"),
        .client_id = json_member_text(&j, JSON_ROOT, "clientId"),
        .client_secret = json_member_text(&j, JSON_ROOT, "clientSecret"),
        .registration_expires_s = INT64_MIN,
    };
    timestamp_iso8601(json_member_text(&j, JSON_ROOT, "registrationExpiresAt"),
                      &out->registration_expires_s);
    if (!is_header_value(out->access_token) ||
        !timestamp_iso8601(json_member_text(&j, JSON_ROOT, "expiresAt"), &out->expires_s))
        return "has no accessToken, or no expiresAt that is a time";
    return NULL;
}

const char *sso_token_cannot_refresh(const struct sso_token *t, int64_t now_s)
{
    if (!t->refresh_token.len || !t->client_id.len || !t->client_secret.len)
        return "holds a token that has expired, and none to refresh it with";
    if (t->registration_expires_s <= now_s)
        return "holds a token that has expired, and so has the registration to refresh it with";
    return NULL;
}

/* --- JSON out --- */

static void put_string(struct buf *out, str s)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if ((unsigned char)c < 0x20) {
            buf_printf(out, "\\u%04x", (unsigned)c);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, c);
    }
    buf_put_char(out, '"');
}

/* The brace or comma is the caller's. */
static void put_member(struct buf *out, str name, str value)
{
    put_string(out, name);
    buf_put(out, STR(": "));
    put_string(out, value);
}

static void put_next(struct buf *out, str name, str value)
{
    buf_put(out, STR(", "));
    put_member(out, name, value);
}

void sso_token_put_request(struct buf *out, const struct sso_token *t)
{
    buf_put_char(out, '{');
    put_member(out, STR("clientId"), t->client_id);
    put_next(out, STR("clientSecret"), t->client_secret);
    put_next(out, STR("grantType"), STR("refresh_token"));
    put_next(out, STR("refreshToken"), t->refresh_token);
    buf_put_char(out, '}');
}

bool sso_token_read_refreshed(struct sso_refreshed *out, struct json *j, int64_t now_s)
{
    int lives = json_member(j, JSON_ROOT, "expiresIn");
    uint64_t lives_s = 0;
    if (lives == JSON_NONE || json_type(j, lives) != JSON_NUMBER)
        return false;
    str digits = json_text(j, lives);
    for (size_t i = 0; i < digits.len && lives_s < INT32_MAX; i++) {
        if (!ascii_is_digit(digits.ptr[i]))
            return false;
        lives_s = lives_s * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    *out = (struct sso_refreshed) {
        .access_token = json_member_text(j, JSON_ROOT, "accessToken"),
        .refresh_token = json_member_text(j, JSON_ROOT, "refreshToken"),
        .expires_s = now_s + (int64_t)lives_s,
    };
    return is_header_value(out->access_token);
}

/* --- the file anew --- */

static str time_text(char room[32], int64_t unix_s)
{
    time_t t = (time_t)unix_s;
    struct tm tm = { 0 };
    gmtime_r(&t, &tm);
    return (str) { room, strftime(room, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) };
}

enum { CHANGED_MAX = 3 };

void sso_token_put_file(struct buf *out, str text, const struct sso_refreshed *refreshed,
                        struct json_token tokens[SSO_TOKEN_JSON_TOKENS])
{
    char room[32];
    const struct {
        str name, value;
    } changed[CHANGED_MAX] = {
        { STR("accessToken"), refreshed->access_token },
        { STR("expiresAt"), time_text(room, refreshed->expires_s) },
        { STR("refreshToken"), refreshed->refresh_token },
    };
    struct json j;
    const char *comma = "";
    if (json_parse(&j, (char *)text.ptr, text.len, tokens, SSO_TOKEN_JSON_TOKENS, NULL))
        return;
    buf_put_char(out, '{');
    for (int key = json_first(&j, JSON_ROOT); key != JSON_NONE; key = json_next(&j, key)) {
        str value = { NULL, 0 };
        for (int i = 0; i < CHANGED_MAX; i++)
            if (json_is(&j, key, changed[i].name))
                value = changed[i].value;
        buf_put(out, str_of(comma));
        buf_put(out, json_raw(&j, key));
        buf_put(out, STR(": "));
        if (value.len)
            put_string(out, value);
        else
            buf_put(out, json_raw(&j, json_value(key)));
        comma = ", ";
    }
    if (refreshed->refresh_token.len && json_member(&j, JSON_ROOT, "refreshToken") == JSON_NONE)
        put_next(out, STR("refreshToken"), refreshed->refresh_token);
    buf_put_char(out, '}');
}
