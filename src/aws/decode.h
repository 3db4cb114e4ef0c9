/* SPDX-License-Identifier: MIT */
/* What the decoders of all answers share: the memory that they are lent, and how they end. */
#ifndef AWS_DECODE_H
#define AWS_DECODE_H

#include "aws/json.h"

/* The caller owns it, and makes it larger when asked. */
struct decode_memory {
    struct json_token *tokens;
    size_t token_cap;
    void *items;     /* what the lists of a result are made of; aligned for anything */
    size_t item_cap; /* bytes */
    /* After DECODE_NEED_MEMORY: how much of each. items_needed is 0 as long as the tokens do not
     * suffice to count items, so an answer may ask twice. */
    size_t tokens_needed, items_needed;
};

enum decode_result {
    DECODE_OK = 0,
    DECODE_NEED_MEMORY = 1, /* the body is as it was: make room and call again */
    DECODE_BAD = 2          /* not an answer of this operation: why says what was found */
};

#endif
