/* SPDX-License-Identifier: MIT */
/* The two files that all AWS tools share, ~/.aws/config and ~/.aws/credentials: found, read and
 * merged into sections. The grammar is base/ini's; here is what names and repetitions mean. What is
 * wrong with a file, or with a line of it, harms nobody who needs nothing of it: it is noted, and
 * told to who does. Pure but for profiles_load(). */
#ifndef CREDENTIALS_PROFILES_H
#define CREDENTIALS_PROFILES_H

#include "base/alloc.h"
#include "base/environment.h"

struct profiles;

enum profiles_kind {
    PROFILES_PROFILE,
    PROFILES_SSO_SESSION,
    PROFILES_SERVICES,
    PROFILES_UNUSED /* that of no AWS tool, though perhaps meant for one: [x] in the config file */
};

enum profiles_which { PROFILES_CONFIG, PROFILES_CREDENTIALS, PROFILES_FILES };

enum { PROFILES_PATH_MAX = 4096, PROFILES_PROBLEM_SIZE = 80 };

/* Where the files are: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else below the home, as
 * environment_put_path() reads paths. NUL-terminated; empty when the variable is, or there is no
 * home, and then there is no file. PIPEPOLL_EINVAL: too long. */
struct profiles_paths {
    char config[PROFILES_PATH_MAX], credentials[PROFILES_PATH_MAX];
};
int profiles_find(struct profiles_paths *out, const struct environment *e,
                  struct pipepoll_error *why);
const char *profiles_path(const struct profiles_paths *paths, enum profiles_which which);
/* Does a path say that there is no file? */
bool profiles_path_is_none(const char *path);

/* What the text of one file came to: parsed once and shared by reference count, on and from any
 * thread. The text is copied, and the copy is wiped at the end. NULL: out of memory. */
struct profiles_part;
struct profiles_part *profiles_part_new(const struct alloc *alloc, enum profiles_which which,
                                        str text);
struct profiles_part *profiles_part_ref(struct profiles_part *part);
struct profiles_part *profiles_part_free(struct profiles_part *part); /* NULL in, NULL out */

/* What is at one of the paths. */
struct profiles_file {
    str text; /* for profiles_new(): borrowed; empty: nothing is there, or it is no use */
    struct profiles_part *part;          /* for profiles_merge(): a reference; NULL: the same */
    char problem[PROFILES_PROBLEM_SIZE]; /* NUL-terminated: "cannot be read: ..."; empty: none */
    bool shared; /* everybody may write it: nothing in it may be used, but to say so */
};
/* Note why nothing can be read at a path: a positive errno, and what it is in words. What is not
 * there is no problem. */
void profiles_file_failed(struct profiles_file *f, int error, const char *what);
/* Take the bytes, which stay the caller's, or what they came to, a reference; what is not text is a
 * problem. `open_to_all`: everybody may write the file, which PIPEPOLL_ALLOW_SHARED_FILES=1
 * allows. */
void profiles_file_take(struct profiles_file *f, str text, bool open_to_all,
                        const struct environment *e);
void profiles_file_take_part(struct profiles_file *f, struct profiles_part *part, bool open_to_all,
                             const struct environment *e);
/* Let go the parts of both. */
void profiles_files_deinit(struct profiles_file files[]);

/* Parse and merge the two texts, by enum profiles_which. PIPEPOLL_ENOMEM. */
int profiles_new(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, const struct profiles_file files[],
                 struct pipepoll_error *why);
/* One reference less; the last wipes and frees it. NULL in, NULL out; returns NULL. */
struct profiles *profiles_free(struct profiles *p);

/* What was merged last, while somebody uses it: many identities that are fetched at once, as when
 * the program starts, need one reading of a file that names them all. Zero-fill it. */
struct profiles_recent {
    struct profiles *profiles; /* NULL: nobody uses any */
    uint64_t hash;             /* of what it was merged from */
};
/* Merge the two parts, which become its own: takes no time, however long they are. Perhaps it is a
 * reference to what others use, of files that hold the same. PIPEPOLL_ENOMEM: the parts stay the
 * caller's. */
int profiles_merge(struct profiles **out, struct profiles_recent *recent, const struct alloc *alloc,
                   const struct profiles_paths *paths, struct profiles_file files[]);

/* Find, read (this blocks) and merge. EINVAL: a path is too long; ENOMEM. */
int profiles_load(struct profiles **out, const struct alloc *alloc, const struct environment *e,
                  struct pipepoll_error *why);

/* The variable that names the profile: AWS_PROFILE, else AWS_DEFAULT_PROFILE, as version 2 of the
 * AWS CLI has it (1 looks at them the other way round); NULL: neither is set. One that is set to
 * nothing counts: it names no profile that could be there. */
const char *profiles_variable(const struct environment *e);
/* The profile that it names, else "default". */
str profiles_wanted(const struct environment *e);

const struct profiles_paths *profiles_paths(const struct profiles *p);
bool profiles_has(const struct profiles *p, enum profiles_kind kind, str name);
/* Of a profile that is not there, for errors: "is in neither PATH nor PATH", and what was meant
 * perhaps, or what hides it. NUL-terminated, cut to size. Returns text. */
const char *profiles_explain_missing(const struct profiles *p, str name, char *text, size_t size);
/* For errors about something that was not found: " (PATH:LINE:COLUMN: what)", or the like, of what
 * could have hidden it; empty when nothing could. NUL-terminated, cut to size. Returns text. */
const char *profiles_doubt(const struct profiles *p, char *text, size_t size);
/* What is wrong with one of the files as a whole: "PATH cannot be read: ..."; empty: nothing.
 * Returns text. */
const char *profiles_problem(const struct profiles *p, enum profiles_which which, char *text,
                             size_t size);

/* The value of a key (any case), borrowed from p; empty when it is not given. */
str profiles_get(const struct profiles *p, enum profiles_kind kind, str name, str key);
/* The same, but only where it stands in the file that `beside` was found in: a token belongs to the
 * keys that it came with. */
str profiles_get_beside(const struct profiles *p, enum profiles_kind kind, str name, str key,
                        str beside);
/* Does the key's value come from the credentials file? */
bool profiles_is_in_credentials(const struct profiles *p, enum profiles_kind kind, str name,
                                str key);
/* The value of an indented key below another: services sections, s3 = and the like. */
str profiles_get_sub(const struct profiles *p, enum profiles_kind kind, str name, str key, str sub);

/* May what was found of these keys (the last is NULL) be used? PIPEPOLL_EINVAL: "PATH:LINE:COLUMN:
 * what", for a line about one of them cannot be understood or stands in a file that everybody may
 * write. */
int profiles_check(const struct profiles *p, enum profiles_kind kind, str name,
                   const char *const *keys, struct pipepoll_error *why);

#endif
