/* SPDX-License-Identifier: MIT */
/* The page without a browser: events that are JSON with all that the page shows, a document in
 * which nothing was forgotten and nothing becomes markup, queries, and bounds whatever the number
 * of targets. test_page.py has the browser. */
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include "lib/check.h"
#include "lib/status_world.h"
#include "status/page.h"
#include "status/page_words.h"

static json_t *event_of(const struct status *s, const char *query)
{
    size_t len = 0;
    json_error_t why;
    char *text = page_event(s, str_of(query), &len);
    assert_non_null(text);
    assert_memory_equal(text, "data: {", 7);
    assert_ptr_equal(strchr(text, '\n'), text + len - 2); /* one line, and an empty one */
    json_t *event = json_loadb(text + 6, len - 8, JSON_REJECT_DUPLICATES, &why);
    if (!event)
        fail_msg("at %d: %s", why.position, why.text);
    free(text);
    return event;
}

static const char *figure(json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(event, "figures"), name));
    if (!text)
        fail_msg("no figure %s", name);
    return text;
}

static json_t *table(json_t *event, const char *name)
{
    return json_object_get(json_object_get(event, "tables"), name);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    while ((text = strstr(text, what))) {
        count++;
        text += strlen(what);
    }
    return count;
}

/* Cells of a row, added up. */
static size_t row_sum(json_t *row, size_t state)
{
    size_t sum = 0, i;
    json_t *cell;
    json_array_foreach(json_array_get(row, 3), i, cell) sum +=
        json_is_array(cell)    ? (size_t)json_integer_value(json_array_get(cell, state))
        : state == STATUS_WELL ? (size_t)json_integer_value(cell)
                               : 0;
    return sum;
}

static size_t grid_sum(json_t *event, size_t state)
{
    size_t sum = 0, r;
    json_t *row;
    json_array_foreach(json_object_get(json_object_get(event, "grid"), "rows"), r, row) sum +=
        row_sum(row, state);
    return sum;
}

static void check_sums(const struct status *s, json_t *event)
{
    for (size_t i = 0; i < STATUS_STATES; i++)
        assert_int_equal(grid_sum(event, i), s->states[i]);
}

static void an_empty_status_has_a_page(void **state)
{
    struct status s = { .now_ms = 0 };
    size_t len = 0;
    char *html = page_html(&s, STR("row=x"), &len);
    json_t *event = event_of(&s, "");
    assert_non_null(html);
    assert_int_equal(occurrences(html, "{{"), 0);
    assert_non_null(strstr(html, "<section data-for=\"incidents\" hidden>"));
    assert_string_equal(figure(event, "why"), "starting");
    assert_string_equal(figure(event, "tone"), "unready");
    json_decref(event);
    free(html);
}

static void check_tone(const struct status *s, const char *tone)
{
    json_t *event = event_of(s, "");
    assert_string_equal(figure(event, "tone"), tone);
    json_decref(event);
}

static void the_headline_of_what_fails_is_marked_as_failing(void **state)
{
    struct status s = { .now_ms = 0, .phase = STATUS_POLLING };
    s.states[STATUS_WAITING] = 1;
    check_tone(&s, "unready");
    s.states[STATUS_FAILING] = 1; /* not one is polled */
    check_tone(&s, "failing");
    s.phase = STATUS_ENDING;
    check_tone(&s, "unready");
}

static void what_names_say_is_text(void **state)
{
    struct status s;
    size_t len = 0;
    status_world_fill(&s, 10, 10, 0);
    s.targets[7].provider = STR("\"' onclick=x \xff\x01");
    s.targets[7].region = STR("</title><b>");
    s.incidents[0].words = STR("failed: \" autofocus");
    char *html = page_html(&s, STR(""), &len);
    assert_non_null(html);
    assert_int_equal(strlen(html), len);
    assert_int_equal(occurrences(html, "{{"), 0);
    assert_int_equal(occurrences(html, "<script>"), 1);
    assert_int_equal(occurrences(html, "</title>"), 1);
    assert_int_equal(occurrences(html, "<b>"), 1); /* our name */
    assert_int_equal(occurrences(html, "\"' onclick"), 0);
    assert_int_equal(occurrences(html, "\" autofocus"), 0);
    assert_true(occurrences(html, "&quot; autofocus") > 0);
    assert_non_null(
        strstr(html, "?row=Deploy%2FCustom%2F%22&#39;%20onclick%3Dx%20%FF%01%2F1&amp;"));
    free(html);
    json_decref(event_of(&s, ""));
    status_deinit(&s);
}

