#include "cli/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/event.h"

/* The service refuses signatures that are further off. */
enum { SKEW_MAX_MS = 300000, SKEW_SUSPECT_MS = 240000 };

__attribute__((format(printf, 2, 3))) static void set_cause(struct diagnosis *d, const char *format,
                                                            ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->cause, sizeof d->cause, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void set_fix(struct diagnosis *d, const char *format,
                                                          ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->fix, sizeof d->fix, format, args);
    va_end(args);
}

static bool has_code(const struct exam *e, const char *code)
{
    return strcmp(e->code, code) == 0;
}

/* --- keys --- */

/* The role that STS would not give; where its name is too long for the sentence, the one asked
 * for. */
static str refused_role(const struct exam *e)
{
    const char *from = strstr(e->reason, "AssumeRole of ") + sizeof "AssumeRole of " - 1;
    const char *to = strstr(from, " by STS");
    return to ? (str) { from, (size_t)(to - from) } : e->target->identity.role_arn;
}

static void set_role_fix(struct diagnosis *d, const struct exam *e)
{
    if (strstr(e->reason, "AssumeRole of ") && strstr(e->reason, "AccessDenied"))
        set_fix(d,
                "The keys that assume the role need this statement, and the role must trust them: "
                "{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"%.*s\"}",
                STR_ARG(refused_role(e)));
    else
        set_fix(d, "What assumes the role was found, but STS has not given the role's keys for it: "
                   "see to what STS says, or to the way there.");
}

static bool is_nothing_configured(const struct exam *e)
{
    return !e->reason[0] || strstr(e->reason, "nothing is configured") ||
           strstr(e->reason, "no credentials");
}

/* Where something was found and is broken, the reason says what, and often what to do. */
static void set_keys_fix(struct diagnosis *d, const struct exam *e)
{
    const struct identity *id = &e->target->identity;
    const char *login = strstr(e->reason, "run: aws sso login");
    if (login)
        set_fix(d, "As the user who runs pipepoll, %s", login);
    else if (strstr(e->reason, " by STS at "))
        set_role_fix(d, e);
    else if (id->profile.len)
        set_fix(d,
                "Look at the profile %.*s in ~/.aws/config and ~/.aws/credentials (or where "
                "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE point).",
                STR_ARG(id->profile));
    else if (is_nothing_configured(e))
        set_fix(d, "Looked at, in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the "
                   "profile AWS_PROFILE or default; AWS_WEB_IDENTITY_TOKEN_FILE; a container's "
                   "AWS_CONTAINER_CREDENTIALS_*; EC2 instance metadata. Configure one, or name a "
                   "profile.");
    else
        set_fix(d, "Put that right, or take it away: the first source that is configured counts, "
                   "and no other is tried when it is broken.");
}

static void judge_no_keys(struct diagnosis *d, const struct exam *e)
{
    d->word = "no-credentials";
    d->exit_code = EXIT_CREDENTIALS;
    set_cause(d, "There are no keys to sign with: %s",
              e->reason[0] ? e->reason : "their source has not answered in time");
    set_keys_fix(d, e);
}

static void judge_clock(struct diagnosis *d, const struct exam *e)
{
    d->word = "clock";
    set_cause(d, "The clock of this machine is %.0f s %s the service's.",
              (double)llabs(e->clock_skew_ms) / 1000, e->clock_skew_ms > 0 ? "behind" : "ahead of");
    set_fix(d,
            "Set the clock, for instance by chrony or systemd-timesyncd. AWS takes signatures "
            "that are at most five minutes off; pipepoll %s.",
            e->clock_uncorrected
                ? "would correct its own, but AWS_DISABLE_CLOCK_SKEW_CORRECTION forbids it: unset "
                  "that"
                : "corrects its own meanwhile");
}

static void judge_expired(struct diagnosis *d, const struct exam *e)
{
    d->word = "expired";
    set_cause(d, "The keys from %s have expired: the service answered %s.", e->source, e->code);
    set_fix(d, "Get new ones where these come from: session keys in the environment or in a file "
               "must be replaced there, for IAM Identity Center run `aws sso login`.");
}

