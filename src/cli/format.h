/* SPDX-License-Identifier: MIT */
/* --output: how an answer is printed, byte for byte as the AWS CLI prints the same one. Pure but
 * for the arena's malloc. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "cli/datum.h"

enum format {
    FORMAT_JSON,
    FORMAT_TEXT,
    FORMAT_TABLE,
    FORMAT_YAML,
    FORMAT_YAML_STREAM,
    FORMAT_OFF /* nothing */
};

/* What a table is drawn for. */
struct format_screen {
    const char *title;
    size_t width; /* what is wider is turned on its side where it can be */
    bool colored;
};

/* "json", "text", ...; false: none of these. */
bool format_read(str word, enum format *out);
/* "json, text, table, yaml, yaml-stream or off" */
extern const char format_names[];

/* false: it cannot be a table, and why says so. */
bool format_put(struct text *out, const struct datum *v, enum format f,
                const struct format_screen *screen, struct pipepoll_error *why);

/* The parts. */
void format_put_text(struct text *out, const struct datum *v);
void format_put_yaml(struct text *out, const struct datum *v);
bool format_put_table(struct text *out, const struct datum *v, const struct format_screen *screen,
                      struct pipepoll_error *why);

/* A scalar as text and tables have it: None, True, 3, the string itself. */
void format_put_plain(struct text *out, const struct datum *scalar);

#endif
