/* SPDX-License-Identifier: MIT */
/* A process that nothing around it has a say in: no proxy, no roots, no credentials of the machine
 * that the test runs on. */
#ifndef TESTS_ALONE_H
#define TESTS_ALONE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern char **environ;

/* Does "NAME=value" say where calls go, or with what? */
static inline bool alone_has_a_say(const char *variable)
{
    static const char *const endings[] = { "_proxy", "_ca_bundle", "ssl_cert_file",
                                           "ssl_cert_dir" };
    size_t len = strcspn(variable, "=");
    if (strncmp(variable, "AWS_", 4) == 0)
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (len >= ending && strncasecmp(variable + len - ending, endings[i], ending) == 0)
            return true;
    }
    return false;
}

static inline void alone(void)
{
    char name[256];
    for (char **at = environ; *at;) {
        size_t len = strcspn(*at, "=");
        if (!alone_has_a_say(*at) || len >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, len);
        name[len] = '\0';
        unsetenv(name);
        at = environ;
    }
    setenv("AWS_CONFIG_FILE", "/nowhere/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

/* Turn the loop of a world until the condition holds. */
#define RUN_UNTIL(w, condition)                                                                    \
    while (!(condition))                                                                           \
    uv_run(&(w)->loop, UV_RUN_ONCE)

#endif
