/* The two files that all AWS tools share, ~/.aws/config and ~/.aws/credentials: found, read and
 * merged into sections. The grammar is base/ini's; here is what names and repetitions mean. Pure
 * but for profiles_load(). */
#ifndef CREDENTIALS_PROFILES_H
#define CREDENTIALS_PROFILES_H

#include "base/alloc.h"
#include "base/environment.h"

struct profiles;

enum profiles_kind {
    PROFILES_PROFILE,
    PROFILES_SSO_SESSION,
    PROFILES_SERVICES,
    PROFILES_UNPREFIXED /* [x] in the config file, where [profile x] is meant: it has no keys */
};

enum { PROFILES_PATH_MAX = 4096 };

/* Where the files are: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else below HOME (else the
 * user's home directory); a leading "~/" is the home. NUL-terminated; empty when there is no home,
 * and then there is no file. PIPEPOLL_EINVAL: too long. */
struct profiles_paths {
    char config[PROFILES_PATH_MAX], credentials[PROFILES_PATH_MAX];
};
int profiles_find(struct profiles_paths *out, const struct environment *e,
                  struct pipepoll_error *why);

/* Merge the texts (either may be empty: a file that is not there). Both are copied; the copies are
 * wiped at the end. PIPEPOLL_ENOMEM; PIPEPOLL_EINVAL: "PATH:LINE:COLUMN: what". */
int profiles_new(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, str config, str credentials,
                 struct pipepoll_error *why);
struct profiles *profiles_free(struct profiles *p); /* NULL in, NULL out; returns NULL */

/* Find, read (this blocks) and merge. A file that is not there, is /dev/null or lies in a
 * directory that we may not look into is empty, as it is for the AWS CLI. EINVAL as above;
 * PIPEPOLL_ESYSTEM: one that is there cannot be read, is larger than 1 MiB or not a file, or
 * everybody may write it. */
int profiles_load(struct profiles **out, const struct alloc *alloc, const struct environment *e,
                  struct pipepoll_error *why);

/* AWS_PROFILE, else "default". */
str profiles_wanted(const struct environment *e);

const struct profiles_paths *profiles_paths(const struct profiles *p);
bool profiles_has(const struct profiles *p, enum profiles_kind kind, str name);
/* Of a profile that is not there, for errors: "is in neither PATH nor PATH", and what was meant
 * perhaps. NUL-terminated, cut to size. Returns text. */
const char *profiles_explain_missing(const struct profiles *p, str name, char *text, size_t size);
/* The value of a key (any case), borrowed from p; empty when it is not given. */
str profiles_get(const struct profiles *p, enum profiles_kind kind, str name, str key);
/* The value of an indented key below another: services sections, s3 = and the like. */
str profiles_get_sub(const struct profiles *p, enum profiles_kind kind, str name, str key, str sub);

#endif
