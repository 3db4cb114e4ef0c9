/* SPDX-License-Identifier: MIT */
/* A config file as written: its sections, and for each the text and the location of every key
 * given. Knows which keys exist and where they belong; what their values mean is config's and
 * plan's. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include "config/diagnostic.h"

/* Keys of a target may stand in [pipepoll] too, as the default of every target; those of a handler,
 * of [http] and of [fleet] stand in their own section only. */
#define KEY_MAP(X)                                                                                 \
    X(REGIONS, "regions", TARGET)                                                                  \
    X(ALLOW_UNKNOWN_REGIONS, "allow-unknown-regions", TARGET)                                      \
    X(CATEGORY, "category", TARGET)                                                                \
    X(OWNER, "owner", TARGET)                                                                      \
    X(PROVIDER, "provider", TARGET)                                                                \
    X(VERSION, "version", TARGET)                                                                  \
    X(QUERY_PARAM, "query-param", TARGET)                                                          \
    X(MAX_BATCH_SIZE, "max-batch-size", TARGET)                                                    \
    X(INTERVAL, "interval", TARGET)                                                                \
    X(PICKUP_GOAL, "pickup-goal", TARGET)                                                          \
    X(SLOWEST_INTERVAL, "slowest-interval", TARGET)                                                \
    X(ENDPOINT_URL, "endpoint-url", TARGET)                                                        \
    X(FIPS, "fips", TARGET)                                                                        \
    X(DUALSTACK, "dualstack", TARGET)                                                              \
    X(PROFILE, "profile", TARGET)                                                                  \
    X(ROLE_ARN, "role-arn", TARGET)                                                                \
    X(EXTERNAL_ID, "external-id", TARGET)                                                          \
    X(ROLE_SESSION_NAME, "role-session-name", TARGET)                                              \
    X(HANDLER, "handler", TARGET)                                                                  \
    X(MAX_IN_FLIGHT, "max-in-flight", PROCESS)                                                     \
    X(MAX_IN_FLIGHT_PER_REGION, "max-in-flight-per-region", PROCESS)                               \
    X(MAX_CONNECTIONS, "max-connections", PROCESS)                                                 \
    X(MAX_POLLS_PER_SECOND, "max-polls-per-second", PROCESS)                                       \
    X(REQUEST_TIMEOUT, "request-timeout", PROCESS)                                                 \
    X(CONNECT_TIMEOUT, "connect-timeout", PROCESS)                                                 \
    X(DRAIN_TIMEOUT, "drain-timeout", PROCESS)                                                     \
    X(CA_BUNDLE, "ca-bundle", PROCESS)                                                             \
    X(USER_AGENT_APP_ID, "user-agent-app-id", PROCESS)                                             \
    X(STATE_DIR, "state-dir", PROCESS)                                                             \
    X(JOURNAL, "journal", PROCESS)                                                                 \
    X(ON_RESTART, "on-restart", PROCESS)                                                           \
    X(MAX_JOBS, "max-jobs", PROCESS)                                                               \
    X(CLIENT_TOKENS, "client-tokens", PROCESS)                                                     \
    X(CLIENT_TOKENS_COMMAND, "client-tokens-command", PROCESS)                                     \
    X(CLIENT_TOKENS_URL, "client-tokens-url", PROCESS)                                             \
    X(CLIENT_TOKENS_BEARER_FILE, "client-tokens-bearer-file", PROCESS)                             \
    X(CLIENT_TOKENS_TTL, "client-tokens-ttl", PROCESS)                                             \
    X(CONTINUATION_KEY_FILE, "continuation-key-file", PROCESS)                                     \
    X(LOG_LEVEL, "log-level", PROCESS)                                                             \
    X(LOG_FORMAT, "log-format", PROCESS)                                                           \
    X(KIND, "kind", HANDLER)                                                                       \
    X(COMMAND, "command", HANDLER)                                                                 \
    X(DIRECTORY, "directory", HANDLER)                                                             \
    X(ENVIRONMENT, "environment", HANDLER)                                                         \
    X(TIMEOUT, "timeout", HANDLER)                                                                 \
    X(KILL_AFTER, "kill-after", HANDLER)                                                           \
    X(OPEN_FILES, "open-files", HANDLER)                                                           \
    X(ADDRESS_SPACE, "address-space", HANDLER)                                                     \
    X(CPU_TIME, "cpu-time", HANDLER)                                                               \
    X(CONCURRENCY, "concurrency", HANDLER)                                                         \
    X(URL, "url", HANDLER)                                                                         \
    X(ALLOW_HTTP, "allow-http", HANDLER)                                                           \
    X(SECRET_FILE, "secret-file", HANDLER)                                                         \
    X(CALLBACK_TIMEOUT, "callback-timeout", HANDLER)                                               \
    X(CALLBACK_LISTEN, "callback-listen", HANDLER)                                                 \
    X(CALLBACK_URL, "callback-url", HANDLER)                                                       \
    X(CONTINUE_AFTER, "continue-after", HANDLER)                                                   \
    X(LISTEN, "listen", HTTP)                                                                      \
    X(ALLOW_REMOTE, "allow-remote", HTTP)                                                          \
    X(TOKEN_FILE, "token-file", HTTP)                                                              \
    X(SERVERS, "servers", FLEET)                                                                   \
    X(NAME, "name", FLEET)                                                                         \
    X(MEMBER, "member", FLEET)                                                                     \
    X(TLS_CA, "tls-ca", FLEET)                                                                     \
    X(TLS_CERT, "tls-cert", FLEET)                                                                 \
    X(TLS_KEY, "tls-key", FLEET)                                                                   \
    X(NKEY_FILE, "nkey-file", FLEET)                                                               \
    X(CREDS_FILE, "creds-file", FLEET)                                                             \
    X(USER, "user", FLEET)                                                                         \
    X(PASSWORD_FILE, "password-file", FLEET)                                                       \
    X(REPLICAS, "replicas", FLEET)                                                                 \
    X(TAKEOVER, "takeover", FLEET)                                                                 \
    X(POLLS, "polls", FLEET)                                                                       \
    X(WORKS, "works", FLEET)                                                                       \
    X(QUEUE_SIZE, "queue-size", FLEET)                                                             \
    X(QUEUE_AGE, "queue-age", FLEET)                                                               \
    X(SPOOL_JOBS, "spool-jobs", FLEET)

