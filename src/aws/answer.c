/* SPDX-License-Identifier: MIT */
/* AWS sends an error code in four places and several spellings, and the same code with different
 * statuses from different generations of its front ends. So the code decides, and the status only
 * when no known code is there. */
#include "aws/answer.h"

#include "aws/page.h"
#include "aws/xml.h"
#include "base/log.h"

const struct wanted_header answer_headers[WANTED_HEADERS_MAX] = {
    [ANSWER_REQUEST_ID].name = STR_INIT("x-amzn-requestid"),
    [ANSWER_ERROR_TYPE].name = STR_INIT("x-amzn-errortype"),
    [ANSWER_RETRY_AFTER].name = STR_INIT("x-amz-retry-after"),
    [ANSWER_LOCATION] = { .name = STR_INIT("location"), .cut_at = ANSWER_QUOTE_LEN_MAX },
    [ANSWER_CONTENT_ENCODING].name = STR_INIT("content-encoding"),
    [ANSWER_SERVER] = { .name = STR_INIT("server"), .cut_at = ANSWER_SERVER_LEN_MAX },
    [ANSWER_DATE].name = STR_INIT("date"),
    [ANSWER_AGE].name = STR_INIT("age"),
};

struct answer answer_make(int http_status, const str *values)
{
    return (struct answer) {
        .http_status = http_status,
        .request_id = values[ANSWER_REQUEST_ID],
        .error_type = values[ANSWER_ERROR_TYPE],
        .retry_after = values[ANSWER_RETRY_AFTER],
        .location = values[ANSWER_LOCATION],
        .content_encoding = values[ANSWER_CONTENT_ENCODING],
        .server = values[ANSWER_SERVER],
    };
}

/* Throttling codes are the list that all AWS SDKs share. Credentials that the service does not
 * know, or no longer, may be replaced by others; those that it cannot verify for another reason, a
 * wrong clock included, are told apart from good ones that may not do this. */
