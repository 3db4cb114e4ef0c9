/* SPDX-License-Identifier: MIT */
/* Shapes, as AWS's models call them: what an answer may hold, as constant tables, and one reader of
 * all of them. Slices into the body, nothing copied. Members that are absent or null stay zero: a
 * text whose ptr is NULL is absent, one that is empty is not.
 *
 * Unknown members are ignored at any depth. What is refused: another type than the table's, a known
 * member or a key of a map twice, a text that is longer than its limit, a NUL where none may be. */
#ifndef AWS_SHAPE_H
#define AWS_SHAPE_H

#include "aws/decode.h"

/* Of one answer; a megabyte holds few honest elements more. */
enum { SHAPE_LIST_MAX = 16384, SHAPE_MAP_MAX = 512, SHAPE_MEMBERS_MAX = 32 };

enum shape_kind {
    SHAPE_TEXT,      /* a str */
    SHAPE_STRUCTURE, /* its members lie from the offset on */
    SHAPE_LIST,      /* a shape_list of what `of` describes; null elements are skipped */
    SHAPE_MAP        /* a shape_list of shape_pair: of texts, in which a NUL may be */
};

struct shape_member {
    str name;
    enum shape_kind kind;
    size_t offset;          /* in the structure that the member belongs to */
    const struct shape *of; /* STRUCTURE, LIST */
    size_t len_max;         /* TEXT: in bytes; 0: any */
};

/* Members of a structure `type`, by its field and their name in JSON. */
#define SHAPE_TEXT_OF(type, field, json_name, most)                                                \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = SHAPE_TEXT, .offset = offsetof(type, field),          \
        .len_max = (most)                                                                          \
    }
#define SHAPE_PART_OF(type, field, json_name, which, what)                                         \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = (which), .offset = offsetof(type, field),             \
        .of = (what)                                                                               \
    }
/* A structure of the model that is none of ours: its members are the outer one's. */
#define SHAPE_INLINE(json_name, what)                                                              \
    {                                                                                              \
        .name = STR_INIT(json_name), .kind = SHAPE_STRUCTURE, .of = (what)                         \
    }

/* A structure. */
struct shape {
    const struct shape_member *members; /* SHAPE_MEMBERS_MAX at most */
    size_t count, size;                 /* size: of the struct that it is read into */
};
#define SHAPE_MEMBERS(list) list, sizeof list / sizeof *list

struct shape_list {
    const void *items;
    size_t count;
};

struct shape_pair {
    str key, value;
};

/* The body of an answer into *result, of shape->size; it and the memory's items point into the
 * body, which is changed in place. An object without any member is a result of nothing; one of
 * other members only is no answer, but a middle-box's. No sentence quotes a value. why may be
 * NULL. */
enum decode_result shape_decode(void *result, const struct shape *shape,
                                struct decode_memory *memory, str body, struct pipepoll_error *why);

#endif
