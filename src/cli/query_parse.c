/* SPDX-License-Identifier: MIT */
/* Precedence climbing over the tokens of a query: each token that may begin an expression has a
 * function of its own, as has each that may continue one, and a table says how strongly each binds.
 * The text is the user's and may be anything: nesting and the depth of the tree are bounded. */
#include "base/log.h"
#include "cli/query_tree.h"

enum { NESTING_MAX = 64, DEPTH_MAX = 512, ITEMS_MAX = 256 };

/* What ends a projection binds less strongly. */
enum { BINDS_PROJECTION = 10, BINDS_DOT = 40 };

struct parser {
    struct arena *arena;
    str expression;
    size_t at; /* behind `token` */
    struct token token;
    unsigned nesting;
    size_t *column;
    struct pipepoll_error *why;
};

static int binds(enum token_type type)
{
    static const int strengths[] = {
        [TOKEN_PIPE] = 1,        [TOKEN_OR] = 2,      [TOKEN_AND] = 3,     [TOKEN_EQ] = 5,
        [TOKEN_NE] = 5,          [TOKEN_LT] = 5,      [TOKEN_LE] = 5,      [TOKEN_GT] = 5,
        [TOKEN_GE] = 5,          [TOKEN_FLATTEN] = 9, [TOKEN_STAR] = 20,   [TOKEN_FILTER] = 21,
        [TOKEN_DOT] = BINDS_DOT, [TOKEN_NOT] = 45,    [TOKEN_LBRACE] = 50, [TOKEN_LBRACKET] = 55,
        [TOKEN_LPAREN] = 60,
    };
    return strengths[type];
}

/* All of these return NULL when the query is wrong, which was explained. */

static const struct node *parse_expression(struct parser *p, int strength);

static struct node *wrong(struct parser *p, const char *what)
{
    *p->column = p->token.at;
    if (p->token.type == TOKEN_END)
        explain(p->why, PIPEPOLL_EINVAL, "incomplete: %s is missing", what);
    else
        explain(p->why, PIPEPOLL_EINVAL, "%s is expected, not %.*s", what, STR_ARG(p->token.text));
    return NULL;
}

static bool advance(struct parser *p)
{
    if (token_next(&p->token, p->arena, p->expression, &p->at, p->why))
        return true;
    *p->column = p->token.at;
    return false;
}

static bool expect(struct parser *p, enum token_type type, const char *what)
{
    if (p->token.type != type) {
        wrong(p, what);
        return false;
    }
    return advance(p);
}

static struct node *new_node(struct parser *p, enum node_type type, const struct node *left,
                             const struct node *right)
{
    struct node *n = arena_take(p->arena, sizeof *n);
    if (!n)
        return NULL;
    unsigned depth = left ? left->depth : 0;
    if (right && right->depth > depth)
        depth = right->depth;
    *n = (struct node) { .type = type, .left = left, .right = right, .depth = depth + 1 };
    if (n->depth <= DEPTH_MAX)
        return n;
    *p->column = p->token.at;
    explain(p->why, PIPEPOLL_EINVAL, "the query is too deep");
    return NULL;
}

static const struct node *current_node(struct parser *p)
{
    return new_node(p, NODE_CURRENT, NULL, NULL);
}

static bool add_item(struct parser *p, struct node *n, str name, const struct node *item)
{
    if (!item)
        return false;
    if (!n->items) {
        n->items = arena_take(p->arena, ITEMS_MAX * sizeof(struct node *));
        n->names = arena_take(p->arena, ITEMS_MAX * sizeof *n->names);
    }
    if (!n->items || !n->names)
        return false;
    if (n->count == ITEMS_MAX) {
        wrong(p, "an end of this list");
        return false;
    }
    n->names[n->count] = name;
    n->items[n->count++] = item;
    if (n->depth <= item->depth)
        n->depth = item->depth + 1;
    return true;
}

/* --- lists, objects, arguments --- */

static const struct node *parse_list(struct parser *p)
{
    struct node *n = new_node(p, NODE_LIST, NULL, NULL);
    while (n) {
        if (!add_item(p, n, STR(""), parse_expression(p, 0)))
            return NULL;
        if (p->token.type == TOKEN_RBRACKET)
            return advance(p) ? n : NULL;
        if (!expect(p, TOKEN_COMMA, "a comma or ]"))
            return NULL;
    }
    return NULL;
}

static const struct node *parse_object(struct parser *p)
{
    struct node *n = new_node(p, NODE_OBJECT, NULL, NULL);
    while (n) {
        str name = p->token.text;
        if (p->token.type != TOKEN_NAME && p->token.type != TOKEN_QUOTED_NAME)
            return wrong(p, "a name");
        if (!advance(p) || !expect(p, TOKEN_COLON, "a colon") ||
            !add_item(p, n, name, parse_expression(p, 0)))
            return NULL;
        if (p->token.type == TOKEN_RBRACE)
            return advance(p) ? n : NULL;
        if (!expect(p, TOKEN_COMMA, "a comma or }"))
            return NULL;
    }
    return NULL;
}

