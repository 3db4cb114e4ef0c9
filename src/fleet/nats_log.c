/* SPDX-License-Identifier: MIT */
/* What each log's stream must be. The format is told in its description, "..., format 1". What a
 * later pipepoll adds so that those of today need not know it counts behind a dot, "format 1.2":
 * such a stream is used, and its configuration left to those who wrote it.
 *
 * LEASES never ages: on servers of today a message that ages out while a replica is behind lets the
 * replicas diverge, and "write if absent" is exact only on keys that were never deleted. JOBS keeps
 * acknowledged jobs until they age (limits, no work queue), since the server knows repeated ids
 * from stored messages alone after a restart; and it refuses when it is full, where the others
 * would drop what is oldest. */
#include "fleet/nats_log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/jsontext.h"

#define NS_PER_MS INT64_C(1000000)
#define HOUR_MS   INT64_C(3600000)
#define WEEK_MS   (7 * 24 * HOUR_MS)

static const struct {
    const char *stream, *word;
    bool is_last_only, refuses;
} logs[] = {
    [ENGINE_LEASES] = { "LEASES", "lease", true, false },
    [ENGINE_JOBS] = { "JOBS", "jobs", false, true },
    [ENGINE_OUTBOX] = { "OUTBOX", "outbox", true, false },
    [ENGINE_DEAD] = { "DEAD", "dead", false, false },
};

/* --- names --- */

void nats_log_stream(struct buf *out, str fleet, enum engine_log log)
{
    buf_printf(out, "PIPEPOLL_%.*s_%s", STR_ARG(fleet), logs[log].stream);
}

void nats_log_subject(struct buf *out, str fleet, enum engine_log log, str key)
{
    buf_printf(out, "pipepoll.%.*s.%s.%.*s", STR_ARG(fleet), logs[log].word, STR_ARG(key));
}

str nats_log_key(str fleet, enum engine_log log, str subject)
{
    char text[NATS_SUBJECT_MAX];
    struct buf prefix = BUF_ON(text);
    nats_log_subject(&prefix, fleet, log, STR(""));
    bool is_ours = !prefix.overflow && str_starts(subject, buf_str(&prefix));
    return is_ours ? str_skip(subject, prefix.len) : (str) { 0 };
}

void nats_log_consumer(struct buf *out, str filter)
{
    for (size_t i = 0; i < filter.len; i++)
        buf_put_char(out, filter.ptr[i] == '.' ? ',' : filter.ptr[i] == '*' ? '@' : filter.ptr[i]);
}

/* The fleet of a stream of leases; empty: it is none. The name is a string as it stands. */
static str fleet_of(str raw)
{
    str name = raw.len > 2 ? (str) { raw.ptr + 1, raw.len - 2 } : (str) { 0 };
    str prefix = STR("PIPEPOLL_"), suffix = STR("_LEASES");
    if (!str_starts(name, prefix) || name.len <= prefix.len + suffix.len)
        return (str) { 0 };
    str fleet = { name.ptr + prefix.len, name.len - prefix.len - suffix.len };
    bool is_ours = str_eq(str_skip(name, prefix.len + fleet.len), suffix) &&
                   engine_is_key(fleet, false) && str_find(fleet, '.') == fleet.len;
    return is_ours ? fleet : (str) { 0 };
}

void nats_log_fleets(struct buf *out, const struct json *answer)
{
    int list = json_member(answer, JSON_ROOT, "streams");
    bool is_list = list != JSON_NONE && json_type(answer, list) == JSON_ARRAY;
    for (int i = is_list ? json_first(answer, list) : JSON_NONE; i != JSON_NONE;
         i = json_next(answer, i)) {
        str fleet = fleet_of(json_raw(answer, i));
        if (!fleet.len)
            continue;
        if (out->cap - out->len < fleet.len + STR(", , ...").len) {
            buf_put(out, STR(", ..."));
            return;
        }
        buf_printf(out, "%s%.*s", out->len ? ", " : "", STR_ARG(fleet));
    }
}

