/* SPDX-License-Identifier: MIT */
/* Any bytes as the body of an answer, good or bad. */
#include "aws/answer.h"
#include "aws/job.h"
#include "aws/xml.h"
#include "fuzz/decoding.h"

static void check_id(str id, const char *body, size_t size)
{
    check(id.len <= JOB_ID_LEN_MAX);
    check(id.len == 0 || (id.ptr >= body && id.ptr + id.len <= body + size));
    check(str_find(id, '\0') == id.len);
}

static void decode_jobs(const uint8_t *data, size_t size)
{
    char *body = copy_of(data, size);
    struct decode_memory memory = { 0 };
    struct job_list list;
    struct pipepoll_error why = { .text = "" };
    enum decode_result r;
    int asked = 0;
    while ((r = job_decode(&list, &memory, (str) { body, size }, &why)) == DECODE_NEED_MEMORY) {
        check(++asked <= 2);
        check(size && memcmp(body, data, size) == 0);
        grow_memory(&memory);
    }
    check(r == DECODE_OK || why.text[0]);
    for (size_t i = 0; r == DECODE_OK && i < list.count; i++) {
        check_id(list.jobs[i].client_id, body, size);
        check_id(list.jobs[i].job_id, body, size);
    }
    free(memory.tokens);
    free(memory.items);
    free(body);
}

/* The first byte chooses the status and how many tokens there are. */
static void read_answer(const uint8_t *data, size_t size)
{
    char *body = copy_of(data + 1, size - 1);
    size_t token_cap = data[0] & 1 ? 64 : 2;
    struct json_token *tokens = malloc(token_cap * sizeof *tokens);
    check(tokens != NULL);
    str text = { (const char *)data + 1, size - 1 };
    struct answer a = { .http_status = 100 + 2 * data[0], .error_type = text, .retry_after = text };
    struct answer_fault fault;
    answer_read(&fault, &a, body, size - 1, tokens, token_cap);
    check(fault.fault > FAULT_NONE && fault.fault < FAULT_COUNT);
    check(fault.code.len <= ANSWER_CODE_LEN_MAX);
    check(fault.message.len <= size - 1);
    struct pipepoll_error why = { .text = "" };
    a.location = a.content_encoding = text;
    check(answer_is_odd(&a, &why) == (why.text[0] != '\0'));
    free(tokens);
    free(body);
}

static void read_xml(const uint8_t *data, size_t size)
{
    char *body = copy_of(data, size);
    struct xml *x = malloc(sizeof *x);
    struct pipepoll_error why = { .text = "" };
    check(x != NULL);
    bool good = xml_parse(x, body, size, &why);
    check(good == !why.text[0]);
    for (int i = 0; good && i < x->count; i++) {
        const struct xml_node *n = &x->nodes[i];
        check(n->parent < i && n->name.ptr > body && n->name.ptr + n->name.len < body + size);
        check(!n->text.len || (n->text.ptr > body && n->text.ptr + n->text.len < body + size));
    }
    free(x);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_jobs(data, size);
    read_xml(data, size);
    if (size)
        read_answer(data, size);
    return 0;
}
