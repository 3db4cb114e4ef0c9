/* SPDX-License-Identifier: MIT */
/* Any message of a fleet, a line with its key and then its body, read by every reader: other
 * members and workers in any language write them. What was read comes out as a message that reads
 * the same. */
#include "fleet/catalogue.h"
#include "fleet/job_message.h"
#include "fleet/result_message.h"
#include "fuzz/fuzz.h"

static void check_key(str key)
{
    char room[BEAT_KEY_SIZE];
    struct buf out = BUF_ON(room);
    struct beat_key k = beat_key_read(key), again;
    if (k.kind == BEAT_KIND_OTHER)
        return;
    beat_key_put(&out, &k);
    again = beat_key_read(buf_str(&out));
    bool has_member = k.kind == BEAT_KIND_BEAT || k.kind == BEAT_KIND_DRAIN;
    check(!out.overflow && again.kind == k.kind && again.hash == k.hash &&
          again.number == k.number && (!has_member || str_eq(again.member, k.member)));
}

static void check_beat(str body)
{
    static char room[BEAT_BODY_SIZE];
    struct buf out = BUF_ON(room);
    struct beat b, again;
    if (beat_read(&b, body) != BEAT_OK)
        return;
    check_inside(b.member, body);
    beat_put(&out, &b);
    check(!out.overflow && beat_read(&again, buf_str(&out)) == BEAT_OK);
    check(str_eq(b.member, again.member) && b.incarnation == again.incarnation &&
          b.number == again.number && b.state == again.state && b.catalogue == again.catalogue &&
          b.held == again.held && b.figures.group_count == again.figures.group_count);
}

static void check_claim(str body)
{
    char room[BEAT_BODY_SIZE];
    struct buf out = BUF_ON(room);
    struct beat_claim c, again;
    bool is_drained;
    uint64_t name;
    (void)beat_drain_read(&is_drained, body);
    (void)beat_log_read(&name, body);
    if (beat_claim_read(&c, body) != BEAT_OK)
        return;
    beat_claim_put(&out, &c);
    check(!out.overflow && beat_claim_read(&again, buf_str(&out)) == BEAT_OK);
    check(c.is_free == again.is_free && (c.is_free || c.incarnation == again.incarnation));
}

static void check_catalogue(str body)
{
    struct catalogue_part p;
    if (catalogue_read(&p, body) != BEAT_OK)
        return;
    check_inside(p.hex, body);
    check(p.hex.len / 16 <= CATALOGUE_PART);
    for (size_t i = 0; i < p.hex.len / 16; i++)
        (void)catalogue_target(&p, i);
}

static void check_job(str body)
{
    static struct job_message_text m, again;
    static char room[8 * JOB_MESSAGE_BODY_MAX];
    struct buf out = BUF_ON(room);
    if (job_message_read(&m, body) != BEAT_OK)
        return;
    check(m.job.region.len && m.job.job_id.len);
    job_message_put(&out, &m.job);
    enum beat_read r = job_message_read(&again, buf_str(&out));
    check(!out.overflow && (r == BEAT_OK || out.len > JOB_MESSAGE_BODY_MAX));
    check(r != BEAT_OK ||
          (str_eq(m.job.job_id, again.job.job_id) && str_eq(m.job.nonce, again.job.nonce) &&
           m.job.found_ms == again.job.found_ms && m.job.target == again.job.target));
    job_message_wipe(&m);
    job_message_wipe(&again);
}

static void check_result(str body)
{
    const struct alloc alloc = { NULL, NULL };
    enum beat_read how;
    struct result_message *again, *m = result_message_read(&alloc, body, &how);
    if (!m)
        return;
    struct buf out = { .cap = result_message_size(m) };
    out.at = malloc(out.cap);
    check(out.at != NULL);
    result_message_put(&out, m);
    check(!out.overflow);
    again = result_message_read(&alloc, buf_str(&out), &how);
    check(!again || str_eq(m->entry.job_id, again->entry.job_id));
    result_message_free(again, &alloc);
    result_message_free(m, &alloc);
    free(out.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size);
    str all = { text, size };
    size_t end = str_find(all, '\n');
    str body = str_skip(all, end < size ? end + 1 : size);
    check_key((str) { text, end });
    check_beat(body);
    check_claim(body);
    check_catalogue(body);
    check_job(body);
    check_result(body);
    free(text);
    return 0;
}
