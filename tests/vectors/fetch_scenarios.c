/* SPDX-License-Identifier: MIT */
/* The scenarios of the AWS SDK for Rust: a machine's environment and files, the recorded traffic,
 * and what must come of it. Each is played whole, from a configuration to credentials or a
 * sentence.
 *
 * The linker puts two functions of this file before the library's own: connections to any URL go to
 * the stage (and the URL that was meant is noted), files are read below the scenario's folder. So
 * the real hosts are in the requests, and nothing leaves the machine. STS was recorded speaking
 * XML, which is turned into the JSON that it speaks to those who ask for it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "io/file.h"
#include "lib/check.h"
#include "lib/stage.h"

#include "vectors.h"

#define FOLDER SHARED_DATA "/sdk/aws/rust-runtime/aws-config/test-data/"

enum { VARIABLES_MAX = 16, REPLIES_MAX = 16, TEXT_SIZE = 4096 };

/* What we say where the SDK's own words are expected; or why a scenario is not played. */
static const struct exception {
    const char *name, *our_words, *left_out;
    /* Why the recorded signature, or the recorded form but for its action, is not compared: the SDK
     * does not compare them either, so nobody saw that they belong to other scenarios. */
    const char *odd_signature, *odd_form;
} exceptions[] = {
#define WORDS(scenario, words)                                                                     \
    {                                                                                              \
        .name = scenario, .our_words = words                                                       \
    }
    WORDS("eks_pod_identity_no_token_file", "token file /token.jwt: No such file or directory"),
    WORDS("imds_default_chain_error", "attach an IAM role to this instance"),
    WORDS("imds_no_iam_role", "attach an IAM role to this instance"),
    WORDS("imds_disabled", "AWS_EC2_METADATA_DISABLED"),
    WORDS("imds_token_fail", "is disabled (HTTP 403)"),
    WORDS("profile_overrides_web_identity", "AWS_ACCESS_KEY_ID"),
    WORDS("sso_no_token_file", "/home/.aws/sso/cache/dace00cba5f8355ec9d274ceb2bcebdfbeed0e12.json "
                               "cannot be read (No such file or directory)"),
    WORDS("sso_server_error", "(HTTP 503)"),
    WORDS("web_identity_source_profile_no_env", "no role_arn"),
    WORDS("web_identity_token_invalid_jwt",
          "InvalidIdentityToken (HTTP 400): No OpenIDConnect provider"),
    WORDS("credential_process_failure", "credential_process exit could not be started"),
    WORDS("credential_process_invalid", "printed something that is not one small JSON object"),
    WORDS("empty_config", "profile \"default\" is in neither"),
    WORDS("invalid_config", "/home/.aws/config:2:"),
    WORDS("invalid_sso_credentials_config", "add sso_account_id and sso_role_name"),
    WORDS("sso_token", "add sso_account_id and sso_role_name"),
#undef WORDS
    { .name = "credential_process", .left_out = "its command is a pipe; we start no shell" },
    { .name = "credential_process_account_id_fallback",
      .left_out = "its command is a pipe; we start no shell" },
    { .name = "ecs_assume_role",
      .odd_signature = "the recording signs with credentials that its container never gave" },
    { .name = "region_override",
      .odd_signature = "the recording calls one region and signs for another" },
    { .name = "web_identity_token_env", .odd_form = "the recording is of another account" },
    { .name = "web_identity_token_profile", .odd_form = "the recording is of another role" },
    { .name = "web_identity_token_source_profile",
      .odd_form = "the recording is of another account and token",
      .odd_signature = "the recording signs with credentials that its STS never gave" },
};

static const struct exception *exception_of(const char *name)
{
    static const struct exception none = { 0 };
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].name, name) == 0)
            return &exceptions[i];
    return &none;
}

struct scenario {
    char folder[512];
    const char *name;
    json_t *environment, *traffic, *expected;
    const char *variables[VARIABLES_MAX + 1];
    char variable_room[VARIABLES_MAX][256];
    const json_t *request[REPLIES_MAX];
    char form[REPLIES_MAX][TEXT_SIZE]; /* recorded bodies */
    struct stage_reply reply[REPLIES_MAX];
    char answer[REPLIES_MAX][TEXT_SIZE];
    char url[REPLIES_MAX][128]; /* "https://host" of each request that was made */
    size_t count;
};

static struct stage *stage;
static struct scenario *playing;
static char meant_origin[128]; /* of the connections that were opened last */

/* --- in place of the library's own --- */

int __real_pool_open(struct pool **out, struct transport *tp, const struct pool_options *o);
int __wrap_pool_open(struct pool **out, struct transport *tp, const struct pool_options *o);
int __real_file_read_start(struct file_read *r, struct worker *w, const char *path);
int __wrap_file_read_start(struct file_read *r, struct worker *w, const char *path);

