/* SPDX-License-Identifier: MIT */
/* The grid in both forms of a page. Private to the page. */
#ifndef STATUS_PAGE_CELLS_H
#define STATUS_PAGE_CELLS_H

#include "base/buf.h"
#include "status/page_view.h"

/* Head and body of its table. */
void page_cells_html(struct buf *out, const struct page_view *v);

/* {"corner":S, "columns":[[KEY, LABEL], ...], "rows":[[KEY, LABEL, MORE, [CELL, ...]], ...]}. A
 * CELL is the number of its targets where all are well, else [ELSEWHERE, WAITING, WELL, THROTTLED,
 * LATE, FAILING, INCIDENT], the number in each state and an index of the table `incidents`, or
 * -1. */
void page_cells_json(struct buf *out, const struct page_view *v);

#endif
