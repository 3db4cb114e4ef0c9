/* SPDX-License-Identifier: MIT */
/* The journal gives its jobs in the order of their beginning, so which of them ended last is known
 * only at the end: twice as many as are wanted are kept, and then half of them thrown away. */
#include "cli/jobs_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static const char *const steps[] = {
    [PIPEPOLL_JOURNAL_CLAIMING] = "claiming",
    [PIPEPOLL_JOURNAL_RUNNING] = "running",
    [PIPEPOLL_JOURNAL_REPORTING] = "reporting",
};

bool jobs_state_read(str word, unsigned *states)
{
    static const struct {
        const char *word;
        unsigned states;
    } words[] = {
        { "open", JOBS_OPEN },       { "claiming", JOBS_CLAIMING },   { "ended", JOBS_ENDED },
        { "running", JOBS_RUNNING }, { "reporting", JOBS_REPORTING },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(word, str_of(words[i].word))) {
            *states = words[i].states;
            return true;
        }
    return false;
}

const char *jobs_item_step(const struct jobs_item *item)
{
    return steps[item->note->entry.state];
}

const char *jobs_item_state(const struct jobs_item *item)
{
    return item->ended_ms ? "ended" : jobs_item_step(item);
}

/* --- keeping --- */

static void cut(struct jobs_items *items, size_t count)
{
    while (items->count > count)
        free(items->at[--items->count].note);
}

static int compare_ends(const void *a, const void *b)
{
    const struct jobs_item *x = a, *y = b;
    int order = (x->ended_ms < y->ended_ms) - (x->ended_ms > y->ended_ms);
    return order ? order : (x->order < y->order) - (x->order > y->order);
}

static void keep_last(struct jobs_items *ended, size_t limit)
{
    if (ended->count)
        qsort(ended->at, ended->count, sizeof *ended->at, compare_ends);
    cut(ended, limit);
}

static bool has_room(struct jobs_items *items)
{
    if (items->count < items->cap)
        return true;
    size_t cap = items->cap ? items->cap * 2 : 64;
    struct jobs_item *at = realloc(items->at, cap * sizeof *at);
    if (!at)
        return false;
    items->at = at;
    items->cap = cap;
    return true;
}

static bool keep(struct jobs_items *items, const struct journal_row *row, size_t order)
{
    if (!has_room(items))
        return false;
    struct jobs_item *item = &items->at[items->count];
    *item = (struct jobs_item) {
        .note = journal_change_note(row->target, row->entry),
        .first_noted_ms = row->first_noted_ms,
        .last_noted_ms = row->last_noted_ms,
        .ended_ms = row->ended_ms,
        .order = order,
    };
    snprintf(item->outcome, sizeof item->outcome, "%.*s", STR_ARG(row->outcome));
    items->count += item->note != NULL;
    return item->note != NULL;
}

/* --- choosing --- */

/* Of a whole id, what only begins with it is not wanted: not from then on, nor what came before. */
static bool is_this_job(struct jobs_list *l, str id)
{
    bool is_exact = str_eq(id, l->filter.job);
    if (is_exact && !l->is_exact) {
        l->is_exact = true;
        l->found = l->ended_found = 0;
        cut(&l->open, 0);
        cut(&l->ended, 0);
    }
    return is_exact || (!l->is_exact && str_starts(id, l->filter.job));
}

static bool is_wanted(struct jobs_list *l, const struct journal_row *row)
{
    const struct jobs_filter *f = &l->filter;
    unsigned state = row->ended_ms ? JOBS_ENDED : 1U << row->entry->state;
    return (f->states & state) && (!f->target.len || str_eq(f->target, row->target)) &&
           (!f->region.len || str_eq(f->region, row->entry->region)) &&
           (!f->job.len || is_this_job(l, row->entry->job_id));
}

static void on_row(void *ctx, const struct journal_row *row)
{
    struct jobs_list *l = ctx;
    if (l->no_memory || !is_wanted(l, row))
        return;
    l->found++;
    l->ended_found += row->ended_ms != 0;
    l->no_memory = !keep(row->ended_ms ? &l->ended : &l->open, row, l->found);
    if (l->ended.count >= (size_t)l->filter.limit * 2)
        keep_last(&l->ended, l->filter.limit);
}

int jobs_list_read(struct jobs_list *out, const char *state_dir, const struct jobs_filter *filter,
                   struct pipepoll_error *why)
{
    *out = (struct jobs_list) { .filter = *filter };
    int r = journal_read(state_dir, on_row, out, why);
    if (!r && out->no_memory)
        r = explain(why, PIPEPOLL_ENOMEM, "out of memory");
    keep_last(&out->ended, filter->limit);
    return r;
}

void jobs_list_deinit(struct jobs_list *l)
{
    cut(&l->open, 0);
    cut(&l->ended, 0);
    free(l->open.at);
    free(l->ended.at);
    *l = (struct jobs_list) { .found = 0 };
}