bool nats_log_matches(str subject, str filter)
{
    for (;;) {
        size_t a = str_find(subject, '.'), b = str_find(filter, '.');
        str word = { subject.ptr, a }, wanted = { filter.ptr, b };
        if (str_eq(wanted, STR(">")) && b == filter.len)
            return a > 0;
        if (!str_eq(wanted, STR("*")) && !str_eq(wanted, word))
            return false;
        if (a == subject.len || b == filter.len)
            return a == subject.len && b == filter.len;
        subject = str_skip(subject, a + 1);
        filter = str_skip(filter, b + 1);
    }
}

/* --- what they must be --- */

static int64_t age_ms(const struct nats_options *o, enum engine_log log)
{
    switch (log) {
    case ENGINE_JOBS:
        return o->jobs_max_age_ms;
    case ENGINE_DEAD:
        return WEEK_MS;
    case ENGINE_LEASES:
    case ENGINE_OUTBOX:
        return 0;
    }
    return 0;
}

static int64_t max_bytes(const struct nats_options *o, enum engine_log log)
{
    switch (log) {
    case ENGINE_JOBS:
        return o->jobs_max_bytes;
    case ENGINE_DEAD:
        return ENGINE_DEAD_BYTES;
    case ENGINE_LEASES:
    case ENGINE_OUTBOX:
        return -1;
    }
    return -1;
}

/* One number of a stream: how the API calls it, and the option of the `nats` command. */
struct number {
    const char *member, *option;
    int64_t value;
    bool is_time; /* in ns; a duration for people */
};

enum { NUMBERS = 4 };

static void numbers_of(struct number out[NUMBERS], const struct nats_options *o,
                       enum engine_log log)
{
    const struct number numbers[NUMBERS] = {
        { "num_replicas", "--replicas", o->replicas, false },
        { "max_age", "--max-age", age_ms(o, log) * NS_PER_MS, true },
        { "duplicate_window", "--dupe-window", HOUR_MS * NS_PER_MS, true },
        { "max_msgs_per_subject", "--max-msgs-per-subject", logs[log].is_last_only ? 1 : -1,
          false },
    };
    memcpy(out, numbers, sizeof numbers);
}

static const char *discard_of(enum engine_log log)
{
    return logs[log].refuses ? "new" : "old";
}

static void put_description(struct buf *out, const struct nats_options *o, int format)
{
    buf_printf(out, "pipepoll fleet %s, format %d", o->fleet, format);
}

void nats_log_config(struct buf *out, const struct nats_options *o, enum engine_log log)
{
    struct number numbers[NUMBERS];
    numbers_of(numbers, o, log);
    buf_put(out, STR("{\"name\":\""));
    nats_log_stream(out, str_of(o->fleet), log);
    buf_put(out, STR("\",\"description\":\""));
    put_description(out, o, NATS_FORMAT);
    buf_put(out, STR("\",\"subjects\":[\""));
    nats_log_subject(out, str_of(o->fleet), log, STR(">"));
    buf_printf(out,
               "\"],\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"%s\","
               "\"max_consumers\":-1,\"max_msgs\":-1,\"max_msg_size\":-1,\"max_bytes\":%" PRId64,
               discard_of(log), max_bytes(o, log));
    for (int i = 0; i < NUMBERS; i++)
        buf_printf(out, ",\"%s\":%" PRId64, numbers[i].member, numbers[i].value);
    buf_put_char(out, '}');
}

/* --- what they are --- */

static int64_t number_in(const struct json *j, int config, const char *member)
{
    char text[24];
    int node = json_member(j, config, member);
    bool has = node != JSON_NONE && json_type(j, node) == JSON_NUMBER;
    str_copy(text, sizeof text, has ? json_scalar(j, node) : (str) { 0 });
    return strtoll(text, NULL, 10);
}

