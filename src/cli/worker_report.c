/* SPDX-License-Identifier: MIT */
/* Each handler is told with what it starts or calls and with its limits; each part that has a
 * default is told with it, so that nobody has to look it up. */
#include "cli/worker_report.h"

#include <stdio.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "config/quantity.h"

enum { LINE_SIZE = 16384 };

const char *worker_report_handler(const struct config *c, const struct plan_target *t)
{
    if (t->handler)
        return t->handler->name;
    return c->fleet.servers ? "the queue" : "stdout";
}

bool worker_report_put_url(struct buf *out, str url)
{
    size_t query = str_find(url, '?');
    buf_put(out, (str) { url.ptr, query });
    if (query == url.len)
        return false;
    buf_put(out, STR("?..."));
    return true;
}

void worker_report_put_names(struct buf *out, char *const *environment)
{
    for (size_t i = 0; environment && environment[i]; i++) {
        str entry = str_of(environment[i]);
        buf_printf(out, "%s%.*s", i ? ", " : "", (int)str_find(entry, '='), entry.ptr);
    }
}

static size_t count_targets(const struct plan *p, const struct handler_config *h)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += p->targets[i].handler == h;
    return count;
}

/* A cut line is better than none. */
static void print_line(struct buf *line)
{
    fwrite(line->at, 1, line->len, stdout);
    putchar('\n');
    buf_reset(line);
}

/* --- text --- */

static void put_time(struct buf *out, const char *name, uint32_t ms)
{
    buf_printf(out, ", %s ", name);
    quantity_put_duration(out, ms);
}

static void put_limits(struct buf *out, const struct handler_config *h)
{
    if (h->open_files)
        buf_printf(out, ", open files %llu", (unsigned long long)h->open_files);
    if (h->address_space) {
        buf_put(out, STR(", address space "));
        quantity_put_bytes(out, h->address_space);
    }
    if (h->cpu_seconds)
        buf_printf(out, ", CPU time %llus", (unsigned long long)h->cpu_seconds);
}

static void put_program(struct buf *out, const struct handler_config *h)
{
    buf_printf(out, "%s", h->command);
    if (strcmp(h->argv[0], h->program) != 0)
        buf_printf(out, " (%s)", h->program);
    if (h->directory)
        buf_printf(out, ", in %s", h->directory);
    if (h->environment) {
        buf_put(out, STR(", with "));
        worker_report_put_names(out, h->environment);
    }
    if (h->kind == HANDLER_STDIO)
        buf_printf(out, ", %u job%s at once", h->concurrency, plural(h->concurrency));
    put_time(out, h->kind == HANDLER_EXEC ? "time-out" : "time-out of a job", h->timeout_ms);
    put_time(out, "killed after another", h->kill_after_ms);
    put_limits(out, h);
}

static void put_webhook(struct buf *out, const struct handler_config *h)
{
    bool v6 = strchr(h->callback_host, ':') != NULL;
    worker_report_put_url(out, str_of(h->url));
    buf_printf(out, ", signed with the key in %s", h->secret_file);
    put_time(out, "time-out of a request", h->timeout_ms);
    put_time(out, "of a call-back", h->callback_timeout_ms);
    buf_printf(out, ", which comes to %s%s%s:%u", v6 ? "[" : "", h->callback_host, v6 ? "]" : "",
               h->callback_port);
    if (h->callback_url) {
        buf_put(out, STR(" as "));
        worker_report_put_url(out, str_of(h->callback_url));
    }
}

static void print_handler(const struct config *c, const struct handler_config *h)
{
    char text[LINE_SIZE];
    struct buf line = BUF_ON(text);
    printf("%-16s %7zu  %-8s ", h->name, count_targets(&c->plan, h), handler_kind_name(h->kind));
    if (h->kind == HANDLER_WEBHOOK)
        put_webhook(&line, h);
    else
        put_program(&line, h);
    if (h->continue_after_ms)
        put_time(&line, "continued after", h->continue_after_ms);
    print_line(&line);
}

static void print_tokens(const struct client_tokens_config *t)
{
    char text[LINE_SIZE];
    struct buf line = BUF_ON(text);
    if (t->file)
        buf_printf(&line, "in %s", t->file);
    else if (t->command)
        buf_printf(&line, "by %s", t->command_text);
    else if (t->url)
        worker_report_put_url(&line, str_of(t->url));
    else
        buf_put(&line, STR("none: no third-party target has a handler"));
    if (t->command || t->url) {
        buf_put(&line, STR(", kept for "));
        quantity_put_duration(&line, t->ttl_ms);
    }
    printf("%-16s ", "client tokens");
    print_line(&line);
}

