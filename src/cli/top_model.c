/* SPDX-License-Identifier: MIT */
/* The document is hostile until it has been read: lists are as long as they are found to be, and
 * each member has its type checked. */
#include "cli/top_model.h"

#include <stdlib.h>

#include "base/log.h"

/* --- members --- */

static double number(const struct json *j, int object, const char *name)
{
    char text[32];
    int at = object == JSON_NONE ? JSON_NONE : json_member(j, object, name);
    if (at == JSON_NONE || json_type(j, at) != JSON_NUMBER)
        return 0;
    str scalar = json_scalar(j, at);
    if (scalar.len >= sizeof text)
        return 0;
    memcpy(text, scalar.ptr, scalar.len);
    text[scalar.len] = '\0';
    return strtod(text, NULL);
}

static uint64_t count(const struct json *j, int object, const char *name)
{
    double n = number(j, object, name);
    return n > 0 && n < 1e18 ? (uint64_t)n : 0;
}

static bool flag(const struct json *j, int object, const char *name)
{
    int at = object == JSON_NONE ? JSON_NONE : json_member(j, object, name);
    return at != JSON_NONE && json_type(j, at) == JSON_BOOL &&
           str_eq(json_scalar(j, at), STR("true"));
}

static str text(struct json *j, int object, const char *name)
{
    return object == JSON_NONE ? STR("") : json_member_text(j, object, name);
}

static int member(const struct json *j, int object, const char *name, enum json_type type)
{
    int at = object == JSON_NONE ? JSON_NONE : json_member(j, object, name);
    return at != JSON_NONE && json_type(j, at) == type ? at : JSON_NONE;
}

static void read_states(const struct json *j, int object, const char *name,
                        size_t states[STATUS_STATES])
{
    int at = member(j, object, name, JSON_OBJECT);
    for (int i = 0; i < STATUS_STATES; i++)
        states[i] = count(j, at, status_state_name((enum status_state)i));
}

/* --- lists --- */

typedef void element_fn(struct json *j, int element, void *out);

/* Of the objects of a list an array, of which *count are filled. */
static void *read_list(struct json *j, int object, const char *name, size_t size, element_fn *read,
                       size_t *count)
{
    int list = member(j, object, name, JSON_ARRAY);
    size_t most = list == JSON_NONE ? 0 : json_count(j, list);
    char *array = calloc(most ? most : 1, size);
    *count = 0;
    if (!array || !most)
        return array;
    for (int e = json_first(j, list); e != JSON_NONE; e = json_next(j, e))
        if (json_type(j, e) == JSON_OBJECT)
            read(j, e, array + size * (*count)++);
    return array;
}

static void read_target(struct json *j, int e, void *out)
{
    struct top_target *t = out;
    int type = member(j, e, "actionTypeId", JSON_OBJECT);
    *t = (struct top_target) { .name = text(j, e, "target"),
                               .state = STATUS_WAITING, /* of those that we do not know */
                               .region = text(j, e, "region"),
                               .provider = text(j, type, "provider"),
                               .reason = text(j, e, "reason"),
                               .jobs = count(j, e, "jobs") };
    str state = text(j, e, "state");
    for (int i = 0; i < STATUS_STATES; i++)
        if (str_eq(state, str_of(status_state_name((enum status_state)i))))
            t->state = (enum status_state)i;
}

static void read_region(struct json *j, int e, void *out)
{
    struct top_region *r = out;
    *r = (struct top_region) { .region = text(j, e, "region"),
                               .identity = text(j, e, "identity"),
                               .polls_per_s = number(j, e, "pollsPerS"),
                               .allowed_per_s = number(j, e, "allowedPerS") };
    read_states(j, e, "targets", r->targets);
}

static void read_incident(struct json *j, int e, void *out)
{
    struct top_incident *i = out;
    *i = (struct top_incident) { .words = text(j, e, "message"),
                                 .since = text(j, e, "since"),
                                 .targets = count(j, e, "targets") };
}

static void read_handler(struct json *j, int e, void *out)
{
    struct top_handler *h = out;
    int ends = member(j, e, "ends", JSON_OBJECT);
    *h = (struct top_handler) { .name = text(j, e, "handler"),
                                .running = count(j, e, "running"),
                                .failed = count(j, ends, "failed") };
}

/* --- in order --- */

/* By how bad it is: the enum's order is another. */
static int rank(enum status_state state)
{
    static const int ranks[STATUS_STATES] = {
        [STATUS_FAILING] = 0, [STATUS_LATE] = 1, [STATUS_SLOWED] = 2,
        [STATUS_WAITING] = 3, [STATUS_WELL] = 4, [STATUS_ELSEWHERE] = 5
    };
    return ranks[state];
}

static int by_state(const void *a, const void *b)
{
    const struct top_target *x = a, *y = b;
    int order = rank(x->state) - rank(y->state);
    return order ? order : (x->name.ptr > y->name.ptr) - (x->name.ptr < y->name.ptr);
}

static int by_failing(const void *a, const void *b)
{
    const struct top_region *x = a, *y = b;
    size_t x_bad = x->targets[STATUS_FAILING] + x->targets[STATUS_LATE];
    size_t y_bad = y->targets[STATUS_FAILING] + y->targets[STATUS_LATE];
    if (x_bad != y_bad)
        return x_bad > y_bad ? -1 : 1;
    return (x->region.ptr > y->region.ptr) - (x->region.ptr < y->region.ptr);
}

/* --- the whole --- */

