/* SPDX-License-Identifier: MIT */
/* Exactly the memory that a decoder asks for. */
#ifndef TESTS_DECODING_H
#define TESTS_DECODING_H

#include "aws/decode.h"
#include "fuzz/fuzz.h"

static inline void grow_memory(struct decode_memory *m)
{
    free(m->tokens);
    free(m->items);
    m->tokens = malloc(m->tokens_needed * sizeof *m->tokens);
    m->items = m->items_needed ? malloc(m->items_needed) : NULL;
    m->token_cap = m->tokens_needed;
    m->item_cap = m->items_needed;
    check(m->tokens && (m->items || !m->items_needed));
}

#endif
