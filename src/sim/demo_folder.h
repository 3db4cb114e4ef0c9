/* SPDX-License-Identifier: MIT */
/* The files of a demo, in a folder of its own under TMPDIR. Blocking. */
#ifndef SIM_DEMO_FOLDER_H
#define SIM_DEMO_FOLDER_H

#include <stdio.h>

#include "sim/demo_options.h"

struct demo_folder {
    char path[2048];   /* empty: there is none */
    char config[2112]; /* of the file for `pipepoll run` in it */
};

struct demo_at {
    const char *url, *ca_pem, *listen;
};

/* How long the handler in it works on each job. */
enum { DEMO_HANDLER_MS = 300 };

/* Make it, with a config file by which the targets of these options are polled at url, whose
 * certificate ca_pem vouches for, and their jobs worked by a handler. listen: where it serves its
 * page; "": nowhere. ESYSTEM. To be removed in either case. */
int demo_folder_make(struct demo_folder *f, const struct demo_options *o, const struct demo_at *at,
                     struct pipepoll_error *why);
void demo_folder_remove(struct demo_folder *f);

/* The same with the certificate alone: config files for several runs can be written into it. */
int demo_folder_begin(struct demo_folder *f, const struct demo_at *at, struct pipepoll_error *why);
/* A new file. NULL: *why says so. */
FILE *demo_folder_create(const char *path, struct pipepoll_error *why);
/* What such a config file begins with, up to the first section of its own; its state is in the
 * folder by that name. */
void demo_folder_put_process(FILE *f, const struct demo_folder *folder, const char *state,
                             const struct demo_options *o, const struct demo_at *at);
/* And ends with: the handler, and the targets. */
void demo_folder_put_work(FILE *f, const struct demo_options *o);
/* It is whole. Or ESYSTEM: it could not be written. */
int demo_folder_finish(FILE *f, const char *path, struct pipepoll_error *why);

/* A template in TMPDIR for mkstemp() and mkdtemp(). ESYSTEM: the path is too long. */
int demo_folder_template(char *path, size_t size, struct pipepoll_error *why);
/* What to say when those fail with this errno. Returns ESYSTEM. */
int demo_folder_fail(const char *path, int error, struct pipepoll_error *why);

#endif
