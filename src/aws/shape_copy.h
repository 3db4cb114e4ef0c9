/* SPDX-License-Identifier: MIT */
/* A copy of what shape_decode() read that needs no answer any more: the structure's texts and items
 * in one block. Pure. */
#ifndef AWS_SHAPE_COPY_H
#define AWS_SHAPE_COPY_H

#include "aws/shape.h"

/* Bytes that the block needs: 0 when there is nothing in it. */
size_t shape_copy_size(const void *from, const struct shape *shape);
/* *to becomes a copy of *from, whose texts and items lie in the block, which is aligned for
 * anything. */
void shape_copy(void *to, const void *from, const struct shape *shape, void *block);

#endif
