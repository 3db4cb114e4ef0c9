/* SPDX-License-Identifier: MIT */
/* What a later pipepoll may do in a fleet beside one of today: linked with the program's own
 * sources, it takes the place of what they write. Every message has members that are unknown today,
 * at its root and in what is within it; streams are of format 1.1, and have a setting more, which
 * it sets where they are of today's. With PIPEPOLL_LATER=2 it makes streams of another format, and
 * reads no other. */
#include <stdio.h>
#include <stdlib.h>

#include "fleet/message.h"
#include "fleet/message_text.h"
#include "fleet/nats_log.h"
#include "pipepoll.h"

void __wrap_pipepoll_versions(struct pipepoll_versions *out);
void __wrap_message_open(struct buf *out);
void __wrap_message_text_put_type(struct buf *out, const struct pipepoll_action_type *type);
void __wrap_nats_log_config(struct buf *out, const struct nats_options *o, enum engine_log log);
void __wrap_nats_log_resized(struct buf *out, const struct nats_options *o, enum engine_log log,
                             const struct json *j, int config);
enum nats_log_verdict __wrap_nats_log_judge(const struct nats_options *o, enum engine_log log,
                                            const struct json *j, int config, struct buf *why);

void __real_pipepoll_versions(struct pipepoll_versions *out);
void __real_message_text_put_type(struct buf *out, const struct pipepoll_action_type *type);
void __real_nats_log_config(struct buf *out, const struct nats_options *o, enum engine_log log);
enum nats_log_verdict __real_nats_log_judge(const struct nats_options *o, enum engine_log log,
                                            const struct json *j, int config, struct buf *why);

void __wrap_pipepoll_versions(struct pipepoll_versions *out)
{
    __real_pipepoll_versions(out);
    out->pipepoll = "9.9.9";
}

void __wrap_message_open(struct buf *out)
{
    buf_put(out, STR("{\"later\":[1,{\"x\":null}],\"v\":1"));
}

void __wrap_message_text_put_type(struct buf *out, const struct pipepoll_action_type *type)
{
    __real_message_text_put_type(out, type);
    out->len--; /* its brace */
    buf_put(out, STR(",\"later\":{\"x\":[\"\\u0031\"]}}"));
}

static const char *format(void)
{
    const char *other = getenv("PIPEPOLL_LATER");
    return other ? other : "1.1";
}

static void replace(struct buf *out, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at)
        abort();
    buf_printf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

void __wrap_nats_log_config(struct buf *out, const struct nats_options *o, enum engine_log log)
{
    enum { CONFIG_MAX = 2048 };
    char was[CONFIG_MAX], to[64];
    struct buf b = BUF_ON(was);
    __real_nats_log_config(&b, o, log);
    snprintf(to, sizeof to, ", format %s\",\"allow_rollup_hdrs\":true", format());
    replace(out, buf_cstr(&b), ", format 1\"", to);
}

void __wrap_nats_log_resized(struct buf *out, const struct nats_options *o, enum engine_log log,
                             const struct json *j, int config)
{
    __wrap_nats_log_config(out, o, log);
}

static str format_of(const struct json *j, int config)
{
    static const str before = STR_INIT(", format ");
    int node = json_member(j, config, "description");
    str is = json_raw(j, node);
    while (is.len && !str_starts(is, before))
        is = str_skip(is, 1);
    is = str_skip(is, before.len);
    return str_cut(is, str_find(is, '"'));
}

enum nats_log_verdict __wrap_nats_log_judge(const struct nats_options *o, enum engine_log log,
                                            const struct json *j, int config, struct buf *why)
{
    str is = format_of(j, config);
    if (str_eq(is, str_of(format())))
        return NATS_LOG_GOOD;
    if (getenv("PIPEPOLL_LATER")) {
        buf_put(why, STR("the format is an earlier one"));
        return NATS_LOG_WRONG;
    }
    enum nats_log_verdict verdict = __real_nats_log_judge(o, log, j, config, why);
    return verdict == NATS_LOG_WRONG ? verdict : NATS_LOG_RESIZE;
}
