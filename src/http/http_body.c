/* SPDX-License-Identifier: MIT */
/* A count, and one thread that changes it. */
#include "http/http_body.h"

#include <stdlib.h>

struct http_body *http_body_new(char *bytes, size_t len)
{
    struct http_body *body = bytes ? malloc(sizeof *body) : NULL;
    if (body)
        *body = (struct http_body) { 1, len, bytes };
    else
        free(bytes);
    return body;
}

struct http_body *http_body_ref(struct http_body *body)
{
    if (body)
        body->references++;
    return body;
}

struct http_body *http_body_unref(struct http_body *body)
{
    if (!body || --body->references)
        return NULL;
    free(body->bytes);
    free(body);
    return NULL;
}