int __wrap_pool_open(struct pool **out, struct transport *tp, const struct pool_options *o)
{
    const size_t scheme = str_find(o->url, ':') + 3;
    const size_t end = scheme + str_find(str_skip(o->url, scheme), '/');
    struct pool_options here = *o;
    bool is_metadata = str_starts(o->url, STR("http://169.254.1"));
    assert_int_equal(o->direct, is_metadata);
    snprintf(meant_origin, sizeof meant_origin, "%.*s", (int)end, o->url.ptr);
    here.url = str_of(stage->server.url);
    return __real_pool_open(out, tp, &here);
}

int __wrap_file_read_start(struct file_read *r, struct worker *w, const char *path)
{
    char below[1024];
    assert_int_equal(path[0], '/');
    snprintf(below, sizeof below, "%s/fs%s", playing->folder, path);
    return __real_file_read_start(r, w, below);
}

/* --- the recorded answers --- */

static bool between(char *out, size_t size, const char *text, const char *tag)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *from = strstr(text, open), *to = from ? strstr(from, close) : NULL;
    out[0] = '\0';
    if (!to)
        return false;
    from += strlen(open);
    snprintf(out, size, "%.*s", (int)(to - from), from);
    return true;
}

static long long unix_s(const char *iso)
{
    struct tm tm = { 0 };
    assert_non_null(strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &tm));
    return timegm(&tm);
}

/* STS's XML as the JSON that it means. */
static json_t *sts_json(const char *xml)
{
    char id[256], secret[256], token[2048], until[64], arn[256], code[128], message[512];
    if (between(code, sizeof code, xml, "Code")) {
        between(message, sizeof message, xml, "Message");
        return json_pack("{s:{s:s,s:s}}", "Error", "Code", code, "Message", message);
    }
    bool web = strstr(xml, "WithWebIdentityR") != NULL;
    between(id, sizeof id, xml, "AccessKeyId");
    between(secret, sizeof secret, xml, "SecretAccessKey");
    between(token, sizeof token, xml, "SessionToken");
    between(until, sizeof until, xml, "Expiration");
    between(arn, sizeof arn, xml, "Arn");
    return json_pack("{s:{s:{s:{s:s},s:{s:s,s:s,s:s,s:f}}}}",
                     web ? "AssumeRoleWithWebIdentityResponse" : "AssumeRoleResponse",
                     web ? "AssumeRoleWithWebIdentityResult" : "AssumeRoleResult",
                     "AssumedRoleUser", "Arn", arn, "Credentials", "AccessKeyId", id,
                     "SecretAccessKey", secret, "SessionToken", token, "Expiration",
                     (double)unix_s(until));
}

static void put_answer(char *out, const char *text)
{
    if (!strstr(text, "sts.amazonaws.com/doc")) {
        snprintf(out, TEXT_SIZE, "%s", text);
        return;
    }
    json_t *json = sts_json(text);
    char *dump = json_dumps(json, JSON_COMPACT);
    snprintf(out, TEXT_SIZE, "%s", dump);
    free(dump);
    json_decref(json);
}

static void read_event(struct scenario *sc, const json_t *event)
{
    size_t n = (size_t)json_integer_value(json_object_get(event, "connection_id"));
    const json_t *action = json_object_get(event, "action"), *part;
    assert_true(n < REPLIES_MAX);
    if ((part = json_object_get(action, "Request")) != NULL) {
        sc->request[n] = json_object_get(part, "request");
        sc->count = n + 1;
    } else if ((part = json_object_get(action, "Response")) != NULL) {
        const json_t *ok = json_object_get(json_object_get(part, "response"), "Ok");
        sc->reply[n].status = (int)json_integer_value(json_object_get(ok, "status"));
        sc->reply[n].body = sc->answer[n];
    } else if ((part = json_object_get(action, "Data")) != NULL) {
        const char *text =
            json_string_value(json_object_get(json_object_get(part, "data"), "Utf8"));
        const char *way = json_string_value(json_object_get(part, "direction"));
        if (strcmp(way, "Request") == 0)
            snprintf(sc->form[n], TEXT_SIZE, "%s", text);
        else
            put_answer(sc->answer[n], text);
    }
}

/* --- the requests that were made --- */

static const char *recorded_header(const json_t *request, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(request, "headers"), key,
                        value) if (strcasecmp(key, name) ==
                                   0) return json_string_value(json_array_get(value, 0));
    return NULL;
}

static void check_header(const json_t *want, const char *got, const char *name)
{
    char line[TEXT_SIZE];
    const char *value = recorded_header(want, name);
    if (!value)
        return;
    snprintf(line, sizeof line, "\r\n%s: %s\r\n", name, value);
    if (!strcasestr(got, line))
        fail_msg("no header %s", line);
}

