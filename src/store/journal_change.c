/* SPDX-License-Identifier: MIT */
/* The struct is copied as it is, then every text in it is moved behind it: a table says where the
 * texts are, so none can be left pointing into the caller's memory. */
#include "store/journal_change.h"

#include <stdlib.h>

#include "store/journal_variables.h"

#define AT(member) offsetof(struct journal_change, member)

static const size_t texts[] = {
    AT(target),
    AT(outcome),
    AT(variables),
    AT(entry.region),
    AT(entry.job_id),
    AT(entry.client_id),
    AT(entry.claim),
    AT(entry.action_type.category),
    AT(entry.action_type.owner),
    AT(entry.action_type.provider),
    AT(entry.action_type.version),
    AT(entry.continuation_token),
    AT(success.summary),
    AT(success.execution_id),
    AT(revision.revision),
    AT(revision.change_identifier),
    AT(revision.summary),
    AT(failure.message),
    AT(failure.execution_id),
};
enum { TEXTS = sizeof texts / sizeof *texts };

static str *text_at(struct journal_change *c, size_t i)
{
    return (str *)((char *)c + texts[i]);
}

static struct journal_change *copy(struct journal_change *c)
{
    c->size = sizeof *c;
    for (size_t i = 0; i < TEXTS; i++)
        c->size += text_at(c, i)->len;
    struct journal_change *new = malloc(c->size);
    if (!new)
        return NULL;
    *new = *c;
    list_init(&new->link);
    char *end = (char *)(new + 1);
    for (size_t i = 0; i < TEXTS; i++)
        *text_at(new, i) = str_keep(&end, *text_at(new, i));
    return new;
}

static struct journal_change *note(str target, const struct pipepoll_journal_entry *entry,
                                   str variables)
{
    struct journal_change c = { .target = target, .entry = *entry, .variables = variables };
    const struct pipepoll_success *success = entry->success;
    c.entry.work = NULL;
    if (success)
        c.success = *success;
    if (success && success->revision)
        c.revision = *success->revision;
    if (entry->failure)
        c.failure = *entry->failure;
    struct journal_change *new = copy(&c);
    if (!new)
        return NULL;
    new->entry.success = success ? &new->success : NULL;
    new->entry.failure = entry->failure ? &new->failure : NULL;
    new->success.revision = success && success->revision ? &new->revision : NULL;
    new->success.variables = NULL;
    new->success.variable_count = 0;
    return new;
}

struct journal_change *journal_change_note(str target, const struct pipepoll_journal_entry *entry)
{
    size_t size = entry->success ? journal_variables_size(entry->success) : 0;
    if (!size)
        return note(target, entry, STR(""));
    struct buf variables = { .at = malloc(size), .cap = size };
    if (!variables.at)
        return NULL;
    journal_variables_put(&variables, entry->success);
    struct journal_change *new = note(target, entry, buf_str(&variables));
    free(variables.at);
    return new;
}

struct journal_change *journal_change_end(str target, str region, str job_id, str outcome)
{
    struct journal_change c = {
        .is_end = true,
        .target = target,
        .outcome = outcome,
        .entry = { .region = region, .job_id = job_id },
    };
    return copy(&c);
}
