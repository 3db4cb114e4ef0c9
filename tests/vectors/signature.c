/* SPDX-License-Identifier: MIT */
/* The verifier against requests that real clients sent. */
#include "lib/message.h"

#include <dirent.h>

#include "vectors.h"

#define CAPTURES SHARED_DATA "/captures"

static const struct signature_credentials example = {
    STR_INIT("AKIDEXAMPLE"),
    STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    STR_INIT(""),
};

static void read_capture(struct message *m, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, CAPTURES "/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    m->len = fread(m->text, 1, TEXT_MAX, f);
    fclose(f);
    message_split(m);
}

static void every_request_of_a_real_client_verifies_at_its_time(void **state)
{
    DIR *folder = opendir(CAPTURES);
    struct message m;
    unsigned count = 0;
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct signature_credentials credentials = example;
        struct refusal r = { 0 };
        if (!strstr(e->d_name, ".http"))
            continue;
        read_capture(&m, e->d_name);
        if (strstr(e->d_name, "token"))
            credentials.session_token = STR("FwoGZXIvYXdzEXAMPLE+token/with=chars==");
        if (!signature_verify(&r, &m.rq, &credentials, amz_date_of(&m)))
            fail_msg("%s: %s", e->d_name, r.message);
        count++;
    }
    closedir(folder);
    assert_true(count > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_of_a_real_client_verifies_at_its_time),
    };
    if (vectors_missing(CAPTURES))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
