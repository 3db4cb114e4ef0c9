/* SPDX-License-Identifier: MIT */
/* Text and JSON walk over the same probes and diagnose each anew when they come to it: a diagnosis
 * is cheap, and no memory is needed for however many targets. The table is made twice, once to
 * measure its columns and once to print it. Text says once what targets in a row have in common;
 * JSON lists each, for programs count for themselves. */
#include "cli/doctor_report.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "cli/command.h"
#include "cli/doctor_parts.h"
#include "daemon/colour.h"
#include "daemon/event.h"
#include "daemon/record.h"

/* --- text --- */

enum {
    COLUMN_TARGET,
    COLUMN_REGION,
    COLUMN_RESULT,
    COLUMN_CREDENTIALS,
    COLUMN_EXPIRES,
    COLUMN_SKEW,
    COLUMN_DNS,
    COLUMN_CONNECT,
    COLUMN_TLS,
    COLUMN_ISSUER,
    COLUMN_PROXY,
    COLUMN_COUNT
};

/* More rows than this are not listed one by one where they are alike. */
enum { ROWS_LISTED = 8 };

enum { CELL_MAX = 128, WORDS_MAX = 32 };

/* Cut as events cut it: a config file may hold a name of any length, and a line of JSON that tells
 * of a job must not break for it. */
static str name_of(const struct plan_target *t)
{
    return (str) { t->name.ptr, t->name.len < RECORD_NAME_MAX ? t->name.len : RECORD_NAME_MAX };
}

/* A line of the table, each column of which is as wide as its widest cell. */
struct row {
    const char *colour; /* of the result */
    char cells[COLUMN_COUNT][CELL_MAX];
};

static const struct row heading = { .colour = NULL,
                                    .cells = {
                                        [COLUMN_TARGET] = "TARGET",
                                        [COLUMN_REGION] = "REGION",
                                        [COLUMN_RESULT] = "RESULT",
                                        [COLUMN_CREDENTIALS] = "CREDENTIALS",
                                        [COLUMN_EXPIRES] = "EXPIRE",
                                        [COLUMN_SKEW] = "SKEW",
                                        [COLUMN_DNS] = "DNS",
                                        [COLUMN_CONNECT] = "CONNECT",
                                        [COLUMN_TLS] = "TLS",
                                        [COLUMN_ISSUER] = "ISSUER",
                                        [COLUMN_PROXY] = "PROXY",
                                    } };

/* "-" for nothing; "..." where it had to be cut. */
static void put_cell(char *cell, const char *text)
{
    size_t len = strlen(text);
    if (len < CELL_MAX)
        snprintf(cell, CELL_MAX, "%s", len ? text : "-");
    else
        snprintf(cell, CELL_MAX, "%.*s...", CELL_MAX - 4, text);
}

static void put_str(char *cell, str text)
{
    char copy[RECORD_NAME_MAX + 1];
    struct buf b = BUF_ON(copy);
    buf_put(&b, text);
    put_cell(cell, buf_cstr(&b));
}

static void put_time(char *cell, const struct probe *probe, uint32_t us)
{
    if (probe->address[0])
        snprintf(cell, CELL_MAX, "%.1f ms", us / 1000.0);
    else
        put_cell(cell, "");
}

static void put_expiry(char *cell, const struct probe *probe)
{
    char text[32];
    struct buf b = BUF_ON(text);
    if (probe->usable)
        jsontext_put_expiry(&b, probe->expires_s);
    put_cell(cell, buf_cstr(&b));
}

static void put_tls(char *cell, const struct probe *probe)
{
    if (probe->tls_version[0])
        snprintf(cell, CELL_MAX, "%s %.1f ms", probe->tls_version, probe->tls_us / 1000.0);
    else
        put_cell(cell, str_starts(str_of(probe->url), STR("http:")) ? "none" : "");
}