static void judge_signature(struct diagnosis *d, const struct exam *e)
{
    if (strstr(e->message, "scoped to a valid region") || strstr(e->message, "correct region")) {
        d->word = "wrong-region";
        set_cause(d, "The endpoint %s does not serve %.*s: %s", e->url,
                  STR_ARG(e->target->options.region), e->message);
        set_fix(d, "Let region and endpoint URL agree; without an endpoint URL they do.");
        return;
    }
    d->word = "wrong-secret";
    set_cause(d,
              "The signature is wrong (%s): the secret access key from %s is not the one of the "
              "access key id.",
              e->code, e->source);
    set_fix(d, "Copy both keys again, without quotes or blanks around them. If they are right, "
               "something on the way changes requests: look at the proxy.");
}

static void judge_unknown_key(struct diagnosis *d, const struct exam *e)
{
    d->word = "unknown-key";
    set_cause(d, "The service does not know the access key from %s (%s): %s", e->source, e->code,
              e->message);
    set_fix(d,
            "It is mistyped or has quotes or blanks around it, was deleted or deactivated, belongs "
            "to another partition (aws, aws-cn, aws-us-gov), lacks its session token, or the "
            "account has not enabled the region %.*s.",
            STR_ARG(e->target->options.region));
}

/* No clock makes a key unknown, nor a signature another one than the service computed. */
static bool is_beyond_clock(const struct exam *e)
{
    return has_code(e, "UnrecognizedClientException") || has_code(e, "InvalidClientTokenId") ||
           has_code(e, "InvalidAccessKeyId") || strstr(e->message, "calculated does not match") ||
           strstr(e->message, "scoped to a valid region");
}

static void judge_refused_keys(struct diagnosis *d, const struct exam *e)
{
    d->exit_code = EXIT_REFUSED;
    if (strncmp(e->code, "ExpiredToken", sizeof "ExpiredToken" - 1) == 0)
        judge_expired(d, e);
    else if (llabs(e->clock_skew_ms) >= SKEW_SUSPECT_MS && !is_beyond_clock(e))
        judge_clock(d, e);
    else if (has_code(e, "InvalidSignatureException") || has_code(e, "SignatureDoesNotMatch"))
        judge_signature(d, e);
    else
        judge_unknown_key(d, e);
}

/* --- what the service says --- */

static void judge_denied(struct diagnosis *d, const struct exam *e)
{
    d->exit_code = EXIT_REFUSED;
    set_cause(d, "The keys from %s are good, but may not poll: %s", e->source,
              e->message[0] ? e->message : e->code);
    set_fix(d, "Allow it to their user or role by this statement (an explicit deny, a permissions "
               "boundary or a service control policy goes before it): {\"Effect\":\"Allow\","
               "\"Action\":\"codepipeline:PollForThirdPartyJobs\",\"Resource\":\"*\"}");
}

static void judge_not_enabled(struct diagnosis *d, const struct exam *e)
{
    str region = e->target->options.region;
    d->exit_code = EXIT_REFUSED;
    set_cause(d,
              "The region %.*s is not enabled for the account of the keys from %s: other regions "
              "accept them, this one knows them not.",
              STR_ARG(region), e->source);
    set_fix(d,
            "Opt in to the region for this account, which takes some minutes: aws account "
            "enable-region --region-name %.*s. Or leave it out.",
            STR_ARG(region));
}

static void judge_not_found(struct diagnosis *d, const struct exam *e)
{
    const struct pipepoll_action_type *a = &e->target->options.action_type;
    str region = e->target->options.region;
    d->exit_code = EXIT_REFUSED;
    set_cause(d,
              "ActionTypeNotFound: there is no action type %.*s/%.*s/%.*s/%.*s in %.*s that these "
              "keys may poll: it does not exist in this region, or is not shared with the polling "
              "account.",
              STR_ARG(a->category), STR_ARG(a->owner), STR_ARG(a->provider), STR_ARG(a->version),
              STR_ARG(region));
    set_fix(d,
            "Compare category, owner, provider and version letter by letter with `aws "
            "codepipeline get-action-type --region %.*s ...`; there the account of these keys "
            "must be among the job worker's pollingAccounts. Leave %.*s out where you do not "
            "offer it.",
            STR_ARG(region), STR_ARG(region));
}

