/* SPDX-License-Identifier: MIT */
/* Text has a row for each part, and behind them the fix of each that is not well. */
#include "cli/doctor_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "base/plural.h"
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
    struct buf *out; /* of JSON */
    struct doctor_parts_sum sum;
};

static void note(struct printing *p, const struct part_finding *f)
{
    p->code = f->exit_code > p->code ? f->exit_code : p->code;
    p->sum.count++;
    p->sum.of_verdict[f->verdict]++;
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

int doctor_parts_text(const struct doctor_parts *of, struct doctor_parts_sum *sum)
{
    struct printing printing = { .code = EXIT_FINE };
    struct parts p;
    *sum = printing.sum;
    look(&p, of);
    if (!of->worker->in_use && !p.has_http && !p.fleet.count)
        return EXIT_FINE;
    printf("\n%-24s %-7s  %s\n", "PART", "RESULT", "WHAT");
    each(&p, of->worker, print_row, &printing);
    each(&p, of->worker, print_trouble, NULL);
    *sum = printing.sum;
    return printing.code;
}

void doctor_parts_print_sum(const struct doctor_parts_sum *sum)
{
    const char *before = ":";
    if (!sum->count)
        return;
    printf("; %zu part%s", sum->count, plural(sum->count));
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (!sum->of_verdict[i])
            continue;
        printf("%s %zu %s", before, sum->of_verdict[i], verdicts[i]);
        before = ",";
    }
}

/* --- JSON --- */

static void put_part(struct printing *p, const struct part_finding *f)
{
    note(p, f);
    jsontext_member(p->out, "part", str_of(f->part));
    jsontext_member(p->out, "verdict", str_of(verdicts[f->verdict]));
    jsontext_member(p->out, "cause", str_of(f->text));
    jsontext_member(p->out, "fix", str_of(f->fix));
    buf_put_char(p->out, '}');
}

static void put_element(void *ctx, const struct part_finding *f)
{
    struct printing *p = ctx;
    jsontext_element(p->out, '{');
    put_part(p, f);
}

static void put_fleet(struct printing *p, const struct parts *of)
{
    const struct fleet_check *c = &of->fleet;
    if (!c->count && !of->has_spool) {
        jsontext_null(p->out, "fleet");
        return;
    }
    jsontext_open(p->out, "fleet", '[');
    for (size_t i = 0; i < c->count; i++)
        put_element(p, &c->parts[i]);
    if (of->has_spool)
        put_element(p, &of->spool);
    buf_put_char(p->out, ']');
}

int doctor_parts_json(struct buf *out, const struct doctor_parts *of)
{
    struct printing printing = { .code = EXIT_FINE, .out = out };
    struct parts p;
    look(&p, of);
    jsontext_open(out, "worker", '[');
    worker_check_each(of->worker, put_element, &printing);
    buf_put_char(out, ']');
    if (p.has_http) {
        jsontext_open(out, "http", '{');
        put_part(&printing, &p.http);
    } else {
        jsontext_null(out, "http");
    }
    put_fleet(&printing, &p);
    return printing.code;
}
