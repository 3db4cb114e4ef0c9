/* SPDX-License-Identifier: MIT */
/* The log of leases is bounded by what is kept of each target: some of its last claims, and its
 * place in a catalogue, of which there are two while a new config goes round. */
#include "cli/fleet_estimate.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "config/quantity.h"
#include "fleet/beat.h"
#include "fleet/engine.h"
#include "fleet/lease.h"

enum {
    MEMBERS = 3,        /* as an example */
    RECORD_BYTES = 30,  /* what a server adds to a message's subject and body */
    SUBJECT_BYTES = 16, /* "pipepoll.", and ".lease." behind the fleet's name */
    CATALOGUE_BYTES = 2 * 20,
    TAKEOVER_MS = 11000,
    FAST_TAKEOVER_MS = 3000
};

static size_t share_of(size_t targets, size_t members)
{
    return (targets + members - 1) / members;
}

/* What a claim of this member takes in the log. */
static size_t claim_bytes(const struct fleet_config *f)
{
    char name[BEAT_KEY_SIZE], text[BEAT_BODY_SIZE];
    struct buf key = BUF_ON(name), body = BUF_ON(text);
    beat_key_put(&key, &(struct beat_key) { .kind = BEAT_KIND_CLAIM, .number = 99999 });
    beat_claim_put(&body, &(struct beat_claim) { str_of(f->member), UINT64_MAX, false });
    return key.len + body.len + strlen(f->name) + SUBJECT_BYTES + RECORD_BYTES;
}

static uint64_t lease_bytes(const struct fleet_config *f, const struct estimate *e)
{
    uint64_t each = (LEASE_EPOCHS_KEPT + 1) * claim_bytes(f) + CATALOGUE_BYTES;
    return e->targets * each + MEMBERS * BEAT_BODY_SIZE;
}

static bool is_worker(const struct config *c)
{
    return c->fleet.works && c->worker.in_use;
}

/* --- text --- */

static void print_share(const struct estimate *e, size_t members)
{
    size_t targets = share_of(e->targets, members);
    printf("about %zu target%s and %.4g polls/s", targets, plural(targets),
           e->polls_per_s / (double)members);
}

static void print_logs(const struct fleet_config *f, uint64_t leases)
{
    char text[256];
    struct buf line = BUF_ON(text);
    buf_printf(&line, "%u cop%s of each: jobs ", f->replicas, f->replicas == 1 ? "y" : "ies");
    quantity_put_bytes(&line, f->queue_size);
    buf_put(&line, STR(" or "));
    quantity_put_duration(&line, f->queue_age_ms);
    buf_put(&line, STR(" at most, dead letters "));
    quantity_put_bytes(&line, ENGINE_DEAD_BYTES);
    buf_printf(&line, " or a week, leases %" PRIu64 " kB at most", leases / 1000 + 1);
    printf("%-16s %s\n", "logs", buf_cstr(&line));
}

void fleet_estimate_text(const struct config *c, const struct estimate *e)
{
    const struct fleet_config *f = &c->fleet;
    if (!f->servers)
        return;
    printf("%-16s %s, as member %s, by %zu server%s%s\n", "fleet", f->name, f->member,
           f->server_count, plural(f->server_count), f->is_tls ? " with TLS" : "");
    if (f->polls) {
        printf("%-16s ", "of 3 members");
        print_share(e, MEMBERS);
        printf(" each on average; ");
        print_share(e, MEMBERS - 1);
        printf(" each within %d s of one's death\n",
               (f->is_fast ? FAST_TAKEOVER_MS : TAKEOVER_MS) / 1000);
        printf("%-16s %s; none are lines on stdout\n", "found jobs",
               c->worker.in_use ? "to a free handler here, else to the queue" : "to the queue");
    } else {
        printf("%-16s none by this member, which takes jobs out of the queue\n", "polls");
    }
    if (!is_worker(c))
        printf("%-16s none are taken out of it by this member, which %s\n", "queue",
               f->works ? "has no handlers" : "has works = no");
    print_logs(f, lease_bytes(f, e));
    if (f->polls)
        printf("%-16s %u found jobs at most, while the servers are away, in %s\n", "spool",
               f->spool_jobs, c->worker.has_journal ? c->worker.state_dir : "memory");
}

/* --- JSON --- */

void fleet_estimate_json(struct buf *out, const struct config *c, const struct estimate *e)
{
    const struct fleet_config *f = &c->fleet;
    if (!f->servers) {
        jsontext_null(out, "fleet");
        return;
    }
    jsontext_open(out, "fleet", '{');
    jsontext_member(out, "name", str_of(f->name));
    jsontext_member(out, "member", str_of(f->member));
    jsontext_count(out, "servers", f->server_count);
    jsontext_flag(out, "tls", f->is_tls);
    jsontext_flag(out, "polls", f->polls);
    jsontext_flag(out, "works", is_worker(c));
    jsontext_count(out, "ofMembers", MEMBERS);
    jsontext_count(out, "targetsEach", share_of(e->targets, MEMBERS));
    jsontext_number(out, "pollsPerSecondEach", e->polls_per_s / MEMBERS);
    jsontext_count(out, "takeoverMs", f->is_fast ? FAST_TAKEOVER_MS : TAKEOVER_MS);
    jsontext_count(out, "replicas", f->replicas);
    jsontext_count(out, "queueBytes", f->queue_size);
    jsontext_count(out, "queueAgeMs", f->queue_age_ms);
    jsontext_count(out, "deadBytes", ENGINE_DEAD_BYTES);
    jsontext_count(out, "leaseBytes", lease_bytes(f, e));
    jsontext_count(out, "spoolJobs", f->spool_jobs);
    buf_put_char(out, '}');
}
