/* SPDX-License-Identifier: MIT */
/* What a slow source of client tokens is asked, one client id at a time: what is known already is
 * not asked again for a while, what is being asked is not asked twice, and there are so many runs
 * at once and no more. A kind of source embeds struct token_question first in what it needs for a
 * run. Private to the kinds behind token_source.h. */
#ifndef HANDLER_TOKEN_QUESTIONS_H
#define HANDLER_TOKEN_QUESTIONS_H

#include "base/list.h"
#include "base/table.h"
#include "handler/token_cache.h"
#include "handler/token_source.h"

struct token_questions;

struct token_question {
    struct token_questions *questions;
    str client_id;   /* with a NUL behind it */
    bool is_running; /* run() was called for it, and did not fail */

    struct table_node node;    /* private, as is the rest */
    struct list link, waiting; /* of those that are queued or run; its look-ups */
};

struct token_questions {
    struct uv_loop_s *loop;
    size_t size; /* of the kind's struct: zeroed at first, wiped at the end */
    /* Ask for its token: token_question_answer() comes later, from the loop. false: no memory. */
    bool (*run)(struct token_question *q);

    struct table table; /* private, as is the rest: by client id */
    struct list queue, running;
    struct token_cache cache;
    uint32_t runs_left;
};

/* The first three members are set. */
void token_questions_init(struct token_questions *s, const struct token_source_options *o);
/* All must be dropped. Wipes what is known. */
void token_questions_deinit(struct token_questions *s);

void token_questions_get(struct token_questions *s, struct token_lookup *l, str client_id,
                         bool refresh);
/* Tell it to all who asked. token: of FOUND; why: of UNAVAILABLE, the only one that is not kept. q
 * is gone then, and others may run. */
void token_question_answer(struct token_question *q, enum token_found found, str token,
                           const char *why);

/* For the end: take a question out, whose look-ups are forgotten. NULL: there is none. */
struct token_question *token_questions_drop(struct token_questions *s);
/* One that was taken out. */
void token_question_free(struct token_question *q);

#endif
