/* SPDX-License-Identifier: MIT */
/* The two forms of what a page shows: HTML for its document, JSON for its events. A table is put by
 * one function into either: rows, and cells in the order of the table's head. Private to the page.
 *
 * In JSON a table is [[STATE, CELL, ...], ...]; a cell is its text, or [PERCENT, text] of a meter.
 * What comes from outside is escaped in both. */
#ifndef STATUS_PAGE_OUT_H
#define STATUS_PAGE_OUT_H

#include "base/buf.h"

enum page_form {
    PAGE_HTML,
    PAGE_JSON,
    PAGE_COUNT, /* puts nothing: only counts */
};

struct page_out {
    struct buf *out;
    enum page_form form;
    size_t rows; /* since it began */
};

/* Text of an element or of an attribute in quotes. */
void page_escape(struct buf *out, str text);

/* A row and its end. state: a word that colours it; "" for none. */
void page_row(struct page_out *o, const char *state);
void page_row_end(struct page_out *o);

void page_words(struct page_out *o, str text); /* few words, on one line */
void page_name(struct page_out *o, str text);  /* chosen by somebody: as long as they like */
void page_state(struct page_out *o, const char *state); /* with its mark */
void page_long(struct page_out *o, str text);           /* a sentence: may need several lines */
/* Aligned at its end. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void page_number(struct page_out *o, const char *format, ...);
void page_number_text(struct page_out *o, const struct buf *text);
/* A share of something as a bar, 0 to 100; below 0: there is no bar. */
void page_meter(struct page_out *o, int percent, const struct buf *text);

#endif