static void read_summary(struct top_model *m, struct json *j)
{
    int summary = member(j, JSON_ROOT, "summary", JSON_OBJECT);
    int pickup = member(j, JSON_ROOT, "pickupSeconds", JSON_OBJECT);
    read_states(j, summary, "states", m->states);
    m->target_count = count(j, summary, "targets");
    m->polls_per_s = number(j, summary, "pollsPerS");
    m->jobs = count(j, summary, "jobs");
    m->in_flight = count(j, summary, "inFlight");
    m->parked = count(j, summary, "parked");
    m->pickups = count(j, pickup, "count");
    m->pickup_s[0] = number(j, pickup, "p50");
    m->pickup_s[1] = number(j, pickup, "p95");
    m->pickup_s[2] = number(j, pickup, "p99");
}

static void read_jobs(struct top_model *m, struct json *j)
{
    int jobs = member(j, JSON_ROOT, "jobs", JSON_OBJECT);
    int in_hand = member(j, jobs, "inHand", JSON_OBJECT),
        ends = member(j, jobs, "ends", JSON_OBJECT);
    int journal = member(j, JSON_ROOT, "journal", JSON_OBJECT);
    m->works_jobs = flag(j, jobs, "worked");
    for (int i = 0; i < STATUS_STEPS; i++)
        m->in_hand[i] = count(j, in_hand, status_step_name((enum status_step)i));
    m->succeeded = count(j, ends, "succeeded");
    m->failed = count(j, ends, "failed");
    m->has_journal = journal != JSON_NONE;
    m->is_journal_well = flag(j, journal, "well");
}

static void read_fleet(struct top_model *m, struct json *j)
{
    int fleet = member(j, JSON_ROOT, "fleet", JSON_OBJECT);
    int engine = member(j, fleet, "engine", JSON_OBJECT),
        targets = member(j, fleet, "targets", JSON_OBJECT);
    int queue = member(j, fleet, "queue", JSON_OBJECT);
    m->fleet = (struct top_fleet) { .name = text(j, fleet, "fleet"),
                                    .member = text(j, fleet, "member"),
                                    .state = text(j, fleet, "state"),
                                    .engine = text(j, engine, "state"),
                                    .alive = count(j, fleet, "alive"),
                                    .targets = count(j, targets, "all"),
                                    .held = count(j, targets, "held"),
                                    .unheld = count(j, targets, "unheld"),
                                    .waiting = count(j, queue, "waiting"),
                                    .out = count(j, queue, "out"),
                                    .jobs_held = count(j, queue, "held") };
}

static void read_head(struct top_model *m, struct json *j)
{
    int verdict = member(j, JSON_ROOT, "verdict", JSON_OBJECT);
    m->is_alive = flag(j, verdict, "alive");
    m->is_ready = flag(j, verdict, "ready");
    m->is_well = flag(j, verdict, "well");
    m->why = text(j, verdict, "why");
}

static int read_lists(struct top_model *m, struct json *j)
{
    m->targets = read_list(j, JSON_ROOT, "targets", sizeof *m->targets, read_target, &m->listed);
    m->regions =
        read_list(j, JSON_ROOT, "regions", sizeof *m->regions, read_region, &m->region_count);
    m->incidents = read_list(j, JSON_ROOT, "incidents", sizeof *m->incidents, read_incident,
                             &m->incident_count);
    m->handlers =
        read_list(j, JSON_ROOT, "handlers", sizeof *m->handlers, read_handler, &m->handler_count);
    if (!m->targets || !m->regions || !m->incidents || !m->handlers)
        return PIPEPOLL_ENOMEM;
    qsort(m->targets, m->listed, sizeof *m->targets, by_state);
    qsort(m->regions, m->region_count, sizeof *m->regions, by_failing);
    return PIPEPOLL_OK;
}

static int parse(struct top_model *m, struct json *j, char *text_at, size_t len,
                 struct pipepoll_error *why)
{
    int r = json_parse(j, text_at, len, NULL, 0, why);
    if (r != JSON_NEED_TOKENS)
        return PIPEPOLL_EPROTO;
    m->tokens = calloc(j->tokens_needed, sizeof *m->tokens);
    if (!m->tokens)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    return json_parse(j, text_at, len, m->tokens, j->tokens_needed, why) ? PIPEPOLL_EPROTO
                                                                         : PIPEPOLL_OK;
}

/* Other members may have joined those that we know, but without these two it is no status. */
static int check_format(struct json *j, struct pipepoll_error *why)
{
    enum { FORMAT = 1 };
    uint64_t format = count(j, JSON_ROOT, "format");
    if (format > FORMAT)
        return explain(why, PIPEPOLL_EPROTO,
                       "its status has format %llu, and this pipepoll reads format %d: use the "
                       "pipepoll that runs there",
                       (unsigned long long)format, FORMAT);
    if (format != FORMAT || member(j, JSON_ROOT, "verdict", JSON_OBJECT) == JSON_NONE ||
        member(j, JSON_ROOT, "summary", JSON_OBJECT) == JSON_NONE)
        return explain(why, PIPEPOLL_EPROTO, "the answer is no status of a pipepoll");
    return PIPEPOLL_OK;
}

int top_model_read(struct top_model *out, char *text_at, size_t len, struct pipepoll_error *why)
{
    struct json j;
    *out = (struct top_model) { .target_count = 0 };
    int r = parse(out, &j, text_at, len, why);
    if (!r)
        r = check_format(&j, why);
    if (r)
        return r;
    read_head(out, &j);
    read_summary(out, &j);
    read_jobs(out, &j);
    read_fleet(out, &j);
    r = read_lists(out, &j);
    return r ? explain(why, r, "out of memory") : r;
}

void top_model_deinit(struct top_model *m)
{
    free(m->targets);
    free(m->regions);
    free(m->incidents);
    free(m->handlers);
    free(m->tokens);
    *m = (struct top_model) { .target_count = 0 };
}
