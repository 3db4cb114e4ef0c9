/* SPDX-License-Identifier: MIT */
/* What members tell each other comes out as it went in; what is unknown is ignored, what is of
 * another version is told apart, and what is malformed is neither. */
#include "fleet/beat.h"

#include <stdlib.h>

#include "fleet/catalogue.h"
#include "lib/check.h"

static struct beat some_beat(void)
{
    struct beat b = { .member = STR("eu-1_a"),
                      .incarnation = UINT64_C(0xfedcba9876543210),
                      .number = 17,
                      .state = BEAT_HI,
                      .catalogue = 5,
                      .missing = 6,
                      .held = 33,
                      .every_ms = 2500,
                      .figures = { .polls_milli = 12500,
                                   .jobs = 3,
                                   .free_slots = 4,
                                   .version = "0.1.0",
                                   .group_count = 2 } };
    b.figures.groups[0] = (struct beat_group) { "123456789012/eu-west-1", 250000 };
    b.figures.groups[1] = (struct beat_group) { "a \"strange\" one", 1 };
    return b;
}

static str beat_text(const struct beat *b, char room[BEAT_BODY_SIZE])
{
    struct buf out = { .at = room, .cap = BEAT_BODY_SIZE };
    beat_put(&out, b);
    assert_false(out.overflow);
    return buf_str(&out);
}

static void a_beat_is_json_that_people_can_read(void **state)
{
    char room[BEAT_BODY_SIZE];
    struct beat b = some_beat();
    b.figures.group_count = 1;
    assert_str_equal(
        beat_text(&b, room),
        "{\"v\":1,\"member\":\"eu-1_a\",\"incarnation\":\"fedcba9876543210\","
        "\"beat\":17,\"state\":\"hi\",\"catalogue\":\"0000000000000005\","
        "\"missing\":\"0000000000000006\",\"held\":33,\"everyMs\":2500,\"pollsPerSecond\":12.5,"
        "\"jobs\":3,\"freeSlots\":4,\"version\":\"0.1.0\",\"throttled\":["
        "{\"group\":\"123456789012/eu-west-1\",\"perTarget\":0.25}]}");
}

static void a_beat_comes_out_as_it_went_in(void **state)
{
    char room[BEAT_BODY_SIZE];
    struct beat in = some_beat(), out;
    in.figures.group_count = 1;
    for (int i = BEAT_WAIT; i <= BEAT_DRAINED; i++) {
        in.state = (enum beat_state)i;
        assert_int_equal(beat_read(&out, beat_text(&in, room)), BEAT_OK);
        assert_str_equal(out.member, "eu-1_a");
        assert_true(out.incarnation == in.incarnation && out.number == 17 && out.held == 33);
        assert_true(out.state == in.state && out.every_ms == 2500 && out.catalogue == 5 &&
                    out.missing == 6);
        assert_true(out.figures.polls_milli == 12500 && out.figures.jobs == 3);
        assert_true(out.figures.free_slots == 4 && out.figures.group_count == 1);
        assert_string_equal(out.figures.version, "0.1.0");
        assert_string_equal(out.figures.groups[0].name, "123456789012/eu-west-1");
        assert_true(out.figures.groups[0].per_target_micro == 250000);
    }
}

static void the_largest_beat_has_room(void **state)
{
    char room[BEAT_BODY_SIZE];
    struct beat b = some_beat(), out;
    b.held = b.number = b.figures.polls_milli = UINT64_MAX;
    b.figures.group_count = BEAT_GROUPS_MAX;
    for (int i = 0; i < BEAT_GROUPS_MAX; i++) {
        memset(b.figures.groups[i].name, 'x', BEAT_GROUP_MAX);
        b.figures.groups[i].per_target_micro = UINT64_MAX / 10;
    }
    b.held = UINT64_MAX / 10;
    b.number = b.figures.polls_milli = 1;
    assert_int_equal(beat_read(&out, beat_text(&b, room)), BEAT_OK);
    assert_int_equal(out.figures.group_count, BEAT_GROUPS_MAX);
}

static void what_a_newer_program_adds_is_ignored(void **state)
{
    struct beat b;
    assert_int_equal(
        beat_read(&b, STR("{\"v\":1,\"x\":{\"y\":[1,2]},\"member\":\"a\",\"incarnation\":"
                          "\"00000000000000ff\",\"beat\":1,\"state\":\"wait\"}")),
        BEAT_OK);
    assert_true(b.incarnation == 255 && b.state == BEAT_WAIT && b.held == 0 && b.every_ms == 0);
}

static void another_version_is_told_apart(void **state)
{
    struct beat b;
    struct beat_claim c;
    bool is_drained;
    assert_int_equal(beat_read(&b, STR("{\"v\":2}")), BEAT_OTHER_VERSION);
    assert_int_equal(beat_claim_read(&c, STR("{\"who\":1,\"v\":7}")), BEAT_OTHER_VERSION);
    assert_int_equal(beat_drain_read(&is_drained, STR("{\"v\":2}")), BEAT_OTHER_VERSION);
}

