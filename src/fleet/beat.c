/* SPDX-License-Identifier: MIT */
/* The members of each message in one order, out and in. What is too long for us is cut, what is too
 * much is left out; what has another type than it should have makes the message malformed. */
#include "fleet/beat.h"

#include "base/jsontext.h"
#include "fleet/message.h"

static const char *const STATES[] = {
    [BEAT_WAIT] = "wait", [BEAT_HI] = "hi", [BEAT_BYE] = "bye", [BEAT_DRAINED] = "drained"
};

static bool is_word_char(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
           c == '_';
}

bool beat_is_member(str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!is_word_char(id.ptr[i]))
            return false;
    return id.len >= 1 && id.len <= BEAT_MEMBER_MAX;
}

/* --- keys --- */

static str next_word(str *rest)
{
    size_t len = str_find(*rest, '.');
    str word = { rest->ptr, len };
    *rest = str_skip(*rest, len < rest->len ? len + 1 : len);
    return word;
}

static bool key_numbers(struct beat_key *k, str hash, str number)
{
    return message_read_hex(hash, &k->hash) && message_read_decimal(number, &k->number);
}

struct beat_key beat_key_read(str key)
{
    static const struct beat_key other = { BEAT_KIND_OTHER };
    str kind = next_word(&key), name = next_word(&key), number = next_word(&key);
    struct beat_key k = { BEAT_KIND_OTHER, .member = name };
    if (kind.len != 1 || key.len)
        return other;
    switch (kind.ptr[0]) {
    case 'm':
    case 'd':
        k.kind = kind.ptr[0] == 'm' ? BEAT_KIND_BEAT : BEAT_KIND_DRAIN;
        return beat_is_member(name) && !number.len ? k : other;
    case 'l':
        k.kind = BEAT_KIND_LOG;
        return str_eq(name, STR("name")) && !number.len ? k : other;
    case 't':
    case 'c':
        k.kind = kind.ptr[0] == 't' ? BEAT_KIND_CLAIM : BEAT_KIND_CATALOGUE;
        return key_numbers(&k, name, number) ? k : other;
    }
    return other;
}

void beat_key_put(struct buf *out, const struct beat_key *key)
{
    static const char letters[] = {
        [BEAT_KIND_OTHER] = 'x',     [BEAT_KIND_BEAT] = 'm',  [BEAT_KIND_CLAIM] = 't',
        [BEAT_KIND_CATALOGUE] = 'c', [BEAT_KIND_DRAIN] = 'd', [BEAT_KIND_LOG] = 'l'
    };
    buf_put_char(out, letters[key->kind]);
    buf_put_char(out, '.');
    if (key->kind == BEAT_KIND_BEAT || key->kind == BEAT_KIND_DRAIN) {
        buf_put(out, key->member);
        return;
    }
    if (key->kind == BEAT_KIND_LOG) {
        buf_put(out, STR("name"));
        return;
    }
    message_put_hex(out, key->hash);
    buf_put_char(out, '.');
    buf_put_u64(out, key->number);
}

/* --- a beat --- */

