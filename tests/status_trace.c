/* SPDX-License-Identifier: MIT */
/* How a made-up status looks, for test_page.py:
 *   status_trace json|html|event|policy PROVIDERS REGIONS SECOND [QUERY]
 * and for witness_metrics.py: status_trace prometheus|openmetrics PROVIDERS REGIONS SECOND */
#include <stdio.h>
#include <stdlib.h>

#include "lib/status_world.h"
#include "status/metrics.h"
#include "status/page.h"
#include "status/status_json.h"

static char *made_of(const struct status *s, const char *what, str query, size_t *len)
{
    if (!strcmp(what, "json"))
        return status_json(s, len);
    if (!strcmp(what, "prometheus"))
        return metrics_text(s, METRICS_PROMETHEUS, len);
    if (!strcmp(what, "openmetrics"))
        return metrics_text(s, METRICS_OPENMETRICS, len);
    return strcmp(what, "html") ? page_event(s, query, len) : page_html(s, query, len);
}

int main(int argc, char **argv)
{
    struct status s;
    size_t len = 0;
    if (argc < 5)
        return 2;
    if (!strcmp(argv[1], "policy"))
        return puts(page_security_policy) < 0;
    status_world_fill(&s, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
                      (unsigned)strtoul(argv[4], NULL, 10));
    char *text = made_of(&s, argv[1], str_of(argc > 5 ? argv[5] : ""), &len);
    bool is_written = text && fwrite(text, 1, len, stdout) == len && !fflush(stdout);
    free(text);
    status_deinit(&s);
    return !is_written;
}
