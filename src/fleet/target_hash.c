/* SPDX-License-Identifier: MIT */
/* The first 64 bits of a SHA-256 over all parts in one order, each with its length before it, so
 * that no two lists of parts give the same bytes. Nothing here may change: members of different
 * versions would each poll what they take for another target. A part that comes later is put only
 * where it is not empty, with a name before it. */
#include "fleet/target_hash.h"

#include "aws/digest.h"

static void put(struct sha256_sum *sum, str part)
{
    unsigned char length[4];
    for (int i = 0; i < 4; i++)
        length[i] = (unsigned char)(part.len >> (24 - 8 * i));
    sha256_put(sum, (str) { (const char *)length, sizeof length });
    sha256_put(sum, part);
}

uint64_t target_hash(const struct target_hash_of *t)
{
    const str parts[] = { STR("pipepoll target 1"),
                          t->region,
                          t->action_type.owner,
                          t->action_type.category,
                          t->action_type.provider,
                          t->action_type.version,
                          t->query_param.key,
                          t->query_param.value,
                          t->endpoint_url,
                          t->profile,
                          t->role_arn,
                          t->external_id };
    struct sha256_sum sum;
    struct sha256 digest;
    uint64_t hash = 0;
    sha256_begin(&sum);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        put(&sum, parts[i]);
    sha256_end(&sum, &digest);
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | digest.bytes[i];
    return hash ? hash : 1;
}
