/* SPDX-License-Identifier: MIT */
/* The file that `aws sso login` leaves: a token for the portal, and with what it is refreshed.
 * Read, and written anew as the AWS CLI does it. Pure. */
#ifndef CREDENTIALS_SSO_TOKEN_H
#define CREDENTIALS_SSO_TOKEN_H

#include "aws/json.h"
#include "base/buf.h"

enum { SSO_TOKEN_JSON_TOKENS = 512 }; /* the file lists scopes, too */

struct sso_token {
    str access_token;
    int64_t expires_s; /* Unix time */
    /* Of the login's registration as a client; empty where they are not given. */
    str refresh_token, client_id, client_secret;
    int64_t registration_expires_s; /* INT64_MIN: not given */
};

/* Slices lie in text, which is changed in place. NULL, or what is wrong, to be put behind "file
 * ...". */
const char *sso_token_read(struct sso_token *out, char *text, size_t len,
                           struct json_token tokens[SSO_TOKEN_JSON_TOKENS]);

/* NULL when it can be refreshed at now_s, else why not, to be put behind "file
 * ...". */
const char *sso_token_cannot_refresh(const struct sso_token *t, int64_t now_s);

/* The body of CreateToken. */
void sso_token_put_request(struct buf *out, const struct sso_token *t);

/* A token that was refreshed; refresh_token empty: the old one stays. */
struct sso_refreshed {
    str access_token, refresh_token;
    int64_t expires_s;
};
/* The answer to CreateToken, at now_s. false: it is none. Slices lie in j's text. */
bool sso_token_read_refreshed(struct sso_refreshed *out, struct json *j, int64_t now_s);

/* The file anew: what is refreshed, and all else as it stands in `text`, which is JSON. */
void sso_token_put_file(struct buf *out, str text, const struct sso_refreshed *refreshed,
                        struct json_token tokens[SSO_TOKEN_JSON_TOKENS]);

#endif