static void put_number(struct buf *out, const struct number *n, int64_t value)
{
    int64_t ms = value / NS_PER_MS;
    if (!n->is_time)
        buf_printf(out, "%" PRId64, value);
    else if (ms % HOUR_MS == 0)
        buf_printf(out, "%" PRId64 "h", ms / HOUR_MS);
    else
        buf_printf(out, "%" PRId64 "ms", ms);
}

static void put_name(struct buf *why, const struct nats_options *o, enum engine_log log)
{
    buf_put(why, STR("stream "));
    nats_log_stream(why, str_of(o->fleet), log);
}

static bool is_number_wrong(const struct nats_options *o, enum engine_log log, const struct json *j,
                            int config, struct buf *why)
{
    struct number numbers[NUMBERS];
    numbers_of(numbers, o, log);
    for (int i = 0; i < NUMBERS; i++) {
        const struct number *n = &numbers[i];
        int64_t is = number_in(j, config, n->member);
        if (is == n->value || (is == 0 && n->value == -1))
            continue;
        put_name(why, o, log);
        buf_printf(why, " has %s ", n->member);
        put_number(why, n, is);
        buf_put(why, STR(", and must have "));
        put_number(why, n, n->value);
        buf_put(why, STR(": nats stream edit "));
        nats_log_stream(why, str_of(o->fleet), log);
        buf_printf(why, " %s=", n->option);
        put_number(why, n, n->value);
        if (strcmp(n->member, "num_replicas") == 0)
            buf_put(why, STR(", or set [fleet] replicas"));
        return true;
    }
    return false;
}

/* A string as it stands between its quotes: what it says, where it is one of ours, which have no
 * escapes. */
static str plain_in(const struct json *j, int config, const char *member)
{
    int node = json_member(j, config, member);
    if (node == JSON_NONE || json_type(j, node) != JSON_STRING)
        return (str) { 0 };
    str raw = json_raw(j, node);
    return (str) { raw.ptr + 1, raw.len - 2 };
}

/* What cannot be changed in a stream that is there. */
static bool is_kind_wrong(const struct nats_options *o, enum engine_log log, const struct json *j,
                          int config, struct buf *why)
{
    const char *kinds[][2] = { { "retention", "limits" },
                               { "storage", "file" },
                               { "discard", discard_of(log) } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        str is = plain_in(j, config, kinds[i][0]);
        if (str_eq(is, str_of(kinds[i][1])))
            continue;
        put_name(why, o, log);
        buf_printf(why, " has %s %.*s, and must have %s: stop the fleet, nats stream rm ",
                   kinds[i][0], STR_ARG(str_cut(is, 32)), kinds[i][1]);
        nats_log_stream(why, str_of(o->fleet), log);
        buf_put(why, STR(", and it is made anew"));
        return true;
    }
    return false;
}

static bool is_subject_wrong(const struct nats_options *o, enum engine_log log,
                             const struct json *j, int config, struct buf *why)
{
    char text[NATS_SUBJECT_MAX];
    struct buf subject = BUF_ON(text);
    nats_log_subject(&subject, str_of(o->fleet), log, STR(">"));
    int list = json_member(j, config, "subjects");
    bool is_list = list != JSON_NONE && json_type(j, list) == JSON_ARRAY;
    int first = is_list && json_count(j, list) == 1 ? json_first(j, list) : JSON_NONE;
    if (first != JSON_NONE && json_type(j, first) == JSON_STRING &&
        json_is(j, first, buf_str(&subject)))
        return false;
    put_name(why, o, log);
    buf_printf(why, " has other subjects than %.*s: give the fleet another name, or remove it",
               STR_ARG(buf_str(&subject)));
    return true;
}