static const struct answer_code known_codes[] = {
    { STR_INIT("ThrottlingException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("Throttling"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("ThrottledException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("RequestThrottledException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("RequestThrottled"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("TooManyRequestsException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("ProvisionedThroughputExceededException"), FAULT_THROTTLED,
      PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("TransactionInProgressException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("RequestLimitExceeded"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("BandwidthLimitExceeded"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("LimitExceededException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("SlowDown"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("PriorRequestNotComplete"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },
    { STR_INIT("EC2ThrottledException"), FAULT_THROTTLED, PIPEPOLL_CAUSE_THROTTLED },

    { STR_INIT("RequestTimeout"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("RequestTimeoutException"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("InternalFailure"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("InternalError"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("InternalServerError"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("ServiceUnavailable"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("ServiceUnavailableException"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE },
    { STR_INIT("IDPCommunicationError"), FAULT_SERVICE,
      PIPEPOLL_CAUSE_SERVICE }, /* STS could not reach who signs tokens */

    { STR_INIT("ExpiredToken"), FAULT_EXPIRED, PIPEPOLL_CAUSE_EXPIRED },
    { STR_INIT("ExpiredTokenException"), FAULT_EXPIRED, PIPEPOLL_CAUSE_EXPIRED },
    { STR_INIT("UnrecognizedClientException"), FAULT_EXPIRED, PIPEPOLL_CAUSE_UNKNOWN_KEY },
    { STR_INIT("InvalidClientTokenId"), FAULT_EXPIRED, PIPEPOLL_CAUSE_UNKNOWN_KEY },
    { STR_INIT("InvalidAccessKeyId"), FAULT_EXPIRED, PIPEPOLL_CAUSE_UNKNOWN_KEY },

    { STR_INIT("InvalidSignatureException"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("SignatureDoesNotMatch"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("IncompleteSignature"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("IncompleteSignatureException"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("MissingAuthenticationToken"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("MissingAuthenticationTokenException"), FAULT_NO_CREDENTIALS,
      PIPEPOLL_CAUSE_SIGNATURE },
    { STR_INIT("AuthFailure"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_UNKNOWN_KEY },
    { STR_INIT("RequestExpired"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_CLOCK },
    { STR_INIT("RequestTimeTooSkewed"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_CLOCK },
    { STR_INIT("RequestInTheFuture"), FAULT_NO_CREDENTIALS, PIPEPOLL_CAUSE_CLOCK },

    { STR_INIT("AccessDeniedException"), FAULT_DENIED, PIPEPOLL_CAUSE_DENIED },
    { STR_INIT("AccessDenied"), FAULT_DENIED, PIPEPOLL_CAUSE_DENIED },
    { STR_INIT("NotAuthorized"), FAULT_DENIED, PIPEPOLL_CAUSE_DENIED },
    { STR_INIT("UnauthorizedOperation"), FAULT_DENIED, PIPEPOLL_CAUSE_DENIED },
    { STR_INIT("OptInRequired"), FAULT_DENIED, PIPEPOLL_CAUSE_OPT_IN },
    { STR_INIT("SubscriptionRequired"), FAULT_DENIED, PIPEPOLL_CAUSE_SUBSCRIPTION },
    { STR_INIT("SubscriptionRequiredException"), FAULT_DENIED, PIPEPOLL_CAUSE_SUBSCRIPTION },

    { STR_INIT("ValidationException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST },
    { STR_INIT("ValidationError"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST },
    { STR_INIT("SerializationException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST },
    { STR_INIT("UnknownOperationException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST },
    { STR_INIT("InvalidAction"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST },
};

/* The SDKs try again after 500, 502, 503 and 504 only, and let their callers fail after any other.
 * A poller has nobody to fail to: it backs off from all of them, and asks again. */
static enum fault fault_of_status(int status)
{
    if (status == 429)
        return FAULT_THROTTLED;
    if (status == 408 || (status >= 500 && status < 600))
        return FAULT_SERVICE;
    if (status == 401 || status == 403)
        return FAULT_DENIED;
    if (status >= 400 && status < 500)
        return FAULT_REFUSED;
    return FAULT_MALFORMED;
}

static bool find_among(struct answer_fault *out, const struct answer_code *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(codes[i].code, out->code)) {
            out->fault = codes[i].fault;
            out->cause = codes[i].cause;
            out->meaning = codes[i].meaning;
            return true;
        }
    return false;
}

/* false: not a known code. */
static bool find_code(struct answer_fault *out, const struct answer *a)
{
    return find_among(out, a->codes, a->code_count) ||
           find_among(out, known_codes, sizeof known_codes / sizeof *known_codes);
}

static bool has(str text, const char *words)
{
    return text.len && memmem(text.ptr, text.len, words, strlen(words));
}

/* One code of AWS's can have several causes, which only its message tells. */
static enum pipepoll_cause refine(const struct answer_fault *f)
{
    if (f->cause == PIPEPOLL_CAUSE_SIGNATURE) {
        if (has(f->message, "scoped to a valid region") || has(f->message, "correct region"))
            return PIPEPOLL_CAUSE_WRONG_REGION;
        if (has(f->message, "calculated does not match"))
            return PIPEPOLL_CAUSE_WRONG_SECRET;
        if (has(f->message, "Signature expired") || has(f->message, "Signature not yet current"))
            return PIPEPOLL_CAUSE_CLOCK;
    }
    if (f->cause == PIPEPOLL_CAUSE_REQUEST && has(f->message, "with owner '"))
        return PIPEPOLL_CAUSE_OWNER;
    return f->cause;
}

/* All answers of AWS's APIs bear its marks, but for those of a load balancer before them. */
static bool has_marks(const struct answer *a)
{
    return a->is_metadata || a->request_id.len || a->error_type.len;
}

/* A page with a refusal is a proxy's or a portal's word, and no reason to think about
 * credentials. */
static void blame_middle_box(struct answer_fault *out)
{
    out->cause = PIPEPOLL_CAUSE_MIDDLE_BOX;
    if (out->fault == FAULT_DENIED || out->fault == FAULT_REFUSED)
        out->fault = FAULT_MALFORMED;
}

static void judge(struct answer_fault *out, const struct answer *a, bool is_page, bool has_aws_form)
{
    if (find_code(out, a)) {
        out->cause = refine(out);
        return;
    }
    out->fault = fault_of_status(a->http_status);
    out->cause = fault_cause(out->fault);
    bool is_portal = is_page && !a->is_metadata && !a->error_type.len;
    if ((!has_marks(a) && !has_aws_form) || is_portal)
        blame_middle_box(out);
}

static bool is_code_char(char c)
{
    return ascii_is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
}

/* "name.space#Code:http://..." to "Code"; what cannot be a code to empty. */
static str code_of(str type)
{
    str code = str_trim((str) { type.ptr, str_find(type, ':') });
    for (size_t hash; (hash = str_find(code, '#')) < code.len;)
        code = str_skip(code, hash + 1);
    if (code.len > ANSWER_CODE_LEN_MAX)
        return STR("");
    for (size_t i = 0; i < code.len; i++)
        if (!is_code_char(code.ptr[i]))
            return STR("");
    return code;
}

/* The value of the last member of this name and type. Clients agree that the last of a repeated
 * member counts. */
static int member(const struct json *j, int object, str name, enum json_type type)
{
    int found = JSON_NONE;
    for (int key = json_first(j, object); key != JSON_NONE; key = json_next(j, key))
        if (json_is(j, key, name) && json_type(j, json_value(key)) == type)
            found = json_value(key);
    return found;
}

/* The text of the last member of this name that is a string, or empty. */
static str member_text(struct json *j, int object, str name)
{
    int found = member(j, object, name, JSON_STRING);
    return found == JSON_NONE ? STR("") : json_text(j, found);
}

static str first_not_empty(str a, str b)
{
    return a.len ? a : b;
}

/* The start of a text that may be anything, not cut inside a UTF-8 sequence. */
str answer_quote(str text)
{
    return str_cut(str_trim(text), ANSWER_QUOTE_LEN_MAX);
}

/* Digits only, and fitting: AWS's hint is a plain integer, anything else is no hint. */
static uint32_t milliseconds(str text)
{
    uint64_t ms = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]))
            return 0;
        ms = ms * 10 + (uint64_t)(text.ptr[i] - '0');
        if (ms > UINT32_MAX)
            return 0;
    }
    return (uint32_t)ms;
}

/* Does it spell the code as AWS does? "code" alone anybody says. */
static bool read_json(struct answer_fault *out, struct json *j)
{
    str type = code_of(member_text(j, JSON_ROOT, STR("__type")));
    out->code = first_not_empty(type, code_of(member_text(j, JSON_ROOT, STR("code"))));
    out->message = first_not_empty(member_text(j, JSON_ROOT, STR("message")),
                                   member_text(j, JSON_ROOT, STR("Message")));
    int error = member(j, JSON_ROOT, STR("Error"), JSON_OBJECT);
    if (error == JSON_NONE)
        return type.len > 0;
    out->code = first_not_empty(out->code, code_of(member_text(j, error, STR("Code"))));
    out->message = first_not_empty(out->message, member_text(j, error, STR("Message")));
    return out->code.len > 0;
}

/* As the Query services have it, STS among them: ErrorResponse/Error, Response/Errors/Error, or
 * Error alone. */
static bool read_xml(struct answer_fault *out, char *body, size_t len)
{
    struct xml x;
    if (!xml_is((str) { body, len }) || !xml_parse(&x, body, len, NULL))
        return false;
    int error = xml_child(&x, XML_ROOT, STR("Error"));
    if (error == XML_NONE)
        error = xml_child(&x, xml_child(&x, XML_ROOT, STR("Errors")), STR("Error"));
    if (error == XML_NONE && str_eq(x.nodes[XML_ROOT].name, STR("Error")))
        error = XML_ROOT;
    out->code = code_of(xml_text(&x, xml_child(&x, error, STR("Code"))));
    out->message = str_trim(xml_text(&x, xml_child(&x, error, STR("Message"))));
    return out->code.len > 0;
}

void answer_read(struct answer_fault *out, const struct answer *a, char *body, size_t len,
                 struct json_token *tokens, size_t token_cap)
{
    *out = (struct answer_fault) { .code = STR(""), .message = STR("") };
    struct json j;
    bool is_page = false, has_aws_form = true;
    if (json_parse(&j, body, len, tokens, token_cap, NULL) == JSON_OK) {
        has_aws_form = read_json(out, &j);
    } else if (!read_xml(out, body, len)) {
        has_aws_form = false;
        is_page = page_is((str) { body, len });
        out->message = answer_quote(is_page ? page_words(body, len) : (str) { body, len });
    }
    out->code = first_not_empty(out->code, code_of(a->error_type));
    judge(out, a, is_page, has_aws_form);
    out->retry_after_ms = milliseconds(str_trim(a->retry_after));
}

static bool tell_odd_status(const struct answer *a, struct pipepoll_error *why)
{
    int status = a->http_status;
    if (status / 100 == 3 && a->location.len)
        explain(why, 0, "HTTP %d leads elsewhere, to '%.*s': redirects are not followed", status,
                STR_ARG(a->location));
    else if (status == 204 || status == 205)
        explain(why, 0, "HTTP %d: an answer without a body says nothing of jobs", status);
    else
        explain(why, 0, "HTTP %d is no status that the service answers with", status);
    return true;
}

bool answer_is_odd(const struct answer *a, struct pipepoll_error *why)
{
    int status = a->http_status;
    str coding = a->content_encoding;
    bool is_known = (answer_is_success(status) && status != 204 && status != 205) ||
                    (status >= 400 && status < 600);
    if (!is_known)
        return tell_odd_status(a, why);
    if (!coding.len || str_eq_nocase(coding, STR("identity")))
        return false;
    explain(why, 0, "the answer is compressed (%.*s), which was not asked for", STR_ARG(coding));
    return true;
}

void answer_tell_middle_box(const struct answer *a, str said, struct pipepoll_error *why)
{
    const char *server = a->server.len ? " (Server: " : "";
    explain(why, 0, "HTTP %d comes from something on the way, not from AWS%s%.*s%s%s%.*s",
            a->http_status, server, STR_ARG(a->server), a->server.len ? ")" : "",
            said.len ? ": " : ", and says nothing more", STR_ARG(said));
    explain_cause(why, PIPEPOLL_CAUSE_MIDDLE_BOX, a->server);
}

bool answer_is_foreign(const struct answer *a, str body)
{
    return !has_marks(a) && (page_is(body) || answer_is_odd(a, NULL));
}

void answer_hide(str text, str secret)
{
    if (!text.len || secret.len < ANSWER_SECRET_LEN_MIN)
        return;
    char *at = (char *)text.ptr, *end = at + text.len;
    while ((at = memmem(at, (size_t)(end - at), secret.ptr, secret.len)) != NULL) {
        memset(at, '*', secret.len);
        at += secret.len;
    }
}
