/* SPDX-License-Identifier: MIT */
/* What a page shows of a status, before it is put into any form: the targets that its query
 * chooses, the grid, and the figures as text. Private to the page. */
#ifndef STATUS_PAGE_VIEW_H
#define STATUS_PAGE_VIEW_H

#include "status/status.h"

enum {
    PAGE_ROWS_MAX = 40,    /* of the grid; more are told together, in one more */
    PAGE_COLUMNS_MAX = 40, /* the same */
    PAGE_TYPES_MAX = 40,   /* with more action types than this, rows are providers */
    PAGE_KEY_MAX = 400,    /* of a query, decoded */
    PAGE_FIGURES_MAX = 96,
    PAGE_LIST_MAX = 50,     /* lines of most tables */
    PAGE_TARGETS_MAX = 100, /* of the one of targets */
};

/* A row or a column. */
struct page_head {
    str key;   /* for a query; "*": the others */
    str label; /* a provider, a region */
    str more;  /* what else there is to say of it */
    size_t states[STATUS_STATES];
};

/* The targets of one row in one column. */
struct page_cell {
    size_t states[STATUS_STATES];
    int64_t incident_index; /* the first one; -1: none */
};

struct page_grid {
    struct page_head *rows, *columns;
    size_t row_count, column_count;
    struct page_cell *cells;      /* row by row */
    uint32_t *row_of, *column_of; /* of each target of the status */
    bool by_provider;
};

struct page_figure {
    const char *name;
    char text[512];
};

struct page_view {
    const struct status *status;
    struct page_grid grid;
    char row[PAGE_KEY_MAX], region[PAGE_KEY_MAX]; /* chosen; "": all */
    size_t
        *accounts; /* indexes of status->regions: of too many those that use most of their rate */
    size_t account_count;
    struct page_figure *figures;
    size_t figure_count;
    struct arena memory; /* private: what all of it is in */
};

/* false: no memory. Either way page_view_deinit() follows. The status outlives it. */
bool page_view_init(struct page_view *v, const struct status *s, str query);
void page_view_deinit(struct page_view *v);

/* The worst state of those that some target is in; STATUS_STATES: there is no target. */
enum status_state page_worst(const size_t states[STATUS_STATES]);

/* Is it among the targets that the query chooses? */
bool page_view_chooses(const struct page_view *v, size_t target);

/* What is wrong with a target in that state, in a sentence; empty: nothing. */
str page_reason(const struct status *s, enum status_state state, int64_t incident_index);

/* Polls as a share of what is allowed; 0: nothing limits them. */
double page_use(const struct status_region *r);

/* All figures, named as the page's elements are. */
void page_figures(struct page_view *v);

/* The grid of a status; v->memory holds it. false: no memory. */
bool page_grid_fill(struct page_grid *g, const struct status *s, struct arena *memory);

#endif
