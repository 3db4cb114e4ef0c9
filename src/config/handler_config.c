/* SPDX-License-Identifier: MIT */
/* The kind comes first: which other keys are of use depends on it. A key of another kind is an
 * error rather than passed over, since whoever wrote it expects something of it. Files are looked
 * for last, with all values known: a relative program is found from the handler's directory, and
 * along the PATH of its environment. */
#include "config/handler_config.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/quantity.h"
#include "config/value.h"

enum {
    TIME_MAX_MS = 7 * 86400000,
    CONCURRENCY_MAX = 65536,
    OPEN_FILES_MIN = 16,
    OPEN_FILES_MAX = 1 << 30
};
static const uint64_t address_space_min = 1 << 20, address_space_max = UINT64_C(1) << 50;

static const char time_text[] = "a time from 1ms to 168h such as 30s or 2h";

static const char *const kinds[] = { "exec", "stdio", "webhook", NULL };

const char *handler_kind_name(enum handler_kind kind)
{
    return kinds[kind];
}

/* --- which keys --- */

enum { EXEC = 1 << HANDLER_EXEC, STDIO = 1 << HANDLER_STDIO, WEBHOOK = 1 << HANDLER_WEBHOOK };

static const struct {
    enum key key;
    unsigned kinds;
} uses[] = {
    { KEY_COMMAND, EXEC | STDIO },
    { KEY_DIRECTORY, EXEC | STDIO },
    { KEY_ENVIRONMENT, EXEC | STDIO },
    { KEY_KILL_AFTER, EXEC | STDIO },
    { KEY_OPEN_FILES, EXEC | STDIO },
    { KEY_ADDRESS_SPACE, EXEC | STDIO },
    { KEY_CPU_TIME, EXEC | STDIO },
    { KEY_CONCURRENCY, STDIO },
    { KEY_URL, WEBHOOK },
    { KEY_ALLOW_HTTP, WEBHOOK },
    { KEY_SECRET_FILE, WEBHOOK },
    { KEY_CALLBACK_TIMEOUT, WEBHOOK },
    { KEY_CALLBACK_LISTEN, WEBHOOK },
    { KEY_CALLBACK_URL, WEBHOOK },
};

static void complain_of_useless(const struct value_reader *r, enum handler_kind kind)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (!(uses[i].kinds & 1u << kind) && value_is_given(r, uses[i].key))
            value_complain(r, uses[i].key, PIPEPOLL_ERROR,
                           "is of no use to kind = %s: it is for %s", kinds[kind],
                           uses[i].kinds == WEBHOOK ? "webhook"
                           : uses[i].kinds == STDIO ? "stdio"
                                                    : "exec and stdio");
}

static void complain_of_section(const struct value_reader *r, const char *text)
{
    complain(r->diagnostics, PIPEPOLL_ERROR, r->section->at, "[handler %.*s] %s",
             STR_ARG(r->section->name), text);
}

static void require(const struct value_reader *r, enum key k, const char *text)
{
    if (!r->section->values[k].text.ptr && !r->section->misspelt[k])
        complain_of_section(r, text);
}

/* false: it cannot be told, and was complained of. */
static bool read_kind(const struct value_reader *r, enum handler_kind *out)
{
    bool has_command = value_is_given(r, KEY_COMMAND), has_url = value_is_given(r, KEY_URL);
    const bool *misspelt = r->section->misspelt;
    enum { NONE = sizeof kinds / sizeof *kinds };
    *out = has_url ? HANDLER_WEBHOOK : HANDLER_EXEC;
    if (value_is_given(r, KEY_KIND)) {
        unsigned kind = value_word(r, KEY_KIND, kinds, NONE, "exec, stdio or webhook");
        *out = kind == NONE ? *out : kind;
        return kind != NONE;
    }
    if (misspelt[KEY_KIND] || misspelt[KEY_COMMAND] || misspelt[KEY_URL])
        return false;
    if (has_command && has_url)
        complain_of_section(r, "has a command and a url: one of both must go");
    else if (!r->section->values[KEY_COMMAND].text.ptr && !r->section->values[KEY_URL].text.ptr)
        complain_of_section(r, "has no command (a program to run), and no url (a web service)");
    return has_command != has_url;
}

/* --- exec, stdio --- */

static void read_time(const struct value_reader *r, enum key k, uint32_t min_ms, uint32_t *out_ms)
{
    value_judge(r, k, quantity_duration_ms(r->section->values[k].text, min_ms, TIME_MAX_MS, out_ms),
                min_ms == 1 ? time_text : "a time from 1s to 168h such as 30s or 2h");
}

