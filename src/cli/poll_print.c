/* SPDX-License-Identifier: MIT */
/* What `pipepoll poll` prints: an answer in the wanted format, after the query, or what was asked
 * for instead of a poll; and failures, in the words of the AWS CLI. */
#include "cli/poll_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/poll_input.h"
#include "cli/screen.h"
#include "daemon/failure.h"

enum { SCREEN_WIDTH = 80 };

static const char *operation_of(const struct poll_options *o)
{
    return poll_options_is_custom(o) ? "PollForJobs" : "PollForThirdPartyJobs";
}

static struct format_screen screen_of(const struct poll_options *o)
{
    struct winsize size;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    bool may_color = is_terminal && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
    return (struct format_screen) {
        .title = operation_of(o),
        .width = is_terminal && size.ws_col ? size.ws_col : SCREEN_WIDTH,
        .colored = o->color == POLL_COLOR_ON || (o->color == POLL_COLOR_AUTO && may_color),
    };
}

/* The service has leased its jobs, so an answer that cannot be printed as asked is not left out. */
static void print_whole(struct poll_options *o, const struct datum *answer)
{
    struct text out = { .arena = &o->arena };
    datum_write(&out, answer, DATUM_COMPACT);
    if (!o->arena.failed)
        fprintf(stderr, "The whole answer: %.*s\n", STR_ARG(buf_str(&out.buf)));
}

/* Query and print. EXIT_FINE, or what to exit with, and the user was told why. */
int poll_print(struct poll_options *o, const struct datum *answer)
{
    const struct datum *d = answer;
    struct format_screen screen = screen_of(o);
    struct text out = { .arena = &o->arena };
    struct pipepoll_error why = { .text = "out of memory" };
    if (o->query)
        d = query_search(&o->arena, o->query, d, &why);
    else if (o->keyed && d->count == 0 && o->format == FORMAT_JSON)
        text_put(&out, STR("{}\n")); /* no region answered */
    if (d && format_put(&out, d, o->format, &screen, &why) && !o->arena.failed) {
        if (out.buf.len)
            fwrite(out.buf.at, 1, out.buf.len, stdout);
        return command_finish(EXIT_FINE);
    }
    fprintf(stderr, "\n%s\n", o->arena.failed ? "out of memory for the answer" : why.text);
    if (!o->arena.failed && o->print == POLL_PRINT_NOTHING)
        print_whole(o, answer);
    return EXIT_OTHER;
}

int poll_print_input(struct poll_options *o)
{
    struct text out = { .arena = &o->arena };
    datum_write(&out, poll_input_skeleton(&o->arena), DATUM_INDENTED);
    printf("%.*s\n", STR_ARG(buf_str(&out.buf)));
    return command_finish(EXIT_FINE);
}

/* --- failures --- */

static void print_end_of_retries(const struct pipepoll_failure *f, uint32_t attempts)
{
    if (f->attempt >= attempts)
        fprintf(stderr, " (reached max retries: %u)", attempts - 1);
    else if (f->attempt && failure_may_pass(f))
        fprintf(stderr, " (--timeout leaves no time for a retry)");
}

/* Whoever answers may have written it. */
static void print_message(const struct pipepoll_failure *f)
{
    fputs(": ", stderr);
    screen_print_error(f->message);
    fputc('\n', stderr);
}

/* The words of the AWS CLI where it has any. */
static void print_fault(const struct pipepoll_failure *f, uint32_t attempts, const char *url)
{
    if (f->status == PIPEPOLL_ETRANSPORT)
        fprintf(stderr, "Could not connect to the endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_ETIMEDOUT)
        fprintf(stderr, "Read timeout on endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_EUNTRUSTED)
        fprintf(stderr, "SSL validation failed for %s", url);
    else
        fprintf(stderr, "No answer from %s that could be used", url);
    print_end_of_retries(f, attempts);
    print_message(f);
}

static void print_refusal(const struct poll_options *o, const struct pipepoll_failure *f)
{
    char status[16];
    snprintf(status, sizeof status, "%d", f->http_status);
    str code = f->code.len ? f->code : str_of(status);
    fputs("An error occurred (", stderr);
    screen_print_error(code);
    fprintf(stderr, ") when calling the %s operation", operation_of(o));
    if (failure_may_pass(f))
        print_end_of_retries(f, o->max_attempts);
    print_message(f);
}

bool poll_is_refusal(const struct pipepoll_failure *f)
{
    /* What was not understood is no refusal of the service, nor is what another says. */
    return f->cause != PIPEPOLL_CAUSE_MIDDLE_BOX && (f->code.len || f->http_status >= 300);
}

void poll_print_failure(const struct poll_options *o, str region, const struct pipepoll_failure *f)
{
    char url[512] = "";
    struct pipepoll_target_options target = o->target;
    target.region = region;
    pipepoll_endpoint(&target, url, sizeof url, NULL);
    fputc('\n', stderr);
    if (o->keyed)
        fprintf(stderr, "%.*s: ", STR_ARG(region));
    if (poll_is_refusal(f))
        print_refusal(o, f);
    else
        print_fault(f, o->max_attempts, url);
}
