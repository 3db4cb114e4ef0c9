/* SPDX-License-Identifier: MIT */
/* The screen of `pipepoll top`: as it was looked at (data/top-*.txt), never more than the window,
 * whatever answers. To renew those files: TOP_GOLDEN=write, and look at the difference. */
#include "cli/top_screen.h"

#include "cli/screen.h"
#include "lib/check.h"
#include "lib/status_world.h"
#include "status/status_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 1 << 20 };

static char room[ROOM + 1];

/* A document, and the model of it. */
struct shown {
    char *text;
    struct top_model model;
};

static void show(struct shown *s, size_t providers, size_t regions)
{
    struct status status = { .now_ms = 0 };
    size_t len;
    status_world_fill(&status, providers, regions, 0);
    s->text = status_json(&status, &len);
    status_deinit(&status);
    assert_non_null(s->text);
    assert_int_equal(top_model_read(&s->model, s->text, len, NULL), PIPEPOLL_OK);
}

static void hide(struct shown *s)
{
    top_model_deinit(&s->model);
    free(s->text);
}

static const char *screen_of(const struct shown *s, const struct top_window *w)
{
    struct buf out = { .at = room, .cap = ROOM };
    top_screen_put(&out, &s->model, w);
    assert_false(out.overflow);
    room[out.len] = '\0';
    return room;
}

static void is_golden(const char *name, const char *screen)
{
    static char before[ROOM];
    char path[512];
    snprintf(path, sizeof path, "%s/%s.txt", TEST_DATA, name);
    bool writes = getenv("TOP_GOLDEN") != NULL;
    FILE *f = fopen(path, writes ? "w" : "r");
    assert_non_null(f);
    if (writes)
        fprintf(f, "%s\n", screen);
    size_t len = writes ? 0 : fread(before, 1, sizeof before - 1, f);
    fclose(f);
    before[len] = '\0';
    if (len)
        before[len - 1] = '\0'; /* its line end */
    if (!writes)
        assert_string_equal(screen, before);
}

static void screens_are_as_they_were_looked_at(void **state)
{
    struct shown few, many;
    show(&few, 4, 3);
    show(&many, 40, 25);
    is_golden("top-80x24", screen_of(&few, &(struct top_window) { .columns = 80, .rows = 24 }));
    is_golden("top-80x24-many",
              screen_of(&many, &(struct top_window) { .columns = 80, .rows = 24, .keys = "keys" }));
    is_golden("top-200x50", screen_of(&many, &(struct top_window) { .columns = 200, .rows = 50 }));
    is_golden("top-20x5", screen_of(&few, &(struct top_window) { .columns = 20, .rows = 5 }));
    hide(&few);
    hide(&many);
}

/* Without the codes of colours. */
static size_t shown_width(str line)
{
    size_t width = 0;
    while (line.len) {
        size_t n = str_find(line, '\033');
        width += screen_width((str) { line.ptr, n });
        line = str_skip(line, n);
        if (line.len)
            line = str_skip(line, str_find(line, 'm') + 1);
    }
    return width;
}

static void fits(const char *screen, const struct top_window *w)
{
    size_t rows = 0;
    for (str rest = str_of(screen); rows == 0 || rest.len; rows++) {
        size_t end = str_find(rest, '\n');
        assert_true(shown_width((str) { rest.ptr, end }) <= w->columns);
        rest = str_skip(rest, end < rest.len ? end + 1 : end);
    }
    assert_true(rows <= w->rows);
}

static void it_is_never_more_than_the_window(void **state)
{
    static const size_t providers[] = { 1, 4, 40 };
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        struct shown s;
        show(&s, providers[i], 25);
        for (size_t rows = 1; rows <= 60; rows++)
            for (size_t columns = 1; columns <= 220; columns += 1 + columns / 9)
                for (size_t page = 0; page <= 2; page++) {
                    const struct top_window w = { .columns = columns,
                                                  .rows = rows,
                                                  .coloured = rows % 2 == 0,
                                                  .page = page,
                                                  .keys = columns % 2 ? "q: end" : NULL };
                    fits(screen_of(&s, &w), &w);
                }
        hide(&s);
    }
}

static void pages_show_each_target_once(void **state)
{
    struct shown s;
    show(&s, 4, 25);
    struct top_window w = { .columns = 80, .rows = 20, .keys = "q: end" };
    size_t pages = top_screen_pages(&s.model, &w), states = 0;
    assert_int_equal(pages, (s.model.listed + 16) / 17); /* two lines above, and one below */
    for (w.page = 1; w.page <= pages; w.page++)
        for (str rest = str_of(screen_of(&s, &w)); rest.len;) {
            size_t end = str_find(rest, '\n');
            for (int i = 0; i < STATUS_STATES; i++)
                states += str_starts(rest, str_of(status_state_name((enum status_state)i)));
            rest = str_skip(rest, end < rest.len ? end + 1 : end);
        }
    assert_int_equal(states, s.model.listed);
    hide(&s);
}

static void read_and_show(const char *document)
{
    struct shown s = { .text = strdup(document) };
    const struct top_window w = { .columns = 60, .rows = 12 };
    assert_int_equal(top_model_read(&s.model, s.text, strlen(s.text), NULL), PIPEPOLL_OK);
    const char *screen = screen_of(&s, &w);
    fits(screen, &w);
    for (; *screen; screen++)
        assert_true(*screen == '\n' || (unsigned char)*screen >= 0x20);
    hide(&s);
}