static void what_is_malformed_is_said_to_be(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"v\":\"1\"}",
        "{\"v\":1.5}",
        "{\"v\":1}",
        "{\"v\":1,\"member\":\"a.b\",\"incarnation\":\"00000000000000ff\",\"state\":\"hi\"}",
        "{\"v\":1,\"member\":\"a\",\"incarnation\":\"ff\",\"state\":\"hi\"}",
        "{\"v\":1,\"member\":\"a\",\"incarnation\":\"00000000000000ff\",\"state\":\"ho\"}",
        "{\"v\":1,\"member\":\"a\",\"incarnation\":\"00000000000000ff\",\"state\":\"hi\","
        "\"held\":-1}",
        "{\"v\":1,\"member\":\"a\",\"incarnation\":\"00000000000000ff\",\"state\":\"hi\","
        "\"held\":99999999999999999999999}",
        "{\"v\":1,\"member\":\"\\u0061\",\"incarnation\":\"00000000000000ff\",\"state\":\"hi\"}",
        "{\"v\":1,\"member\":\"a\",\"incarnation\":\"00000000000000ff\",\"state\":\"hi\","
        "\"throttled\":[3]}"
    };
    struct beat b;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(beat_read(&b, str_of(bodies[i])), BEAT_MALFORMED);
}

static void claims_and_drain_requests_come_out_as_they_went_in(void **state)
{
    char room[BEAT_BODY_SIZE];
    struct buf out = BUF_ON(room);
    struct beat_claim c;
    bool is_drained = false;
    beat_claim_put(&out, &(struct beat_claim) { STR("m"), 9, false });
    assert_int_equal(beat_claim_read(&c, buf_str(&out)), BEAT_OK);
    assert_true(!c.is_free && c.incarnation == 9);
    assert_str_equal(c.member, "m");
    buf_reset(&out);
    beat_claim_put(&out, &(struct beat_claim) { STR("m"), 9, true });
    assert_int_equal(beat_claim_read(&c, buf_str(&out)), BEAT_OK);
    assert_true(c.is_free);
    buf_reset(&out);
    beat_drain_put(&out, true);
    assert_int_equal(beat_drain_read(&is_drained, buf_str(&out)), BEAT_OK);
    assert_true(is_drained);
    assert_int_equal(beat_drain_read(&is_drained, STR("{\"v\":1,\"drain\":false}")), BEAT_OK);
    assert_false(is_drained);
    uint64_t name = 0;
    buf_reset(&out);
    beat_log_put(&out, 0xabc);
    assert_int_equal(beat_log_read(&name, buf_str(&out)), BEAT_OK);
    assert_int_equal(name, 0xabc);
    assert_int_equal(beat_log_read(&name, STR("{\"v\":1}")), BEAT_MALFORMED);
    assert_int_equal(beat_log_read(&name, STR("{\"v\":2}")), BEAT_OTHER_VERSION);
}

static void keys_come_out_as_they_went_in(void **state)
{
    static const char *const keys[] = { "m.a-b_C9", "d.x", "l.name", "t.00000000000000ff.17",
                                        "c.fedcba9876543210.3" };
    static const char *const others[] = { "",
                                          "m",
                                          "m.",
                                          "m.a.b",
                                          "x.a",
                                          "t.ff.1",
                                          "o.a.1",
                                          "m.a b",
                                          "t.00000000000000ff",
                                          "t.00000000000000ff.x",
                                          "t.00000000000000ff.1.2" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char room[BEAT_KEY_SIZE];
        struct buf out = BUF_ON(room);
        struct beat_key k = beat_key_read(str_of(keys[i]));
        assert_int_not_equal(k.kind, BEAT_KIND_OTHER);
        beat_key_put(&out, &k);
        assert_str_equal(buf_str(&out), keys[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(beat_key_read(str_of(others[i])).kind, BEAT_KIND_OTHER);
}

/* --- catalogues --- */

static void a_catalogue_comes_out_of_its_parts(void **state)
{
    enum { COUNT = 2 * CATALOGUE_PART + 7 };
    static uint64_t in[COUNT];
    size_t at = 0;
    for (size_t i = 0; i < COUNT; i++)
        in[i] = i * UINT64_C(0x123456789ab) + 1;
    assert_int_equal(catalogue_parts(COUNT), 3);
    for (size_t part = 0; part < 3; part++) {
        size_t count = catalogue_part_count(COUNT, part);
        struct buf out = { .cap = catalogue_room(count) };
        struct catalogue_part p;
        out.at = malloc(out.cap);
        catalogue_put(&out, in, COUNT, part);
        assert_false(out.overflow);
        assert_true(out.len < 512 << 10);
        assert_int_equal(catalogue_read(&p, buf_str(&out)), BEAT_OK);
        assert_true(p.parts == 3 && p.count == COUNT && p.hex.len == 16 * count);
        for (size_t i = 0; i < count; i++)
            assert_true(catalogue_target(&p, i) == in[at++]);
        free(out.at);
    }
    assert_int_equal(at, COUNT);
}

static void a_digest_tells_catalogues_apart(void **state)
{
    const uint64_t a[] = { 1, 2, 3 }, b[] = { 1, 2, 4 };
    assert_true(catalogue_digest(a, 0) == 0);
    assert_true(catalogue_digest(a, 3) == catalogue_digest(a, 3));
    assert_true(catalogue_digest(a, 3) != catalogue_digest(b, 3));
    assert_true(catalogue_digest(a, 2) != catalogue_digest(a, 3));
    /* the same on every machine and in every version */
    assert_true(catalogue_digest(a, 3) == UINT64_C(0xca73761ddabfffcb));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_is_json_that_people_can_read),
        cmocka_unit_test(a_beat_comes_out_as_it_went_in),
        cmocka_unit_test(the_largest_beat_has_room),
        cmocka_unit_test(what_a_newer_program_adds_is_ignored),
        cmocka_unit_test(another_version_is_told_apart),
        cmocka_unit_test(what_is_malformed_is_said_to_be),
        cmocka_unit_test(claims_and_drain_requests_come_out_as_they_went_in),
        cmocka_unit_test(keys_come_out_as_they_went_in),
        cmocka_unit_test(a_catalogue_comes_out_of_its_parts),
        cmocka_unit_test(a_digest_tells_catalogues_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
