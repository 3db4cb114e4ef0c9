/* SPDX-License-Identifier: MIT */
/* The table's columns are as wide as their widest text, but for the message, which gets what the
 * terminal has left; where stdout is no terminal nothing is cut. */
#include "cli/jobs_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/jsontext.h"
#include "cli/screen.h"
#include "config/quantity.h"
#include "store/journal_variables.h"
#include "store/state_dir.h"

/* --- for people --- */

enum { AGE_MAX = 24, MESSAGE_MIN = 16 };

/* Two units are enough: 0.3s, 42s, 5m12s, 3h5m, 2d4h. */
static const char *put_age(char text[AGE_MAX], int64_t from_ms, int64_t to_ms)
{
    long long ms = to_ms > from_ms ? to_ms - from_ms : 0, s = ms / 1000;
    if (s < 10)
        snprintf(text, AGE_MAX, "%lld.%llds", s, ms / 100 % 10);
    else if (s < 60)
        snprintf(text, AGE_MAX, "%llds", s);
    else if (s < 3600)
        snprintf(text, AGE_MAX, "%lldm%llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, AGE_MAX, "%lldh%lldm", s / 3600, s / 60 % 60);
    else
        snprintf(text, AGE_MAX, "%lldd%lldh", s / 86400, s / 3600 % 24);
    return text;
}

static str message_of(const struct jobs_item *item)
{
    const struct pipepoll_journal_entry *e = &item->note->entry;
    return e->failure ? e->failure->message : e->success ? e->success->summary : STR("");
}

enum { COLUMN_JOB, COLUMN_TARGET, COLUMN_REGION, COLUMN_STATE, COLUMN_AGE, COLUMN_TOOK, COLUMNS };

struct row {
    str cells[COLUMNS];
    char age[AGE_MAX], took[AGE_MAX];
};

static void fill(struct row *row, const struct jobs_item *item, int64_t now_ms)
{
    const struct pipepoll_journal_entry *e = &item->note->entry;
    row->cells[COLUMN_JOB] = e->job_id;
    row->cells[COLUMN_TARGET] = item->note->target;
    row->cells[COLUMN_REGION] = e->region;
    row->cells[COLUMN_STATE] = str_of(item->ended_ms ? item->outcome : jobs_item_step(item));
    row->cells[COLUMN_AGE] = str_of(put_age(row->age, item->first_noted_ms, now_ms));
    row->cells[COLUMN_TOOK] = item->ended_ms
                                  ? str_of(put_age(row->took, item->first_noted_ms, item->ended_ms))
                                  : STR("-");
}

static const struct row head = { .cells = { STR_INIT("JOB"), STR_INIT("TARGET"), STR_INIT("REGION"),
                                            STR_INIT("STATE"), STR_INIT("AGE"),
                                            STR_INIT("TOOK") } };

struct table {
    size_t widths[COLUMNS];
    size_t left; /* for the message */
    int64_t now_ms;
};

static void measure_row(struct table *t, const struct row *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t width = screen_width(row->cells[i]);
        t->widths[i] = width > t->widths[i] ? width : t->widths[i];
    }
}

static void measure_items(struct table *t, const struct jobs_items *items)
{
    struct row row;
    for (size_t i = 0; i < items->count; i++) {
        fill(&row, &items->at[i], t->now_ms);
        measure_row(t, &row);
    }
}

static void measure(struct table *t, const struct jobs_list *l)
{
    size_t taken = 0, columns = screen_columns();
    measure_row(t, &head);
    measure_items(t, &l->open);
    measure_items(t, &l->ended);
    for (size_t i = 0; i < COLUMNS; i++)
        taken += t->widths[i] + 2;
    t->left = columns > taken + MESSAGE_MIN ? columns - taken : MESSAGE_MIN;
    if (columns == SIZE_MAX)
        t->left = SIZE_MAX;
}

static void print_row(const struct table *t, const struct row *row, str message)
{
    for (size_t i = 0; i < COLUMNS; i++)
        screen_print_cell(row->cells[i], t->widths[i]);
    screen_print(message, t->left);
    putchar('\n');
}

static void print_items(const struct table *t, const struct jobs_items *items)
{
    struct row row;
    for (size_t i = 0; i < items->count; i++) {
        fill(&row, &items->at[i], t->now_ms);
        print_row(t, &row, message_of(&items->at[i]));
    }
}

