/* SPDX-License-Identifier: MIT */
/* One [target NAME] of a config file being read: its values judged, and made into options. */
#ifndef CONFIG_TARGET_CONFIG_H
#define CONFIG_TARGET_CONFIG_H

#include "config/identity_config.h"
#include "config/section.h"
#include "config/settings.h"
#include "config/worker_config.h"

struct target_config {
    const struct sections *sections;
    const struct section *section;
    const struct worker_config *worker; /* whose handlers it may name */
    struct settings *settings;          /* NULL: what is left out comes from nowhere */
    struct diagnostics *diagnostics;
    /* What comes of it: */
    struct pipepoll_target_options options; /* without a region */
    struct identity_config identity;
    const struct handler_config *handler; /* NULL: none */
    bool allow_unknown_regions;
    const struct pipepoll_settings *ambient; /* the settings of its profile, or NULL */
    unsigned in_force;                       /* of them, a bit for each that was used */
};

/* Read all keys but `regions`. Complains about each that is missing or wrong. 0 or
 * PIPEPOLL_ENOMEM. */
int target_config_read(struct target_config *config);

/* The value of a key, the section's own or the default of all; ptr NULL: not given. */
const struct value *target_config_value(const struct target_config *config, enum key k);

/* A setting of the profile that takes the place of a key, and is in force from now on; or empty. */
str target_config_setting(struct target_config *config, enum pipepoll_setting which);

/* Complain that a key is missing; not where a misspelt key was taken for it. */
void target_config_require(const struct target_config *config, enum key k, const char *example);
bool target_config_is_misspelt(const struct target_config *config, enum key k);

/* Options without a fault, to have the library judge one value put into them. */
struct pipepoll_target_options target_config_sample(void);

#endif
