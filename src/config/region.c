/* SPDX-License-Identifier: MIT */
/* The library's list of regions by partition is the only one, and all here walks over it: some
 * dozens of names, too few to need an index. Only the partitions' names stand here too. Names of
 * AWS's own tools (fips-us-east-1, aws-global) are taken for what they mean. The list ages: what is
 * not in it may be new, and only what is near a name in it looks like a slip. */
#include "config/region.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "config/quantity.h"

const char *region_partition(size_t i)
{
    static const char *const names[] = { "aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                         "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc" };
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

bool region_is_all(str word)
{
    return str_eq(word, STR("all")) || str_starts(word, STR("all:"));
}

static str partition_of(str word)
{
    return word.len > 4 ? str_skip(word, 4) : STR("aws");
}

str region_expand(str word, size_t i)
{
    if (region_is_all(word))
        return str_of(pipepoll_region(partition_of(word), i));
    return i == 0 ? word : (str) { 0 };
}

str region_nth(size_t i)
{
    for (size_t p = 0; region_partition(p); p++) {
        const char *name;
        for (size_t j = 0; (name = pipepoll_region(str_of(region_partition(p)), j)); j++)
            if (i-- == 0)
                return str_of(name);
    }
    return (str) { 0 };
}

uint32_t region_count(void)
{
    uint32_t n = 0;
    while (region_nth(n).len)
        n++;
    return n;
}

bool region_is_known(str region)
{
    for (size_t p = 0; region_partition(p); p++) {
        const char *name;
        for (size_t i = 0; (name = pipepoll_region(str_of(region_partition(p)), i)); i++)
            if (str_eq(region, str_of(name)))
                return true;
    }
    return false;
}

static bool ends_with(str s, str end)
{
    return s.len > end.len && str_eq(str_skip(s, s.len - end.len), end);
}

/* What a name of AWS's older tools means: fips-us-east-1 and us-east-1-fips are us-east-1. */
static str without_fips(str region)
{
    const str prefix = STR_INIT("fips-"), suffix = STR_INIT("-fips");
    if (str_starts(region, prefix) && region.len > prefix.len)
        return str_skip(region, prefix.len);
    if (ends_with(region, suffix))
        region.len -= suffix.len;
    return region;
}

/* aws-global, aws-cn-global, ... */
static bool is_global(str region)
{
    const str suffix = STR_INIT("-global");
    if (!ends_with(region, suffix))
        return false;
    region.len -= suffix.len;
    for (size_t p = 0; region_partition(p); p++)
        if (str_eq(region, str_of(region_partition(p))))
            return true;
    return false;
}

static void try_all(struct nearest *n, bool partitions)
{
    for (size_t p = 0; region_partition(p); p++) {
        const char *name;
        str partition = str_of(region_partition(p));
        if (partitions)
            nearest_try(n, partition);
        else
            for (size_t i = 0; (name = pipepoll_region(partition, i)); i++)
                nearest_try(n, str_of(name));
    }
}

const char *region_hint(str word, char *text, size_t size)
{
    struct nearest n = nearest_to(region_is_all(word) ? partition_of(word) : word);
    try_all(&n, region_is_all(word));
    return nearest_hint(&n, text, size);
}

enum region_doubt region_doubt(str region, bool has_endpoint_url, char *text, size_t size)
{
    char hint[96];
    str real = without_fips(region);
    if (region_is_known(real) || is_global(real))
        return REGION_NO_DOUBT;
    region_hint(real, hint, sizeof hint);
    if (has_endpoint_url && !hint[0])
        return REGION_NO_DOUBT;
    struct buf b = { .at = text, .cap = size };
    buf_printf(&b, "CodePipeline is not known to be offered in \"%.*s\"%s", STR_ARG(region), hint);
    buf_cstr(&b);
    return hint[0] ? REGION_LOOKS_MISSPELT : REGION_IS_UNKNOWN;
}

const char *region_count_read(str value, uint32_t *out)
{
    if (str_eq(value, STR("all"))) {
        *out = region_count();
        return NULL;
    }
    static char what[64];
    snprintf(what, sizeof what, "all, or a number from 1 to %u, as many as there are",
             region_count());
    return quantity_count(value, 1, region_count(), out) ? NULL : what;
}
