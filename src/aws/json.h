/* SPDX-License-Identifier: MIT */
/* JSON in: one pass that validates (length, depth, UTF-8, grammar), then jsmn, then a walk by
 * parent links. jsmn lives behind these lines and nowhere else. No allocation: the caller owns all
 * memory. Input is hostile until validated: never recursion, never a token count trusted from the
 * text. */
#ifndef AWS_JSON_H
#define AWS_JSON_H

#include "base/str.h"

enum { JSON_DEPTH_MAX = 16, JSON_LEN_MAX = 16 << 20 };

/* Positive results are for the direct caller to deal with. */
enum json_result {
    JSON_OK = 0,
    JSON_NEED_TOKENS = 1, /* give at least out->tokens_needed and call again */
    JSON_BAD = 2          /* not JSON: why says what was found, and at which byte */
};

/* Room for one token of the parse, in jsmn's layout. Only json.c looks inside. */
struct json_token {
    int type, start, end, size, parent;
};

struct json {
    char *text; /* writable: json_text() unescapes in place */
    size_t len;
    struct json_token *tokens;
    int token_count;
    size_t tokens_needed; /* exact, counted by the validating pass */
    bool has_escapes;     /* a backslash is somewhere: without one, strings are as they stand */
};

/* Validate and tokenise text[len], whose root must be one object; text is not changed yet.
 * The object may be followed and preceded by blanks. why may be NULL. */
int json_parse(struct json *out, char *text, size_t len, struct json_token *tokens,
               size_t token_cap, struct pipepoll_error *why);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Nodes are indices of tokens; 0 is the root. JSON_NONE ends every walk. */
enum { JSON_ROOT = 0, JSON_NONE = -1 };

enum json_type json_type(const struct json *j, int node);
const char *json_type_name(enum json_type type); /* "a string", "a list", "null", ... */

/* The first member of an object or element of a list, and the one after `node`. For an object these
 * are keys; json_value() gives a key's value. A whole walk passes each token once for each level
 * that it goes down, so it is linear in the text. */
int json_first(const struct json *j, int parent);
int json_next(const struct json *j, int node);
int json_value(int key);

/* How many elements a list has, nulls included. */
size_t json_count(const struct json *j, int list);

/* The text of a number, a boolean or null as it stands. */
str json_scalar(const struct json *j, int node);

/* A node as it stands, quotes and escapes and all. Not of one that json_text() was called for. */
str json_raw(const struct json *j, int node);

/* Does a string node or key say this, escapes resolved? Changes nothing. */
bool json_is(const struct json *j, int node, str what);

/* The text of a string node or key, unescaped in place: the text cannot be parsed again after the
 * first call. Calling twice for a node is fine. Lone surrogates become U+FFFD. */
str json_text(struct json *j, int node);

/* The last member of this name, or JSON_NONE. */
int json_member(const struct json *j, int object, const char *name);
/* Its text when it is a string, or empty; lies in the JSON text. */
str json_member_text(struct json *j, int object, const char *name);

#endif
