/* What the shared files came to. Private to profiles.c and profiles_problem.c. */
#ifndef CREDENTIALS_PROFILES_RECORD_H
#define CREDENTIALS_PROFILES_RECORD_H

#include "base/ini.h"
#include "credentials/profiles.h"

struct record {
    enum profiles_kind kind;
    enum profiles_which file;
    str name; /* of the section */
    str key;  /* empty: the header itself */
    str sub;  /* empty: the property itself */
    str value;
    enum ini_fault fault; /* a bad line, about `key` */
    uint32_t line, column;
    bool plain; /* of [default] in the config file */
};

struct profiles {
    struct alloc alloc;
    size_t size;
    size_t users;
    struct profiles_recent *recent; /* that has it; NULL: none does any more */
    struct profiles_paths paths;
    char problems[PROFILES_FILES][PROFILES_PROBLEM_SIZE];
    bool shared[PROFILES_FILES];
    char *text; /* both files, behind the records */
    size_t count;
    struct record records[];
};

#endif
