/* SPDX-License-Identifier: MIT */
/* What a program says about its trouble may quote what it was given or was about to print. Here
 * that is overwritten by stars, in place, before anybody sees it. Pure. */
#ifndef CREDENTIALS_MASK_H
#define CREDENTIALS_MASK_H

#include "base/str.h"

/* Each word of `from` that has `least` bytes or more, where it stands in text: a word is letters,
 * digits and + / = _ . -, and begins neither with '-' (an option) nor like a path. */
void mask_words(str text, str from, size_t least);
/* What follows "secret", "token", "password" or the like and a ':' or '='. */
void mask_named(str text);
/* What looks like a key or a token: 32 bytes or more of base64, of both cases and with digits. */
void mask_shapes(str text);

/* The end of text as one plain line in out[size], NUL-terminated, cut at a word. */
void mask_last_line(char *out, size_t size, str text);

#endif
