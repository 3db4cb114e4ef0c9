/* What doctor says of each way to fail: the word, the cause, the fix, the exit code. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/diagnosis.h"
#include "lib/check.h"

static const struct plan_target target = {
    .options = { .region = STR_INIT("us-east-1"),
                 .action_type = { STR_INIT("Build"), STR_INIT("ThirdParty"), STR_INIT("Acme"),
                                  STR_INIT("1") } },
    .name = STR_INIT("web"),
};

static struct exam exam_of(enum exam_state state, int status, const char *code)
{
    struct exam e = { .target = &target,
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

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static struct diagnosis assert_diagnosis(const struct exam *e, const char *word, int exit_code)
{
    struct diagnosis d;
    diagnosis_of(&d, e, (str) { NULL, 0 });
    assert_string_equal(d.word, word);
    assert_int_equal(d.exit_code, exit_code);
    assert_int_equal(d.verdict, exit_code == EXIT_FINE     ? VERDICT_WELL
                                : exit_code == EXIT_FAILED ? VERDICT_WARNING
                                                           : VERDICT_ILL);
    assert_true((d.cause[0] && d.fix[0]) == (exit_code != EXIT_FINE));
    return d;
}

static void every_failure_has_a_word_a_cause_and_a_fix(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code, *word;
        int exit_code;
        const char *fix;
    } cases[] = {
        { PIPEPOLL_EDENIED, "AccessDeniedException", "denied", EXIT_REFUSED,
          "\"Action\":\"codepipeline:PollForThirdPartyJobs\"" },
        { PIPEPOLL_ENOTFOUND, "ActionTypeNotFoundException", "not-found", EXIT_REFUSED,
          "pollingAccounts" },
        { PIPEPOLL_ECREDENTIALS, "ExpiredTokenException", "expired", EXIT_REFUSED,
          "aws sso login" },
        { PIPEPOLL_ECREDENTIALS, "InvalidSignatureException", "wrong-secret", EXIT_REFUSED,
          "both keys again, without quotes or blanks" },
        { PIPEPOLL_ECREDENTIALS, "UnrecognizedClientException", "unknown-key", EXIT_REFUSED,
          "has not enabled the region us-east-1" },
        { PIPEPOLL_ECREDENTIALS, "InvalidClientTokenId", "unknown-key", EXIT_REFUSED,
          "quotes or blanks" },
        { PIPEPOLL_EREFUSED, "ValidationException", "refused", EXIT_REFUSED, "request id" },
        { PIPEPOLL_EUNTRUSTED, "", "untrusted", EXIT_OTHER, "AWS_CA_BUNDLE" },
        { PIPEPOLL_ETRANSPORT, "", "unreachable", EXIT_OTHER, "set HTTPS_PROXY" },
        { PIPEPOLL_ETIMEDOUT, "", "timed-out", EXIT_OTHER, "firewall" },
        { PIPEPOLL_ETHROTTLED, "ThrottlingException", "throttled", EXIT_FAILED,
          "max-polls-per-second" },
        { PIPEPOLL_ESERVICE, "InternalFailure", "service-failed", EXIT_OTHER, "Try again" },
        { PIPEPOLL_EPROTO, "", "not-understood", EXIT_OTHER, "endpoint URL" },
        { PIPEPOLL_ENOMEM, "", "out-of-memory", EXIT_OTHER, "memory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exam e = exam_of(EXAM_FAILED, cases[i].status, cases[i].code);
        struct diagnosis d = assert_diagnosis(&e, cases[i].word, cases[i].exit_code);
        assert_says(d.fix, cases[i].fix);
    }
}

static void what_is_not_found_is_named(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ENOTFOUND, "ActionTypeNotFoundException");
    struct diagnosis d = assert_diagnosis(&e, "not-found", EXIT_REFUSED);
    assert_says(d.cause, "Build/ThirdParty/Acme/1 in us-east-1");
    assert_says(d.cause, "not shared with the polling account");
    e.made_up = true; /* then it is the right answer */
    assert_diagnosis(&e, "ok", EXIT_FINE);
}

