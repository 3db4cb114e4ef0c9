/* SPDX-License-Identifier: MIT */
/* Text has a row for each part, and behind them the fix of each that is not well. */
#include "cli/doctor_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "cli/command.h"
#include "cli/fleet_check.h"
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
    if (f->verdict == VERDICT_WELL)
        return;
    printf("\n%s: %s\n  cause  %s\n", f->verdict == VERDICT_WARNING ? "warning" : "trouble",
           f->part, f->text);
    if (f->fix[0])
        printf("  fix    %s\n", f->fix);
}

/* What blocks is looked at once, and told twice. */
struct parts {
    struct part_finding http;
    struct part_finding spool;
    bool has_http, has_spool;
    struct fleet_check fleet;
};

static void look(struct parts *p, const struct doctor_parts *of)
{
    p->has_http = http_check(&p->http, of->http);
    p->has_spool = worker_check_spool(&p->spool, of->fleet, of->worker);
    fleet_check(&p->fleet, of->fleet);
}

static void each(const struct parts *p, const struct worker_config *w,
                 void (*take)(void *ctx, const struct part_finding *f), void *ctx)
{
    worker_check_each(w, take, ctx);
    if (p->has_spool)
        take(ctx, &p->spool);
    if (p->has_http)
        take(ctx, &p->http);
    for (size_t i = 0; i < p->fleet.count; i++)
        take(ctx, &p->fleet.parts[i]);
}

int doctor_parts_text(const struct doctor_parts *of)
{
    struct printing printing = { EXIT_FINE, 0 };
    struct parts p;
    look(&p, of);
    if (!of->worker->in_use && !p.has_http && !p.fleet.count)
        return EXIT_FINE;
    printf("\n%-24s %-7s  %s\n", "PART", "RESULT", "WHAT");
    each(&p, of->worker, print_row, &printing);
    each(&p, of->worker, print_trouble, NULL);
    return printing.code;
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

static int print_json_fleet(const struct parts *of)
{
    struct printing p = { EXIT_FINE, 0 };
    const struct fleet_check *c = &of->fleet;
    printf(",\"fleet\":%s", c->count ? "[" : "null");
    for (size_t i = 0; i < c->count; i++)
        print_json(&p, &c->parts[i]);
    if (of->has_spool)
        print_json(&p, &of->spool);
    if (c->count)
        putchar(']');
    return p.code;
}

int doctor_parts_json(const struct doctor_parts *of)
{
    struct printing worker = { EXIT_FINE, 0 }, http = { EXIT_FINE, 0 };
    struct parts p;
    look(&p, of);
    printf(",\"worker\":[");
    worker_check_each(of->worker, print_json, &worker);
    printf("],\"http\":");
    if (p.has_http)
        print_json(&http, &p.http);
    else
        printf("null");
    int fleet = print_json_fleet(&p), code = worker.code;
    code = http.code > code ? http.code : code;
    return fleet > code ? fleet : code;
}