static void put_groups(struct buf *out, const struct beat_figures *f)
{
    jsontext_open(out, "throttled", '[');
    for (uint32_t i = 0; i < f->group_count && i < BEAT_GROUPS_MAX; i++) {
        jsontext_element(out, '{');
        jsontext_member(out, "group", str_of(f->groups[i].name));
        jsontext_name(out, STR("perTarget"));
        buf_put_decimal(out, f->groups[i].per_target_micro, 1000000);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_figures(struct buf *out, const struct beat_figures *f)
{
    jsontext_name(out, STR("pollsPerSecond"));
    buf_put_decimal(out, f->polls_milli, 1000);
    jsontext_count(out, "jobs", f->jobs);
    jsontext_count(out, "freeSlots", f->free_slots);
    jsontext_member(out, "version", str_of(f->version));
    if (f->group_count)
        put_groups(out, f);
}

void beat_put(struct buf *out, const struct beat *b)
{
    message_open(out);
    jsontext_member(out, "member", b->member);
    message_hash(out, "incarnation", b->incarnation);
    jsontext_count(out, "beat", b->number);
    jsontext_member(out, "state", str_of(STATES[b->state]));
    if (b->catalogue)
        message_hash(out, "catalogue", b->catalogue);
    if (b->missing)
        message_hash(out, "missing", b->missing);
    jsontext_count(out, "held", b->held);
    if (b->every_ms)
        jsontext_count(out, "everyMs", b->every_ms);
    put_figures(out, &b->figures);
    buf_put_char(out, '}');
}

static bool get_state(const struct json *j, enum beat_state *out)
{
    str text;
    if (!message_get_text(j, JSON_ROOT, "state", &text))
        return false;
    for (int i = BEAT_WAIT; i <= BEAT_DRAINED; i++)
        if (str_eq(text, str_of(STATES[i]))) {
            *out = (enum beat_state)i;
            return true;
        }
    return false;
}

static bool get_group(const struct json *j, int node, struct beat_group *out)
{
    str name;
    if (json_type(j, node) != JSON_OBJECT || !message_get_text(j, node, "group", &name) ||
        !name.len)
        return false;
    str_copy(out->name, sizeof out->name, name);
    return message_get_parts(j, node, "perTarget", 1000000, &out->per_target_micro);
}

static bool get_groups(const struct json *j, struct beat_figures *f)
{
    int list = message_member(j, JSON_ROOT, "throttled");
    f->group_count = 0;
    if (list == JSON_NONE)
        return true;
    if (json_type(j, list) != JSON_ARRAY)
        return false;
    for (int node = json_first(j, list); node != JSON_NONE && f->group_count < BEAT_GROUPS_MAX;
         node = json_next(j, node))
        if (!get_group(j, node, &f->groups[f->group_count++]))
            return false;
    return true;
}

static bool get_figures(const struct json *j, struct beat_figures *f)
{
    str version;
    if (!message_get_text(j, JSON_ROOT, "version", &version))
        return false;
    str_copy(f->version, sizeof f->version, version);
    return message_get_parts(j, JSON_ROOT, "pollsPerSecond", 1000, &f->polls_milli) &&
           message_get_u32(j, "jobs", &f->jobs) &&
           message_get_u32(j, "freeSlots", &f->free_slots) && get_groups(j, f);
}

static bool get_member(const struct json *j, str *member, uint64_t *incarnation)
{
    return message_get_text(j, JSON_ROOT, "member", member) && beat_is_member(*member) &&
           message_get_hash(j, "incarnation", incarnation);
}

enum beat_read beat_read(struct beat *out, str body)
{
    struct message b;
    enum beat_read r = message_read(&b, body);
    const struct json *j = &b.json;
    if (r != BEAT_OK)
        return r;
    bool is_fine = get_member(j, &out->member, &out->incarnation) &&
                   message_get_number(j, "beat", &out->number) && get_state(j, &out->state) &&
                   message_get_hash(j, "catalogue", &out->catalogue) &&
                   message_get_hash(j, "missing", &out->missing) &&
                   message_get_number(j, "held", &out->held) &&
                   message_get_number(j, "everyMs", &out->every_ms) &&
                   get_figures(j, &out->figures);
    return is_fine ? BEAT_OK : BEAT_MALFORMED;
}

/* --- a claim --- */

void beat_claim_put(struct buf *out, const struct beat_claim *c)
{
    message_open(out);
    jsontext_member(out, "member", c->member);
    message_hash(out, "incarnation", c->incarnation);
    if (c->is_free)
        jsontext_flag(out, "free", true);
    buf_put_char(out, '}');
}

enum beat_read beat_claim_read(struct beat_claim *out, str body)
{
    struct message b;
    enum beat_read r = message_read(&b, body);
    if (r != BEAT_OK)
        return r;
    bool is_fine = get_member(&b.json, &out->member, &out->incarnation) &&
                   message_get_flag(&b.json, "free", &out->is_free);
    return is_fine ? BEAT_OK : BEAT_MALFORMED;
}

/* --- a drain request --- */

void beat_drain_put(struct buf *out, bool is_drained)
{
    message_open(out);
    jsontext_flag(out, "drain", is_drained);
    buf_put_char(out, '}');
}

enum beat_read beat_drain_read(bool *is_drained, str body)
{
    struct message b;
    enum beat_read r = message_read(&b, body);
    if (r != BEAT_OK)
        return r;
    return message_get_flag(&b.json, "drain", is_drained) ? BEAT_OK : BEAT_MALFORMED;
}

void beat_log_put(struct buf *out, uint64_t name)
{
    message_open(out);
    message_hash(out, "name", name);
    buf_put_char(out, '}');
}

enum beat_read beat_log_read(uint64_t *name, str body)
{
    struct message b;
    enum beat_read r = message_read(&b, body);
    if (r != BEAT_OK)
        return r;
    return message_get_hash(&b.json, "name", name) && *name ? BEAT_OK : BEAT_MALFORMED;
}