static void print_sum(const struct jobs_list *l, const char *state_dir)
{
    long pid;
    printf("\n%zu open, %zu ended", l->open.count, l->ended_found);
    if (l->ended.count < l->ended_found)
        printf(" (the last %zu shown)", l->ended.count);
    printf(" in %s, ", state_dir);
    if (!state_dir_is_held(state_dir, &pid))
        puts("which no pipepoll uses now");
    else if (pid > 0)
        printf("in use by process %ld\n", pid);
    else
        puts("in use by another process");
}

void jobs_report_table(const struct jobs_list *l, const char *state_dir, int64_t now_ms)
{
    struct table t = { .now_ms = now_ms };
    measure(&t, l);
    if (l->found) {
        print_row(&t, &head, STR("MESSAGE"));
        print_items(&t, &l->open);
        print_items(&t, &l->ended);
    } else {
        puts("no jobs");
    }
    print_sum(l, state_dir);
}

/* --- one whole, for people --- */

enum { NAME_WIDTH = 16 };

/* Nothing where there is none. */
static void print_text(const char *name, str value)
{
    if (!value.len)
        return;
    printf("%-*s ", NAME_WIDTH, name);
    screen_print(value, SIZE_MAX);
    putchar('\n');
}

static void print_time(const char *name, int64_t at_ms, int64_t now_ms)
{
    char text[48], age[AGE_MAX];
    struct buf time = BUF_ON(text);
    jsontext_time(&time, at_ms);
    printf("%-*s %.*s, %s ago\n", NAME_WIDTH, name, STR_ARG(buf_str(&time)),
           put_age(age, at_ms, now_ms));
}

static void print_success(const struct pipepoll_success *s)
{
    print_text("summary", s->summary);
    print_text("execution id", s->execution_id);
    if (s->has_percent)
        printf("%-*s %u %%\n", NAME_WIDTH, "complete", s->percent_complete);
    if (!s->revision)
        return;
    print_text("revision", s->revision->revision);
    print_text("change", s->revision->change_identifier);
    print_text("change summary", s->revision->summary);
}

static void print_variables(str variables)
{
    struct pipepoll_variable v;
    while (journal_variables_next(&variables, &v)) {
        printf("%-*s ", NAME_WIDTH, "variable");
        screen_print(v.name, SIZE_MAX);
        printf(" = ");
        screen_print(v.value, SIZE_MAX);
        putchar('\n');
    }
}

static void print_failure(const struct pipepoll_job_failure *f)
{
    print_text("failure type", str_of(pipepoll_failure_type_name(f->type)));
    print_text("message", f->message);
    print_text("execution id", f->execution_id);
}

static void print_state(const struct jobs_item *item, int64_t now_ms)
{
    char took[AGE_MAX];
    if (item->ended_ms)
        printf("%-*s %s after %s\n", NAME_WIDTH, "ended", item->outcome,
               put_age(took, item->first_noted_ms, item->ended_ms));
    print_text(item->ended_ms ? "last step" : "state", str_of(jobs_item_step(item)));
    print_time("first noted", item->first_noted_ms, now_ms);
    print_time("last noted", item->last_noted_ms, now_ms);
    if (item->ended_ms)
        print_time("ended at", item->ended_ms, now_ms);
}

static void print_whole(const struct jobs_item *item, int64_t now_ms)
{
    const struct pipepoll_journal_entry *e = &item->note->entry;
    const struct pipepoll_action_type *a = &e->action_type;
    char text[512];
    struct buf type = BUF_ON(text);
    buf_printf(&type, "%.*s/%.*s/%.*s/%.*s", STR_ARG(a->category), STR_ARG(a->owner),
               STR_ARG(a->provider), STR_ARG(a->version));
    print_text("job", e->job_id);
    print_text("target", item->note->target);
    print_text("region", e->region);
    print_text("action type", buf_str(&type));
    print_text("client", e->client_id);
    print_state(item, now_ms);
    if (e->success)
        print_success(e->success);
    print_variables(item->note->variables);
    if (e->failure)
        print_failure(e->failure);
}

void jobs_report_whole(const struct jobs_list *l, int64_t now_ms)
{
    for (size_t i = 0; i < l->open.count + l->ended.count; i++) {
        if (i)
            putchar('\n');
        print_whole(i < l->open.count ? &l->open.at[i] : &l->ended.at[i - l->open.count], now_ms);
    }
}
