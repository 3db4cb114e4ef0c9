/* A config file as written: its sections, and for each the text and the location of every key
 * given. Knows which keys exist and where they belong; what their values mean is config's and
 * plan's. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include "config/diagnostic.h"

/* Keys of a target may stand in [pipepoll] too, as the default of every target. */
#define KEY_MAP(X)                                                                                 \
    X(REGIONS, "regions", TARGET)                                                                  \
    X(ALLOW_UNKNOWN_REGIONS, "allow-unknown-regions", TARGET)                                      \
    X(CATEGORY, "category", TARGET)                                                                \
    X(OWNER, "owner", TARGET)                                                                      \
    X(PROVIDER, "provider", TARGET)                                                                \
    X(VERSION, "version", TARGET)                                                                  \
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
    X(MAX_IN_FLIGHT, "max-in-flight", PROCESS)                                                     \
    X(MAX_IN_FLIGHT_PER_REGION, "max-in-flight-per-region", PROCESS)                               \
    X(MAX_CONNECTIONS, "max-connections", PROCESS)                                                 \
    X(MAX_POLLS_PER_SECOND, "max-polls-per-second", PROCESS)                                       \
    X(REQUEST_TIMEOUT, "request-timeout", PROCESS)                                                 \
    X(CONNECT_TIMEOUT, "connect-timeout", PROCESS)                                                 \
    X(DRAIN_TIMEOUT, "drain-timeout", PROCESS)                                                     \
    X(CA_BUNDLE, "ca-bundle", PROCESS)                                                             \
    X(USER_AGENT_APP_ID, "user-agent-app-id", PROCESS)                                             \
    X(LOG_LEVEL, "log-level", PROCESS)                                                             \
    X(LOG_FORMAT, "log-format", PROCESS)

#define X(key, name, scope) KEY_##key,
enum key { KEY_MAP(X) KEY_COUNT };
#undef X

const char *key_name(enum key k);

struct value {
    str text; /* trimmed; ptr NULL: not given */
    struct location at;
};

struct section {
    str name; /* of [target NAME] */
    struct location at;
    struct value values[KEY_COUNT];
    bool misspelt[KEY_COUNT]; /* an unknown key was taken for this one in a diagnostic */
    bool has_misspelt;        /* any */
};

struct sections {
    struct section process; /* [pipepoll]; all values NULL without one */
    struct section *targets;
    size_t count, cap;
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
