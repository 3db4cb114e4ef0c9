/* SPDX-License-Identifier: MIT */
/* A new text is read into a table of its own, which takes the place of the old one when all of it
 * was right. No message quotes a line: it holds a secret. */
#include "sim/client_tokens.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"

enum { TOKEN_MAX = 256 }; /* the model's */

struct client_token {
    struct table_node node;
    str client_id, token; /* in `text` */
    char text[];
};

static struct client_token *find(const struct client_tokens *tokens, str client_id)
{
    const struct table *t = &tokens->by_client;
    struct table_node *n = table_first(t, table_hash(t->seed, client_id));
    for (; n; n = table_next(n)) {
        struct client_token *known = CONTAINER_OF(n, struct client_token, node);
        if (str_eq(known->client_id, client_id))
            return known;
    }
    return NULL;
}

void client_tokens_deinit(struct client_tokens *tokens)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&tokens->by_client, &walk)) != NULL;) {
        table_remove(&tokens->by_client, n);
        free(CONTAINER_OF(n, struct client_token, node));
    }
    table_deinit(&tokens->by_client);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first word of *line, which keeps the rest. */
static str take_word(str *line)
{
    size_t n = 0;
    while (n < line->len && !is_blank(line->ptr[n]))
        n++;
    str word = { line->ptr, n };
    *line = str_trim(str_skip(*line, n));
    return word;
}

static int add(struct client_tokens *tokens, str client_id, str token)
{
    struct client_token *new = calloc(1, sizeof *new + client_id.len + token.len);
    if (!new)
        return PIPEPOLL_ENOMEM;
    char *at = new->text;
    new->client_id = str_keep(&at, client_id);
    new->token = str_keep(&at, token);
    table_put(&tokens->by_client, &new->node, table_hash(tokens->by_client.seed, client_id));
    return 0;
}

static int read_line(struct client_tokens *tokens, str line, unsigned number,
                     struct pipepoll_error *why)
{
    str client_id = take_word(&line), token = take_word(&line);
    if (!client_id.len || client_id.ptr[0] == '#')
        return 0;
    if (!token.len || line.len)
        return explain(why, PIPEPOLL_EINVAL, "line %u is not a client id and a token", number);
    if (token.len > TOKEN_MAX)
        return explain(why, PIPEPOLL_EINVAL, "the token in line %u is longer than %d characters",
                       number, TOKEN_MAX);
    if (find(tokens, client_id))
        return explain(why, PIPEPOLL_EINVAL, "the client of line %u has a token already", number);
    if (tokens->by_client.count == CLIENT_TOKENS_MAX)
        return explain(why, PIPEPOLL_EINVAL, "there are more than %d tokens", CLIENT_TOKENS_MAX);
    int r = add(tokens, client_id, token);
    return r ? explain(why, r, "out of memory") : 0;
}

int client_tokens_read(struct client_tokens *tokens, str text, struct pipepoll_error *why)
{
    struct client_tokens new = { 0 };
    int r = 0;
    for (unsigned number = 1; !r && text.len; number++) {
        size_t end = str_find(text, '\n');
        str line = str_trim((str) { text.ptr, end });
        text = str_skip(text, end < text.len ? end + 1 : end);
        r = read_line(&new, line, number, why);
    }
    if (r) {
        client_tokens_deinit(&new);
        return r;
    }
    client_tokens_deinit(tokens);
    *tokens = new;
    return 0;
}

bool client_tokens_match(const struct client_tokens *tokens, str client_id, str token)
{
    static const str prefix = STR_INIT("token-");
    const struct client_token *known = find(tokens, client_id);
    if (known)
        return str_eq(token, known->token);
    return str_starts(token, prefix) && str_eq(str_skip(token, prefix.len), client_id);
}