static void a_hundred_targets_are_all_there(void **state)
{
    struct status s;
    status_world_fill(&s, 10, 10, 0);
    json_t *event = event_of(&s, "");
    json_t *grid = json_object_get(event, "grid");
    check_sums(&s, event);
    assert_int_equal(json_array_size(json_object_get(grid, "rows")), 10);
    assert_int_equal(json_array_size(json_object_get(grid, "columns")), 10);
    assert_string_equal(json_string_value(json_object_get(grid, "corner")), "Action type");
    assert_int_equal(json_array_size(table(event, "targets")), 100);
    json_t *first = json_array_get(table(event, "targets"), 0);
    assert_string_equal(json_string_value(json_array_get(first, 0)), "failing");
    assert_string_equal(figure(event, "targetsNote"), "100 targets");
    assert_string_equal(figure(event, "choice"), "All targets");
    json_decref(event);
    status_deinit(&s);
}

static void a_query_chooses_targets(void **state)
{
    static const struct {
        const char *query, *choice;
        size_t targets;
    } rows[] = {
        { "row=Deploy%2FCustom%2FSnapdeploy%2F1&region=us-west-2", "Snapdeploy in us-west-2", 1 },
        { "region=us-west-2", "us-west-2", 10 },
        { "a=b&&row=Deploy/Custom/Snapdeploy/1", "Snapdeploy", 10 },
        { "row=gone", "All targets", 100 },
        { "row=%", "All targets", 100 },
        { "row", "All targets", 100 },
    };
    struct status s;
    status_world_fill(&s, 10, 10, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *event = event_of(&s, rows[i].query);
        assert_string_equal(figure(event, "choice"), rows[i].choice);
        assert_int_equal(json_array_size(table(event, "targets")), rows[i].targets);
        json_decref(event);
    }
    char long_query[4000] = "row=";
    memset(long_query + 4, 'x', sizeof long_query - 5);
    json_decref(event_of(&s, long_query));
    status_deinit(&s);
}

static void many_are_told_in_bounds(void **state)
{
    struct status s;
    size_t len = 0, html_len = 0;
    status_world_fill(&s, 400, 25, 0);
    clock_t before = clock();
    char *text = page_event(&s, STR(""), &len);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    char *html = page_html(&s, STR(""), &html_len);
    assert_non_null(text);
    assert_non_null(html);
    print_message("10 000 targets: an event %zu bytes in %.1f ms, the page %zu bytes\n", len, ms,
                  html_len);
    assert_true(len < 120000);
    assert_true(html_len < 1000000);
    assert_true(ms < 500); /* with sanitizers */
    free(text);
    free(html);
    json_t *event = event_of(&s, "row=*");
    json_t *rows = json_object_get(json_object_get(event, "grid"), "rows");
    check_sums(&s, event);
    assert_int_equal(json_array_size(rows), 41);
    for (size_t i = 0; i < 40; i++) /* the worst */
        assert_true(row_sum(json_array_get(rows, i), STATUS_FAILING) > 0);
    json_t *others = json_array_get(json_array_get(rows, 40), 1);
    assert_string_equal(json_string_value(others), "360 others");
    assert_string_equal(figure(event, "choice"), "360 others");
    assert_int_equal(json_array_size(table(event, "targets")), 100);
    assert_non_null(strstr(figure(event, "targetsNote"), "100 of 9000 targets, trouble first"));
    json_decref(event);
    status_deinit(&s);
}

