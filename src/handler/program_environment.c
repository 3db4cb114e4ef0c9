/* SPDX-License-Identifier: MIT */
/* Few names, so each is looked for among all that are there. */
#include "handler/program_environment.h"

#include <stdlib.h>

#include "base/buf.h"

static const char *const base[] = { "PATH",   "HOME",     "USER", "LOGNAME", "LANG",
                                    "LC_ALL", "LC_CTYPE", "TZ",   "TMPDIR" };
enum { BASE = sizeof base / sizeof *base };

static const char fallback_path[] = "/usr/local/bin:/usr/bin:/bin";

static const char *base_value(size_t i)
{
    const char *value = getenv(base[i]);
    return value || i ? value : fallback_path;
}

static size_t count_of(char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

static void add(char **list, size_t *count, char *entry)
{
    size_t name_len = str_find(str_of(entry), '=');
    for (size_t i = 0; i < *count; i++) {
        if (strncmp(list[i], entry, name_len) || list[i][name_len] != '=')
            continue;
        list[i] = entry;
        return;
    }
    list[(*count)++] = entry;
}

static void add_all(char **list, size_t *count, char *const *from, char **at)
{
    for (; from && *from; from++) {
        str kept = str_keep(at, (str) { *from, strlen(*from) + 1 });
        add(list, count, (char *)(uintptr_t)kept.ptr);
    }
}

static size_t bytes_of(char *const *list)
{
    size_t bytes = 0;
    for (; list && *list; list++)
        bytes += strlen(*list) + 1;
    return bytes;
}

char **program_environment(char *const *first, char *const *second)
{
    size_t most = BASE + count_of(first) + count_of(second) + 1, count = 0;
    size_t bytes = bytes_of(first) + bytes_of(second);
    for (size_t i = 0; i < BASE; i++)
        if (base_value(i))
            bytes += strlen(base[i]) + strlen(base_value(i)) + 2;
    char **list = calloc(1, most * sizeof *list + bytes);
    if (!list)
        return NULL;
    char *at = (char *)(list + most);
    for (size_t i = 0; i < BASE; i++) {
        if (!base_value(i))
            continue;
        list[count++] = at;
        at = stpcpy(stpcpy(stpcpy(at, base[i]), "="), base_value(i)) + 1;
    }
    add_all(list, &count, first, &at);
    add_all(list, &count, second, &at);
    return list;
}
