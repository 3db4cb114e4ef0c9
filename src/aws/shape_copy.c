/* SPDX-License-Identifier: MIT */
/* Items lie at the front of the block, as they are aligned alike, and the texts behind them: the
 * same walk over the tables first counts both and then copies. */
#include "aws/shape_copy.h"

/* NULL while it is only counted. */
struct copier {
    char *items, *texts;
    size_t item_bytes, text_bytes;
};

static void *at_offset(void *structure, size_t offset)
{
    return (char *)structure + offset;
}

static void copy_text(struct copier *c, str *text)
{
    c->text_bytes += text->len;
    if (c->texts && text->len)
        *text = str_keep(&c->texts, *text);
    else if (c->texts && text->ptr)
        *text = STR(""); /* there, and empty */
}

/* The items where they will be changed: those of the copy, or when counting none. */
static void *copy_items(struct copier *c, struct shape_list *list, size_t size)
{
    size_t bytes = list->count * size;
    c->item_bytes += bytes;
    if (!c->items || !bytes)
        return NULL;
    void *items = memcpy(c->items, list->items, bytes);
    c->items += bytes;
    list->items = items;
    return items;
}

static void copy_pairs(struct copier *c, struct shape_list *map)
{
    const struct shape_pair *from = map->items;
    struct shape_pair *to = copy_items(c, map, sizeof *to);
    for (size_t i = 0; i < map->count; i++) {
        struct shape_pair pair = from[i];
        copy_text(c, &pair.key);
        copy_text(c, &pair.value);
        if (to)
            to[i] = pair;
    }
}

static void copy_structure(struct copier *c, void *structure, const struct shape *shape);

/* Counting changes no text, so it may walk what is to be copied itself. */
static void copy_list(struct copier *c, struct shape_list *list, const struct shape *of)
{
    char *from = (char *)(uintptr_t)list->items;
    char *to = copy_items(c, list, of->size);
    for (size_t i = 0; i < list->count; i++)
        copy_structure(c, (to ? to : from) + i * of->size, of);
}

static void copy_structure(struct copier *c, void *structure, const struct shape *shape)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct shape_member *m = &shape->members[i];
        void *member = at_offset(structure, m->offset);
        switch (m->kind) {
        case SHAPE_TEXT:
            copy_text(c, member);
            break;
        case SHAPE_STRUCTURE:
            copy_structure(c, member, m->of);
            break;
        case SHAPE_LIST:
            copy_list(c, member, m->of);
            break;
        case SHAPE_MAP:
            copy_pairs(c, member);
            break;
        }
    }
}

static struct copier count(const void *from, const struct shape *shape)
{
    struct copier c = { 0 };
    copy_structure(&c, (void *)(uintptr_t)from, shape);
    return c;
}

size_t shape_copy_size(const void *from, const struct shape *shape)
{
    struct copier c = count(from, shape);
    return c.item_bytes + c.text_bytes;
}

void shape_copy(void *to, const void *from, const struct shape *shape, void *block)
{
    struct copier counted = count(from, shape);
    struct copier c = { .items = block, .texts = (char *)block + counted.item_bytes };
    memcpy(to, from, shape->size);
    copy_structure(&c, to, shape);
}