static const struct node *parse_arguments(struct parser *p, const struct node *function)
{
    if (function->type != NODE_FIELD || !function->name.len)
        return wrong(p, "a name before (");
    struct node *n = new_node(p, NODE_FUNCTION, NULL, NULL);
    if (!n || !advance(p))
        return NULL;
    n->name = function->name;
    while (p->token.type != TOKEN_RPAREN) {
        if (!add_item(p, n, STR(""), parse_expression(p, 0)))
            return NULL;
        if (p->token.type != TOKEN_RPAREN && !expect(p, TOKEN_COMMA, "a comma or )"))
            return NULL;
    }
    return advance(p) ? n : NULL;
}

/* --- projections --- */

static const struct node *parse_after_dot(struct parser *p, int strength)
{
    switch (p->token.type) {
    case TOKEN_NAME:
    case TOKEN_QUOTED_NAME:
    case TOKEN_STAR:
        return parse_expression(p, strength);
    case TOKEN_LBRACKET:
        return advance(p) ? parse_list(p) : NULL;
    case TOKEN_LBRACE:
        return advance(p) ? parse_object(p) : NULL;
    default:
        return wrong(p, "a name, *, [ or {");
    }
}

/* What is done with each element. */
static const struct node *parse_each(struct parser *p, int strength)
{
    if (binds(p->token.type) < BINDS_PROJECTION)
        return current_node(p);
    switch (p->token.type) {
    case TOKEN_LBRACKET:
    case TOKEN_FILTER:
        return parse_expression(p, strength);
    case TOKEN_DOT:
        return advance(p) ? parse_after_dot(p, strength) : NULL;
    default:
        return wrong(p, "the end of the projection");
    }
}

static const struct node *project(struct parser *p, enum node_type type, const struct node *left,
                                  int strength)
{
    const struct node *each = left ? parse_each(p, strength) : NULL;
    return each ? new_node(p, type, left, each) : NULL;
}

static const struct node *parse_filter(struct parser *p, const struct node *left)
{
    const struct node *condition = parse_expression(p, 0);
    if (!condition || !expect(p, TOKEN_RBRACKET, "]"))
        return NULL;
    const struct node *each =
        p->token.type == TOKEN_FLATTEN ? current_node(p) : parse_each(p, binds(TOKEN_FILTER));
    struct node *n = each ? new_node(p, NODE_FILTER, left, each) : NULL;
    if (!n)
        return NULL;
    n->condition = condition;
    if (n->depth <= condition->depth)
        n->depth = condition->depth + 1;
    return n;
}

static const struct node *parse_flatten(struct parser *p, const struct node *left)
{
    const struct node *flat = new_node(p, NODE_FLATTEN, left, NULL);
    return project(p, NODE_PROJECTION, flat, binds(TOKEN_FLATTEN));
}

/* --- brackets --- */

/* [3] or [1:2:3], of which any part may be missing. */
static const struct node *parse_index(struct parser *p, const struct node *left)
{
    struct node *n = new_node(p, NODE_INDEX, NULL, NULL);
    size_t part = 0;
    while (n && p->token.type != TOKEN_RBRACKET) {
        if (p->token.type == TOKEN_COLON && ++part < SLICE_PARTS) {
            n->type = NODE_SLICE;
        } else if (p->token.type == TOKEN_NUMBER && !n->has_part[part]) {
            n->parts[part] = p->token.number;
            n->has_part[part] = true;
        } else {
            return wrong(p, "]");
        }
        if (!advance(p))
            return NULL;
    }
    if (!n || !advance(p))
        return NULL;
    const struct node *sub = new_node(p, NODE_SUB, left, n);
    return n->type == NODE_INDEX ? sub : project(p, NODE_PROJECTION, sub, binds(TOKEN_STAR));
}

/* Is this the star of [*]? */
static bool is_all(const struct parser *p)
{
    struct token next;
    struct pipepoll_error ignored;
    size_t at = p->at;
    return p->token.type == TOKEN_STAR &&
           token_next(&next, p->arena, p->expression, &at, &ignored) && next.type == TOKEN_RBRACKET;
}

static const struct node *parse_bracket(struct parser *p, const struct node *left, bool may_be_list)
{
    if (p->token.type == TOKEN_NUMBER || p->token.type == TOKEN_COLON)
        return parse_index(p, left);
    if (is_all(p))
        return advance(p) && advance(p) ? project(p, NODE_PROJECTION, left, binds(TOKEN_STAR))
                                        : NULL;
    return may_be_list ? parse_list(p) : wrong(p, "a number, a slice or *");
}

/* --- expressions --- */

static const struct node *parse_leaf(struct parser *p, const struct token *t)
{
    struct node *n = NULL;
    if (t->type == TOKEN_LITERAL) {
        n = new_node(p, NODE_LITERAL, NULL, NULL);
        if (n)
            n->literal = t->literal;
    } else {
        n = new_node(p, NODE_FIELD, NULL, NULL);
        if (n)
            n->name = t->text;
    }
    if (n && t->type == TOKEN_QUOTED_NAME && p->token.type == TOKEN_LPAREN)
        return wrong(p, "no ( after a quoted name");
    return n;
}

