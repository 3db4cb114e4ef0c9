/* SPDX-License-Identifier: MIT */
/* What doctor says of each way to fail: the word, the cause, the fix, the exit code. */
#include <stdio.h>

#include "cli/command.h"
#include "daemon/diagnosis.h"
#include "lib/check.h"

static const struct plan_target target = {
    .options = { .region = STR_INIT("us-east-1"),
                 .action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"),
                                  STR_INIT("1") } },
    .name = STR_INIT("web"),
};

static struct probe probe_of(enum probe_state state, int status, const char *code)
{
    struct probe e = { .target = &target,
                       .state = state,
                       .status = status,
                       .usable = true,
                       .expires_s = INT64_MAX,
                       .url = "https://codepipeline.us-east-1.amazonaws.com/",
                       .source = "profile acme",
                       .message = "MESSAGE" };
    snprintf(e.code, sizeof e.code, "%s", code);
    return e;
}

static struct probe failed_by(enum pipepoll_cause cause, int status, const char *code)
{
    struct probe e = probe_of(PROBE_FAILED, status, code);
    e.cause = cause;
    e.http_status = *code ? 400 : 0;
    return e;
}

static void set_reason(struct probe *e, enum pipepoll_cause cause, const char *subject)
{
    e->reason_cause = cause;
    snprintf(e->reason, sizeof e->reason, "REASON");
    snprintf(e->reason_subject, sizeof e->reason_subject, "%s", subject);
}

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static struct diagnosis assert_diagnosis(const struct probe *e, const char *word, int exit_code)
{
    struct diagnosis d;
    diagnosis_of(&d, e);
    assert_string_equal(d.word, word);
    assert_int_equal(d.exit_code, exit_code);
    assert_int_equal(d.verdict, exit_code == EXIT_FINE     ? VERDICT_WELL
                                : exit_code == EXIT_FAILED ? VERDICT_WARNING
                                                           : VERDICT_ILL);
    assert_true((d.cause[0] && d.fix[0]) == (exit_code != EXIT_FINE));
    return d;
}

static void no_cause_is_left_out(void **state)
{
    for (int cause = PIPEPOLL_CAUSE_UNKNOWN; cause <= PIPEPOLL_CAUSE_SYSTEM; cause++) {
        struct probe e = failed_by((enum pipepoll_cause)cause, PIPEPOLL_ESYSTEM, "");
        struct diagnosis d;
        diagnosis_of(&d, &e);
        assert_non_null(d.word);
        assert_true(d.cause[0] && d.fix[0]);
    }
}

static void a_cause_that_is_not_known_yet_is_told_as_unknown(void **state)
{
    struct probe later = failed_by((enum pipepoll_cause)1000, PIPEPOLL_ESYSTEM, "");
    struct probe unknown = failed_by(PIPEPOLL_CAUSE_UNKNOWN, PIPEPOLL_ESYSTEM, "");
    struct diagnosis of_later, of_unknown;
    diagnosis_of(&of_later, &later);
    diagnosis_of(&of_unknown, &unknown);
    assert_string_equal(of_later.cause, of_unknown.cause);
    assert_string_equal(of_later.fix, of_unknown.fix);
}

/* Whoever tells of it puts the code before the cause otherwise. */
static void it_is_known_whether_a_cause_names_the_code(void **state)
{
    for (int cause = PIPEPOLL_CAUSE_UNKNOWN; cause <= PIPEPOLL_CAUSE_SYSTEM; cause++) {
        for (int with_message = 0; with_message < 2; with_message++) {
            struct probe e = failed_by((enum pipepoll_cause)cause, PIPEPOLL_ESYSTEM, "TheCode");
            struct diagnosis d;
            snprintf(e.message, sizeof e.message, "%s", with_message ? "MESSAGE" : "");
            diagnosis_of(&d, &e);
            assert_int_equal(d.names_code, strstr(d.cause, "TheCode") != NULL);
        }
    }
}

