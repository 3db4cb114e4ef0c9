/* SPDX-License-Identifier: MIT */
/* The tables of the page but for its grid, by name. Private to the page. */
#ifndef STATUS_PAGE_TABLES_H
#define STATUS_PAGE_TABLES_H

#include "status/page_out.h"
#include "status/page_view.h"

struct page_table {
    const char *name; /* of its element in page.html */
    void (*put)(struct page_out *o, const struct page_view *v);
};

extern const struct page_table page_tables[];
extern const size_t page_table_count;

#endif
