/* SPDX-License-Identifier: MIT */
/* JSON values as a tree, for what `pipepoll poll` reads from its command line and prints of its
 * answers. All of a tree lies in one arena and goes with it. Pure but for malloc. */
#ifndef CLI_DATUM_H
#define CLI_DATUM_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Memory that is freed as a whole, and bounded. When it runs out `failed` is set, what is made from
 * then on is null or empty, and nobody needs to look until the end. */
struct arena {
    struct arena_block *blocks;
    size_t size; /* of all blocks */
    bool failed;
};

enum { ARENA_SIZE_MAX = 64 << 20 };

void *arena_take(struct arena *a, size_t size); /* zeroed; NULL: none left */
str arena_copy(struct arena *a, str text);
void arena_free(struct arena *a); /* fine on a zeroed one */

enum datum_type { DATUM_NULL, DATUM_BOOL, DATUM_NUMBER, DATUM_STRING, DATUM_LIST, DATUM_OBJECT };

struct datum {
    enum datum_type type;
    bool truth;    /* of a BOOL */
    bool is_float; /* a NUMBER that is printed with a point */
    double number;
    str text;                   /* of a STRING, UTF-8 */
    const struct datum **items; /* of a LIST; of an OBJECT the values, in the order given */
    str *names;                 /* of an OBJECT */
    size_t count, cap;
};

/* None returns NULL. Texts are not copied. */
const struct datum *datum_null(void);       /* static */
const struct datum *datum_bool(bool truth); /* static */
struct datum *datum_number(struct arena *a, double n, bool is_float);
struct datum *datum_string(struct arena *a, str text);
struct datum *datum_list(struct arena *a);
struct datum *datum_object(struct arena *a);

void datum_append(struct arena *a, struct datum *list, const struct datum *item);
/* A second value of a name takes the place of the first. */
void datum_set(struct arena *a, struct datum *object, str name, const struct datum *v);
void datum_set_text(struct arena *a, struct datum *object, const char *name, str text);

/* The member of an object; NULL: there is none, or it is no object. */
const struct datum *datum_member(const struct datum *object, str name);

/* As JMESPath has it: null, false, and what is empty; no number is. */
bool datum_is_false(const struct datum *v);
bool datum_is_scalar(const struct datum *v);
bool datum_equals(const struct datum *a, const struct datum *b);

/* Indices of an object's members in the order of their names. NULL for an empty one. */
const size_t *datum_sorted(struct arena *a, const struct datum *object);

/* By bytes, which is by code points. As memcmp(). */
int datum_compare_text(str a, str b);

/* Read JSON of any type. NULL: it is none, and why says what was found (why may be NULL), or out of
 * memory, which a->failed says too. */
const struct datum *datum_read(struct arena *a, str json, struct pipepoll_error *why);

/* Text that grows in an arena. */
struct text {
    struct arena *arena;
    struct buf buf;
};

void text_put(struct text *t, str s);
void text_put_char(struct text *t, char c);
void text_pad(struct text *t, char c, size_t n);
/* A number as people and JSON write it: 3, 2.5, 1e+22. */
void text_put_number(struct text *t, const struct datum *number);
/* A JSON string with its quotes; ASCII alone with \u for the rest, or UTF-8 as it stands. */
void text_put_quoted(struct text *t, str s, bool ascii);

enum datum_layout { DATUM_INDENTED, DATUM_COMPACT /* ASCII, on one line */ };
void datum_write(struct text *out, const struct datum *v, enum datum_layout layout);

#endif