void worker_report_text(const struct config *config)
{
    const struct worker_config *w = &config->worker;
    if (!w->in_use)
        return;
    printf("\n%-16s %7s  %-8s %s\n", "HANDLER", "TARGETS", "KIND", "WHAT");
    for (size_t i = 0; i < w->handler_count; i++)
        print_handler(config, &w->handlers[i]);
    printf("\n%-16s %u at most, in all\n", "jobs in hand", w->max_jobs);
    if (w->has_journal)
        printf("%-16s in %s; jobs that ran when the process died %s\n", "journal", w->state_dir,
               w->rerun ? "are run again" : "are reported failed");
    else
        printf("%-16s none: what a crash leaves unfinished times out in the service\n", "journal");
    print_tokens(&w->tokens);
}

/* --- JSON --- */

static void put_member(struct buf *out, const char *name, const char *value)
{
    if (value)
        jsontext_member(out, name, str_of(value));
}

static void put_url_member(struct buf *out, const char *name, const char *url)
{
    struct buf shown = BUF_GROWING;
    if (!url)
        return;
    worker_report_put_url(&shown, str_of(url));
    jsontext_member(out, name, buf_str(&shown));
    buf_free(&shown);
}

static void put_number(struct buf *out, const char *name, uint64_t value)
{
    if (value)
        jsontext_count(out, name, value);
}

/* Each up to a character, '\0': whole. list may be NULL. */
static void put_list(struct buf *out, const char *name, char *const *list, char end)
{
    jsontext_open(out, name, '[');
    for (size_t i = 0; list && list[i]; i++) {
        str entry = str_of(list[i]);
        if (i)
            buf_put_char(out, ',');
        jsontext_string(out, (str) { entry.ptr, str_find(entry, end) });
    }
    buf_put_char(out, ']');
}

static void put_handler(struct buf *out, const struct config *c, const struct handler_config *h)
{
    jsontext_element(out, '{');
    put_member(out, "name", h->name);
    put_member(out, "kind", handler_kind_name(h->kind));
    jsontext_count(out, "targets", count_targets(&c->plan, h));
    jsontext_count(out, "timeoutMs", h->timeout_ms);
    put_number(out, "continueAfterMs", h->continue_after_ms);
    if (h->argv) {
        put_list(out, "command", h->argv, '\0');
        put_member(out, "program", h->program);
        put_member(out, "directory", h->directory);
        put_list(out, "environment", h->environment, '=');
    }
    put_number(out, "killAfterMs", h->kill_after_ms);
    put_number(out, "openFiles", h->open_files);
    put_number(out, "addressSpace", h->address_space);
    put_number(out, "cpuSeconds", h->cpu_seconds);
    put_number(out, "concurrency", h->concurrency);
    put_url_member(out, "url", h->url);
    put_member(out, "secretFile", h->secret_file);
    put_number(out, "callbackTimeoutMs", h->callback_timeout_ms);
    if (h->url) {
        put_member(out, "callbackAddress", h->callback_host);
        jsontext_count(out, "callbackPort", h->callback_port);
    }
    put_url_member(out, "callbackUrl", h->callback_url);
    buf_put_char(out, '}');
}

static void put_worker(struct buf *out, const struct worker_config *w)
{
    jsontext_open(out, "worker", '{');
    jsontext_count(out, "maxJobs", w->max_jobs);
    put_member(out, "journal", w->has_journal ? "sqlite" : "none");
    put_member(out, "stateDir", w->state_dir);
    put_member(out, "onRestart", w->rerun ? "rerun" : "fail");
    put_member(out, "continuationKeyFile", w->continuation_key_file);
    put_member(out, "clientTokens", w->tokens.file);
    if (w->tokens.command)
        put_list(out, "clientTokensCommand", w->tokens.command, '\0');
    put_url_member(out, "clientTokensUrl", w->tokens.url);
    if (!w->tokens.file)
        put_number(out, "clientTokensTtlMs", w->tokens.ttl_ms);
    buf_put_char(out, '}');
}

void worker_report_json(struct buf *out, const struct config *config)
{
    const struct worker_config *w = &config->worker;
    jsontext_open(out, "handlers", '[');
    for (size_t i = 0; i < w->handler_count; i++)
        put_handler(out, config, &w->handlers[i]);
    buf_put_char(out, ']');
    if (w->in_use)
        put_worker(out, w);
    else
        jsontext_null(out, "worker");
}
