/* SPDX-License-Identifier: MIT */
/* What a config has for each key of [pipepoll], [http] and [fleet], as text: for who prints it, and
 * who looks what a reload changed. Pure. */
#ifndef CONFIG_CONFIG_TEXT_H
#define CONFIG_CONFIG_TEXT_H

#include "config/config.h"

/* As it is written in a file; nothing where it has no value, and for keys of targets and of
 * handlers. */
void config_text_put(struct buf *out, const struct config *c, enum key k);

/* What holds where it has none, for people: "a fair share"; NULL: that is not worth a word.
 * Static. */
const char *config_text_otherwise(enum key k);

/* The setting of this machine that the value comes from; empty: the file, or the default. */
str config_text_origin(const struct config *c, enum key k);

#endif