/* What stands in the description behind the words of ours; no text: it is not ours. */
static str format_in(const struct nats_options *o, const struct json *j, int config)
{
    char text[NATS_FLEET_MAX + 64];
    struct buf words = BUF_ON(text);
    put_description(&words, o, 0);
    words.len--; /* without the 0 */
    str is = plain_in(j, config, "description");
    return str_starts(is, buf_str(&words)) ? str_skip(is, words.len) : (str) { 0 };
}

static bool is_format_wrong(const struct nats_options *o, enum engine_log log, const struct json *j,
                            int config, struct buf *why)
{
    char number[16];
    str_copy(number, sizeof number, format_in(o, j, config));
    int format = atoi(number);
    if (format == NATS_FORMAT)
        return false;
    put_name(why, o, log);
    if (format > NATS_FORMAT) {
        buf_printf(why, " has format %d, of a later pipepoll; this one knows %d: upgrade it",
                   format, NATS_FORMAT);
        return true;
    }
    buf_put(why, STR(" is not pipepoll's (its description does not say \""));
    put_description(why, o, NATS_FORMAT);
    buf_put(why, STR("\"): give the fleet another name"));
    return true;
}

/* Of a later pipepoll, which adds to the format: "1.2". */
static bool is_of_later(const struct nats_options *o, const struct json *j, int config)
{
    str format = format_in(o, j, config);
    return str_find(format, '.') < format.len;
}

enum nats_log_verdict nats_log_judge(const struct nats_options *o, enum engine_log log,
                                     const struct json *j, int config, struct buf *why)
{
    if (config == JSON_NONE || json_type(j, config) != JSON_OBJECT) {
        put_name(why, o, log);
        buf_put(why, STR(": the server's answer has no configuration"));
        return NATS_LOG_WRONG;
    }
    if (is_format_wrong(o, log, j, config, why) || is_subject_wrong(o, log, j, config, why) ||
        is_kind_wrong(o, log, j, config, why) || is_number_wrong(o, log, j, config, why))
        return NATS_LOG_WRONG;
    bool is_other = log == ENGINE_JOBS && number_in(j, config, "max_bytes") != max_bytes(o, log);
    return is_other && !is_of_later(o, j, config) ? NATS_LOG_RESIZE : NATS_LOG_GOOD;
}

void nats_log_resized(struct buf *out, const struct nats_options *o, enum engine_log log,
                      const struct json *j, int config)
{
    buf_put_char(out, '{');
    for (int key = json_first(j, config); key != JSON_NONE; key = json_next(j, key)) {
        if (json_is(j, key, STR("max_bytes")))
            continue;
        buf_put(out, json_raw(j, key));
        buf_put_char(out, ':');
        buf_put(out, json_raw(j, json_value(key)));
        buf_put_char(out, ',');
    }
    buf_printf(out, "\"max_bytes\":%" PRId64 "}", max_bytes(o, log));
}

/* --- messages --- */

/* $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer's>.<time>.<pending>, or with a
 * domain and an account behind ACK. */
bool nats_place_read(struct nats_place *out, str reply)
{
    enum { MOST = 12, SHORT = 7, LONG = 9 };
    str words[MOST];
    size_t count = 0;
    if (!str_starts(reply, STR("$JS.ACK.")))
        return false;
    for (str rest = str_skip(reply, 8); rest.len && count < MOST;) {
        size_t len = str_find(rest, '.');
        words[count++] = (str) { rest.ptr, len };
        rest = str_skip(rest, len < rest.len ? len + 1 : len);
    }
    if (count != SHORT && count < LONG)
        return false;
    const str *w = count == SHORT ? words : words + 2;
    *out = (struct nats_place) { .stream = w[0], .consumer = w[1] };
    uint64_t *numbers[] = { &out->delivered, &out->sequence, &out->consumer_sequence };
    for (int i = 0; i < 3; i++)
        *numbers[i] = strtoull(w[2 + i].ptr, NULL, 10);
    out->pending = strtoull(w[6].ptr, NULL, 10);
    return true;
}
