/* The body is put together from constant pieces: names that have passed the checks hold nothing to
 * escape, so that no JSON writer is needed in the way of each poll. The checks keep the model's own
 * limits, so that what the service would refuse is refused before a call, with the nearest name
 * that it knows. */
#include "aws/operation.h"

#include "base/log.h"
#include "base/nearest.h"

enum { QUOTE_MAX = 48 };

static const str targets[OPERATION_COUNT] = {
    [OPERATION_POLL_FOR_THIRD_PARTY_JOBS] = STR_INIT("CodePipeline_20150709.PollForThirdPartyJobs"),
};

const struct pipepoll_str operation_content_type = STR_INIT("application/x-amz-json-1.1");

str operation_target(enum operation op)
{
    return targets[op];
}

/* The names that a field may have: ActionCategory and ActionOwner of the model. */
static const char *const categories[] = { "Source", "Build",    "Deploy",  "Test",
                                          "Invoke", "Approval", "Compute", NULL };
static const char *const owners[] = { "AWS", "ThirdParty", "Custom", NULL };

/* Fill why: `FIELD "VALUE" is not RULE`. */
static int refuse(struct pipepoll_error *why, const char *field, str value, const char *rule)
{
    size_t shown = value.len < QUOTE_MAX ? value.len : QUOTE_MAX;
    return explain(why, PIPEPOLL_EINVAL, "%s \"%.*s%s\" is not %s", field, (int)shown, value.ptr,
                   shown < value.len ? "..." : "", rule);
}

static int check_choice(const char *field, str value, const char *const *names,
                        struct pipepoll_error *why)
{
    char text[128], hint[64];
    struct buf rule = BUF_ON(text);
    struct nearest near = nearest_to(value);
    buf_put(&rule, STR("one of "));
    for (size_t i = 0; names[i]; i++) {
        if (str_eq(value, str_of(names[i])))
            return 0;
        buf_printf(&rule, i ? ", %s" : "%s", names[i]);
        nearest_try(&near, str_of(names[i]));
    }
    buf_put(&rule, str_of(nearest_hint(&near, hint, sizeof hint)));
    return refuse(why, field, value, buf_cstr(&rule));
}

static int check_name(const char *field, str value, size_t max, struct pipepoll_error *why)
{
    bool ok = value.len > 0 && value.len <= max;
    for (size_t i = 0; ok && i < value.len; i++) {
        char c = value.ptr[i], lower = ascii_lower(c);
        ok = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    if (ok)
        return 0;
    char text[64];
    struct buf rule = BUF_ON(text);
    buf_printf(&rule, "1 to %zu of a-z, A-Z, 0-9, '_' and '-'", max);
    return refuse(why, field, value, buf_cstr(&rule));
}

int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why)
{
    int r = check_choice("category", a->category, categories, why);
    if (!r)
        r = check_choice("owner", a->owner, owners, why);
    if (!r)
        r = check_name("provider", a->provider, 35, why);
    if (!r)
        r = check_name("version", a->version, 9, why);
    return r;
}

int max_batch_size_check(uint32_t max_batch_size, struct pipepoll_error *why)
{
    /* An integer of the model has 32 bits with a sign. The model gives no other maximum. */
    if (max_batch_size <= INT32_MAX)
        return 0;
    return explain(why, PIPEPOLL_EINVAL, "max batch size %u is not 1 to %d, or 0 for not sent",
                   (unsigned)max_batch_size, INT32_MAX);
}

static void put_member(struct buf *out, str before, str value)
{
    buf_put(out, before);
    buf_put(out, value);
}

void operation_encode_poll(struct buf *out, const struct pipepoll_action_type *a,
                           uint32_t max_batch_size)
{
    put_member(out, STR("{\"actionTypeId\":{\"category\":\""), a->category);
    put_member(out, STR("\",\"owner\":\""), a->owner);
    put_member(out, STR("\",\"provider\":\""), a->provider);
    put_member(out, STR("\",\"version\":\""), a->version);
    buf_put(out, STR("\"}"));
    if (max_batch_size) {
        buf_put(out, STR(",\"maxBatchSize\":"));
        buf_put_u64(out, max_batch_size);
    }
    buf_put_char(out, '}');
}
