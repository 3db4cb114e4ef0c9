/* SPDX-License-Identifier: MIT */
/* A set of credentials as services and programs write it: members of a JSON object. Each has names
 * of its own for the same five things. Pure. */
#ifndef CREDENTIALS_CREDENTIALS_FORM_H
#define CREDENTIALS_CREDENTIALS_FORM_H

#include "aws/credentials.h"
#include "aws/json.h"

struct credentials_form {
    const char *access_key_id, *secret_access_key, *session_token, *expiration;
    const char *account_id; /* NULL: it is not said there */
    bool may_be_permanent;  /* token and expiration may be missing */
    bool expires_in_ms;     /* expiration as a number counts ms; else seconds */
};

/* Where a set is read from, and for whom. */
struct credentials_form_json {
    struct json *json;
    int object;
    const struct credentials_form *form;
    str account_id;   /* taken where the object says none */
    const char *what; /* who gave it: the start of each sentence */
};

/* Make a set. Expiration is a number, or a text as of RFC 3339. PIPEPOLL_EPROTO: a member is
 * missing or of the wrong kind; PIPEPOLL_ENOMEM. No value is ever part of `why`. */
int credentials_form_read(struct credentials **out, const struct alloc *alloc,
                          const struct credentials_form_json *from, struct pipepoll_error *why);

/* The same from texts that stood elsewhere than in JSON. */
struct credentials_form_texts {
    struct credentials_text credentials; /* each member empty where it was not given */
    str expiration;                      /* as of RFC 3339 */
    const struct credentials_form *form; /* names them */
    const char *what;
};
int credentials_form_read_texts(struct credentials **out, const struct alloc *alloc,
                                const struct credentials_form_texts *from,
                                struct pipepoll_error *why);

#endif
