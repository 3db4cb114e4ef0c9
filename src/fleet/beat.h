/* SPDX-License-Identifier: MIT */
/* What members of a fleet tell each other in the log of leases, as bytes: JSON with "v":1, members
 * that are unknown are ignored, another version is told apart. Pure; nothing allocates but what the
 * caller gives. Texts that were read lie in the message.
 *
 *   m.<member>             a beat: this member is there, and how it stands
 *   t.<target>.<epoch>     a claim of a target, or that its holder gave it back
 *   c.<digest>.<part>      a part of a catalogue: the targets of a config
 *   d.<member>             whether this member shall hold no targets and take no jobs
 *   l.name                 what this log is called: another name, another log
 *
 * <target> and <digest> are 16 hex digits, <epoch> and <part> decimal. */
#ifndef FLEET_BEAT_H
#define FLEET_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    BEAT_MEMBER_MAX = 64,  /* bytes of a member's id: letters, digits, '-', '_' */
    BEAT_VERSION_MAX = 32, /* bytes of a program's version that are kept */
    BEAT_GROUP_MAX = 80,   /* bytes of an account and region */
    BEAT_GROUPS_MAX = 16,  /* that one beat names as throttled; the slowest ones */
    BEAT_KEY_SIZE = 96,    /* room for any of the keys */
    BEAT_BODY_SIZE = 4096  /* room for any body but a catalogue's */
};

enum beat_read {
    BEAT_OK,
    BEAT_OTHER_VERSION, /* of a program newer than this one: leave it alone */
    BEAT_MALFORMED
};

enum beat_state {
    BEAT_WAIT,   /* give me nothing: I do not see yet, or not now, what the others do */
    BEAT_HI,     /* I take my part */
    BEAT_BYE,    /* I am leaving, for good */
    BEAT_DRAINED /* I stay, without targets and jobs */
};

/* An account in a region where the service throttles the sender. */
struct beat_group {
    char name[BEAT_GROUP_MAX + 1]; /* printable ASCII without quotes and backslashes, not empty */
    uint64_t per_target_micro;     /* polls a second for each target, in millionths */
};

/* What a beat says besides, for status; from the daemon. */
struct beat_figures {
    uint64_t polls_milli; /* a second, in thousandths */
    uint32_t jobs, free_slots;
    char version[BEAT_VERSION_MAX + 1];
    uint32_t group_count;
    struct beat_group groups[BEAT_GROUPS_MAX];
};

struct beat {
    str member;
    uint64_t incarnation; /* chosen at random when the process starts */
    uint64_t number;      /* of this beat: 1, 2, 3... */
    enum beat_state state;
    uint64_t catalogue; /* digest of its targets; 0: it has none */
    uint64_t missing;   /* digest of a catalogue that it needs and does not find; 0: none */
    uint64_t held;      /* targets that it holds, is claiming, or has not given back yet */
    uint64_t every_ms;  /* from beat to beat; 0: it does not say, as programs before this one */
    struct beat_figures figures;
};

/* A claim, or the end of one. */
struct beat_claim {
    str member;
    uint64_t incarnation;
    bool is_free; /* given back */
};

/* A member's id as it should be: 1 to BEAT_MEMBER_MAX letters, digits, '-' and '_'. */
bool beat_is_member(str id);

/* --- keys --- */

enum beat_kind {
    BEAT_KIND_OTHER,
    BEAT_KIND_BEAT,
    BEAT_KIND_CLAIM,
    BEAT_KIND_CATALOGUE,
    BEAT_KIND_DRAIN,
    BEAT_KIND_LOG
};

struct beat_key {
    enum beat_kind kind;
    str member;      /* of a beat and a drain request */
    uint64_t hash;   /* of a target or catalogue */
    uint64_t number; /* epoch or part */
};

/* kind OTHER: it is none of ours. */
struct beat_key beat_key_read(str key);
void beat_key_put(struct buf *out, const struct beat_key *key);

/* --- bodies --- */

void beat_put(struct buf *out, const struct beat *b);
enum beat_read beat_read(struct beat *out, str body);

void beat_claim_put(struct buf *out, const struct beat_claim *c);
enum beat_read beat_claim_read(struct beat_claim *out, str body);

void beat_drain_put(struct buf *out, bool is_drained);
enum beat_read beat_drain_read(bool *is_drained, str body);

void beat_log_put(struct buf *out, uint64_t name); /* not 0 */
enum beat_read beat_log_read(uint64_t *name, str body);

#endif
