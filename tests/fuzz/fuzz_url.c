/* SPDX-License-Identifier: MIT */
/* Any region and endpoint URL: a line each. What is taken for a URL is one, and means itself. */
#include "aws/endpoint.h"
#include "fuzz/fuzz.h"

enum { LONG = 400 };

static void check_endpoint(const struct endpoint *e)
{
    str text = { e->text, sizeof e->text };
    check_inside(e->url, text);
    check_inside(e->host, text);
    check_inside(e->path, text);
    check(e->host.len && e->path.len && e->path.ptr[0] == '/');
    check(e->path.ptr[e->path.len - 1] == '/');
    check(str_starts(e->url, e->tls ? STR("https://") : STR("http://")));
    for (size_t i = 0; i < e->url.len; i++)
        check(e->url.ptr[i] > ' ' && e->url.ptr[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const str services[] = { { NULL, 0 }, STR_INIT("sts"), STR_INIT("portal.sso") };
    if (!size)
        return 0;
    char *text = copy_of(data + 1, size - 1);
    str all = { text, size - 1 };
    size_t end = str_find(all, '\n');
    struct endpoint_rule rule = {
        .region = { text, end },
        .endpoint_url = end < all.len ? str_skip(all, end + 1) : STR(""),
        .fips = data[0] & 1,
        .dualstack = data[0] & 2,
        .service = services[(data[0] >> 2) % 3],
    };
    struct endpoint e, again;
    struct pipepoll_error why = { .text = "" };
    if (endpoint_resolve(&e, &rule, &why)) {
        check(why.text[0] != '\0');
    } else {
        check_endpoint(&e);
        if (e.url.len > rule.endpoint_url.len && rule.endpoint_url.len > LONG) {
            free(text);
            return 0; /* the slash that its end was given may be one byte too many */
        }
        rule.endpoint_url = e.url;
        rule.fips = rule.dualstack = false;
        check(endpoint_resolve(&again, &rule, &why) == 0 && str_eq(e.url, again.url));
        check(str_eq(e.host, again.host) && str_eq(e.path, again.path));
    }
    free(text);
    return 0;
}