static void judge_refused(struct diagnosis *d, const struct exam *e)
{
    d->exit_code = EXIT_REFUSED;
    set_cause(d, "The service does not take the request: %s%s%s", e->code, e->code[0] ? ": " : "",
              e->message);
    set_fix(d,
            "Check the values of the action type. If they are right this is a fault of pipepoll "
            "or of what stands between: report it with the request id %s.",
            e->request_id[0] ? e->request_id : "(none)");
}

static void judge_throttled(struct diagnosis *d, const struct exam *e)
{
    d->verdict = VERDICT_WARNING;
    d->exit_code = EXIT_FAILED;
    set_cause(d, "Everything works, but the service asks for fewer calls (%s).", e->code);
    set_fix(d, "The account polls in this region already, perhaps elsewhere: poll less often, or "
               "set max-polls-per-second.");
}

static void judge_service(struct diagnosis *d, const struct exam *e)
{
    set_cause(d, "The service failed: HTTP %d %s %s", e->http_status, e->code, e->message);
    set_fix(d, "Try again; pipepoll run does so by itself. AWS's health dashboard says more.");
}

static void judge_garbled(struct diagnosis *d, const struct exam *e)
{
    set_cause(d, "What answers at %s is not CodePipeline: %s", e->url, e->message);
    set_fix(d, "Check the endpoint URL, and whether a proxy or a login page answers instead.");
}

/* --- the way there --- */

static void judge_untrusted(struct diagnosis *d, const struct exam *e, str ca_bundle)
{
    str roots = ca_bundle.len ? ca_bundle : STR("the roots of this system");
    set_cause(d, "The certificate of %s could not be verified against %.*s: %s", e->url,
              STR_ARG(roots), e->message);
    set_fix(d,
            "If a proxy or firewall of yours opens TLS%s%s, give the PEM file of its CA by "
            "AWS_CA_BUNDLE or ca-bundle. Otherwise the clock is wrong or somebody listens: do "
            "not go on.",
            e->issuer[0] ? ": the certificate was issued by " : "", e->issuer);
}

/* Then neither the name nor the port is to blame. libcurl tells of a handshake that failed by words
 * only, and so does not fill in the address. */
static bool was_connected(const struct exam *e)
{
    return e->address[0] || strstr(e->message, "SSL");
}

static const char *fix_of_way(const struct exam *e)
{
    if (e->proxy[0])
        return "Check HTTPS_PROXY: its host, port, user and password; the proxy must allow CONNECT "
               "to this host. NO_PROXY goes past it.";
    if (was_connected(e) && str_starts(str_of(e->url), STR("http:")))
        return "The port is open, but who listens does not speak plain HTTP: if it speaks TLS, the "
               "endpoint URL must begin with https://.";
    if (was_connected(e))
        return "The port is open, but the connection was ended: who listens does not speak TLS "
               "(if it is plain HTTP, the endpoint URL must begin with http://), or a firewall on "
               "the way ends it. Try again.";
    return "Check the name (a region that does not exist has no host), DNS, and that outgoing "
           "connections to this port are allowed; where there is a proxy, set HTTPS_PROXY.";
}

static void judge_unreachable(struct diagnosis *d, const struct exam *e)
{
    set_cause(d, "%s %s: %s", e->url,
              was_connected(e) ? "took a connection, but not the poll" : "could not be reached",
              e->message);
    set_fix(d, "%s", fix_of_way(e));
}

