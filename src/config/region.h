/* SPDX-License-Identifier: MIT */
/* Region names as given in flags and files: `us-east-1`, `all`, `all:aws-cn`. */
#ifndef CONFIG_REGION_H
#define CONFIG_REGION_H

#include <stdint.h>

#include "base/str.h"

/* The i-th partition name (aws, aws-cn, ...), or NULL past the last. Static. */
const char *region_partition(size_t i);

/* The i-th region that `word` stands for: the word itself for a plain name, each region of the
 * partition for `all` (of aws) and `all:PARTITION`; an empty str past the last, and for an unknown
 * partition at once. Static text, or the word. */
str region_expand(str word, size_t i);

/* The i-th region of all partitions, empty past the last; and how many there are. Static. */
str region_nth(size_t i);
uint32_t region_count(void);

/* `all` or a number of them. NULL, or what the value must be. */
const char *region_count_read(str value, uint32_t *out);

/* Does the word stand for more than itself? */
bool region_is_all(str word);

/* Is the service known to be offered there, in any partition? */
bool region_is_known(str region);

/* Is a poll of that region likely to be in vain, since the service is not known to be there? Then
 * text says so. With an endpoint URL, where anything may be served, only if it looks misspelt. */
enum region_doubt { REGION_NO_DOUBT, REGION_IS_UNKNOWN, REGION_LOOKS_MISSPELT };
enum region_doubt region_doubt(str region, bool has_endpoint_url, char *text, size_t size);

/* " (did you mean "us-east-1"?)" or nothing, for an unknown region or `all:PARTITION`. Returns
 * text. */
const char *region_hint(str word, char *text, size_t size);

#endif