static void every_failure_has_a_word_a_cause_and_a_fix(void **state)
{
    static const struct {
        enum pipepoll_cause cause;
        int status;
        const char *code, *word;
        int exit_code;
        const char *fix;
    } cases[] = {
        { PIPEPOLL_CAUSE_DENIED, PIPEPOLL_EDENIED, "AccessDeniedException", "denied", EXIT_REFUSED,
          "\"Action\":\"codepipeline:PollForThirdPartyJobs\"" },
        { PIPEPOLL_CAUSE_OPT_IN, PIPEPOLL_EDENIED, "OptInRequired", "opt-in-required", EXIT_REFUSED,
          "No policy of IAM changes this" },
        { PIPEPOLL_CAUSE_SUBSCRIPTION, PIPEPOLL_EDENIED, "SubscriptionRequiredException",
          "subscription-required", EXIT_REFUSED, "Complete the sign-up" },
        { PIPEPOLL_CAUSE_OWNER, PIPEPOLL_EREFUSED, "ValidationException", "owner", EXIT_REFUSED,
          "set owner to ThirdParty" },
        { PIPEPOLL_CAUSE_NO_ACTION_TYPE, PIPEPOLL_ENOTFOUND, "ActionTypeNotFoundException",
          "not-found", EXIT_REFUSED, "pollingAccounts" },
        { PIPEPOLL_CAUSE_EXPIRED, PIPEPOLL_ECREDENTIALS, "ExpiredTokenException", "expired",
          EXIT_REFUSED, "aws sso login" },
        { PIPEPOLL_CAUSE_WRONG_SECRET, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException",
          "wrong-secret", EXIT_REFUSED, "both again, without quotes or blanks" },
        { PIPEPOLL_CAUSE_SIGNATURE, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException",
          "wrong-secret", EXIT_REFUSED, "both again, without quotes or blanks" },
        { PIPEPOLL_CAUSE_WRONG_REGION, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException",
          "wrong-region", EXIT_REFUSED, "region and endpoint URL agree" },
        { PIPEPOLL_CAUSE_UNKNOWN_KEY, PIPEPOLL_ECREDENTIALS, "UnrecognizedClientException",
          "unknown-key", EXIT_REFUSED, "has not enabled the region us-east-1" },
        { PIPEPOLL_CAUSE_NOT_ENABLED, PIPEPOLL_ENOTENABLED, "UnrecognizedClientException",
          "not-enabled", EXIT_REFUSED, "enable-region" },
        { PIPEPOLL_CAUSE_REQUEST, PIPEPOLL_EREFUSED, "ValidationException", "refused", EXIT_REFUSED,
          "request id" },
        { PIPEPOLL_CAUSE_UNTRUSTED, PIPEPOLL_EUNTRUSTED, "", "untrusted", EXIT_OTHER,
          "AWS_CA_BUNDLE" },
        { PIPEPOLL_CAUSE_NOT_YET_VALID, PIPEPOLL_EUNTRUSTED, "", "clock", EXIT_OTHER,
          "The clock of this machine is wrong" },
        { PIPEPOLL_CAUSE_OUTDATED, PIPEPOLL_EUNTRUSTED, "", "untrusted", EXIT_OTHER,
          "Compare the clock of this machine with another first" },
        { PIPEPOLL_CAUSE_UNREACHABLE, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER,
          "set HTTPS_PROXY" },
        { PIPEPOLL_CAUSE_NAME, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER, "DNS" },
        { PIPEPOLL_CAUSE_PLAIN_HTTP, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER,
          "begin with http://" },
        { PIPEPOLL_CAUSE_CLIENT_CERTIFICATE, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER,
          "AWS asks nobody for a certificate" },
        { PIPEPOLL_CAUSE_PROXY_LOGIN, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER,
          "USER:PASSWORD@" },
        { PIPEPOLL_CAUSE_PROXY, PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER, "CONNECT" },
        { PIPEPOLL_CAUSE_DESCRIPTORS, PIPEPOLL_ETRANSPORT, "", "descriptors", EXIT_OTHER,
          "ulimit -n" },
        { PIPEPOLL_CAUSE_TIMED_OUT, PIPEPOLL_ETIMEDOUT, "", "timed-out", EXIT_OTHER, "firewall" },
        { PIPEPOLL_CAUSE_THROTTLED, PIPEPOLL_ETHROTTLED, "ThrottlingException", "throttled",
          EXIT_FAILED, "max-polls-per-second" },
        { PIPEPOLL_CAUSE_SERVICE, PIPEPOLL_ESERVICE, "InternalFailure", "service-failed",
          EXIT_OTHER, "Try again" },
        { PIPEPOLL_CAUSE_MIDDLE_BOX, PIPEPOLL_EPROTO, "", "middle-box", EXIT_OTHER,
          "the proxy, firewall or login page" },
        { PIPEPOLL_CAUSE_NOT_UNDERSTOOD, PIPEPOLL_EPROTO, "", "not-understood", EXIT_OTHER,
          "endpoint URL" },
        { PIPEPOLL_CAUSE_MEMORY, PIPEPOLL_ENOMEM, "", "out-of-memory", EXIT_OTHER, "memory" },
        { PIPEPOLL_CAUSE_UNKNOWN, PIPEPOLL_ESYSTEM, "", "system", EXIT_OTHER, "report it" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct probe e = failed_by(cases[i].cause, cases[i].status, cases[i].code);
        struct diagnosis d = assert_diagnosis(&e, cases[i].word, cases[i].exit_code);
        assert_says(d.fix, cases[i].fix);
    }
}

static void what_is_not_found_is_named(void **state)
{
    struct probe e =
        failed_by(PIPEPOLL_CAUSE_NO_ACTION_TYPE, PIPEPOLL_ENOTFOUND, "ActionTypeNotFoundException");
    struct diagnosis d = assert_diagnosis(&e, "not-found", EXIT_REFUSED);
    assert_says(d.cause, "Build/ThirdParty/Acme/1 in us-east-1");
    assert_says(d.cause, "not shared with the polling account");
    e.made_up = true; /* then it is the right answer */
    assert_diagnosis(&e, "ok", EXIT_FINE);
}

static void a_wrong_clock_is_told_by_how_much(void **state)
{
    struct probe e =
        failed_by(PIPEPOLL_CAUSE_CLOCK, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException");
    e.clock_skew_ms = -600000;
    struct diagnosis d = assert_diagnosis(&e, "clock", EXIT_REFUSED);
    assert_says(d.cause, "600 s ahead of the service's");
    e.clock_skew_ms = 600000;
    d = assert_diagnosis(&e, "clock", EXIT_REFUSED);
    assert_says(d.cause, "600 s behind the service's");
    e.clock_skew_ms = 0; /* its answers did not tell the time */
    d = assert_diagnosis(&e, "clock", EXIT_REFUSED);
    assert_says(d.cause, "MESSAGE");
}

static void what_works_in_spite_of_the_clock_is_a_warning(void **state)
{
    struct probe e = probe_of(PROBE_ANSWERED, 0, "");
    assert_diagnosis(&e, "ok", EXIT_FINE);
    e.clock_skew_ms = 299999;
    assert_diagnosis(&e, "ok", EXIT_FINE);
    e.clock_skew_ms = -300000;
    assert_diagnosis(&e, "clock", EXIT_FAILED);
}

static void credentials_that_are_not_refreshed_are_a_warning(void **state)
{
    struct probe e = probe_of(PROBE_ANSWERED, 0, "");
    snprintf(e.reason, sizeof e.reason, "STS does not answer");
    struct diagnosis d = assert_diagnosis(&e, "not-refreshed", EXIT_FAILED);
    assert_says(d.cause, "STS does not answer");
    e.degraded = true;
    assert_diagnosis(&e, "degraded", EXIT_FAILED);
    e.state = PROBE_NOT_POLLED;
    assert_diagnosis(&e, "degraded", EXIT_FAILED);
    e.degraded = false;
    e.reason[0] = '\0';
    assert_diagnosis(&e, "not-polled", EXIT_FINE);
}

static void missing_credentials_are_told_by_where_they_should_come_from(void **state)
{
    struct plan_target other = target;
    struct probe e = probe_of(PROBE_NO_CREDENTIALS, 0, "");
    e.target = &other;
    set_reason(&e, PIPEPOLL_CAUSE_NOT_CONFIGURED, "");
    struct diagnosis d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.cause, "REASON");
    assert_says(d.fix, "Looked at, in this order: AWS_ACCESS_KEY_ID");
    set_reason(&e, PIPEPOLL_CAUSE_SOURCE, "");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "no other is tried when it is broken");
    other.identity.profile = STR("acme");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "the profile acme in ~/.aws/config");
    /* Of what a role needs nothing is said while there is nobody to assume it. */
    other.identity.role_arn = STR("arn:aws:iam::123456789012:role/Poller");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "the profile acme in ~/.aws/config");
    set_reason(&e, PIPEPOLL_CAUSE_LOGIN, "aws sso login --profile acme");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_string_equal(d.fix, "As the user who runs pipepoll, run: aws sso login --profile acme");
    set_reason(&e, PIPEPOLL_CAUSE_FILE, "/run/token");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "look at /run/token");
    set_reason(&e, PIPEPOLL_CAUSE_MIDDLE_BOX, "squid");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "the proxy, firewall or login page");
}

