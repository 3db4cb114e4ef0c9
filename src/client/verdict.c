/* SPDX-License-Identifier: MIT */
/* What the outcome of a call means, given what is known of its client besides: a refusal may be the
 * clock's, the credentials' or the region's. Notes what it tells of the credentials; the caller
 * acts on the rest. */
#include "client/verdict.h"

/* So many refusals in a row are tried again for what their answers told of the clock: AWS's three
 * attempts. */
enum { CLOCK_RETRIES = 2 };

/* Did the service look at the credentials, and not like them? */
static bool refuses_credentials(const struct outcome *got)
{
    return got->http_status && !got->may_be_clock &&
           (got->fault == FAULT_EXPIRED || got->fault == FAULT_NO_CREDENTIALS);
}

/* It looks at who asks before it looks at what is asked. */
static bool accepts_credentials(const struct outcome *got)
{
    return !got->fault || got->meaning || got->fault == FAULT_NOT_FOUND ||
           (got->fault == FAULT_DENIED && str_starts(got->code, STR("AccessDenied")));
}

/* Refusals in a row: an answer of another kind ends it, and what got no answer does not count. */
static bool is_clock(const struct outcome *got, uint32_t *clock_refusals)
{
    if (!got->may_be_clock) {
        *clock_refusals = got->http_status ? 0 : *clock_refusals;
        return false;
    }
    bool is_worth_a_retry = *clock_refusals < CLOCK_RETRIES;
    *clock_refusals += is_worth_a_retry;
    return is_worth_a_retry;
}

enum fault verdict_of(struct clients *all, struct client *client, uint32_t *clock_refusals,
                      const struct outcome *got)
{
    if (is_clock(got, clock_refusals))
        return FAULT_SKEWED;
    if (refuses_credentials(got) && got->credentials_are_old)
        return FAULT_EXPIRED; /* and others are there already: one more call with those */
    if (refuses_credentials(got))
        return client_credentials_refused(
            all, client, &(struct client_refusal) { got->code, got->message, got->cause });
    if (accepts_credentials(got) && !got->credentials_are_old)
        client_credentials_accepted(client);
    return got->fault;
}

/* Other credentials may be all that it needs. */
bool verdict_waits_for_credentials(enum fault fault)
{
    int status = fault_status(fault);
    return status == PIPEPOLL_ECREDENTIALS || status == PIPEPOLL_EDENIED ||
           status == PIPEPOLL_ENOTENABLED;
}

/* What the service said, or what it means: few know the one from the other. */
str verdict_message(const struct client *client, enum fault fault, const struct outcome *got,
                    struct pipepoll_error *room)
{
    str region = client_name(client);
    if (fault != FAULT_NOT_ENABLED)
        return got->message.len ? got->message : str_of(fault_text(fault));
    explain(
        room, 0,
        "region %.*s is not enabled for this account, whose credentials are accepted elsewhere: "
        "enable it (aws account enable-region --region-name %.*s) or poll it no more%s%.*s",
        STR_ARG(region), STR_ARG(region), got->message.len ? "; the service said: " : "",
        STR_ARG(got->message));
    return str_of(room->text);
}

/* What was found stays the cause, unless the verdict is another: there is more known by then. */
enum pipepoll_cause verdict_cause(enum fault fault, const struct outcome *got)
{
    bool is_same = fault_status(fault) == fault_status(got->fault) && fault != FAULT_SKEWED;
    return is_same && got->cause ? got->cause : fault_cause(fault);
}
