/* SPDX-License-Identifier: MIT */
/* An answer is walked twice: first to count what its lists and maps need, since the caller can make
 * room only as long as nothing was changed; then to read it, unescaping texts where they lie. The
 * recursion goes down the tables, never deeper than those, whatever the answer holds. Where in the
 * answer a sentence points to is a chain of members on the stack, put together only when there is
 * one to tell. */
#include "aws/shape.h"

#include "base/buf.h"
#include "base/log.h"

/* The path to a member of the answer: jobDetails.data.inputArtifacts[3]. */
struct shape_path {
    const struct shape_path *in; /* NULL: the answer itself */
    str name;                    /* empty: element `index` of a list or map */
    size_t index;
};

struct reader {
    struct json j;
    char *items;
    size_t used, cap;
    struct pipepoll_error *why;
};

/* --- what is wrong --- */

enum { SHAPE_PATH_MAX = 16, NAME_SHOWN = 40 };

static void put_path(struct buf *out, const struct shape_path *at)
{
    const struct shape_path *chain[SHAPE_PATH_MAX];
    size_t depth = 0;
    for (; at->in && depth < SHAPE_PATH_MAX; at = at->in)
        chain[depth++] = at;
    for (bool first = true; depth--; first = false) {
        const struct shape_path *p = chain[depth];
        if (!p->name.len)
            buf_printf(out, "[%zu]", p->index);
        else
            buf_printf(out, "%s%.*s", first ? "" : ".", STR_ARG(p->name));
    }
}

static enum decode_result tell(const struct reader *r, const struct shape_path *at,
                               const char *what)
{
    char text[256];
    struct buf where = BUF_ON(text);
    put_path(&where, at);
    explain(r->why, DECODE_BAD, "%s %s", buf_cstr(&where), what);
    return DECODE_BAD;
}

static enum decode_result tell_type(const struct reader *r, const struct shape_path *at,
                                    enum json_type found, const char *wanted)
{
    char text[64];
    struct buf what = BUF_ON(text);
    buf_printf(&what, "is %s, not %s", json_type_name(found), wanted);
    return tell(r, at, buf_cstr(&what));
}

static enum decode_result tell_limit(const struct reader *r, const struct shape_path *at,
                                     size_t most, const char *units)
{
    char text[64];
    struct buf what = BUF_ON(text);
    buf_printf(&what, "has more than %zu %s", most, units);
    return tell(r, at, buf_cstr(&what));
}

/* A page of a middle-box, whose words may be anything: only the name is told. */
static enum decode_result tell_other(struct reader *r, const struct shape *shape)
{
    str name = json_text(&r->j, json_first(&r->j, JSON_ROOT));
    int shown = name.len < NAME_SHOWN ? (int)name.len : NAME_SHOWN;
    explain(r->why, DECODE_BAD, "the answer has no %.*s, but %.*s", STR_ARG(shape->members[0].name),
            shown, name.ptr);
    return DECODE_BAD;
}

/* --- counting --- */

static const struct shape_member *find(const struct json *j, const struct shape *shape, int key)
{
    for (size_t i = 0; i < shape->count; i++)
        if (json_is(j, key, shape->members[i].name))
            return &shape->members[i];
    return NULL;
}

static size_t count_structure(const struct json *j, int node, const struct shape *shape);

static size_t count_list(const struct json *j, int list, const struct shape *of)
{
    size_t count = json_count(j, list), bytes = count * of->size;
    if (count > SHAPE_LIST_MAX)
        return 0;
    for (int node = json_first(j, list); node != JSON_NONE; node = json_next(j, node))
        bytes += count_structure(j, node, of);
    return bytes;
}

static size_t count_map(const struct json *j, int map)
{
    size_t count = json_count(j, map);
    return count > SHAPE_MAP_MAX ? 0 : count * sizeof(struct shape_pair);
}