static void a_role_that_is_not_given_is_laid_to_sts_and_not_to_the_profile(void **state)
{
    struct plan_target other = target;
    struct probe e = probe_of(PROBE_NO_CREDENTIALS, 0, "");
    e.target = &other;
    other.identity.profile = STR("acme");
    other.identity.role_arn = STR("arn:aws:iam::123456789012:role/Poller");
    set_reason(&e, PIPEPOLL_CAUSE_ROLE, "arn:x");
    struct diagnosis d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "see to what STS says");
    set_reason(&e, PIPEPOLL_CAUSE_ROLE_DENIED, "arn:x");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "\"Action\":\"sts:AssumeRole\",\"Resource\":\"arn:x\"");
}

static void silence_is_laid_to_credentials_or_to_the_way(void **state)
{
    struct probe e = probe_of(PROBE_UNANSWERED, 0, "");
    assert_diagnosis(&e, "timed-out", EXIT_OTHER);
    e.usable = false;
    assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
}

static void a_connection_that_was_made_is_not_laid_to_its_name_or_a_firewall(void **state)
{
    struct probe e = failed_by(PIPEPOLL_CAUSE_TIMED_OUT, PIPEPOLL_ETIMEDOUT, "");
    snprintf(e.address, sizeof e.address, "192.0.2.1");
    struct diagnosis d = assert_diagnosis(&e, "timed-out", EXIT_OTHER);
    assert_says(d.cause, "took the connection, but gave no whole answer in time");
    assert_null(strstr(d.fix, "firewall"));
    e.status = PIPEPOLL_ETRANSPORT;
    e.cause = PIPEPOLL_CAUSE_BROKEN_OFF;
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.cause, "took a connection, but not the poll: MESSAGE");
    assert_null(strstr(d.fix, "DNS"));
    e.address[0] = '\0';
    e.cause = PIPEPOLL_CAUSE_TLS;
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "begin with http://");
    snprintf(e.url, sizeof e.url, "http://192.0.2.1/");
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "begin with https://");
}