/* Who signs, where and for what; the day and so the signature differ. */
static void check_signature(const json_t *want, const char *got)
{
    const char *value = recorded_header(want, "authorization");
    const char *sent = strstr(got, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=");
    assert_int_equal(!value, !sent);
    if (!value)
        return;
    str recorded = str_of(strchr(value, '=') + 1), ours = str_of(strchr(sent, '=') + 1);
    for (int part = 0; part < 4; part++) {
        str a = { recorded.ptr, str_find(recorded, '/') }, b = { ours.ptr, str_find(ours, '/') };
        if (part != 1 && !str_eq(a, b))
            fail_msg("signed with %.*s, not %.*s", STR_ARG(b), STR_ARG(a));
        recorded = str_skip(recorded, a.len + 1);
        ours = str_skip(ours, b.len + 1);
    }
}

/* Each parameter of the recorded form is sent, but for session names that somebody made up from the
 * time. */
static void check_form(const char *form, bool only_action, const char *got)
{
    char copy[TEXT_SIZE], *rest = copy, *pair;
    const char *body = strstr(got, "\r\n\r\n") + 4;
    snprintf(copy, sizeof copy, "%s", form);
    while ((pair = strsep(&rest, "&")) != NULL) {
        if (only_action && strncmp(pair, "Action=", 7) != 0)
            continue;
        bool made_up = strstr(pair, "RoleSessionName=assume-role-") ||
                       strstr(pair, "RoleSessionName=web-identity-token-profile-");
        char *newline = strstr(pair, "%0A"); /* the SDK sends a token file's line end along */
        if (newline && !newline[3])
            *newline = '\0';
        if (*pair && !made_up && !strstr(body, pair))
            fail_msg("%s is not in %s", pair, body);
    }
}

/* "METHOD /path?query", with the two parameters that SSO has in either order as one. */
static void normal_target(char *out, size_t size, const char *method, const char *path)
{
    const char *query = strchr(path, '?'), *amp = query ? strchr(query, '&') : NULL;
    if (!*path)
        path = "/";
    if (amp && strncmp(query, "?role_name", 10) == 0)
        snprintf(out, size, "%s %.*s?%s&%.*s", method, (int)(query - path), path, amp + 1,
                 (int)(amp - query - 1), query + 1);
    else
        snprintf(out, size, "%s %s", method, path);
}

static void tell_exception(const struct exception *e)
{
    if (e->odd_signature)
        print_message("         %s: signature not compared: %s\n", e->name, e->odd_signature);
    if (e->odd_form)
        print_message("         %s: only the action compared: %s\n", e->name, e->odd_form);
}

static void check_request(const struct scenario *sc, size_t n, const char *got)
{
    const json_t *want = sc->request[n];
    char sent[512], method[16], path[400], host[128], a[512], b[512];
    const char *uri = json_string_value(json_object_get(want, "uri"));
    assert_int_equal(sscanf(got, "%15s %399s HTTP/1.1\r\nHost: %127s", method, path, host), 3);
    const char *authority = strstr(uri, "://") + 3, *slash = strchr(authority, '/');
    size_t len = slash ? (size_t)(slash - authority) : strlen(authority);
    if (strlen(host) != len || strncmp(host, authority, len) != 0)
        fail_msg("asked %s, not %s", host, uri);
    normal_target(a, sizeof a, method, path);
    normal_target(b, sizeof b, json_string_value(json_object_get(want, "method")),
                  slash ? slash : "");
    assert_string_equal(a, b);
    snprintf(sent, sizeof sent, "%.*s", (int)(authority - uri + (ptrdiff_t)len), uri);
    assert_string_equal(sc->url[n], sent);
    check_header(want, got, "x-aws-ec2-metadata-token");
    check_header(want, got, "x-aws-ec2-metadata-token-ttl-seconds");
    check_header(want, got, "x-amz-sso_bearer_token");
    if (!exception_of(sc->name)->odd_signature) {
        check_header(want, got, "x-amz-security-token");
        check_signature(want, got);
    }
    check_form(sc->form[n], exception_of(sc->name)->odd_form, got);
}

/* --- a scenario --- */

static json_t *load(const struct scenario *sc, const char *file)
{
    char path[600];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", sc->folder, file);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

static void scenario_load(struct scenario *sc)
{
    const char *name;
    json_t *value, *event;
    size_t i, count = 0;
    sc->environment = load(sc, "env.json");
    sc->traffic = load(sc, "http-traffic.json");
    sc->expected = load(sc, "test-case.json");
    json_object_foreach(sc->environment, name, value)
    {
        assert_true(count < VARIABLES_MAX);
        snprintf(sc->variable_room[count], sizeof sc->variable_room[count], "%s=%s", name,
                 json_string_value(value));
        sc->variables[count] = sc->variable_room[count];
        count++;
    }
    json_array_foreach(json_object_get(sc->traffic, "events"), i, event) read_event(sc, event);
}

static void scenario_free(struct scenario *sc)
{
    json_decref(sc->environment);
    json_decref(sc->traffic);
    json_decref(sc->expected);
    free(sc);
}

static void check_credentials(const struct scenario *sc, const json_t *want)
{
    const struct credentials *credentials = stage->fetched.credentials;
    const char *id, *secret, *token = "", *account = "";
    json_int_t expires_s = -1;
    if (!credentials)
        fail_msg("%s: no credentials: %s", sc->name, stage->fetched.why.text);
    assert_int_equal(json_unpack((json_t *)want, "{s:s,s:s,s?s,s?s,s?I}", "access_key_id", &id,
                                 "secret_access_key", &secret, "session_token", &token,
                                 "account_id", &account, "expiry", &expires_s),
                     0);
    assert_str_equal(credentials->access_key_id, id);
    assert_str_equal(credentials->secret_access_key, secret);
    assert_str_equal(credentials->session_token, token);
    if (strcmp(sc->name, "ecs_assume_role") == 0)
        expires_s = 1234567890; /* the container's credentials: ours is the least of the chain */
    assert_true(credentials->expires_s == (expires_s < 0 ? UINT64_MAX : (uint64_t)expires_s));
    if (strlen(account) == 12) /* others are made up, and dropped */
        assert_str_equal(credentials->account_id, account);
}

static void check_outcome(const struct scenario *sc)
{
    const json_t *result = json_object_get(sc->expected, "result");
    const json_t *credentials = json_object_get(result, "Ok");
    const char *words = exception_of(sc->name)->our_words;
    if (credentials) {
        check_credentials(sc, credentials);
        return;
    }
    assert_non_null(json_object_get(result, "ErrorContains"));
    assert_null(stage->fetched.credentials);
    print_message("         %s: %s\n", sc->name, stage->fetched.why.text);
    if (!words || !strstr(stage->fetched.why.text, words))
        fail_msg("%s: \"%s\" is not said by \"%s\"", sc->name, words ? words : "(no row)",
                 stage->fetched.why.text);
}

static struct server_reply on_request(struct server *server, const struct server_request *rq)
{
    struct stage *s = server->ctx;
    assert_true(s->requests < REPLIES_MAX);
    snprintf(playing->url[s->requests], sizeof playing->url[0], "%s", meant_origin);
    return stage_answer(server, rq);
}

/* The SDK asks its profile provider alone in one half of the scenarios. */
static void play(const char *half, const char *name, bool only_profile)
{
    const struct credentials_config chain = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    const struct credentials_config profile = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                                .profile = STR("default") };
    struct scenario *sc = calloc(1, sizeof *sc);
    assert_non_null(sc);
    snprintf(sc->folder, sizeof sc->folder, "%s%s/%s", FOLDER, half, name);
    sc->name = name;
    scenario_load(sc);
    tell_exception(exception_of(name));
    playing = sc;
    stage->variables = sc->variables;
    stage->now_s = 1632246085;
    stage->server.answer = on_request;
    stage_play(stage, sc->reply, (unsigned)sc->count);
    assert_true(stage_fetch(stage, only_profile ? &profile : &chain));
    check_outcome(sc);
    bool repeats = sc->count && sc->reply[sc->count - 1].status != 200;
    if (stage->requests != sc->count && !(repeats && stage->requests > sc->count))
        fail_msg("%s: %u requests, not %zu", name, stage->requests, sc->count);
    for (size_t i = 0; i < sc->count; i++)
        check_request(sc, i, stage->request[i]);
    scenario_free(sc);
}

static int is_scenario(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void play_all(const char *half, bool only_profile, size_t at_least)
{
    char folder[512];
    struct dirent **entries;
    size_t played = 0;
    snprintf(folder, sizeof folder, "%s%s", FOLDER, half);
    int count = scandir(folder, &entries, is_scenario, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name, *left_out = exception_of(name)->left_out;
        if (left_out)
            print_message("         left out: %s/%s: %s\n", half, name, left_out);
        else
            play(half, name, only_profile);
        played += !left_out;
        free(entries[i]);
    }
    free(entries);
    print_message("         %zu of %d scenarios of %s played\n", played, count, half);
    assert_true(played >= at_least);
}

static void the_default_chain_goes_as_recorded(void **state)
{
    stage = *state;
    play_all("default-credential-provider-chain", false, 29);
}

static void profiles_go_as_recorded(void **state)
{
    stage = *state;
    play_all("profile-provider", true, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_chain_goes_as_recorded),
        cmocka_unit_test(profiles_go_as_recorded),
    };
    if (vectors_missing(FOLDER))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
