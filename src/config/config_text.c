/* SPDX-License-Identifier: MIT */
/* One row for each key: where its value lies in the config, and how such a value is written. A
 * number of 0 and a text that is NULL or empty are no value: the key was left out, and its default
 * has no number. */
#include "config/config_text.h"

#include "base/log.h"
#include "config/quantity.h"

enum form {
    NO_FORM,
    COUNT,     /* uint32_t */
    REAL,      /* double */
    DURATION,  /* uint32_t, milliseconds */
    BYTES,     /* uint64_t */
    SLICE,     /* str */
    TEXT,      /* char * */
    LIST,      /* char **, ends with NULL */
    WORD,      /* bool, one of two words */
    LOG_LEVEL, /* enum pipepoll_level */
};

struct row {
    enum form form;
    size_t at;
    const char *words[2]; /* of WORD: for false, for true */
    const char *otherwise;
    size_t origin; /* of a str; 0: it comes from the file alone */
};

#define AT(member) .at = offsetof(struct config, member)
#define NO_OR_YES  WORD, .words = { "no", "yes" }

static const struct row rows[KEY_COUNT] = {
    [KEY_MAX_IN_FLIGHT] = { COUNT, AT(max_in_flight) },
    [KEY_MAX_IN_FLIGHT_PER_REGION] = { COUNT, AT(max_in_flight_per_region),
                                       .otherwise = "a fair share" },
    [KEY_MAX_CONNECTIONS] = { COUNT, AT(max_connections),
                              .otherwise = "half of the open files that the process may have" },
    [KEY_MAX_POLLS_PER_SECOND] = { REAL, AT(max_polls_per_s),
                                   .otherwise = "what the service allows" },
    [KEY_REQUEST_TIMEOUT] = { DURATION, AT(request_timeout_ms) },
    [KEY_CONNECT_TIMEOUT] = { DURATION, AT(connect_timeout_ms) },
    [KEY_DRAIN_TIMEOUT] = { DURATION, AT(drain_timeout_ms) },
    [KEY_CA_BUNDLE] = { SLICE, AT(ca_bundle), .otherwise = "the system's roots",
                        .origin = offsetof(struct config, ca_bundle_from) },
    [KEY_USER_AGENT_APP_ID] = { SLICE, AT(user_agent_app_id),
                                .origin = offsetof(struct config, user_agent_app_id_from) },
    [KEY_STATE_DIR] = { TEXT, AT(worker.state_dir) },
    [KEY_JOURNAL] = { WORD, AT(worker.has_journal), .words = { "none", "sqlite" } },
    [KEY_ON_RESTART] = { WORD, AT(worker.rerun), .words = { "fail", "rerun" } },
    [KEY_MAX_JOBS] = { COUNT, AT(worker.max_jobs) },
    [KEY_CLIENT_TOKENS] = { TEXT, AT(worker.tokens.file) },
    [KEY_CLIENT_TOKENS_COMMAND] = { TEXT, AT(worker.tokens.command_text) },
    [KEY_CLIENT_TOKENS_URL] = { TEXT, AT(worker.tokens.url) },
    [KEY_CLIENT_TOKENS_BEARER_FILE] = { TEXT, AT(worker.tokens.bearer_file) },
    [KEY_CLIENT_TOKENS_TTL] = { DURATION, AT(worker.tokens.ttl_ms) },
    [KEY_CONTINUATION_KEY_FILE] = { TEXT, AT(worker.continuation_key_file) },
    [KEY_LOG_LEVEL] = { LOG_LEVEL, AT(log_level) },
    [KEY_LOG_FORMAT] = { WORD, AT(log_json), .words = { "text", "json" } },
    [KEY_LISTEN] = { TEXT, AT(http.listen) },
    [KEY_ALLOW_REMOTE] = { NO_OR_YES, AT(http.allow_remote) },
    [KEY_TOKEN_FILE] = { TEXT, AT(http.token_file) },
    [KEY_SERVERS] = { LIST, AT(fleet.servers) },
    [KEY_NAME] = { TEXT, AT(fleet.name) },
    [KEY_MEMBER] = { TEXT, AT(fleet.member) },
    [KEY_TLS_CA] = { TEXT, AT(fleet.tls_ca) },
    [KEY_TLS_CERT] = { TEXT, AT(fleet.tls_cert) },
    [KEY_TLS_KEY] = { TEXT, AT(fleet.tls_key) },
    [KEY_NKEY_FILE] = { TEXT, AT(fleet.nkey_file) },
    [KEY_CREDS_FILE] = { TEXT, AT(fleet.creds_file) },
    [KEY_USER] = { TEXT, AT(fleet.user) },
    [KEY_PASSWORD_FILE] = { TEXT, AT(fleet.password_file) },
    [KEY_REPLICAS] = { COUNT, AT(fleet.replicas) },
    [KEY_TAKEOVER] = { WORD, AT(fleet.is_fast), .words = { "default", "fast" } },
    [KEY_POLLS] = { NO_OR_YES, AT(fleet.polls) },
    [KEY_WORKS] = { NO_OR_YES, AT(fleet.works) },
    [KEY_QUEUE_SIZE] = { BYTES, AT(fleet.queue_size) },
    [KEY_QUEUE_AGE] = { DURATION, AT(fleet.queue_age_ms) },
    [KEY_SPOOL_JOBS] = { COUNT, AT(fleet.spool_jobs) },
};

static void put_list(struct buf *out, char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        buf_printf(out, "%s%s", i ? ", " : "", list[i]);
}

void config_text_put(struct buf *out, const struct config *c, enum key k)
{
    const struct row *row = &rows[k];
    const void *at = (const char *)c + row->at;
    switch (row->form) {
    case NO_FORM:
        return;
    case COUNT:
        if (*(const uint32_t *)at)
            buf_put_u64(out, *(const uint32_t *)at);
        return;
    case REAL:
        if (*(const double *)at > 0)
            buf_printf(out, "%.10g", *(const double *)at);
        return;
    case DURATION:
        if (*(const uint32_t *)at)
            quantity_put_duration(out, *(const uint32_t *)at);
        return;
    case BYTES:
        if (*(const uint64_t *)at)
            quantity_put_bytes(out, *(const uint64_t *)at);
        return;
    case SLICE:
        buf_put(out, *(const str *)at);
        return;
    case TEXT:
        buf_put(out, str_of(*(char *const *)at));
        return;
    case LIST:
        put_list(out, *(char *const *const *)at);
        return;
    case WORD:
        buf_put(out, str_of(row->words[*(const bool *)at]));
        return;
    case LOG_LEVEL:
        buf_put(out, str_of(log_level_name(*(const enum pipepoll_level *)at)));
        return;
    }
}

const char *config_text_otherwise(enum key k)
{
    return rows[k].otherwise;
}

str config_text_origin(const struct config *c, enum key k)
{
    size_t at = rows[k].origin;
    return at ? *(const str *)((const char *)c + at) : STR("");
}