static void a_proxy_on_the_way_is_suspected_first(void **state)
{
    struct probe e = failed_by(PIPEPOLL_CAUSE_UNREACHABLE, PIPEPOLL_ETRANSPORT, "");
    snprintf(e.proxy, sizeof e.proxy, "http://proxy:3128");
    struct diagnosis d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "Check HTTPS_PROXY");
}

static void an_untrusted_certificate_is_told_with_the_roots_that_were_tried(void **state)
{
    struct probe e = failed_by(PIPEPOLL_CAUSE_UNTRUSTED, PIPEPOLL_EUNTRUSTED, "");
    struct diagnosis d;
    snprintf(e.issuer, sizeof e.issuer, "CN=Corporate");
    e.ca_bundle = STR("/etc/corp.pem");
    diagnosis_of(&d, &e);
    assert_says(d.cause, "against /etc/corp.pem: MESSAGE");
    assert_says(d.fix, "CN=Corporate");
}

/* What the service said before tells a wrong clock from a bad certificate. */
static void a_clock_that_is_known_to_be_off_explains_a_certificate_of_another_day(void **state)
{
    static const struct {
        enum pipepoll_cause cause;
        int64_t skew_ms;
        const char *word, *says;
    } rows[] = {
        { PIPEPOLL_CAUSE_NOT_YET_VALID, 600000, "clock", "600 s behind the service's, so that" },
        { PIPEPOLL_CAUSE_NOT_YET_VALID, 0, "clock", "is not valid yet by the clock" },
        { PIPEPOLL_CAUSE_NOT_YET_VALID, -600000, "clock", "is not valid yet by the clock" },
        { PIPEPOLL_CAUSE_OUTDATED, -60000, "clock", "60 s ahead of the service's, so that" },
        { PIPEPOLL_CAUSE_OUTDATED, -59999, "untrusted", "has expired by the clock" },
        { PIPEPOLL_CAUSE_OUTDATED, 600000, "untrusted", "has expired by the clock" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct probe e = failed_by(rows[i].cause, PIPEPOLL_EUNTRUSTED, "");
        e.clock_skew_ms = rows[i].skew_ms;
        struct diagnosis d = assert_diagnosis(&e, rows[i].word, EXIT_OTHER);
        assert_says(d.cause, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_known_to_be_off_explains_a_certificate_of_another_day),
        cmocka_unit_test(no_cause_is_left_out),
        cmocka_unit_test(a_cause_that_is_not_known_yet_is_told_as_unknown),
        cmocka_unit_test(it_is_known_whether_a_cause_names_the_code),
        cmocka_unit_test(every_failure_has_a_word_a_cause_and_a_fix),
        cmocka_unit_test(what_is_not_found_is_named),
        cmocka_unit_test(a_wrong_clock_is_told_by_how_much),
        cmocka_unit_test(what_works_in_spite_of_the_clock_is_a_warning),
        cmocka_unit_test(credentials_that_are_not_refreshed_are_a_warning),
        cmocka_unit_test(missing_credentials_are_told_by_where_they_should_come_from),
        cmocka_unit_test(silence_is_laid_to_credentials_or_to_the_way),
        cmocka_unit_test(a_role_that_is_not_given_is_laid_to_sts_and_not_to_the_profile),
        cmocka_unit_test(a_connection_that_was_made_is_not_laid_to_its_name_or_a_firewall),
        cmocka_unit_test(a_proxy_on_the_way_is_suspected_first),
        cmocka_unit_test(an_untrusted_certificate_is_told_with_the_roots_that_were_tried),
    };
    return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
