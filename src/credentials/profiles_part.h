/* SPDX-License-Identifier: MIT */
/* What one of the shared files came to, on whatever thread it was read: for profiles.c and what
 * tells of it. Nothing in a part changes once it is made, so that threads may share it. */
#ifndef CREDENTIALS_PROFILES_PART_H
#define CREDENTIALS_PROFILES_PART_H

#include "base/ini.h"
#include "credentials/profiles.h"

#define PROFILES_NONE UINT32_MAX

struct profiles_record {
    str name; /* of the section */
    str key;  /* empty: the header itself */
    str sub;  /* empty: the property itself */
    str value;
    enum profiles_kind kind;
    enum ini_fault fault; /* a bad line, about `key` */
    uint32_t line, column;
    uint32_t next_in_section; /* an index, or PROFILES_NONE: the next with this kind and name */
    bool plain;               /* of [default] in the config file */
};

struct profiles_part {
    struct alloc alloc;
    _Atomic size_t users;
    enum profiles_which which;
    uint64_t hash;       /* of the text */
    const char *foreign; /* what it is instead of text, which is not read then; NULL: it is text */
    struct profiles_record *records; /* with the two tables behind them */
    size_t records_size, count;
    uint32_t *by_key;     /* indexes of the last of each kind, name and key that is sound */
    uint32_t *by_section; /* of the first of each kind and name */
    size_t mask;
    uint32_t first_fault; /* or PROFILES_NONE */
    size_t text_len;
    char text[];
};

/* The last property of that name, or the last header when key is empty; NULL: there is none. */
const struct profiles_record *profiles_part_find(const struct profiles_part *part,
                                                 enum profiles_kind kind, str name, str key);
/* The first line about a section, bad ones included, and the next; NULL: that was the last. */
const struct profiles_record *profiles_part_first(const struct profiles_part *part,
                                                  enum profiles_kind kind, str name);
const struct profiles_record *profiles_part_next(const struct profiles_part *part,
                                                 const struct profiles_record *r);

#endif