static void judge_slow(struct diagnosis *d, const struct exam *e)
{
    const char *by = e->proxy[0] ? ", by the proxy " : "";
    d->word = "timed-out";
    if (e->address[0]) {
        set_cause(d, "%s took the connection%s%s, but gave no whole answer in time.", e->url, by,
                  e->proxy);
        set_fix(d, "The service, or a proxy on the way, is slow or hangs. Try again; if it stays "
                   "so, look there.");
        return;
    }
    set_cause(d, "%s did not answer in time%s%s: %s", e->url, by, e->proxy,
              e->message[0] ? e->message : "nothing came at all");
    set_fix(d, "A firewall that drops packets looks like this: allow outgoing connections, set "
               "HTTPS_PROXY, or use a VPC endpoint.");
}

static void judge_other(struct diagnosis *d, const struct exam *e)
{
    set_cause(d, "%s: %s", pipepoll_strerror(e->status), e->message);
    set_fix(d, "Run it again with more memory or fewer limits; if that changes nothing, report "
               "it.");
}

static void judge_failure(struct diagnosis *d, const struct exam *e, str ca_bundle)
{
    d->word = event_status(e->status);
    switch (e->status) {
    case PIPEPOLL_ECREDENTIALS:
        judge_refused_keys(d, e);
        break;
    case PIPEPOLL_EDENIED:
        judge_denied(d, e);
        break;
    case PIPEPOLL_ENOTENABLED:
        judge_not_enabled(d, e);
        break;
    case PIPEPOLL_ENOTFOUND:
        judge_not_found(d, e);
        break;
    case PIPEPOLL_EREFUSED:
        judge_refused(d, e);
        break;
    case PIPEPOLL_EUNTRUSTED:
        judge_untrusted(d, e, ca_bundle);
        break;
    case PIPEPOLL_ETRANSPORT:
        judge_unreachable(d, e);
        break;
    case PIPEPOLL_ETIMEDOUT:
        judge_slow(d, e);
        break;
    case PIPEPOLL_ETHROTTLED:
        judge_throttled(d, e);
        break;
    case PIPEPOLL_ESERVICE:
        judge_service(d, e);
        break;
    case PIPEPOLL_EPROTO:
        judge_garbled(d, e);
        break;
    default:
        judge_other(d, e);
    }
}

/* --- the whole --- */

/* It works, or is thought to: is there a cloud on the horizon? */
static void judge_well(struct diagnosis *d, const struct exam *e)
{
    bool late = llabs(e->clock_skew_ms) >= SKEW_MAX_MS;
    *d = (struct diagnosis) { .verdict = VERDICT_WELL,
                              .word = e->state == EXAM_NOT_POLLED ? "not-polled" : "ok",
                              .exit_code = EXIT_FINE };
    if (!late && !e->degraded && !e->reason[0])
        return;
    d->verdict = VERDICT_WARNING;
    d->exit_code = EXIT_FAILED;
    if (late) {
        judge_clock(d, e);
        return;
    }
    d->word = e->degraded ? "degraded" : "not-renewed";
    set_cause(d, "The keys from %s %s: %s", e->source,
              e->degraded ? "have expired and could not be renewed" : "could not be renewed yet",
              e->reason);
    set_fix(d, "They serve for now. See to their source before they do not.");
}

void diagnosis_of(struct diagnosis *out, const struct exam *e, str ca_bundle)
{
    *out = (struct diagnosis) { .verdict = VERDICT_ILL, .exit_code = EXIT_OTHER };
    switch (e->state) {
    case EXAM_ANSWERED:
    case EXAM_NOT_POLLED:
        judge_well(out, e);
        break;
    case EXAM_NO_KEYS:
        judge_no_keys(out, e);
        break;
    case EXAM_FAILED:
        /* That it is not there is the right answer for what nobody has made. */
        if (e->made_up && e->status == PIPEPOLL_ENOTFOUND)
            judge_well(out, e);
        else
            judge_failure(out, e, ca_bundle);
        break;
    case EXAM_PENDING:
    case EXAM_UNANSWERED:
        if (e->usable || e->refused)
            judge_slow(out, e);
        else
            judge_no_keys(out, e);
        break;
    }
}
