/* One [target NAME] of a config file being read: its values judged, and made into options. */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "config/identity.h"
#include "config/section.h"
#include "config/settings.h"

struct draft {
    const struct sections *sections;
    const struct section *section;
    struct settings *settings; /* NULL: what is left out comes from nowhere */
    struct complaints *complaints;
    /* What comes of it: */
    struct pipepoll_target_options options; /* without a region */
    struct identity identity;
    bool allow_unknown_regions;
    const struct pipepoll_settings *ambient; /* the settings of its profile, or NULL */
    unsigned in_force;                       /* of them, a bit for each that was used */
};

/* Read all keys but `regions`. Complains about each that is missing or wrong. 0 or
 * PIPEPOLL_ENOMEM. */
int draft_read(struct draft *d);

/* The value of a key, the section's own or the default of all; ptr NULL: not given. */
const struct value *draft_value(const struct draft *d, enum key k);

/* A setting of the profile that takes the place of a key, and is in force from now on; or empty. */
str draft_setting(struct draft *d, enum pipepoll_setting which);

/* Complain that a key is missing; not where a misspelt key was taken for it. */
void draft_require(const struct draft *d, enum key k, const char *example);
bool draft_is_misspelt(const struct draft *d, enum key k);

/* Options without a fault, to have the library judge one value put into them. */
struct pipepoll_target_options draft_sample(void);

#endif