static void fill_row(struct row *row, const struct probe *probe, const struct diagnosis *d)
{
    const struct plan_target *t = probe->target;
    put_str(row->cells[COLUMN_TARGET], name_of(t));
    put_str(row->cells[COLUMN_REGION], t->options.region);
    put_cell(row->cells[COLUMN_RESULT], d->word);
    row->colour = d->verdict == VERDICT_WELL      ? COLOUR_GREEN
                  : d->verdict == VERDICT_WARNING ? COLOUR_YELLOW
                                                  : COLOUR_RED;
    put_cell(row->cells[COLUMN_CREDENTIALS], probe->source);
    put_expiry(row->cells[COLUMN_EXPIRES], probe);
    if (probe->address[0])
        snprintf(row->cells[COLUMN_SKEW], CELL_MAX, "%lld s",
                 (long long)probe->clock_skew_ms / 1000);
    else
        put_cell(row->cells[COLUMN_SKEW], "");
    put_time(row->cells[COLUMN_DNS], probe, probe->lookup_us);
    put_time(row->cells[COLUMN_CONNECT], probe, probe->connect_us);
    put_tls(row->cells[COLUMN_TLS], probe);
    put_cell(row->cells[COLUMN_ISSUER], probe->issuer);
    put_cell(row->cells[COLUMN_PROXY], probe->proxy[0] ? probe->proxy : "none");
}

