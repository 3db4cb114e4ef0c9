/* SPDX-License-Identifier: MIT */
/* INI as the AWS CLI reads its shared files (~/.aws/config), as a pull parser: one item a call,
 * every slice borrowed from the text, no allocation, no limit on lengths. What the sections and
 * keys mean, whether names are valid, and what happens to repeated ones is the caller's
 * business. */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stdint.h>

#include "base/str.h"

#define INI_FAULT_MAP(X)                                                                           \
    X(NO_SECTION, "a [section] header must come before this line")                                 \
    X(OPEN_HEADER, "a section header must end with ']' (comments aside)")                          \
    X(NO_EQUALS, "a property needs an '=' between its name and its value")                         \
    X(NO_NAME, "there is no name before the '='")                                                  \
    X(SUB_NO_EQUALS, "an indented line below an empty value needs an '='")                         \
    X(SUB_NO_NAME, "there is no name before the '=' of this indented line")                        \
    X(CONTROL, "a control character")

#define X(name, text) INI_##name,
enum ini_fault { INI_FINE, INI_FAULT_MAP(X) };
#undef X

/* One sentence part without a full stop; static. */
const char *ini_fault_text(enum ini_fault f);

enum ini_kind {
    INI_SECTION,      /* [name value]: the first word, and the rest or nothing */
    INI_PROPERTY,     /* name = value */
    INI_CONTINUATION, /* an indented line: value is to be joined to the property's with '\n' */
    INI_SUB_PROPERTY, /* an indented `name = value` below a property whose own value is empty */
    INI_BAD,          /* `fault` says why; go on with the next call */
    INI_END
};

struct ini_item {
    enum ini_kind kind;
    enum ini_fault fault;
    str name, value; /* trimmed; as written otherwise */
    /* INI_SECTION: all between the brackets, trimmed. INI_BAD: the name that the line was about, as
     * far as there is one: of the section where the header is bad, of the property elsewhere; empty
     * below an empty value, whose property it is about. */
    str title;
    /* Counted from 1, columns in bytes: of the name (of the value where there is no name; of the
     * offending byte for INI_BAD), and of the value. */
    uint32_t line, column, value_column;
};

struct ini {
    /* private */
    str rest;
    uint32_t line;
    enum { INI_BEFORE_ALL, INI_IN_SECTION, INI_IN_PROPERTY, INI_IN_PARENT, INI_IN_RUIN } scope;
    size_t indent; /* of the last header or property: what stands deeper continues it */
    bool lost;     /* after a bad header: nothing is reported until the next one */
};

/* Is this no INI at all? NULL: it may be; else what it is, for people, static: "is UTF-16 text:
 * save it as UTF-8". To be asked first: ini_next() would complain of each line. */
const char *ini_foreign_text(str text);

/* Read text, which must outlive every item. A UTF-8 byte order mark is skipped. */
void ini_init(struct ini *in, str text);

/* The next item; INI_END again and again at the end. */
void ini_next(struct ini *in, struct ini_item *item);

#endif