#define X(key, name, scope) KEY_##key,
enum key { KEY_MAP(X) KEY_COUNT };
#undef X

const char *key_name(enum key k);
/* Where it belongs: "target" (and as a default in [pipepoll]), "pipepoll", "handler", "http" or
 * "fleet". */
const char *key_section(enum key k);

struct value {
    str text; /* trimmed; ptr NULL: not given */
    struct location at;
};

struct section {
    str name; /* of [target NAME], [handler NAME] */
    struct location at;
    struct value values[KEY_COUNT];
    bool misspelt[KEY_COUNT]; /* an unknown key was taken for this one in a diagnostic */
    bool has_misspelt;        /* any */
};

struct section_list {
    struct section *list;
    size_t count, cap;
};

struct sections {
    struct section process;                /* [pipepoll]; all values NULL without one */
    struct section http, fleet;            /* [http], [fleet]; the same */
    struct section_list targets, handlers; /* in the order of the file */
};

/* Read text[len], which is changed (a value that goes on over lines is made one slice, its line
 * ends blanks) and must outlive out. Complains about bad syntax, unknown sections and keys, keys in
 * the wrong section, repeated ones and empty values. 0 or PIPEPOLL_ENOMEM. */
int sections_read(struct sections *out, char *text, size_t len, struct diagnostics *diagnostics);
void sections_deinit(struct sections *s); /* fine on a zeroed one */

/* The target's own value of a key, else the default of [pipepoll], else one with ptr NULL. */
const struct value *sections_value(const struct sections *s, const struct section *target,
                                   enum key k);

#endif