static void widen(int *widths, const struct row *row)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        int width = (int)strlen(row->cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

static void print_row(int *widths, const struct row *row)
{
    for (size_t i = 0; i + 1 < COLUMN_COUNT; i++) {
        bool coloured = i == COLUMN_RESULT && row->colour && colour_is_wanted(STDOUT_FILENO);
        printf("%s%-*s%s  ", coloured ? row->colour : "", widths[i], row->cells[i],
               coloured ? COLOUR_NONE : "");
    }
    printf("%s\n", row->cells[COLUMN_COUNT - 1]);
}

/* But for the name, the region and the times. */
static bool same_row(const struct probe *a, const struct probe *b)
{
    struct row first, second;
    struct diagnosis of_a, of_b;
    diagnosis_of(&of_a, a);
    diagnosis_of(&of_b, b);
    if (!finding_eq(of_a.finding, of_b.finding) || strcmp(a->tls_version, b->tls_version) != 0 ||
        a->clock_skew_ms / 1000 != b->clock_skew_ms / 1000 || !a->address[0] != !b->address[0])
        return false;
    fill_row(&first, a, &of_a);
    fill_row(&second, b, &of_b);
    return strcmp(first.cells[COLUMN_CREDENTIALS], second.cells[COLUMN_CREDENTIALS]) == 0 &&
           strcmp(first.cells[COLUMN_EXPIRES], second.cells[COLUMN_EXPIRES]) == 0 &&
           strcmp(first.cells[COLUMN_ISSUER], second.cells[COLUMN_ISSUER]) == 0 &&
           strcmp(first.cells[COLUMN_PROXY], second.cells[COLUMN_PROXY]) == 0;
}

/* How many rows of many, from the i-th on, are alike; of few, 1: each is listed. */
static size_t count_alike(const struct doctor_report *r, size_t i)
{
    size_t n = 1;
    while (r->count > ROWS_LISTED && i + n < r->count && same_row(&r->probes[i], &r->probes[i + n]))
        n++;
    return n > 2 ? n : 1;
}

/* Of the probes after the first that are like it: the worst of their times. */
static void fill_summary(struct row *row, const struct doctor_report *r, size_t i, size_t count)
{
    struct probe worst = r->probes[i + 1];
    struct diagnosis d;
    for (size_t k = i + 2; k < i + count; k++) {
        const struct probe *probe = &r->probes[k];
        worst.lookup_us = probe->lookup_us > worst.lookup_us ? probe->lookup_us : worst.lookup_us;
        worst.connect_us =
            probe->connect_us > worst.connect_us ? probe->connect_us : worst.connect_us;
        worst.tls_us = probe->tls_us > worst.tls_us ? probe->tls_us : worst.tls_us;
    }
    diagnosis_of(&d, &worst);
    fill_row(row, &worst, &d);
    snprintf(row->cells[COLUMN_TARGET], CELL_MAX, "%zu more", count - 1);
    put_cell(row->cells[COLUMN_REGION], "slowest of each");
}

/* Each row, or of those that are alike the first and one for the others. */
static void each_row(const struct doctor_report *r, int *widths,
                     void (*take)(int *widths, const struct row *row))
{
    struct row row;
    struct diagnosis d;
    for (size_t i = 0, n; i < r->count; i += n) {
        n = count_alike(r, i);
        diagnosis_of(&d, &r->probes[i]);
        fill_row(&row, &r->probes[i], &d);
        take(widths, &row);
        if (n == 1)
            continue;
        fill_summary(&row, r, i, n);
        take(widths, &row);
    }
}

static void print_table(const struct doctor_report *r)
{
    int widths[COLUMN_COUNT] = { 0 };
    widen(widths, &heading);
    each_row(r, widths, widen);
    print_row(widths, &heading);
    each_row(r, widths, print_row);
}

/* They would be printed alike, with the same host, region or file in them. */
static bool same_trouble(const struct diagnosis *a, const struct diagnosis *b)
{
    return finding_eq(a->finding, b->finding) && strcmp(a->cause, b->cause) == 0 &&
           strcmp(a->fix, b->fix) == 0;
}

static void print_name(const struct plan_target *t)
{
    printf("%.*s in %.*s", STR_ARG(name_of(t)), STR_ARG(t->options.region));
}

/* What several targets in a row have in common is said once. */
static int print_troubles(const struct doctor_report *r)
{
    struct diagnosis before = { .word = "" };
    int code = EXIT_FINE;
    for (size_t i = 0; i < r->count; i++) {
        struct diagnosis d;
        diagnosis_of(&d, &r->probes[i]);
        code = d.exit_code > code ? d.exit_code : code;
        if (d.verdict == VERDICT_WELL || same_trouble(&d, &before))
            continue;
        size_t more = 0;
        for (size_t j = i + 1; j < r->count; j++) {
            struct diagnosis other;
            diagnosis_of(&other, &r->probes[j]);
            if (!same_trouble(&d, &other))
                break;
            more++;
        }
        printf("\n%s: ", d.verdict == VERDICT_WARNING ? "warning" : "trouble");
        print_name(r->probes[i].target);
        if (more)
            printf(" and %zu more", more);
        printf(": %s\n  cause  %s\n  fix    %s\n", d.word, d.cause, d.fix);
        before = d;
    }
    return code;
}

/* Ids are the service's: no control character of theirs reaches the terminal. */
static void print_id(const char *id)
{
    for (; *id; id++)
        putchar((unsigned char)*id < 0x20 || *id == 0x7f ? '?' : *id);
}

static void print_jobs(const struct doctor_report *r)
{
    if (r->job_count)
        printf("\nThe polls have taken these jobs. They are not lost: each comes again, to whoever "
               "polls\nafter its lease has ended.\n");
    for (size_t i = 0; i < r->job_count; i++) {
        const struct doctor_job *j = &r->jobs[i];
        printf("  ");
        print_name(j->probe->target);
        printf(": ");
        if (j->client_id[0]) { /* a custom job has none */
            printf("clientId ");
            print_id(j->client_id);
            printf(", ");
        }
        printf("jobId ");
        print_id(j->job_id);
        putchar('\n');
    }
}

/* The results, each with its number, in the order of the table; then those of the parts. */
static void print_sum(const struct doctor_report *r, const struct doctor_parts_sum *parts)
{
    struct {
        struct finding finding;
        const char *word;
        size_t count;
    } sums[WORDS_MAX] = { { .word = NULL } };
    printf("\n%zu target%s:", r->count, plural(r->count));
    for (size_t i = 0; i < r->count; i++) {
        struct diagnosis d;
        size_t at = 0;
        diagnosis_of(&d, &r->probes[i]);
        while (at + 1 < WORDS_MAX && sums[at].word && !finding_eq(sums[at].finding, d.finding))
            at++;
        sums[at].finding = d.finding;
        sums[at].word = d.word;
        sums[at].count++;
    }
    for (size_t i = 0; i < WORDS_MAX && sums[i].word; i++)
        printf("%s %zu %s", i ? "," : "", sums[i].count, sums[i].word);
    doctor_parts_print_sum(parts);
    putchar('\n');
}

int doctor_report_text(const struct doctor_report *r)
{
    print_table(r);
    if (r->made_up)
        printf("\nNo action type was named (--action-type-id): polled was for one that does not "
               "exist,\nso that ActionTypeNotFound counts as an answer.\n");
    struct doctor_parts_sum sum;
    int code = print_troubles(r), parts = doctor_parts_text(&r->parts, &sum);
    code = parts > code ? parts : code;
    print_jobs(r);
    print_sum(r, &sum);
    return code;
}

/* --- JSON --- */

static void put_credentials(struct buf *out, const struct probe *probe)
{
    char text[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf name = BUF_ON(text);
    identity_config_put(&name, &probe->target->identity);
    jsontext_open(out, "credentials", '{');
    jsontext_member(out, "name", buf_str(&name));
    jsontext_member(out, "source", str_of(probe->source));
    jsontext_flag(out, "usable", probe->usable);
    jsontext_flag(out, "degraded", probe->degraded);
    jsontext_expiry(out, "expires", probe->usable ? probe->expires_s : INT64_MAX);
    jsontext_member(out, "reason", str_of(probe->reason));
    buf_put_char(out, '}');
}

static void put_way(struct buf *out, const struct probe *probe)
{
    jsontext_member(out, "endpoint", str_of(probe->url));
    jsontext_member(out, "proxy", str_of(probe->proxy));
    jsontext_member(out, "address", str_of(probe->address));
    jsontext_member(out, "tlsVersion", str_of(probe->tls_version));
    jsontext_member(out, "issuer", str_of(probe->issuer));
    jsontext_signed(out, "clockSkewMs", probe->clock_skew_ms);
    jsontext_count(out, "lookupUs", probe->lookup_us);
    jsontext_count(out, "connectUs", probe->connect_us);
    jsontext_count(out, "tlsUs", probe->tls_us);
}

static void put_diagnosis(struct buf *out, const struct probe *probe, const struct diagnosis *d)
{
    static const char *const verdicts[] = {
        [VERDICT_WELL] = "well", [VERDICT_WARNING] = "warning", [VERDICT_ILL] = "ill"
    };
    jsontext_member(out, "verdict", str_of(verdicts[d->verdict]));
    jsontext_member(out, "result", str_of(d->word));
    jsontext_member(out, "cause", str_of(d->cause));
    jsontext_member(out, "fix", str_of(d->fix));
    jsontext_member(out, "code", str_of(probe->code));
    jsontext_member(out, "message", str_of(probe->message));
    jsontext_member(out, "amzRequestId", str_of(probe->request_id));
    jsontext_signed(out, "httpStatus", probe->http_status);
}

static int put_probe(struct buf *out, const struct probe *probe)
{
    struct diagnosis d;
    diagnosis_of(&d, probe);
    jsontext_element(out, '{');
    jsontext_member(out, "name", name_of(probe->target));
    jsontext_member(out, "region", probe->target->options.region);
    event_put_action_type(out, &probe->target->options.action_type);
    put_credentials(out, probe);
    put_way(out, probe);
    put_diagnosis(out, probe, &d);
    buf_put_char(out, '}');
    return d.exit_code;
}

static void put_job(struct buf *out, const struct doctor_job *j)
{
    jsontext_element(out, '{');
    jsontext_member(out, "name", name_of(j->probe->target));
    jsontext_member(out, "region", j->probe->target->options.region);
    jsontext_member_if(out, "clientId", str_of(j->client_id));
    jsontext_member(out, "jobId", str_of(j->job_id));
    buf_put_char(out, '}');
}

int doctor_report_json(struct buf *out, const struct doctor_report *r)
{
    int code = EXIT_FINE;
    buf_put_char(out, '{');
    jsontext_open(out, "targets", '[');
    for (size_t i = 0; i < r->count; i++) {
        int one = put_probe(out, &r->probes[i]);
        code = one > code ? one : code;
    }
    buf_put_char(out, ']');
    jsontext_open(out, "jobs", '[');
    for (size_t i = 0; i < r->job_count; i++)
        put_job(out, &r->jobs[i]);
    buf_put_char(out, ']');
    int parts = doctor_parts_json(out, &r->parts);
    code = parts > code ? parts : code;
    jsontext_signed(out, "exitCode", code);
    buf_put_char(out, '}');
    return code;
}