/* Bytes of items that a value needs. What is of a wrong type, or too much, needs none: it will be
 * refused. */
static size_t count_value(const struct json *j, int node, const struct shape_member *m)
{
    enum json_type type = json_type(j, node);
    switch (m->kind) {
    case SHAPE_STRUCTURE:
        return count_structure(j, node, m->of);
    case SHAPE_LIST:
        return type == JSON_ARRAY ? count_list(j, node, m->of) : 0;
    case SHAPE_MAP:
        return type == JSON_OBJECT ? count_map(j, node) : 0;
    case SHAPE_TEXT:
        break;
    }
    return 0;
}

static size_t count_structure(const struct json *j, int node, const struct shape *shape)
{
    size_t bytes = 0;
    if (json_type(j, node) != JSON_OBJECT)
        return 0;
    for (int key = json_first(j, node); key != JSON_NONE; key = json_next(j, key)) {
        const struct shape_member *m = find(j, shape, key);
        bytes += m ? count_value(j, json_value(key), m) : 0;
    }
    return bytes;
}

/* --- reading --- */

/* What was counted is there: the walk is the same. */
static void *take_items(struct reader *r, size_t size)
{
    if (!size || size > r->cap - r->used)
        return NULL;
    void *items = memset(r->items + r->used, 0, size);
    r->used += size;
    return items;
}

static enum decode_result read_text(struct reader *r, int node, str *out, size_t len_max,
                                    const struct shape_path *at)
{
    enum json_type type = json_type(&r->j, node);
    if (type == JSON_NULL)
        return DECODE_OK;
    if (type != JSON_STRING)
        return tell_type(r, at, type, "a string");
    *out = json_text(&r->j, node);
    if (len_max && out->len > len_max)
        return tell_limit(r, at, len_max, "bytes");
    return DECODE_OK;
}

static enum decode_result read_plain(struct reader *r, int node, str *out, size_t len_max,
                                     const struct shape_path *at)
{
    enum decode_result result = read_text(r, node, out, len_max, at);
    if (!result && r->j.has_escapes && str_find(*out, '\0') < out->len)
        return tell(r, at, "has a NUL in it");
    return result;
}

/* The keys of one map: a bit for each, by its hash. Only one that meets a bit is looked for among
 * all others, so that a megabyte of maps is not a hundred times slower than one of texts. */
enum { KEY_BITS = 8 * SHAPE_MAP_MAX };

struct keys {
    uint64_t seen[KEY_BITS / 64];
};

static bool may_be_there(struct keys *keys, str key)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 16777619;
    hash = (hash ^ hash >> 16) % KEY_BITS;
    uint64_t *word = &keys->seen[hash / 64], bit = (uint64_t)1 << hash % 64;
    bool was = *word & bit;
    *word |= bit;
    return was;
}

static bool has_key(const struct shape_pair *pairs, size_t count, str key)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(pairs[i].key, key))
            return true;
    return false;
}

static enum decode_result read_map(struct reader *r, int node, struct shape_list *out,
                                   const struct shape_path *at)
{
    size_t most = json_count(&r->j, node);
    if (most > SHAPE_MAP_MAX)
        return tell_limit(r, at, SHAPE_MAP_MAX, "members");
    struct shape_pair *pairs = take_items(r, most * sizeof *pairs);
    struct keys keys = { { 0 } };
    size_t index = 0, count = 0;
    for (int key = json_first(&r->j, node); key != JSON_NONE; key = json_next(&r->j, key)) {
        const struct shape_path here = { at, STR(""), index++ };
        struct shape_pair pair = { json_text(&r->j, key), { NULL, 0 } };
        if (may_be_there(&keys, pair.key) && has_key(pairs, count, pair.key))
            return tell(r, &here, "has a key that was there before");
        enum decode_result result = read_text(r, json_value(key), &pair.value, 0, &here);
        if (result)
            return result;
        if (pair.value.ptr)
            pairs[count++] = pair;
    }
    *out = (struct shape_list) { pairs, count };
    return DECODE_OK;
}

