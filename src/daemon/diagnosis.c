/* SPDX-License-Identifier: MIT */
/* A table names for each cause who says what is the matter and what to do; no sentence of the
 * library is read for it. The tests see to it that no cause is left out. */
#include "daemon/diagnosis_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "daemon/event.h"

/* The service refuses signatures that are further off. */
enum { SKEW_MAX_MS = 300000 };

void set_cause(struct diagnosis *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->cause, sizeof d->cause, format, args);
    va_end(args);
}

void set_fix(struct diagnosis *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->fix, sizeof d->fix, format, args);
    va_end(args);
}

void find_cause(struct diagnosis *d, enum pipepoll_cause cause)
{
    d->finding = (struct finding) { FINDING_CAUSE, (int)cause };
}

/* The service's code, in a cause. */
static const char *code_of(struct diagnosis *d, const struct probe *probe)
{
    d->names_code = true;
    return probe->code;
}

/* --- what the service says of the credentials --- */

static void judge_clock(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, PIPEPOLL_CAUSE_CLOCK);
    if (!probe->clock_skew_ms)
        set_cause(d, "By the service the clock of this machine is wrong: %s", probe->message);
    else
        set_cause(d, "The clock of this machine is %.0f s %s the service's.",
                  (double)llabs(probe->clock_skew_ms) / 1000,
                  probe->clock_skew_ms > 0 ? "behind" : "ahead of");
    set_fix(d,
            "Set the clock, for instance by chrony or systemd-timesyncd. AWS takes signatures "
            "that are at most five minutes off; pipepoll %s.",
            probe->clock_uncorrected
                ? "would correct its own, but AWS_DISABLE_CLOCK_SKEW_CORRECTION forbids it: unset "
                  "that"
                : "corrects its own meanwhile");
}

static void judge_expired(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, probe->cause);
    set_cause(d, "The credentials from %s have expired: the service answered %s.", probe->source,
              code_of(d, probe));
    set_fix(
        d,
        "Get new ones where these come from: session credentials in the environment or in a file "
        "must be replaced there, for IAM Identity Center run `aws sso login`.");
}

static void judge_wrong_region(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, probe->cause);
    set_cause(d, "The endpoint %s does not serve %.*s: %s", probe->url,
              STR_ARG(probe->target->options.region), probe->message);
    set_fix(d, "Let region and endpoint URL agree; without an endpoint URL they do.");
}

static void judge_signature(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, PIPEPOLL_CAUSE_WRONG_SECRET);
    set_cause(d,
              "The signature is wrong (%s): the secret access key from %s is not the one of the "
              "access key id.",
              code_of(d, probe), probe->source);
    set_fix(d, "Copy both again, without quotes or blanks around them. If they are right, "
               "something on the way changes requests: look at the proxy.");
}

static void judge_unknown_key(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, probe->cause);
    set_cause(d, "The service does not know the access key from %s (%s): %s", probe->source,
              code_of(d, probe), probe->message);
    set_fix(d,
            "It is mistyped or has quotes or blanks around it, was deleted or deactivated, belongs "
            "to another partition (aws, aws-cn, aws-us-gov), lacks its session token, or the "
            "account has not enabled the region %.*s.",
            STR_ARG(probe->target->options.region));
}

/* --- what the service says --- */

static void judge_denied(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "The credentials from %s are good, but may not poll: %s", probe->source,
              probe->message[0] ? probe->message : code_of(d, probe));
    bool is_custom = str_eq(probe->target->options.action_type.owner, STR("Custom"));
    set_fix(d,
            "Allow it to their user or role by this statement (an explicit deny, a permissions "
            "boundary or a service control policy overrides it): {\"Effect\":\"Allow\","
            "\"Action\":\"codepipeline:%s\",\"Resource\":\"*\"}",
            is_custom ? "PollForJobs" : "PollForThirdPartyJobs");
}