static const struct node *parse_unary(struct parser *p, enum node_type type, enum token_type token)
{
    const struct node *of = parse_expression(p, binds(token));
    return of ? new_node(p, type, of, NULL) : NULL;
}

static const struct node *parse_parentheses(struct parser *p)
{
    const struct node *n = parse_expression(p, 0);
    return n && expect(p, TOKEN_RPAREN, ")") ? n : NULL;
}

static const struct node *parse_first_star(struct parser *p)
{
    const struct node *all = current_node(p);
    const struct node *each =
        p->token.type == TOKEN_RBRACKET ? current_node(p) : parse_each(p, binds(TOKEN_STAR));
    return all && each ? new_node(p, NODE_VALUES, all, each) : NULL;
}

/* An expression begins with `t`, which was taken. */
static const struct node *parse_first(struct parser *p, const struct token *t)
{
    switch (t->type) {
    case TOKEN_NAME:
    case TOKEN_QUOTED_NAME:
    case TOKEN_LITERAL:
        return parse_leaf(p, t);
    case TOKEN_CURRENT:
        return current_node(p);
    case TOKEN_STAR:
        return parse_first_star(p);
    case TOKEN_FILTER:
        return parse_filter(p, current_node(p));
    case TOKEN_FLATTEN:
        return parse_flatten(p, current_node(p));
    case TOKEN_LBRACE:
        return parse_object(p);
    case TOKEN_LPAREN:
        return parse_parentheses(p);
    case TOKEN_LBRACKET:
        return parse_bracket(p, current_node(p), true);
    case TOKEN_NOT:
        return parse_unary(p, NODE_NOT, TOKEN_NOT);
    case TOKEN_EXPREF:
        return parse_unary(p, NODE_EXPREF, TOKEN_EXPREF);
    default:
        return NULL;
    }
}

static const struct node *parse_binary(struct parser *p, enum node_type type,
                                       const struct node *left, enum token_type token)
{
    const struct node *right = parse_expression(p, binds(token));
    struct node *n = right ? new_node(p, type, left, right) : NULL;
    if (n)
        n->comparator = token;
    return n;
}

static const struct node *parse_dot(struct parser *p, const struct node *left)
{
    if (p->token.type == TOKEN_STAR)
        return advance(p) ? project(p, NODE_VALUES, left, BINDS_DOT) : NULL;
    const struct node *right = parse_after_dot(p, BINDS_DOT);
    return right ? new_node(p, NODE_SUB, left, right) : NULL;
}

/* An expression goes on with the current token. */
static const struct node *parse_next(struct parser *p, const struct node *left)
{
    enum token_type type = p->token.type;
    if (type == TOKEN_LPAREN)
        return parse_arguments(p, left);
    if (type == TOKEN_STAR || type == TOKEN_NOT || type == TOKEN_LBRACE)
        return wrong(p, "an operator");
    if (!advance(p))
        return NULL;
    switch (type) {
    case TOKEN_PIPE:
        return parse_binary(p, NODE_SUB, left, type);
    case TOKEN_OR:
        return parse_binary(p, NODE_OR, left, type);
    case TOKEN_AND:
        return parse_binary(p, NODE_AND, left, type);
    case TOKEN_DOT:
        return parse_dot(p, left);
    case TOKEN_FLATTEN:
        return parse_flatten(p, left);
    case TOKEN_FILTER:
        return parse_filter(p, left);
    case TOKEN_LBRACKET:
        return parse_bracket(p, left, false);
    default:
        return parse_binary(p, NODE_COMPARE, left, type);
    }
}

static const struct node *parse_expression(struct parser *p, int strength)
{
    struct token first = p->token;
    if (++p->nesting > NESTING_MAX)
        return wrong(p, "less nesting");
    if (first.type == TOKEN_END)
        return wrong(p, "an expression");
    if (!advance(p))
        return NULL;
    const struct node *n = parse_first(p, &first);
    if (!n && !p->why->text[0]) {
        p->token = first;
        return wrong(p, "an expression");
    }
    while (n && strength < binds(p->token.type))
        n = parse_next(p, n);
    p->nesting--;
    return n;
}

const struct query *query_compile(struct arena *a, str expression, size_t *column,
                                  struct pipepoll_error *why)
{
    struct parser p = { .arena = a, .expression = expression, .column = column, .why = why };
    struct query *q = arena_take(a, sizeof *q);
    *column = 0;
    why->text[0] = '\0';
    if (!q || !advance(&p))
        return NULL;
    q->root = parse_expression(&p, 0);
    if (!q->root)
        return NULL;
    if (p.token.type != TOKEN_END) {
        wrong(&p, "an operator");
        return NULL;
    }
    return q;
}