/* All of different regions, identities and types, so that no list is short. */
static void whatever_there_is_too_much_of_is_cut(void **state)
{
    enum { MANY = 3000 };
    struct status s = { .now_ms = STATUS_WORLD_NOW_MS, .phase = STATUS_POLLING };
    static char names[MANY][16];
    size_t len = 0;
    s.targets = status_array(&s, MANY, sizeof *s.targets);
    s.regions = status_array(&s, MANY, sizeof *s.regions);
    s.incidents = status_array(&s, MANY, sizeof *s.incidents);
    s.credentials = status_array(&s, MANY, sizeof *s.credentials);
    s.target_count = s.region_count = s.incident_count = s.credentials_count = MANY;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        str name = str_of(names[i]);
        s.targets[i] = (struct status_target) { .name = name,
                                                .region = name,
                                                .provider = name,
                                                .state = STATUS_FAILING,
                                                .incident_index = i };
        s.regions[i] =
            (struct status_region) { .region = name, .polls_per_s = i, .allowed_per_s = 1 };
        s.incidents[i].words = s.credentials[i].source = name;
        s.states[STATUS_FAILING]++;
    }
    char *html = page_html(&s, STR(""), &len);
    json_t *event = event_of(&s, "");
    check_sums(&s, event);
    assert_true(len < 1000000);
    assert_int_equal(json_array_size(table(event, "accounts")), 50);
    json_t *last = json_array_get(table(event, "accounts"), 49);
    assert_string_equal(json_string_value(json_array_get(last, 2)), "n2999");
    assert_int_equal(json_array_size(table(event, "incidents")), 50);
    assert_int_equal(json_array_size(table(event, "credentials")), 50);
    assert_string_equal(figure(event, "incidentsNote"), "50 of 3000: the oldest.");
    json_decref(event);
    free(html);
    status_deinit(&s);
}

/* A list that just fits has no note. */
static void what_fits_is_not_said_to_be_cut(void **state)
{
    enum { FITS = 50 };
    struct status s = { .now_ms = STATUS_WORLD_NOW_MS, .phase = STATUS_POLLING };
    s.credentials = status_array(&s, FITS, sizeof *s.credentials);
    s.credentials_count = FITS;
    for (int i = 0; i < FITS; i++)
        s.credentials[i].source = STR("x");
    json_t *event = event_of(&s, "");
    assert_int_equal(json_array_size(table(event, "credentials")), FITS);
    assert_string_equal(figure(event, "credentialsNote"), "");
    json_decref(event);
    status_deinit(&s);
}

static void check_words(const struct buf *b, const char *want)
{
    assert_str_equal(buf_str(b), want);
}

static void figures_read_well(void **state)
{
    static const struct {
        void (*put)(struct buf *out, uint64_t n);
        uint64_t n;
        const char *want;
    } rows[] = {
        { words_count, 0, "0" },
        { words_count, 9999, "9999" },
        { words_count, 10000,
          "10\xe2\x80\xaf"
          "000" },
        { words_count, 1234567,
          "1\xe2\x80\xaf"
          "234\xe2\x80\xaf"
          "567" },
        { words_count, 999999,
          "999\xe2\x80\xaf"
          "999" },
        { words_duration, 300, "0.3 ms" },
        { words_duration, 41000, "41 ms" },
        { words_duration, 560000, "0.56 s" },
        { words_duration, 12300000, "12.3 s" },
        { words_duration, 125000000, "2 min 5 s" },
        { words_bytes, 512, "512 B" },
        { words_bytes, 413696, "404 KiB" },
        { words_bytes, 32505856, "31.0 MiB" },
    };
    char text[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = BUF_ON(text);
        rows[i].put(&b, rows[i].n);
        check_words(&b, rows[i].want);
    }
    struct buf b = BUF_ON(text);
    words_ago(&b, 0, 5);
    words_span(&b, -5);
    words_span(&b, 4320000);
    words_span(&b, 180000);
    words_ago(&b, 1, INT64_C(273600001));
    words_rate(&b, 0.25);
    words_rate(&b, 34.52);
    words_rate(&b, 9120.4);
    check_words(&b, "never0 s1 h 12 min3 min3 d 4 h ago0.2534.59120");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_status_has_a_page),
        cmocka_unit_test(the_headline_of_what_fails_is_marked_as_failing),
        cmocka_unit_test(what_names_say_is_text),
        cmocka_unit_test(a_hundred_targets_are_all_there),
        cmocka_unit_test(a_query_chooses_targets),
        cmocka_unit_test(many_are_told_in_bounds),
        cmocka_unit_test(whatever_there_is_too_much_of_is_cut),
        cmocka_unit_test(what_fits_is_not_said_to_be_cut),
        cmocka_unit_test(figures_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