static void read_limits(struct handler_config *out, const struct value_reader *r)
{
    const struct value *v = r->section->values;
    uint32_t files = 0, cpu_ms = 0;
    value_judge(r, KEY_OPEN_FILES,
                quantity_count(v[KEY_OPEN_FILES].text, OPEN_FILES_MIN, OPEN_FILES_MAX, &files),
                "a number of 16 or more");
    value_judge(r, KEY_ADDRESS_SPACE,
                quantity_bytes(v[KEY_ADDRESS_SPACE].text, address_space_min, address_space_max,
                               &out->address_space),
                "a size of 1MiB or more such as 512MiB or 2GiB");
    read_time(r, KEY_CPU_TIME, 1000, &cpu_ms);
    out->open_files = files;
    out->cpu_seconds = (cpu_ms + 999) / 1000;
}

static bool is_name(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && c != '_' && !(i && ascii_is_digit(c)))
            return false;
    }
    return name.len > 0;
}

/* Values may be secret: none is quoted. */
static void check_environment(const struct value_reader *r, char *const *list)
{
    for (size_t i = 0; list && list[i]; i++) {
        str entry = str_of(list[i]), name = { entry.ptr, str_find(entry, '=') };
        if (name.len == entry.len || !is_name(name))
            value_complain(r, KEY_ENVIRONMENT, PIPEPOLL_ERROR,
                           "is a list of NAME=VALUE, parted by blanks, and word %zu is none",
                           i + 1);
        else if (entry.ptr[entry.len - 1] == ',' && list[i + 1])
            value_complain(r, KEY_ENVIRONMENT, PIPEPOLL_WARNING,
                           "has a comma at the end of %.*s, which belongs to the value: words are "
                           "parted by blanks alone",
                           STR_ARG(name));
    }
}

static int find_program(struct handler_config *out, const struct value_reader *r)
{
    char path[PATH_MAX];
    if (out->directory)
        value_check_directory(r, KEY_DIRECTORY, out->directory);
    if (!out->argv ||
        !value_find_program(r, KEY_COMMAND, out->argv, out->directory, out->environment, path))
        return PIPEPOLL_OK;
    out->program = strdup(path);
    return out->program ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
}

static int read_program(struct handler_config *out, const struct value_reader *r)
{
    out->timeout_ms = 3600000;
    out->kill_after_ms = 10000;
    out->concurrency = out->kind == HANDLER_STDIO;
    require(r, KEY_COMMAND, "has no command (a program and its arguments; no shell reads it)");
    read_time(r, KEY_KILL_AFTER, 1, &out->kill_after_ms);
    read_limits(out, r);
    if (out->kind == HANDLER_STDIO)
        value_judge(r, KEY_CONCURRENCY,
                    quantity_count(r->section->values[KEY_CONCURRENCY].text, 1, CONCURRENCY_MAX,
                                   &out->concurrency),
                    "a number from 1 to 65536");
    int result = value_text(r, KEY_COMMAND, &out->command);
    if (!result)
        result = value_words(r, KEY_COMMAND, &out->argv);
    if (!result)
        result = value_path(r, KEY_DIRECTORY, &out->directory);
    if (!result)
        result = value_words(r, KEY_ENVIRONMENT, &out->environment);
    if (result)
        return result;
    check_environment(r, out->environment);
    return find_program(out, r);
}

/* --- webhook --- */

/* ADDRESS:PORT or [ADDRESS]:PORT */
static bool split_listen(struct handler_config *out, str text)
{
    bool v6 = text.len && text.ptr[0] == '[';
    size_t colon = text.len;
    while (colon && text.ptr[colon - 1] != ':')
        colon--;
    str host = { text.ptr, colon ? colon - 1 : 0 }, port = str_skip(text, colon);
    if (v6 && (host.len < 2 || host.ptr[host.len - 1] != ']'))
        return false;
    if (v6)
        host = (str) { host.ptr + 1, host.len - 2 };
    struct buf b = BUF_ON(out->callback_host);
    unsigned char bytes[16];
    uint32_t number;
    buf_put(&b, host);
    buf_cstr(&b);
    if (b.overflow || inet_pton(v6 ? AF_INET6 : AF_INET, out->callback_host, bytes) != 1 ||
        !quantity_count(port, 0, 65535, &number))
        return false;
    out->callback_port = (uint16_t)number;
    return true;
}

static bool is_any_address(const char *host)
{
    unsigned char bytes[16] = { 0 };
    static const unsigned char none[16];
    return (inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1) &&
           memcmp(bytes, none, sizeof none) == 0;
}