static void judge_not_enabled(struct diagnosis *d, const struct probe *probe)
{
    str region = probe->target->options.region;
    set_cause(
        d,
        "The region %.*s is not enabled for the account of the credentials from %s: other regions "
        "accept them, this one knows them not.",
        STR_ARG(region), probe->source);
    set_fix(d,
            "Opt in to the region for this account, which takes some minutes: aws account "
            "enable-region --region-name %.*s. Or leave it out.",
            STR_ARG(region));
}

static void judge_not_found(struct diagnosis *d, const struct probe *probe)
{
    const struct pipepoll_action_type *a = &probe->target->options.action_type;
    str region = probe->target->options.region;
    set_cause(
        d,
        "ActionTypeNotFound: there is no action type %.*s/%.*s/%.*s/%.*s in %.*s that these "
        "credentials may poll: it does not exist in this region, or is not shared with the polling "
        "account.",
        STR_ARG(a->category), STR_ARG(a->owner), STR_ARG(a->provider), STR_ARG(a->version),
        STR_ARG(region));
    set_fix(
        d,
        "Compare category, owner, provider and version letter by letter with `aws "
        "codepipeline get-action-type --region %.*s ...`; there the account of these credentials "
        "must be among the job worker's pollingAccounts. Leave %.*s out where you do not "
        "offer it.",
        STR_ARG(region), STR_ARG(region));
}

static void judge_refused(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "The service does not take the request: %s%s%s", code_of(d, probe),
              probe->code[0] ? ": " : "", probe->message);
    set_fix(d,
            "Check the values of the action type. If they are right this is a fault of pipepoll "
            "or of what stands between: report it with the request id %s.",
            probe->request_id[0] ? probe->request_id : "(none)");
}

static void judge_throttled(struct diagnosis *d, const struct probe *probe)
{
    d->verdict = VERDICT_WARNING;
    d->exit_code = EXIT_FAILED;
    set_cause(d, "Everything works, but the service asks for fewer calls (%s).", code_of(d, probe));
    set_fix(d, "The account polls in this region already, perhaps elsewhere: poll less often, or "
               "set max-polls-per-second.");
}

static void judge_service(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "The service failed: HTTP %d %s %s", probe->http_status, code_of(d, probe),
              probe->message);
    set_fix(d, "Try again; pipepoll run does so by itself. AWS's health dashboard says more.");
}

static void judge_opt_in(struct diagnosis *d, const struct probe *probe)
{
    bool is_subscription = probe->cause == PIPEPOLL_CAUSE_SUBSCRIPTION;
    find_cause(d, probe->cause);
    set_cause(
        d,
        "The account of the credentials from %s is not signed up for CodePipeline in %.*s (%s): %s",
        probe->source, STR_ARG(probe->target->options.region), code_of(d, probe), probe->message);
    set_fix(d,
            "%s. No policy of IAM changes this. Or poll with the credentials of another account.",
            is_subscription
                ? "Complete the sign-up of the account in the AWS console (contact, payment, "
                  "identity); a new account needs up to 24 hours"
                : "Open CodePipeline once in the AWS console as that account's administrator, and "
                  "see whether the account is active and its region enabled");
}

static void judge_owner(struct diagnosis *d, const struct probe *probe)
{
    str owner = probe->target->options.action_type.owner;
    find_cause(d, probe->cause);
    set_cause(d, "Action types of the owner %.*s cannot be polled: %s", STR_ARG(owner),
              probe->message);
    set_fix(d, "Only job workers' action types hand out jobs: set owner to ThirdParty or Custom. "
               "What AWS owns its own services work on.");
}

static void judge_middle_box(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, probe->cause);
    set_cause(d, "Something other than AWS answers at %s: %s", probe->url, probe->message);
    set_fix(d, "%s", fix_of_way(probe, probe->cause));
}

static void judge_malformed(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "What answers at %s is not CodePipeline: %s", probe->url, probe->message);
    set_fix(d, "Check the endpoint URL, and whether a proxy or a login page answers instead.");
}

