/* SPDX-License-Identifier: MIT */
/* The inside of a query: tokens, the tree that they are parsed to, and its evaluation. */
#ifndef CLI_QUERY_TREE_H
#define CLI_QUERY_TREE_H

#include "cli/query.h"

enum token_type {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_QUOTED_NAME,
    TOKEN_LITERAL,
    TOKEN_NUMBER,
    TOKEN_RBRACKET,
    TOKEN_RPAREN,
    TOKEN_COMMA,
    TOKEN_RBRACE,
    TOKEN_CURRENT,
    TOKEN_EXPREF,
    TOKEN_COLON,
    TOKEN_PIPE,
    TOKEN_OR,
    TOKEN_AND,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_FLATTEN,
    TOKEN_STAR,
    TOKEN_FILTER,
    TOKEN_DOT,
    TOKEN_NOT,
    TOKEN_LBRACE,
    TOKEN_LBRACKET,
    TOKEN_LPAREN
};

struct token {
    enum token_type type;
    size_t at;                   /* its column, from 0 */
    str text;                    /* as it stands; of a quoted name what it says */
    const struct datum *literal; /* of a LITERAL */
    int64_t number;              /* of a NUMBER */
};

/* The token at *at, which moves on. false: there is none that is right; why (never NULL) says so,
 * and out->at where. */
bool token_next(struct token *out, struct arena *a, str expression, size_t *at,
                struct pipepoll_error *why);

enum node_type {
    NODE_CURRENT,
    NODE_FIELD,
    NODE_LITERAL,
    NODE_INDEX,
    NODE_SLICE,
    NODE_SUB,        /* right of left's result; pipes and dots alike */
    NODE_PROJECTION, /* right of each of left's list */
    NODE_VALUES,     /* right of each value of left's object */
    NODE_FILTER,     /* right of each of left's list for which the condition holds */
    NODE_FLATTEN,
    NODE_OR,
    NODE_AND,
    NODE_NOT,
    NODE_COMPARE,
    NODE_LIST,     /* of each of the items */
    NODE_OBJECT,   /* of each of the items by its name */
    NODE_FUNCTION, /* of the items */
    NODE_EXPREF    /* &left, an argument of functions */
};

enum { SLICE_PARTS = 3 };

struct node {
    enum node_type type;
    unsigned depth; /* of the tree from here down */
    const struct node *left, *right, *condition;
    str name;                    /* FIELD, FUNCTION */
    enum token_type comparator;  /* COMPARE */
    const struct datum *literal; /* LITERAL */
    int64_t parts[SLICE_PARTS];  /* SLICE; INDEX: the first */
    bool has_part[SLICE_PARTS];
    const struct node **items; /* LIST, OBJECT, FUNCTION */
    str *names;                /* OBJECT */
    size_t count;
};

struct query {
    const struct node *root;
};

/* What evaluation carries along. The first error stops it: from then on all is null. */
struct search {
    struct arena *arena;
    struct pipepoll_error *why; /* never NULL */
    bool failed;
};

const struct datum *node_evaluate(struct search *s, const struct node *n, const struct datum *in);

/* Call the function of a NODE_FUNCTION. */
const struct datum *function_call(struct search *s, const struct node *call,
                                  const struct datum *in);

/* Of a call, as its function's rules want them; at[i] of an &expression is null. */
struct arguments {
    const char *name; /* of the function */
    const struct node *call;
    const struct datum **at;
    size_t count;
};

/* The search fails, and says what is wrong with a call of that function. Returns null. */
const struct datum *function_fail(struct search *s, const char *name, const char *what);

#endif
