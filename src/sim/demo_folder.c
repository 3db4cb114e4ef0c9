/* SPDX-License-Identifier: MIT */
/* The config file is one that a newcomer might write. Its handler is a line of shell; the client
 * tokens come from another, for the simulated service has one for each client id, "token-ID". */
#include "sim/demo_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "config/config.h"
#include "config/region.h"
#include "sim/demo_jobs.h"

enum { DESCRIPTORS = 8 };

#define TEMPLATE "/pipepoll-demo-XXXXXX"

static int fail(str folder, int error, struct pipepoll_error *why)
{
    char path[4096];
    snprintf(path, sizeof path, "%.*s", STR_ARG(folder));
    return explain(why, PIPEPOLL_ESYSTEM,
                   "no temporary file in %s: %s; set TMPDIR to another folder", path,
                   config_file_error(path, error));
}

int demo_folder_template(char *path, size_t size, struct pipepoll_error *why)
{
    size_t len = size;
    if (uv_os_tmpdir(path, &len))
        len = 0;
    struct buf b = { .at = path, .len = len, .cap = size };
    buf_put(&b, STR(TEMPLATE));
    buf_cstr(&b);
    return b.overflow ? fail((str) { path, len }, ENAMETOOLONG, why) : PIPEPOLL_OK;
}

int demo_folder_fail(const char *path, int error, struct pipepoll_error *why)
{
    return fail((str) { path, strlen(path) - strlen(TEMPLATE) }, error, why);
}

static void put_regions(FILE *f, const struct demo_options *o)
{
    fputs("regions = ", f);
    for (uint32_t i = 0; i < o->regions; i++)
        fprintf(f, "%s%.*s", i ? ", " : "", STR_ARG(region_nth(i)));
    fputc('\n', f);
}

void demo_folder_put_process(FILE *f, const struct demo_folder *folder, const char *state,
                             const struct demo_options *o, const struct demo_at *at)
{
    fprintf(f,
            "[pipepoll]\nstate-dir = %s/%s\nca-bundle = %s/ca.pem\nendpoint-url = %s\n"
            "client-tokens-command = sh -c 'echo \"token-$0\"'\nhandler = demo\n"
            "on-restart = rerun\ninterval = %ums\nmax-in-flight = %u\n"
            "drain-timeout = 10s\ncategory = Build\nversion = 1\n",
            folder->path, state, folder->path, at->url, o->interval_ms, o->in_flight);
    put_regions(f, o);
}

void demo_folder_put_work(FILE *f, const struct demo_options *o)
{
    fprintf(f,
            "[handler demo]\ncommand = sh -c 'cat >/dev/null; sleep %d.%03d; echo "
            "\"{\\\"result\\\":{\\\"status\\\":\\\"succeeded\\\",\\\"summary\\\":\\\"done\\\"}}\"'"
            "\n",
            DEMO_HANDLER_MS / 1000, DEMO_HANDLER_MS % 1000);
    for (uint32_t i = 0; i < o->action_types; i++) {
        char provider[32];
        demo_jobs_provider(provider, sizeof provider, i);
        fprintf(f, "[target %s]\nprovider = %s\n", provider, provider);
    }
}

static void put_config(FILE *f, const struct demo_folder *folder, const struct demo_options *o,
                       const struct demo_at *at)
{
    demo_folder_put_process(f, folder, "state", o, at);
    fputs("max-jobs = 64\nlog-level = warning\n", f);
    if (*at->listen)
        fprintf(f, "[http]\nlisten = %s\n", at->listen);
    demo_folder_put_work(f, o);
}

int demo_folder_finish(FILE *f, const char *path, struct pipepoll_error *why)
{
    bool failed = ferror(f);
    if (!fclose(f) && !failed)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ESYSTEM, "cannot write %s: %s", path, strerror(errno));
}

FILE *demo_folder_create(const char *path, struct pipepoll_error *why)
{
    FILE *f = fopen(path, "wxe");
    if (!f)
        explain(why, PIPEPOLL_ESYSTEM, "cannot write %s: %s", path, strerror(errno));
    return f;
}

static int write_ca(const struct demo_folder *folder, const char *pem, struct pipepoll_error *why)
{
    char path[sizeof folder->config];
    snprintf(path, sizeof path, "%s/ca.pem", folder->path);
    FILE *f = demo_folder_create(path, why);
    if (!f)
        return PIPEPOLL_ESYSTEM;
    fputs(pem, f);
    return demo_folder_finish(f, path, why);
}

static int write_config(const struct demo_folder *folder, const struct demo_options *o,
                        const struct demo_at *at, struct pipepoll_error *why)
{
    FILE *f = demo_folder_create(folder->config, why);
    if (!f)
        return PIPEPOLL_ESYSTEM;
    put_config(f, folder, o, at);
    return demo_folder_finish(f, folder->config, why);
}

int demo_folder_begin(struct demo_folder *f, const struct demo_at *at, struct pipepoll_error *why)
{
    char path[sizeof f->path];
    *f = (struct demo_folder) { .path = "" };
    int r = demo_folder_template(path, sizeof path, why);
    if (r)
        return r;
    if (!mkdtemp(path))
        return demo_folder_fail(path, errno, why);
    snprintf(f->path, sizeof f->path, "%s", path);
    snprintf(f->config, sizeof f->config, "%s/demo.ini", f->path);
    return write_ca(f, at->ca_pem, why);
}

int demo_folder_make(struct demo_folder *f, const struct demo_options *o, const struct demo_at *at,
                     struct pipepoll_error *why)
{
    int r = demo_folder_begin(f, at, why);
    return r ? r : write_config(f, o, at, why);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    remove(path); /* what cannot be removed stays: it is in a folder for such */
    return 0;
}

void demo_folder_remove(struct demo_folder *f)
{
    if (f->path[0])
        nftw(f->path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    f->path[0] = '\0';
}