/* A line of a table of one target whose name is so long. */
static str line_of_long_name(size_t len, const struct top_window *w)
{
    char document[2048], name[512];
    memset(name, 'n', len);
    name[len] = '\0';
    snprintf(document, sizeof document,
             "{\"format\":1,\"verdict\":{},\"summary\":{},\"targets\":[{\"target\":\"%s\","
             "\"region\":\"eu-west-1\",\"state\":\"failing\",\"reason\":\"why\"}]}",
             name);
    struct shown s = { .text = document };
    assert_int_equal(top_model_read(&s.model, document, strlen(document), NULL), PIPEPOLL_OK);
    const char *line = strstr(screen_of(&s, w), "\nfailing");
    top_model_deinit(&s.model);
    assert_non_null(line++);
    return (str) { line, str_find(str_of(line), '\n') };
}

static void a_name_takes_what_it_needs_and_leaves_room_for_the_reason(void **state)
{
    const struct top_window narrow = { .columns = 80, .rows = 24 };
    const struct top_window wide = { .columns = 200, .rows = 24 };
    const struct top_window plain = { .columns = 1024, .rows = SIZE_MAX };
    assert_str_equal(line_of_long_name(6, &narrow),
                     "failing    nnnnnn  eu-west-1            0       why");
    assert_str_equal(line_of_long_name(20, &narrow),
                     "failing    nnnnnnnnnnn...  eu-west-1            0       why");
    str whole = line_of_long_name(40, &wide);
    assert_null(memmem(whole.ptr, whole.len, "...", 3));
    whole = line_of_long_name(190, &plain);
    assert_null(memmem(whole.ptr, whole.len, "...", 3));
}

static void no_answer_says_since_when_and_why(void **state)
{
    struct shown s;
    show(&s, 1, 1);
    const struct top_window w = {
        .columns = 100, .rows = 5, .told = STR("nobody is there"), .told_since_s = 1000000000
    };
    assert_true(str_starts(str_of(screen_of(&s, &w)),
                           STR("NO ANSWER since 2001-09-09T01:46:40Z  nobody is there\n")));
    hide(&s);
}

static void names_cannot_move_the_cursor(void **state)
{
    read_and_show("{\"format\":1,\"verdict\":{\"why\":\"\\u001b[2Jx\\u009b1m\"},\"summary\":{},"
                  "\"incidents\":[{\"message\":\"a\\nb\\u001b]0;t\\u0007\",\"since\":\"\\u001b\"}],"
                  "\"targets\":[{\"target\":\"\\u001b[31m\",\"region\":\"\\r\\n\","
                  "\"reason\":\"\\u202e\\u0000\"}]}");
}

static void members_that_are_missing_or_of_another_kind_are_empty(void **state)
{
    read_and_show("{\"format\":1,\"verdict\":{},\"summary\":{}}");
    read_and_show(
        "{\"format\":1,\"targets\":[1,null,{},{\"target\":7,\"actionTypeId\":[]}],"
        "\"regions\":{},\"summary\":{\"states\":[]},\"verdict\":{\"why\":1},\"jobs\":null,"
        "\"handlers\":[{\"ends\":3}],\"pickupSeconds\":{\"count\":-1}}");
    read_and_show(
        "{\"format\":1,\"verdict\":{},\"summary\":{\"targets\":1e300,\"pollsPerS\":1e300},"
        "\"pickupSeconds\":{\"count\":1,\"p50\":1e300}}");
}

static void what_is_no_status_is_refused_at_each_length(void **state)
{
    struct status status = { .now_ms = 0 };
    size_t len;
    status_world_fill(&status, 1, 2, 0);
    char *text = status_json(&status, &len), *copy = malloc(len + 1);
    status_deinit(&status);
    while (len && text[len - 1] != '}')
        len--;
    for (size_t n = 0; n < len; n++) {
        struct top_model m;
        struct pipepoll_error why;
        memcpy(copy, text, n);
        assert_int_equal(top_model_read(&m, copy, n, &why), PIPEPOLL_EPROTO);
        top_model_deinit(&m);
    }
    free(copy);
    free(text);
}

static const char *refusal_of(const char *document)
{
    static struct pipepoll_error why;
    struct top_model m;
    char *text = strdup(document);
    assert_int_equal(top_model_read(&m, text, strlen(text), &why), PIPEPOLL_EPROTO);
    top_model_deinit(&m);
    free(text);
    return why.text;
}

static void what_is_another_document_is_refused(void **state)
{
    static const char *const none[] = { "{}", "{\"format\":1}", "{\"format\":1,\"verdict\":{}}",
                                        "{\"format\":1,\"summary\":{},\"verdict\":\"x\"}",
                                        "{\"format\":\"1\",\"verdict\":{},\"summary\":{}}" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_non_null(strstr(refusal_of(none[i]), "no status of a pipepoll"));
    const char *newer = refusal_of("{\"format\":2,\"verdict\":{},\"summary\":{}}");
    assert_non_null(strstr(newer, "has format 2, and this pipepoll reads format 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(screens_are_as_they_were_looked_at),
        cmocka_unit_test(it_is_never_more_than_the_window),
        cmocka_unit_test(pages_show_each_target_once),
        cmocka_unit_test(a_name_takes_what_it_needs_and_leaves_room_for_the_reason),
        cmocka_unit_test(no_answer_says_since_when_and_why),
        cmocka_unit_test(names_cannot_move_the_cursor),
        cmocka_unit_test(members_that_are_missing_or_of_another_kind_are_empty),
        cmocka_unit_test(what_is_no_status_is_refused_at_each_length),
        cmocka_unit_test(what_is_another_document_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