static enum decode_result read_structure(struct reader *r, int node, const struct shape *shape,
                                         void *out, const struct shape_path *at);

static enum decode_result read_list(struct reader *r, int list, const struct shape *of,
                                    struct shape_list *out, const struct shape_path *at)
{
    size_t most = json_count(&r->j, list), index = 0, count = 0;
    if (most > SHAPE_LIST_MAX)
        return tell_limit(r, at, SHAPE_LIST_MAX, "elements");
    char *items = take_items(r, most * of->size);
    for (int node = json_first(&r->j, list); node != JSON_NONE; node = json_next(&r->j, node)) {
        const struct shape_path here = { at, STR(""), index++ };
        if (json_type(&r->j, node) == JSON_NULL)
            continue;
        enum decode_result result = read_structure(r, node, of, items + count++ * of->size, &here);
        if (result)
            return result;
    }
    *out = (struct shape_list) { items, count };
    return DECODE_OK;
}

static enum decode_result read_value(struct reader *r, int node, const struct shape_member *m,
                                     void *structure, const struct shape_path *at)
{
    enum json_type type = json_type(&r->j, node);
    void *out = (char *)structure + m->offset;
    if (type == JSON_NULL)
        return DECODE_OK;
    switch (m->kind) {
    case SHAPE_TEXT:
        return read_plain(r, node, out, m->len_max, at);
    case SHAPE_STRUCTURE:
        return read_structure(r, node, m->of, out, at);
    case SHAPE_LIST:
        return type == JSON_ARRAY ? read_list(r, node, m->of, out, at)
                                  : tell_type(r, at, type, "a list");
    case SHAPE_MAP:
        return type == JSON_OBJECT ? read_map(r, node, out, at)
                                   : tell_type(r, at, type, "an object");
    }
    return DECODE_BAD;
}

static enum decode_result read_structure(struct reader *r, int node, const struct shape *shape,
                                         void *out, const struct shape_path *at)
{
    uint32_t seen = 0;
    if (json_type(&r->j, node) != JSON_OBJECT)
        return tell_type(r, at, json_type(&r->j, node), "an object");
    for (int key = json_first(&r->j, node); key != JSON_NONE; key = json_next(&r->j, key)) {
        const struct shape_member *m = find(&r->j, shape, key);
        if (!m)
            continue;
        const struct shape_path here = { at, m->name, 0 };
        uint32_t bit = (uint32_t)1 << (m - shape->members);
        if (seen & bit)
            return tell(r, &here, "is there twice");
        seen |= bit;
        enum decode_result result = read_value(r, json_value(key), m, out, &here);
        if (result)
            return result;
    }
    bool is_answer = seen || at->in || json_first(&r->j, node) == JSON_NONE;
    return is_answer ? DECODE_OK : tell_other(r, shape);
}

enum decode_result shape_decode(void *result, const struct shape *shape,
                                struct decode_memory *memory, str body, struct pipepoll_error *why)
{
    static const struct shape_path answer = { NULL, { NULL, 0 }, 0 };
    struct reader r = { .items = memory->items, .cap = memory->item_cap, .why = why };
    memset(result, 0, shape->size);
    memory->items_needed = 0;
    int bad = json_parse(&r.j, (char *)body.ptr, body.len, memory->tokens, memory->token_cap, why);
    memory->tokens_needed = r.j.tokens_needed;
    if (bad)
        return bad == JSON_NEED_TOKENS ? DECODE_NEED_MEMORY : DECODE_BAD;
    memory->items_needed = count_structure(&r.j, JSON_ROOT, shape);
    if (memory->items_needed > memory->item_cap)
        return DECODE_NEED_MEMORY;
    return read_structure(&r, JSON_ROOT, shape, result, &answer);
}