static void a_refused_signature_is_laid_to_the_clock_where_that_explains_it(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException");
    e.clock_skew_ms = -600000;
    struct diagnosis d = assert_diagnosis(&e, "clock", EXIT_REFUSED);
    assert_says(d.cause, "600 s ahead of the service's");
    e.clock_skew_ms = 600000;
    d = assert_diagnosis(&e, "clock", EXIT_REFUSED);
    assert_says(d.cause, "600 s behind the service's");
    e.clock_skew_ms = 3000;
    assert_diagnosis(&e, "wrong-secret", EXIT_REFUSED);
}

static void what_no_clock_explains_is_not_laid_to_it(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ECREDENTIALS, "UnrecognizedClientException");
    e.clock_skew_ms = 86400000;
    assert_diagnosis(&e, "unknown-key", EXIT_REFUSED);
    e = exam_of(EXAM_FAILED, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException");
    e.clock_skew_ms = 86400000;
    snprintf(e.message, sizeof e.message,
             "The request signature we calculated does not match the signature you provided.");
    assert_diagnosis(&e, "wrong-secret", EXIT_REFUSED);
}

static void a_signature_for_another_region_is_not_a_wrong_secret(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ECREDENTIALS, "InvalidSignatureException");
    snprintf(e.message, sizeof e.message,
             "Credential should be scoped to a valid region, not 'us-east-1'.");
    assert_diagnosis(&e, "wrong-region", EXIT_REFUSED);
}

static void what_works_in_spite_of_the_clock_is_a_warning(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_ANSWERED, 0, "");
    assert_diagnosis(&e, "ok", EXIT_FINE);
    e.clock_skew_ms = 299999;
    assert_diagnosis(&e, "ok", EXIT_FINE);
    e.clock_skew_ms = -300000;
    assert_diagnosis(&e, "clock", EXIT_FAILED);
}

static void keys_that_are_not_renewed_are_a_warning(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_ANSWERED, 0, "");
    snprintf(e.reason, sizeof e.reason, "STS does not answer");
    struct diagnosis d = assert_diagnosis(&e, "not-renewed", EXIT_FAILED);
    assert_says(d.cause, "STS does not answer");
    e.degraded = true;
    assert_diagnosis(&e, "degraded", EXIT_FAILED);
    e.state = EXAM_NOT_POLLED;
    assert_diagnosis(&e, "degraded", EXIT_FAILED);
    e.degraded = false;
    e.reason[0] = '\0';
    assert_diagnosis(&e, "not-polled", EXIT_FINE);
}

static void missing_keys_are_told_by_where_they_should_come_from(void **state)
{
    (void)state;
    struct plan_target other = target;
    struct exam e = exam_of(EXAM_NO_KEYS, 0, "");
    e.target = &other;
    snprintf(e.reason, sizeof e.reason, "nothing is configured: no keys");
    struct diagnosis d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.cause, "nothing is configured: no keys");
    assert_says(d.fix, "Looked at, in this order: AWS_ACCESS_KEY_ID");
    snprintf(e.reason, sizeof e.reason, "the environment has half a pair");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "no other is tried when it is broken");
    other.identity.profile = STR("acme");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "the profile acme in ~/.aws/config");
    /* Of what a role needs nothing is said while there is nobody to assume it. */
    other.identity.role_arn = STR("arn:aws:iam::123456789012:role/Poller");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "the profile acme in ~/.aws/config");
    snprintf(e.reason, sizeof e.reason, "SSO token file x; run: aws sso login --profile acme");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_string_equal(d.fix, "As the user who runs pipepoll, run: aws sso login --profile acme");
}

