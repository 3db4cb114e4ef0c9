/* SPDX-License-Identifier: MIT */
/* A config file as written: its sections, and for each the text and the location of every key
 * given. Knows which keys exist and where they belong; what their values mean is config's and
 * plan's. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include "config/diagnostic.h"

/* Keys of a target may stand in [pipepoll] too, as the default of every target; those of a handler,
 * of [http] and of [fleet] stand in their own section only. What changes is in force after a
 * RELOAD, or from the next START on. */
#define KEY_MAP(X)                                                                                 \
    X(REGIONS, "regions", TARGET, RELOAD)                                                          \
    X(ALLOW_UNKNOWN_REGIONS, "allow-unknown-regions", TARGET, RELOAD)                              \
    X(CATEGORY, "category", TARGET, RELOAD)                                                        \
    X(OWNER, "owner", TARGET, RELOAD)                                                              \
    X(PROVIDER, "provider", TARGET, RELOAD)                                                        \
    X(VERSION, "version", TARGET, RELOAD)                                                          \
    X(QUERY_PARAM, "query-param", TARGET, RELOAD)                                                  \
    X(MAX_BATCH_SIZE, "max-batch-size", TARGET, RELOAD)                                            \
    X(INTERVAL, "interval", TARGET, RELOAD)                                                        \
    X(PICKUP_GOAL, "pickup-goal", TARGET, RELOAD)                                                  \
    X(SLOWEST_INTERVAL, "slowest-interval", TARGET, RELOAD)                                        \
    X(ENDPOINT_URL, "endpoint-url", TARGET, RELOAD)                                                \
    X(FIPS, "fips", TARGET, RELOAD)                                                                \
    X(DUALSTACK, "dualstack", TARGET, RELOAD)                                                      \
    X(PROFILE, "profile", TARGET, RELOAD)                                                          \
    X(ROLE_ARN, "role-arn", TARGET, RELOAD)                                                        \
    X(EXTERNAL_ID, "external-id", TARGET, RELOAD)                                                  \
    X(ROLE_SESSION_NAME, "role-session-name", TARGET, RELOAD)                                      \
    X(HANDLER, "handler", TARGET, RELOAD)                                                          \
    X(MAX_IN_FLIGHT, "max-in-flight", PROCESS, START)                                              \
    X(MAX_IN_FLIGHT_PER_REGION, "max-in-flight-per-region", PROCESS, START)                        \
    X(MAX_CONNECTIONS, "max-connections", PROCESS, START)                                          \
    X(MAX_POLLS_PER_SECOND, "max-polls-per-second", PROCESS, START)                                \
    X(REQUEST_TIMEOUT, "request-timeout", PROCESS, START)                                          \
    X(CONNECT_TIMEOUT, "connect-timeout", PROCESS, START)                                          \
    X(DRAIN_TIMEOUT, "drain-timeout", PROCESS, RELOAD)                                             \
    X(CA_BUNDLE, "ca-bundle", PROCESS, START)                                                      \
    X(USER_AGENT_APP_ID, "user-agent-app-id", PROCESS, START)                                      \
    X(STATE_DIR, "state-dir", PROCESS, START)                                                      \
    X(JOURNAL, "journal", PROCESS, START)                                                          \
    X(ON_RESTART, "on-restart", PROCESS, START)                                                    \
    X(MAX_JOBS, "max-jobs", PROCESS, START)                                                        \
    X(CLIENT_TOKENS, "client-tokens", PROCESS, START)                                              \
    X(CLIENT_TOKENS_COMMAND, "client-tokens-command", PROCESS, START)                              \
    X(CLIENT_TOKENS_URL, "client-tokens-url", PROCESS, START)                                      \
    X(CLIENT_TOKENS_BEARER_FILE, "client-tokens-bearer-file", PROCESS, START)                      \
    X(CLIENT_TOKENS_TTL, "client-tokens-ttl", PROCESS, START)                                      \
    X(CONTINUATION_KEY_FILE, "continuation-key-file", PROCESS, START)                              \
    X(LOG_LEVEL, "log-level", PROCESS, RELOAD)                                                     \
    X(LOG_FORMAT, "log-format", PROCESS, RELOAD)                                                   \
    X(KIND, "kind", HANDLER, START)                                                                \
    X(COMMAND, "command", HANDLER, START)                                                          \
    X(DIRECTORY, "directory", HANDLER, START)                                                      \
    X(ENVIRONMENT, "environment", HANDLER, START)                                                  \
    X(TIMEOUT, "timeout", HANDLER, START)                                                          \
    X(KILL_AFTER, "kill-after", HANDLER, START)                                                    \
    X(OPEN_FILES, "open-files", HANDLER, START)                                                    \
    X(ADDRESS_SPACE, "address-space", HANDLER, START)                                              \
    X(CPU_TIME, "cpu-time", HANDLER, START)                                                        \
    X(CONCURRENCY, "concurrency", HANDLER, START)                                                  \
    X(URL, "url", HANDLER, START)                                                                  \
    X(ALLOW_HTTP, "allow-http", HANDLER, START)                                                    \
    X(SECRET_FILE, "secret-file", HANDLER, START)                                                  \
    X(CALLBACK_TIMEOUT, "callback-timeout", HANDLER, START)                                        \
    X(CALLBACK_LISTEN, "callback-listen", HANDLER, START)                                          \
    X(CALLBACK_URL, "callback-url", HANDLER, START)                                                \
    X(CONTINUE_AFTER, "continue-after", HANDLER, START)                                            \
    X(LISTEN, "listen", HTTP, START)                                                               \
    X(ALLOW_REMOTE, "allow-remote", HTTP, START)                                                   \
    X(TOKEN_FILE, "token-file", HTTP, RELOAD)                                                      \
    X(SERVERS, "servers", FLEET, START)                                                            \
    X(NAME, "name", FLEET, START)                                                                  \
    X(MEMBER, "member", FLEET, START)                                                              \
    X(TLS_CA, "tls-ca", FLEET, START)                                                              \
    X(TLS_CERT, "tls-cert", FLEET, START)                                                          \
    X(TLS_KEY, "tls-key", FLEET, START)                                                            \
    X(NKEY_FILE, "nkey-file", FLEET, START)                                                        \
    X(CREDS_FILE, "creds-file", FLEET, START)                                                      \
    X(USER, "user", FLEET, START)                                                                  \
    X(PASSWORD_FILE, "password-file", FLEET, START)                                                \
    X(REPLICAS, "replicas", FLEET, START)                                                          \
    X(TAKEOVER, "takeover", FLEET, START)                                                          \
    X(POLLS, "polls", FLEET, START)                                                                \
    X(WORKS, "works", FLEET, START)                                                                \
    X(QUEUE_SIZE, "queue-size", FLEET, START)                                                      \
    X(QUEUE_AGE, "queue-age", FLEET, START)                                                        \
    X(SPOOL_JOBS, "spool-jobs", FLEET, START)

#define X(key, name, scope, effect) KEY_##key,
enum key { KEY_MAP(X) KEY_COUNT };
#undef X

const char *key_name(enum key k);
/* Where it belongs: "target" (and as a default in [pipepoll]), "pipepoll", "handler", "http" or
 * "fleet". */
const char *key_section(enum key k);
/* Is another value in force with the next start only? Else with a reload. */
bool key_waits(enum key k);

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

/* The sections of a file, for who needs one of them alone: out is filled by read(), and what is
 * wrong elsewhere in the file is left to others. As config_file_read(). */
typedef int sections_read_fn(void *out, const struct sections *s, struct diagnostics *diagnostics);
int sections_load(const char *path, sections_read_fn *read, void *out,
                  struct diagnostics *diagnostics);
/* Where a key of it is not known, what is read of it may be nobody's wish. */
void section_complain_misspelt(const struct section *s, const char *name,
                               struct diagnostics *diagnostics);

/* The target's own value of a key, else the default of [pipepoll], else one with ptr NULL. */
const struct value *sections_value(const struct sections *s, const struct section *target,
                                   enum key k);

#endif
