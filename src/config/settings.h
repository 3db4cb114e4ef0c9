/* SPDX-License-Identifier: MIT */
/* What the environment and the shared files of the AWS tools say of where calls go, read once for
 * each profile that is asked about. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/str.h"
#include "config/diagnostic.h"

/* Bytes of an app id that the library takes. */
enum { SETTINGS_APP_ID_MAX = 250 };

struct settings_set;

struct settings {
    struct settings_set *sets;
    size_t count, cap;
};

/* Those of a profile (empty: AWS_PROFILE, or "default"), which live as long as s; read at the first
 * time, which blocks. As pipepoll_settings_load(). */
int settings_of(struct settings *s, str profile, const struct pipepoll_settings **out,
                struct pipepoll_error *why);
void settings_deinit(struct settings *s); /* fine on a zeroed one */

/* A bit (1 << which) for each of those that choose the endpoint. */
enum {
    SETTINGS_OF_ENDPOINT = 1 << PIPEPOLL_SETTING_ENDPOINT_URL | 1 << PIPEPOLL_SETTING_FIPS |
                           1 << PIPEPOLL_SETTING_DUALSTACK
};

/* Warn of what was passed over in reading them. */
void settings_complain(const struct pipepoll_settings *s, struct diagnostics *diagnostics);

/* Who says so: "AWS_ENDPOINT_URL and profile acme", of the settings in such bits. Returns text. */
const char *settings_origins(const struct pipepoll_settings *s, unsigned bits, char *text,
                             size_t size);

/* Attempts for one answer at most: max_attempts, else by retry_mode (legacy: 5; others: 3). */
uint32_t settings_attempts(const struct pipepoll_settings *s);

/* What a setting is called for people: "region", "endpoint", ... Static. */
const char *settings_name(enum pipepoll_setting which);

#endif