static void read_listen(struct handler_config *out, const struct value_reader *r)
{
    split_listen(out, STR("127.0.0.1:0"));
    if (!value_is_given(r, KEY_CALLBACK_LISTEN))
        return;
    bool right = split_listen(out, r->section->values[KEY_CALLBACK_LISTEN].text);
    value_judge(r, KEY_CALLBACK_LISTEN, right,
                "an address and a port such as 127.0.0.1:8080 or [::1]:0 (0: any)");
    if (right && is_any_address(out->callback_host) &&
        !r->section->values[KEY_CALLBACK_URL].text.ptr)
        value_complain(r, KEY_CALLBACK_LISTEN, PIPEPOLL_ERROR,
                       "is every address of this machine: a callback-url must say by which one the "
                       "service gets here");
}

static int read_webhook(struct handler_config *out, const struct value_reader *r)
{
    out->timeout_ms = 30000;
    out->callback_timeout_ms = 3600000;
    require(r, KEY_URL, "has no url (of the web service that gets the jobs)");
    require(r, KEY_SECRET_FILE, "has no secret-file (a file with the key that signs requests)");
    read_time(r, KEY_CALLBACK_TIMEOUT, 1, &out->callback_timeout_ms);
    value_judge(r, KEY_ALLOW_HTTP,
                quantity_switch(r->section->values[KEY_ALLOW_HTTP].text, &out->allow_http),
                "yes or no");
    read_listen(out, r);
    int result = value_text(r, KEY_URL, &out->url);
    if (!result)
        result = value_text(r, KEY_CALLBACK_URL, &out->callback_url);
    if (!result)
        result = value_path(r, KEY_SECRET_FILE, &out->secret_file);
    if (result)
        return result;
    if (out->url)
        value_check_url(r, KEY_URL, out->url, out->allow_http);
    if (out->callback_url)
        value_check_url(r, KEY_CALLBACK_URL, out->callback_url, out->allow_http);
    if (out->secret_file)
        value_check_secret_file(r, KEY_SECRET_FILE, out->secret_file, PIPEPOLL_ERROR);
    return PIPEPOLL_OK;
}

/* --- all --- */

int handler_config_read(struct handler_config *out, const struct section *s,
                        struct diagnostics *diagnostics)
{
    const struct value_reader r = { s, diagnostics };
    *out = (struct handler_config) { .at = s->at };
    out->name = strndup(s->name.len ? s->name.ptr : "", s->name.len);
    if (!out->name)
        return PIPEPOLL_ENOMEM;
    if (str_eq(s->name, STR("none")))
        complain_of_section(&r, "needs another name: handler = none means lines on stdout");
    if (!read_kind(&r, &out->kind))
        return PIPEPOLL_OK;
    complain_of_useless(&r, out->kind);
    int result = out->kind == HANDLER_WEBHOOK ? read_webhook(out, &r) : read_program(out, &r);
    read_time(&r, KEY_TIMEOUT, 1, &out->timeout_ms);
    read_time(&r, KEY_CONTINUE_AFTER, 1, &out->continue_after_ms);
    return result;
}

void handler_config_deinit(struct handler_config *c)
{
    free(c->name);
    free(c->command);
    free(c->argv);
    free(c->program);
    free(c->directory);
    free(c->environment);
    free(c->url);
    free(c->secret_file);
    free(c->callback_url);
    *c = (struct handler_config) { .name = NULL };
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_words(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    for (; *a && *b && strcmp(*a, *b) == 0; a++)
        b++;
    return !*a && !*b;
}

bool handler_config_is_same(const struct handler_config *a, const struct handler_config *b)
{
    return a->kind == b->kind && a->timeout_ms == b->timeout_ms &&
           a->continue_after_ms == b->continue_after_ms && same_words(a->argv, b->argv) &&
           same_text(a->directory, b->directory) && same_words(a->environment, b->environment) &&
           a->kill_after_ms == b->kill_after_ms && a->open_files == b->open_files &&
           a->address_space == b->address_space && a->cpu_seconds == b->cpu_seconds &&
           a->concurrency == b->concurrency && same_text(a->url, b->url) &&
           same_text(a->secret_file, b->secret_file) && a->allow_http == b->allow_http &&
           a->callback_timeout_ms == b->callback_timeout_ms &&
           strcmp(a->callback_host, b->callback_host) == 0 &&
           a->callback_port == b->callback_port && same_text(a->callback_url, b->callback_url);
}
