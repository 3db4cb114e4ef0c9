/* SPDX-License-Identifier: MIT */
/* aws/json by the public JSON test suite. */
#include "lib/json_verdict.h"

#include <dirent.h>
#include <stdio.h>

#include "vectors.h"

#define VECTORS SHARED_DATA "/json/test_parsing"

struct suite {
    int accepted[3], refused[3]; /* by kind: y, n, i */
    int by_root;                 /* y_ files refused only because their root is no object */
};

static str read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = exact(MIB);
    size_t len = fread(text, 1, MIB, file);
    fclose(file);
    return (str) { text, len };
}

/* What the suite leaves to the reader: numbers of any size and escaped lone surrogates are in the
 * grammar; broken UTF-8, other encodings, a byte order mark and 500 brackets are not for us. */
static bool is_accepted(const char *name)
{
    if (name[0] != 'i')
        return name[0] == 'y';
    if (strcmp(name, "i_string_UTF8_surrogate_U+D800.json") == 0)
        return false;
    return strncmp(name, "i_number_", 9) == 0 || strstr(name, "surrogate");
}

static void try_file(struct suite *s, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, VECTORS "/%s", name);
    str text = read_whole(path);
    int kind = name[0] == 'y' ? 0 : name[0] == 'n' ? 1 : 2;
    str trimmed = str_trim(text);
    bool is_object = trimmed.len && trimmed.ptr[0] == '{';

    char *member = exact(text.len + 6);
    memcpy(member, "{\"a\":", 5);
    memcpy(member + 5, text.ptr, text.len);
    member[text.len + 5] = '}';
    bool accepted = verdict((str) { member, text.len + 6 }) == JSON_OK;
    if (accepted != is_accepted(name))
        fail_msg("%s was %s as a member", name, accepted ? "accepted" : "refused");
    if ((verdict(text) == JSON_OK) != (accepted && is_object))
        fail_msg("%s got the wrong verdict as a root", name);

    (accepted ? s->accepted : s->refused)[kind]++;
    s->by_root += kind == 0 && !is_object;
    free(member);
    free((void *)(uintptr_t)text.ptr);
}

/* Each file twice: as it is, and as the value of a member, where its root may be of any type. */
static void the_public_test_suite_passes(void **state)
{
    DIR *dir = opendir(VECTORS);
    assert_non_null(dir);
    struct suite s = { 0 };
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            try_file(&s, e->d_name);
    closedir(dir);
    print_message("y_: %d accepted (%d of them have a root that is no object: refused as a whole "
                  "text); n_: %d refused; i_: %d accepted, %d refused\n",
                  s.accepted[0], s.by_root, s.refused[1], s.accepted[2], s.refused[2]);
    assert_int_equal(s.accepted[0], 95);
    assert_int_equal(s.refused[1], 188);
    assert_int_equal(s.accepted[2], 20);
    assert_int_equal(s.refused[2], 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_test_suite_passes),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
