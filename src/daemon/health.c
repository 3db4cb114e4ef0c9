/* SPDX-License-Identifier: MIT */
/* Records are for programs, which want each target; the log is for people, who want each cause.
 * Incidents are those of all shards, under the board's mutex; a record takes its shard's way. */
#include "daemon/health.h"

#include <stdlib.h>

#include "base/wall_clock.h"
#include "daemon/diagnosis.h"
#include "daemon/failure.h"
#include "daemon/steady.h"

/* --- the board --- */

int health_board_init(struct health_board *b, str ca_bundle)
{
    *b = (struct health_board) { .ca_bundle =
                                     strndup(ca_bundle.len ? ca_bundle.ptr : "", ca_bundle.len) };
    if (b->ca_bundle && uv_mutex_init(&b->mutex) == 0)
        return PIPEPOLL_OK;
    free(b->ca_bundle);
    b->ca_bundle = NULL;
    return PIPEPOLL_ENOMEM;
}

void health_board_deinit(struct health_board *b)
{
    if (!b->ca_bundle)
        return;
    uv_mutex_destroy(&b->mutex);
    free(b->ca_bundle);
    b->ca_bundle = NULL;
}

static void tell_line(void *ctx, enum pipepoll_level level, const struct subject *about, str text)
{
    const struct logger *log = ctx;
    logger_tell(log, level, about, text);
}

void health_board_tell(struct health_board *b, const struct logger *log, bool last)
{
    struct logger to = *log;
    if (!b->ca_bundle)
        return;
    uv_mutex_lock(&b->mutex);
    b->incidents.unix_offset_ms = wall_clock_ms() - steady_ms();
    incidents_tell(&b->incidents, steady_ms(), last, tell_line, &to);
    uv_mutex_unlock(&b->mutex);
}

/* --- incidents --- */

/* What fails for lack of rights or calls is a matter of whose credentials ask; the way is not. */
static bool is_of_identity(int status)
{
    return status == PIPEPOLL_ECREDENTIALS || status == PIPEPOLL_EDENIED ||
           status == PIPEPOLL_ENOTFOUND || status == PIPEPOLL_ETHROTTLED;
}

/* As doctor says it. */
static void put_words(struct health_board *b, struct buf *out, struct pipepoll_target *from,
                      const struct pipepoll_failure *failure)
{
    struct probe probe;
    struct diagnosis d;
    probe_init(&probe, target_set_of(from)->plan);
    probe.live = from;
    probe.state = PROBE_FAILED;
    probe_note_failure(&probe, failure);
    probe_note_report(&probe);
    probe.ca_bundle = str_of(b->ca_bundle);
    diagnosis_of(&d, &probe);
    str cause = failure_message(str_of(d.cause));
    buf_printf(out, "%s: ", d.word);
    if (probe.code[0] && !d.names_code)
        buf_printf(out, "%s: ", probe.code);
    buf_put(out, cause.len < INCIDENT_WORDS_MAX - 200
                     ? cause
                     : (str) { cause.ptr, INCIDENT_WORDS_MAX - 200 });
    if (probe.request_id[0])
        buf_printf(out, " (request %s)", probe.request_id);
    failure_put_retry(out, failure->retry_in_ms);
}

static void leave_incident(struct pipepoll_target *from, bool removed)
{
    struct target_set_entry *t = target_set_of(from);
    if (t->incident)
        incident_leave(t->incident, pipepoll_target_region(from), removed, steady_ms());
    t->incident = NULL;
}

static void enter_incident(struct health_board *b, struct pipepoll_target *from,
                           const struct pipepoll_failure *failure)
{
    struct target_set_entry *t = target_set_of(from);
    char identity_text[IDENTITY_CONFIG_NAME_MAX + 1], words_text[INCIDENT_WORDS_MAX + 256];
    struct buf identity = BUF_ON(identity_text), words = BUF_ON(words_text);
    if (is_of_identity(failure->status))
        identity_config_put(&identity, &t->plan->identity);
    const struct incident_cause cause = { failure->status, failure->cause, failure->code,
                                          buf_str(&identity) };
    str region = pipepoll_target_region(from);
    if (!incidents_enter(&b->incidents, &cause, region, steady_ms(), &t->incident))
        return;
    put_words(b, &words, from, failure);
    incident_describe(t->incident, buf_str(&words), str_of(t->name), region);
    incident_note_request(t->incident, failure);
}

/* --- records --- */

static struct record record_of(const struct pipepoll_target *from,
                               const struct pipepoll_failure *failure)
{
    struct record what = { .kind = RECORD_HEALTH, .unix_ms = wall_clock_ms() };
    struct record_health *h = &what.health;
    h->from = target_set_describe(from);
    h->health = target_set_of(from)->health;
    if (!failure)
        return what;
    h->status = failure->status;
    h->cause = failure->cause;
    h->http_status = failure->http_status;
    h->retry_in_ms = failure->retry_in_ms;
    h->code = failure->code;
    h->message = failure->message;
    h->request_id = failure->request_id;
    h->subject = failure->subject;
    return what;
}

/* --- a shard's --- */

void health_changed(struct health_reporter *r, struct pipepoll_target *from,
                    const struct pipepoll_failure *failure)
{
    const struct record what = record_of(from, failure);
    uv_mutex_lock(&r->board->mutex);
    struct target_set_entry *t = target_set_of(from);
    struct incident *before = t->incident;
    leave_incident(from, false);
    if (failure && t->plan)
        enter_incident(r->board, from, failure);
    if (before && t->incident && t->incident != before)
        incident_note_replaced(before);
    uv_mutex_unlock(&r->board->mutex);
    pending_put(r->pending, &what);
}

void health_removed(struct health_reporter *r, struct pipepoll_target *from)
{
    struct record what = record_of(from, NULL);
    what.health.removed = true;
    uv_mutex_lock(&r->board->mutex);
    leave_incident(from, true);
    uv_mutex_unlock(&r->board->mutex);
    if (what.health.health != HEALTH_WELL)
        pending_put(r->pending, &what);
}
