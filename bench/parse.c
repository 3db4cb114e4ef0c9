/* SPDX-License-Identifier: MIT */
/* bench_parse: from the bytes of an answer to its jobs (validated, parsed, walked), beside jsmn
 * alone on the same bytes; then a megabyte each of what a hostile service might send, where the
 * time per byte must not grow. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/job.h"
#include "base/buf.h"
#include "gauge.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

enum { HOSTILE_LEN = 1 << 20, NAMED = 4, HOSTILE = 7 };

struct answer_bytes {
    char *text, *fresh; /* fresh: what to start from each time; NULL: decoding changes nothing */
    size_t len;
    struct decode_memory memory;
    bool is_hostile;
    str begin, again, end; /* if hostile: begin, then `again` as often as fits, then end */
};

static void *need(void *memory)
{
    gauge_require(memory, "memory");
    return memory;
}

static void run_decode(void *ctx, size_t times)
{
    struct answer_bytes *a = ctx;
    struct job_list list;
    while (times--) {
        if (a->fresh)
            memcpy(a->text, a->fresh, a->len);
        enum decode_result r = job_decode(&list, &a->memory, (str) { a->text, a->len }, NULL);
        gauge_require(r == DECODE_OK || (a->is_hostile && r == DECODE_BAD), "decode");
    }
}

static void run_jsmn(void *ctx, size_t times)
{
    struct answer_bytes *a = ctx;
    while (times--) {
        jsmn_parser parser;
        jsmn_init(&parser);
        int r = jsmn_parse(&parser, a->text, a->len, (jsmntok_t *)(void *)a->memory.tokens,
                           (unsigned)a->memory.token_cap);
        gauge_require(r > 0, "jsmn");
    }
}

/* Memory as a warm slot has it: what the decoder asked for. */
static void make_room(struct answer_bytes *a)
{
    struct decode_memory *m = &a->memory;
    struct job_list list;
    char *copy = need(malloc(a->len));
    memcpy(copy, a->text, a->len);
    while (job_decode(&list, m, (str) { copy, a->len }, NULL) == DECODE_NEED_MEMORY) {
        m->token_cap = m->tokens_needed;
        m->tokens = need(realloc(m->tokens, m->tokens_needed * sizeof *m->tokens));
        if (!m->items_needed)
            continue;
        m->item_cap = m->items_needed;
        m->items = need(realloc(m->items, m->items_needed));
    }
    free(copy);
}

static void answer_init_jobs(struct answer_bytes *a, unsigned jobs)
{
    struct buf text = { .cap = 32 + jobs * 128 };
    text.at = need(malloc(text.cap));
    buf_put(&text, STR("{\"jobs\":["));
    for (unsigned i = 0; i < jobs; i++)
        buf_printf(&text,
                   "%s{\"clientId\":\"8bd1b8e6-6bb2-4c0c-8b5a-%012x\","
                   "\"jobId\":\"3c9f42ad-91c1-4c0e-a5c4-%012x\"}",
                   i ? "," : "", i, i);
    buf_put(&text, STR("]}"));
    gauge_require(!text.overflow, "the answer's room");
    *a = (struct answer_bytes) { .text = text.at, .len = text.len };
    make_room(a);
}

/* Not before it is its turn: making seven of a megabyte takes a while. */
static void hostile_prepare(void *ctx)
{
    struct answer_bytes *a = ctx;
    if (a->text)
        return;
    struct buf text = { .at = need(malloc(HOSTILE_LEN)), .cap = HOSTILE_LEN };
    buf_put(&text, a->begin);
    while (text.len + a->again.len + a->end.len <= text.cap)
        buf_put(&text, a->again);
    buf_put(&text, a->end);
    a->text = text.at;
    a->len = text.len;
    make_room(a);
    a->fresh = need(malloc(a->len));
    memcpy(a->fresh, a->text, a->len);
}

static void answer_deinit(struct answer_bytes *a)
{
    free(a->text);
    free(a->fresh);
    free(a->memory.tokens);
    free(a->memory.items);
}

static size_t name_jobs(struct gauge_case *cases, struct answer_bytes *answers)
{
    static const unsigned jobs[NAMED] = { 0, 10, 100, 1000 };
    for (size_t i = 0; i < NAMED; i++) {
        struct answer_bytes *a = &answers[i];
        struct gauge_case *jsmn = &cases[2 * i], *decode = jsmn + 1;
        answer_init_jobs(a, jobs[i]);
        *jsmn = (struct gauge_case) { .run = run_jsmn, .ctx = a, .bytes = a->len };
        *decode = (struct gauge_case) { .run = run_decode, .ctx = a, .bytes = a->len };
        decode->against = jsmn;
        snprintf(jsmn->name, sizeof jsmn->name, "%u jobs: jsmn alone", jobs[i]);
        snprintf(decode->name, sizeof decode->name, "%u jobs: decode", jobs[i]);
    }
    return 2 * NAMED;
}

static size_t name_hostile(struct gauge_case *cases, struct answer_bytes *answers)
{
    static const struct {
        const char *name;
        str begin, again, end;
    } shapes[HOSTILE] = {
        { "empty jobs", STR_INIT("{\"jobs\":[{}"), STR_INIT(",{}"), STR_INIT("]}") },
        { "nulls", STR_INIT("{\"jobs\":[null"), STR_INIT(",null"), STR_INIT("]}") },
        { "unknown members", STR_INIT("{\"a\":0"), STR_INIT(",\"a\":0"), STR_INIT("}") },
        { "unknown nested lists", STR_INIT("{\"a\":[0"), STR_INIT(",[[[[[]]]]]"), STR_INIT("]}") },
        { "one job of unknown members", STR_INIT("{\"jobs\":[{\"a\":0"), STR_INIT(",\"a\":0"),
          STR_INIT("}]}") },
        { "escaped id", STR_INIT("{\"jobs\":[{\"jobId\":\""), STR_INIT("\\u00e9"),
          STR_INIT("\"}]}") },
        { "blanks", STR_INIT("{\"jobs\":["), STR_INIT(" "), STR_INIT("]}") },
    };
    for (size_t i = 0; i < HOSTILE; i++) {
        struct answer_bytes *a = &answers[i];
        *a = (struct answer_bytes) { .is_hostile = true,
                                     .begin = shapes[i].begin,
                                     .again = shapes[i].again,
                                     .end = shapes[i].end };
        cases[i] = (struct gauge_case) {
            .run = run_decode, .prepare = hostile_prepare, .ctx = a, .bytes = HOSTILE_LEN
        };
        snprintf(cases[i].name, sizeof cases[i].name, "1 MiB: %s", shapes[i].name);
    }
    return HOSTILE;
}

int main(int argc, char **argv)
{
    struct answer_bytes answers[NAMED + HOSTILE] = { 0 };
    struct gauge_case cases[2 * NAMED + HOSTILE] = { 0 };
    size_t count = name_jobs(cases, answers);
    count += name_hostile(cases + count, answers + NAMED);
    int r = gauge_main(argc, argv, "parsing", "answer", cases, count);
    for (size_t i = 0; i < NAMED + HOSTILE; i++)
        answer_deinit(&answers[i]);
    return r;
}
