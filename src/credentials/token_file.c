/* SPDX-License-Identifier: MIT */
/* A worker's thread reads the file; the token that goes on is a slice of what was read. The file is
 * noted for the watch before it is judged: a broken one that is replaced is news as well. */
#include "credentials/token_file.h"

#include "base/buf.h"

enum { PATH_SIZE = 4096 };

/* It goes into a header line: a line end in it could start another. */
static bool is_plain(str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] < 0x20 || token.ptr[i] > 0x7e)
            return false;
    return true;
}

/* The path in text[PATH_SIZE]. One that is too long becomes the empty one, which does not exist. */
static const char *path_in(char *text, str path)
{
    struct buf b = { .at = text, .cap = PATH_SIZE };
    buf_put(&b, path);
    return buf_cstr(&b);
}

static void on_read(struct file_read *read, int error, str text)
{
    struct token_file *t = CONTAINER_OF(read, struct token_file, read);
    char path[PATH_SIZE];
    watch_note(t->watch, path_in(path, t->path), &read->stamp);
    str token = str_trim(text);
    const char *problem = NULL;
    if (error)
        problem = file_problem(read, error);
    else if (!token.len)
        problem = "it is empty";
    else if (!is_plain(token))
        problem = "it holds a character that is not printable, such as a line end in its middle";
    if (!problem) {
        t->on_done(t, token, 0);
        return;
    }
    int status = file_error_passes(error) ? PIPEPOLL_ETRANSPORT : PIPEPOLL_ECREDENTIALS;
    explain(&t->why, 0, "token file %.*s: %s", STR_ARG(t->path), problem);
    explain_cause(&t->why, file_cause(error), t->path);
    t->on_done(t, STR(""), status);
}

int token_file_start(struct token_file *t, const struct provider_host *host, str path)
{
    char text[PATH_SIZE];
    t->path = path;
    t->read.on_done = on_read;
    return file_read_start(&t->read, host->worker, path_in(text, path));
}

void token_file_forget(struct token_file *t)
{
    file_read_forget(&t->read);
}
