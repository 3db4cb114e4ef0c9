/* SPDX-License-Identifier: MIT */
/* Credentials that are unavailable. What was found and is broken its own sentence describes; here
 * is what to do, for each cause, with the thing that the cause names. */
#include "daemon/diagnosis_parts.h"

static void set_fix_of_file(struct diagnosis *d, const char *path)
{
    set_fix(d,
            "As the user who runs pipepoll, look at %s: it must be there and readable, as must be "
            "each folder above it, and hold what it should.",
            path);
}

static void set_fix_of_source(struct diagnosis *d, const struct probe *probe)
{
    const struct identity_config *id = &probe->target->identity;
    if (id->profile.len)
        set_fix(d,
                "Look at the profile %.*s in ~/.aws/config and ~/.aws/credentials (or where "
                "AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE point).",
                STR_ARG(id->profile));
    else
        set_fix(d, "Put that right, or take it away: the first source that is configured counts, "
                   "and no other is tried when it is broken.");
}

static void set_fix_of_nothing(struct diagnosis *d, const struct probe *probe)
{
    if (probe->target->identity.profile.len)
        set_fix_of_source(d, probe);
    else
        set_fix(d, "Looked at, in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the "
                   "profile AWS_PROFILE or default; AWS_WEB_IDENTITY_TOKEN_FILE; a container's "
                   "AWS_CONTAINER_CREDENTIALS_*; EC2 instance metadata. Configure one, or name a "
                   "profile.");
}

/* A name that was cut would mislead: then the one that was asked for. */
static void set_fix_of_role(struct diagnosis *d, const struct probe *probe)
{
    bool fits = strlen(probe->reason_subject) < sizeof probe->reason_subject - 1;
    str role = fits ? str_of(probe->reason_subject) : probe->target->identity.role_arn;
    set_fix(
        d,
        "The credentials that assume the role need this statement, and the role must trust them: "
        "{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"%.*s\"}",
        STR_ARG(role));
}

/* Where something was found and is broken, the reason says what, and often what to do. */
static void set_credentials_fix(struct diagnosis *d, const struct probe *probe)
{
    switch (probe->reason_cause) {
    case PIPEPOLL_CAUSE_NOT_CONFIGURED:
        set_fix_of_nothing(d, probe);
        break;
    case PIPEPOLL_CAUSE_UNKNOWN: /* nothing is known yet */
    case PIPEPOLL_CAUSE_SOURCE:
    case PIPEPOLL_CAUSE_EXPIRED:
    case PIPEPOLL_CAUSE_UNKNOWN_KEY:
    case PIPEPOLL_CAUSE_WRONG_SECRET:
    case PIPEPOLL_CAUSE_SIGNATURE:
    case PIPEPOLL_CAUSE_WRONG_REGION:
    case PIPEPOLL_CAUSE_DENIED:
    case PIPEPOLL_CAUSE_OPT_IN:
    case PIPEPOLL_CAUSE_SUBSCRIPTION:
    case PIPEPOLL_CAUSE_NOT_ENABLED:
    case PIPEPOLL_CAUSE_NO_ACTION_TYPE:
    case PIPEPOLL_CAUSE_OWNER:
    case PIPEPOLL_CAUSE_REQUEST:
        set_fix_of_source(d, probe);
        break;
    case PIPEPOLL_CAUSE_FILE:
        set_fix_of_file(d, probe->reason_subject);
        break;
    case PIPEPOLL_CAUSE_LOGIN:
        set_fix(d, "As the user who runs pipepoll, run: %s", probe->reason_subject);
        break;
    case PIPEPOLL_CAUSE_ROLE_DENIED:
        set_fix_of_role(d, probe);
        break;
    case PIPEPOLL_CAUSE_ROLE:
        set_fix(
            d,
            "What assumes the role was found, but STS has not given the role's credentials for it: "
            "see to what STS says.");
        break;
    case PIPEPOLL_CAUSE_CLOCK:
    case PIPEPOLL_CAUSE_NOT_YET_VALID:
        set_fix(d, "Set the clock of this machine, for instance by chrony or systemd-timesyncd.");
        break;
    case PIPEPOLL_CAUSE_OUTDATED:
    case PIPEPOLL_CAUSE_UNTRUSTED:
        set_fix(d, "Look at the clock of this machine first; if a proxy or firewall of yours opens "
                   "TLS, give the PEM file of its CA by AWS_CA_BUNDLE or ca-bundle.");
        break;
    case PIPEPOLL_CAUSE_THROTTLED:
    case PIPEPOLL_CAUSE_SERVICE:
        set_fix(d, "Try again; pipepoll run does so by itself.");
        break;
    case PIPEPOLL_CAUSE_MIDDLE_BOX:
    case PIPEPOLL_CAUSE_NOT_UNDERSTOOD:
    case PIPEPOLL_CAUSE_NAME:
    case PIPEPOLL_CAUSE_UNREACHABLE:
    case PIPEPOLL_CAUSE_BROKEN_OFF:
    case PIPEPOLL_CAUSE_TIMED_OUT:
    case PIPEPOLL_CAUSE_PLAIN_HTTP:
    case PIPEPOLL_CAUSE_TLS:
    case PIPEPOLL_CAUSE_CLIENT_CERTIFICATE:
    case PIPEPOLL_CAUSE_PROXY:
    case PIPEPOLL_CAUSE_PROXY_LOGIN:
    case PIPEPOLL_CAUSE_DESCRIPTORS:
        set_fix(d, "The credentials come over the network, and that failed. %s",
                fix_of_way(probe, probe->reason_cause));
        break;
    case PIPEPOLL_CAUSE_MEMORY:
    case PIPEPOLL_CAUSE_SYSTEM:
        set_fix(d, "Run it again with more memory or fewer limits; if that changes nothing, report "
                   "it.");
        break;
    }
}

void judge_no_credentials(struct diagnosis *d, const struct probe *probe)
{
    d->finding = (struct finding) { FINDING_OWN, FINDING_NO_CREDENTIALS };
    d->exit_code = EXIT_CREDENTIALS;
    set_cause(d, "There are no credentials to sign with: %s",
              probe->reason[0] ? probe->reason : "their source has not answered in time");
    if (probe->reason[0] || probe->target->identity.profile.len)
        set_credentials_fix(d, probe);
    else
        set_fix_of_nothing(d, probe);
}