static void judge_descriptors(struct diagnosis *d, const struct probe *probe)
{
    find_cause(d, probe->cause);
    set_cause(d, "This machine has no file descriptor for a connection: %s", probe->message);
    set_fix(d, "%s", fix_of_way(probe, probe->cause));
}

static void judge_other(struct diagnosis *d, const struct probe *probe)
{
    set_cause(d, "%s: %s", pipepoll_strerror(probe->status), probe->message);
    set_fix(d, "Run it again with more memory or fewer limits; if that changes nothing, report "
               "it.");
}

/* Credentials that become unavailable in the middle of a run come here as well. */
static void (*const judges[])(struct diagnosis *d, const struct probe *probe) = {
    [PIPEPOLL_CAUSE_UNKNOWN] = judge_other,
    [PIPEPOLL_CAUSE_NOT_CONFIGURED] = judge_no_credentials,
    [PIPEPOLL_CAUSE_SOURCE] = judge_no_credentials,
    [PIPEPOLL_CAUSE_FILE] = judge_no_credentials,
    [PIPEPOLL_CAUSE_LOGIN] = judge_no_credentials,
    [PIPEPOLL_CAUSE_ROLE_DENIED] = judge_no_credentials,
    [PIPEPOLL_CAUSE_ROLE] = judge_no_credentials,
    [PIPEPOLL_CAUSE_EXPIRED] = judge_expired,
    [PIPEPOLL_CAUSE_UNKNOWN_KEY] = judge_unknown_key,
    [PIPEPOLL_CAUSE_WRONG_SECRET] = judge_signature,
    [PIPEPOLL_CAUSE_SIGNATURE] = judge_signature,
    [PIPEPOLL_CAUSE_WRONG_REGION] = judge_wrong_region,
    [PIPEPOLL_CAUSE_CLOCK] = judge_clock,
    [PIPEPOLL_CAUSE_DENIED] = judge_denied,
    [PIPEPOLL_CAUSE_OPT_IN] = judge_opt_in,
    [PIPEPOLL_CAUSE_SUBSCRIPTION] = judge_opt_in,
    [PIPEPOLL_CAUSE_NOT_ENABLED] = judge_not_enabled,
    [PIPEPOLL_CAUSE_NO_ACTION_TYPE] = judge_not_found,
    [PIPEPOLL_CAUSE_OWNER] = judge_owner,
    [PIPEPOLL_CAUSE_REQUEST] = judge_refused,
    [PIPEPOLL_CAUSE_THROTTLED] = judge_throttled,
    [PIPEPOLL_CAUSE_SERVICE] = judge_service,
    [PIPEPOLL_CAUSE_MIDDLE_BOX] = judge_middle_box,
    [PIPEPOLL_CAUSE_NOT_UNDERSTOOD] = judge_malformed,
    [PIPEPOLL_CAUSE_NAME] = judge_way,
    [PIPEPOLL_CAUSE_UNREACHABLE] = judge_way,
    [PIPEPOLL_CAUSE_BROKEN_OFF] = judge_way,
    [PIPEPOLL_CAUSE_TIMED_OUT] = judge_slow,
    [PIPEPOLL_CAUSE_PLAIN_HTTP] = judge_way,
    [PIPEPOLL_CAUSE_TLS] = judge_way,
    [PIPEPOLL_CAUSE_CLIENT_CERTIFICATE] = judge_way,
    [PIPEPOLL_CAUSE_UNTRUSTED] = judge_untrusted,
    [PIPEPOLL_CAUSE_NOT_YET_VALID] = judge_date,
    [PIPEPOLL_CAUSE_OUTDATED] = judge_date,
    [PIPEPOLL_CAUSE_PROXY] = judge_way,
    [PIPEPOLL_CAUSE_PROXY_LOGIN] = judge_way,
    [PIPEPOLL_CAUSE_MEMORY] = judge_other,
    [PIPEPOLL_CAUSE_DESCRIPTORS] = judge_descriptors,
    [PIPEPOLL_CAUSE_SYSTEM] = judge_other,
};

