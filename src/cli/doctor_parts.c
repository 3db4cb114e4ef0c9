/* SPDX-License-Identifier: MIT */
/* Text has a row for each part, and behind them the fix of each that is not well. */
#include "cli/doctor_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "cli/command.h"
#include "cli/http_check.h"
#include "cli/worker_check.h"
#include "daemon/colour.h"

static const char *const verdicts[] = {
    [VERDICT_WELL] = "well", [VERDICT_WARNING] = "warning", [VERDICT_ILL] = "ill"
};

struct printing {
    int code;
    size_t count;
};

static void note(struct printing *p, const struct part_finding *f)
{
    p->code = f->exit_code > p->code ? f->exit_code : p->code;
    p->count++;
}

static void print_row(void *ctx, const struct part_finding *f)
{
    static const char *const colours[] = {
        [VERDICT_WELL] = COLOUR_GREEN, [VERDICT_WARNING] = COLOUR_YELLOW, [VERDICT_ILL] = COLOUR_RED
    };
    bool coloured = colour_is_wanted(STDOUT_FILENO);
    note(ctx, f);
    printf("%-24s %s%-7s%s  %s\n", f->part, coloured ? colours[f->verdict] : "",
           verdicts[f->verdict], coloured ? COLOUR_NONE : "", f->text);
}

static void print_trouble(void *ctx, const struct part_finding *f)
{
    (void)ctx;
    if (f->verdict != VERDICT_WELL)
        printf("\n%s: %s\n  cause  %s\n  fix    %s\n",
               f->verdict == VERDICT_WARNING ? "warning" : "trouble", f->part, f->text, f->fix);
}

int doctor_parts_text(const struct worker_config *w, const struct http_config *http)
{
    struct printing p = { EXIT_FINE, 0 };
    struct part_finding f;
    bool has_http = http_check(&f, http);
    if (!w->in_use && !has_http)
        return EXIT_FINE;
    printf("\n%-24s %-7s  %s\n", "PART", "RESULT", "WHAT");
    worker_check_each(w, print_row, &p);
    if (has_http)
        print_row(&p, &f);
    worker_check_each(w, print_trouble, NULL);
    if (has_http)
        print_trouble(NULL, &f);
    return p.code;
}

static void print_json(void *ctx, const struct part_finding *f)
{
    char text[8192]; /* each byte may become six */
    struct buf line = BUF_ON(text);
    struct printing *p = ctx;
    if (p->count)
        putchar(',');
    note(p, f);
    buf_put_char(&line, '{');
    jsontext_member(&line, "part", str_of(f->part));
    jsontext_member(&line, "verdict", str_of(verdicts[f->verdict]));
    jsontext_member(&line, "cause", str_of(f->text));
    jsontext_member(&line, "fix", str_of(f->fix));
    buf_put_char(&line, '}');
    fwrite(line.at, 1, line.len, stdout);
}

int doctor_parts_json(const struct worker_config *w, const struct http_config *http)
{
    struct printing p = { EXIT_FINE, 0 }, of_http = { EXIT_FINE, 0 };
    struct part_finding f;
    printf(",\"worker\":[");
    worker_check_each(w, print_json, &p);
    printf("],\"http\":");
    if (http_check(&f, http))
        print_json(&of_http, &f);
    else
        printf("null");
    return p.code > of_http.code ? p.code : of_http.code;
}
