/* SPDX-License-Identifier: MIT */
/* A value that is wrong is complained of where it stands, and then counts as not given: what
 * follows from it is not worth a sentence of its own. A program is looked for as handler/launch.c
 * does it when it starts one: along the PATH that it will have, whose relative folders are passed
 * over. */
#include "config/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/url.h"
#include "base/words.h"

bool value_is_given(const struct value_reader *r, enum key k)
{
    return r->section->values[k].text.len > 0;
}

void value_complain(const struct value_reader *r, enum key k, enum pipepoll_level level,
                    const char *format, ...)
{
    char text[DIAGNOSTIC_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    complain(r->diagnostics, level, r->section->values[k].at, "%s %s", key_name(k), text);
}

void value_judge(const struct value_reader *r, enum key k, bool right, const char *what)
{
    if (!right && value_is_given(r, k))
        value_complain(r, k, PIPEPOLL_ERROR, "is %s, not \"%.*s\"", what,
                       STR_ARG(r->section->values[k].text));
}

unsigned value_word(const struct value_reader *r, enum key k, const char *const words[],
                    unsigned otherwise, const char *what)
{
    for (unsigned i = 0; words[i]; i++)
        if (str_eq(r->section->values[k].text, str_of(words[i])))
            return i;
    value_judge(r, k, false, what);
    return otherwise;
}

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

bool value_next(const struct value *v, str *rest, str *word, struct location *at)
{
    while (rest->len && is_separator(rest->ptr[0]))
        *rest = str_skip(*rest, 1);
    *word = (str) { rest->ptr, 0 };
    while (word->len < rest->len && !is_separator(rest->ptr[word->len]))
        word->len++;
    *rest = str_skip(*rest, word->len);
    if (word->len)
        *at = (struct location) { v->at.line, v->at.column + (uint32_t)(word->ptr - v->text.ptr) };
    return word->len > 0;
}

/* --- copies --- */

int value_text(const struct value_reader *r, enum key k, char **out)
{
    str text = r->section->values[k].text;
    *out = NULL;
    if (!text.len)
        return PIPEPOLL_OK;
    *out = strndup(text.ptr, text.len);
    return *out ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
}

int value_path(const struct value_reader *r, enum key k, char **out)
{
    const struct environment ours = { NULL, NULL };
    char text[PATH_MAX];
    struct buf path = BUF_ON(text);
    *out = NULL;
    if (!value_is_given(r, k))
        return PIPEPOLL_OK;
    environment_put_path(&ours, &path, r->section->values[k].text);
    buf_cstr(&path);
    if (path.overflow) {
        value_complain(r, k, PIPEPOLL_ERROR, "is too long for a path");
        return PIPEPOLL_OK;
    }
    *out = strdup(text);
    return *out ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
}

int value_words(const struct value_reader *r, enum key k, char ***out)
{
    str line = r->section->values[k].text;
    *out = NULL;
    if (!line.len)
        return PIPEPOLL_OK;
    char **words = malloc((WORDS_MAX + 1) * sizeof *words + line.len + 1);
    if (!words)
        return PIPEPOLL_ENOMEM;
    const char *problem = words_split(line, (char *)(words + WORDS_MAX + 1), words);
    if (problem) {
        value_complain(r, k, PIPEPOLL_ERROR, "%s", problem);
        free(words);
        return PIPEPOLL_OK;
    }
    *out = words;
    return PIPEPOLL_OK;
}

/* --- programs --- */

/* 0, or why it cannot be run. */
static int judge_program(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
    return access(path, X_OK) ? errno : 0;
}

static const char *path_of(char *const *environment)
{
    const char *found = getenv("PATH");
    for (; environment && *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            found = *environment + 5;
    return found ? found : "/usr/local/bin:/usr/bin:/bin";
}

/* 0, or the most telling error of all folders. */
static int find_along(str rest, const char *name, char *path)
{
    int error = ENOENT;
    while (rest.len) {
        size_t len = str_find(rest, ':');
        struct buf b = { .at = path, .cap = PATH_MAX };
        buf_printf(&b, "%.*s/%s", (int)len, rest.ptr, name);
        int why = b.overflow || path[0] != '/' ? ENOENT : judge_program(path);
        if (!why)
            return 0;
        error = why == ENOENT || why == ENOTDIR ? error : why;
        rest = str_skip(rest, len < rest.len ? len + 1 : len);
    }
    return error;
}

static int find_program(const char *name, const char *directory, char *const *environment,
                        char *path)
{
    struct buf b = { .at = path, .cap = PATH_MAX };
    if (!strchr(name, '/'))
        return *name ? find_along(str_of(path_of(environment)), name, path) : ENOENT;
    if (name[0] != '/' && directory)
        buf_printf(&b, "%s/", directory);
    buf_printf(&b, "%s", name);
    buf_cstr(&b);
    return b.overflow ? ENAMETOOLONG : judge_program(path);
}

bool value_find_program(const struct value_reader *r, enum key k, char *const *argv,
                        const char *directory, char *const *environment, char *path)
{
    int error = find_program(argv[0], directory, environment, path);
    if (!error)
        return true;
    if (error == ENOENT && !strchr(argv[0], '/'))
        value_complain(r, k, PIPEPOLL_ERROR, "names the program \"%s\", which is not in PATH, %s",
                       argv[0], path_of(environment));
    else
        value_complain(r, k, PIPEPOLL_ERROR, "names the program \"%s\", which cannot be run: %s",
                       argv[0], strerror(error));
    return false;
}

/* --- files --- */

/* A file is mostly missing at a path with a variable because that is not set. */
static void complain_of_path(const struct value_reader *r, enum key k, const char *path,
                             const char *what, int error)
{
    const struct environment ours = { NULL, NULL };
    str unset = error == ENOENT ? environment_unset_in(&ours, str_of(path)) : STR("");
    if (unset.len)
        value_complain(r, k, PIPEPOLL_ERROR, "%s %s: the environment variable %.*s is not set",
                       path, what, STR_ARG(unset));
    else
        value_complain(r, k, PIPEPOLL_ERROR, "%s %s: %s", path, what, strerror(error));
}

void value_check_directory(const struct value_reader *r, enum key k, const char *path)
{
    struct stat st;
    int error = stat(path, &st) ? errno : 0;
    if (!error && !S_ISDIR(st.st_mode))
        error = ENOTDIR;
    if (!error && access(path, X_OK))
        error = errno;
    if (error)
        complain_of_path(r, k, path, "cannot be entered", error);
}

static bool check_file(const struct value_reader *r, enum key k, const char *path, struct stat *st)
{
    int error = stat(path, st) ? errno : 0;
    if (!error && S_ISDIR(st->st_mode))
        error = EISDIR;
    if (!error && access(path, R_OK))
        error = errno;
    if (error)
        complain_of_path(r, k, path, "cannot be read", error);
    return !error;
}

void value_check_file(const struct value_reader *r, enum key k, const char *path)
{
    struct stat st;
    check_file(r, k, path, &st);
}

void value_check_secret_file(const struct value_reader *r, enum key k, const char *path,
                             enum pipepoll_level open_level)
{
    struct stat st;
    if (check_file(r, k, path, &st) && st.st_mode & S_IROTH)
        value_complain(r, k, open_level,
                       "%s may be read by everybody on this machine (mode %03o): chmod 600", path,
                       (unsigned)st.st_mode & 07777);
}

/* --- URLs --- */

bool value_is_loopback(str host)
{
    static const unsigned char loopback6[16] = { [15] = 1 };
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    struct buf b = BUF_ON(text);
    buf_put(&b, host);
    buf_cstr(&b);
    if (b.overflow)
        return false;
    if (inet_pton(AF_INET, text, bytes) == 1)
        return bytes[0] == 127;
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return memcmp(bytes, loopback6, sizeof loopback6) == 0;
    return str_eq_nocase(host, STR("localhost"));
}

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return false;
    return true;
}

static bool is_port(str port)
{
    unsigned n = 0;
    for (size_t i = 0; i < port.len && n <= 65535; i++)
        n = ascii_is_digit(port.ptr[i]) ? n * 10 + (unsigned)(port.ptr[i] - '0') : 65536;
    return port.len && n > 0 && n <= 65535;
}

/* NULL, or what is wrong with it. */
static const char *judge_url(const char *text, bool allow_http)
{
    struct url url;
    if (!is_visible(text))
        return "holds a blank or a control character";
    if (!url_split(&url, str_of(text)) || !url.host.len)
        return "is no URL such as https://example.com/jobs";
    bool https = str_eq_nocase(url.scheme, STR("https"));
    if (!https && !str_eq_nocase(url.scheme, STR("http")))
        return "must begin with https:// (or http://, to this machine)";
    if (url.user.ptr)
        return "must not name a user or password";
    if (url.port.ptr && !is_port(url.port))
        return "has a port that is no number from 1 to 65535";
    if (str_find(url.target, '#') < url.target.len)
        return "must not have a fragment (#...)";
    if (!https && !allow_http && !value_is_loopback(url.host))
        return "is http:// to another machine, which would show jobs and secrets to whoever is on "
               "the way: use https://";
    return NULL;
}

void value_check_url(const struct value_reader *r, enum key k, const char *url, bool allow_http)
{
    const char *problem = judge_url(url, allow_http);
    if (problem)
        value_complain(r, k, PIPEPOLL_ERROR, "%s", problem);
}