/* The service answered, and will not do it. */
static bool is_refusal(enum pipepoll_cause cause)
{
    switch (cause_group(cause)) {
    case CAUSE_GROUP_UNKNOWN:
    case CAUSE_GROUP_SOURCE:
    case CAUSE_GROUP_CREDENTIALS:
    case CAUSE_GROUP_REQUEST:
        return true;
    case CAUSE_GROUP_ANSWER:
    case CAUSE_GROUP_WAY:
    case CAUSE_GROUP_MACHINE:
        break;
    }
    return false;
}

static void judge_failure(struct diagnosis *d, const struct probe *probe)
{
    d->finding = (struct finding) { FINDING_STATUS, probe->status };
    if (probe->http_status >= 400 && is_refusal(probe->cause))
        d->exit_code = EXIT_REFUSED;
    judges[cause_known(probe->cause)](d, probe);
}

/* --- the whole --- */

/* It works, or is thought to: is there a cloud on the horizon? */
static void judge_well(struct diagnosis *d, const struct probe *probe)
{
    bool late = llabs(probe->clock_skew_ms) >= SKEW_MAX_MS;
    *d = (struct diagnosis) { .verdict = VERDICT_WELL, .exit_code = EXIT_FINE };
    if (probe->state == PROBE_NOT_POLLED)
        d->finding = (struct finding) { FINDING_OWN, FINDING_NOT_POLLED };
    if (!late && !probe->degraded && !probe->reason[0])
        return;
    d->verdict = VERDICT_WARNING;
    d->exit_code = EXIT_FAILED;
    if (late) {
        judge_clock(d, probe);
        return;
    }
    d->finding.kind = FINDING_OWN;
    d->finding.which = probe->degraded ? FINDING_DEGRADED : FINDING_NOT_REFRESHED;
    set_cause(d, "The credentials from %s %s: %s", probe->source,
              probe->degraded ? "have expired and could not be refreshed"
                              : "could not be refreshed yet",
              probe->reason);
    set_fix(d, "They serve for now. See to their source before they do not.");
}

bool finding_eq(struct finding a, struct finding b)
{
    return a.kind == b.kind && a.which == b.which;
}

static const char *word_of(struct finding f)
{
    static const char *const own[] = { [FINDING_NOT_POLLED] = "not-polled",
                                       [FINDING_DEGRADED] = "degraded",
                                       [FINDING_NOT_REFRESHED] = "not-refreshed",
                                       [FINDING_NO_CREDENTIALS] = "no-credentials" };
    switch (f.kind) {
    case FINDING_STATUS:
        return event_status(f.which);
    case FINDING_CAUSE:
        return pipepoll_cause_name((enum pipepoll_cause)f.which);
    case FINDING_OWN:
        break;
    }
    return own[f.which];
}

static void judge(struct diagnosis *out, const struct probe *probe)
{
    switch (probe->state) {
    case PROBE_ANSWERED:
    case PROBE_NOT_POLLED:
        judge_well(out, probe);
        break;
    case PROBE_NO_CREDENTIALS:
        judge_no_credentials(out, probe);
        break;
    case PROBE_FAILED:
        /* That it is not there is the right answer for what nobody has made. */
        if (probe->made_up && probe->status == PIPEPOLL_ENOTFOUND)
            judge_well(out, probe);
        else
            judge_failure(out, probe);
        break;
    case PROBE_PENDING:
    case PROBE_UNANSWERED:
        if (probe->usable || probe->refused)
            judge_slow(out, probe);
        else
            judge_no_credentials(out, probe);
        break;
    }
}

void diagnosis_of(struct diagnosis *out, const struct probe *probe)
{
    *out = (struct diagnosis) { .verdict = VERDICT_ILL, .exit_code = EXIT_OTHER };
    judge(out, probe);
    out->word = word_of(out->finding);
}