static void a_role_that_is_not_given_is_laid_to_sts_and_not_to_the_profile(void **state)
{
    (void)state;
    struct plan_target other = target;
    struct exam e = exam_of(EXAM_NO_KEYS, 0, "");
    e.target = &other;
    other.identity.profile = STR("acme");
    other.identity.role_arn = STR("arn:aws:iam::123456789012:role/Poller");
    snprintf(e.reason, sizeof e.reason, "AssumeRole of arn:x by STS at sts: no way there");
    struct diagnosis d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "or to the way there");
    snprintf(e.reason, sizeof e.reason, "AssumeRole of arn:x by STS at sts: AccessDenied");
    d = assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
    assert_says(d.fix, "\"Action\":\"sts:AssumeRole\",\"Resource\":\"arn:x\"");
}

static void silence_is_laid_to_keys_or_to_the_way(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_UNANSWERED, 0, "");
    assert_diagnosis(&e, "timed-out", EXIT_OTHER);
    e.usable = false;
    assert_diagnosis(&e, "no-credentials", EXIT_CREDENTIALS);
}

static void a_connection_that_was_made_is_not_laid_to_its_name_or_a_firewall(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ETIMEDOUT, "");
    snprintf(e.address, sizeof e.address, "192.0.2.1");
    struct diagnosis d = assert_diagnosis(&e, "timed-out", EXIT_OTHER);
    assert_says(d.cause, "took the connection, but gave no whole answer in time");
    assert_null(strstr(d.fix, "firewall"));
    e.status = PIPEPOLL_ETRANSPORT;
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.cause, "took a connection, but not the poll: MESSAGE");
    assert_null(strstr(d.fix, "DNS"));
    e.address[0] = '\0';
    snprintf(e.message, sizeof e.message, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL");
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "begin with http://");
    snprintf(e.url, sizeof e.url, "http://192.0.2.1/");
    d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "begin with https://");
}

static void a_proxy_on_the_way_is_suspected_first(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_ETRANSPORT, "");
    snprintf(e.proxy, sizeof e.proxy, "http://proxy:3128");
    struct diagnosis d = assert_diagnosis(&e, "unreachable", EXIT_OTHER);
    assert_says(d.fix, "Check HTTPS_PROXY");
}

static void an_untrusted_certificate_is_told_with_the_roots_that_were_tried(void **state)
{
    (void)state;
    struct exam e = exam_of(EXAM_FAILED, PIPEPOLL_EUNTRUSTED, "");
    struct diagnosis d;
    snprintf(e.issuer, sizeof e.issuer, "CN=Corporate");
    diagnosis_of(&d, &e, STR("/etc/corp.pem"));
    assert_says(d.cause, "against /etc/corp.pem: MESSAGE");
    assert_says(d.fix, "CN=Corporate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_a_word_a_cause_and_a_fix),
        cmocka_unit_test(what_is_not_found_is_named),
        cmocka_unit_test(a_refused_signature_is_laid_to_the_clock_where_that_explains_it),
        cmocka_unit_test(what_no_clock_explains_is_not_laid_to_it),
        cmocka_unit_test(a_signature_for_another_region_is_not_a_wrong_secret),
        cmocka_unit_test(what_works_in_spite_of_the_clock_is_a_warning),
        cmocka_unit_test(keys_that_are_not_renewed_are_a_warning),
        cmocka_unit_test(missing_keys_are_told_by_where_they_should_come_from),
        cmocka_unit_test(silence_is_laid_to_keys_or_to_the_way),
        cmocka_unit_test(a_role_that_is_not_given_is_laid_to_sts_and_not_to_the_profile),
        cmocka_unit_test(a_connection_that_was_made_is_not_laid_to_its_name_or_a_firewall),
        cmocka_unit_test(a_proxy_on_the_way_is_suspected_first),
        cmocka_unit_test(an_untrusted_certificate_is_told_with_the_roots_that_were_tried),
    };
    return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
