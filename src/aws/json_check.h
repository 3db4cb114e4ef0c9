/* SPDX-License-Identifier: MIT */
/* The validating pass of json_parse(): RFC 8259 and our limits, decided before jsmn sees it. */
#ifndef AWS_JSON_CHECK_H
#define AWS_JSON_CHECK_H

#include "aws/json.h"

/* Is j->text[j->len] one object, nested at most JSON_DEPTH_MAX deep, in valid UTF-8 and nothing but
 * blanks around it? Sets j->tokens_needed and j->has_escapes. JSON_OK, or JSON_BAD with `why` (may
 * be NULL) naming what was found and at which byte, from 0. Escaped lone surrogates pass. */
int json_check(struct json *j, struct pipepoll_error *why);

#endif
