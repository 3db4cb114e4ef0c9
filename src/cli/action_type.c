#include "cli/action_type.h"

#include "base/log.h"
#include "base/nearest.h"

enum { MEMBER_COUNT = 4 };

struct member {
    str name;
    str *value;
};

struct parse {
    struct member members[MEMBER_COUNT];
    struct pipepoll_error *why;
};

static int unknown_member(const struct parse *p, str name)
{
    struct nearest near = nearest_to(name);
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        nearest_try(&near, p->members[i].name);
    char hint[96];
    return explain(p->why, PIPEPOLL_EINVAL, "unknown member \"%.*s\" of the action type%s",
                   STR_ARG(name), nearest_hint(&near, hint, sizeof hint));
}

static int set_member(struct parse *p, str name, str value)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        struct member *m = &p->members[i];
        if (!str_eq(m->name, name))
            continue;
        if (m->value->ptr)
            return explain(p->why, PIPEPOLL_EINVAL, "%.*s is given twice", STR_ARG(name));
        *m->value = value;
        return PIPEPOLL_OK;
    }
    return unknown_member(p, name);
}

static int parse_shorthand(struct parse *p, str text)
{
    while (text.len) {
        str pair = { text.ptr, str_find(text, ',') };
        text = str_skip(text, pair.len < text.len ? pair.len + 1 : pair.len);
        size_t equals = str_find(pair, '=');
        if (equals == pair.len)
            return explain(p->why, PIPEPOLL_EINVAL,
                           "expected name=value,... in the action type, not \"%.*s\"",
                           STR_ARG(pair));
        int r = set_member(p, str_trim((str) { pair.ptr, equals }),
                           str_trim(str_skip(pair, equals + 1)));
        if (r)
            return r;
    }
    return PIPEPOLL_OK;
}

static bool take_char(str *text, char c)
{
    *text = str_trim(*text);
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = str_skip(*text, 1);
    return true;
}

/* No value of an action type needs an escape, so none is understood. */
static bool take_string(str *text, str *out)
{
    if (!take_char(text, '"'))
        return false;
    *out = (str) { text->ptr, str_find(*text, '"') };
    if (out->len == text->len || str_find(*out, '\\') < out->len)
        return false;
    *text = str_skip(*text, out->len + 1);
    return true;
}

static int parse_object(struct parse *p, str text)
{
    str name, value;
    bool more = take_char(&text, '{');
    while (more) {
        if (!take_string(&text, &name) || !take_char(&text, ':') || !take_string(&text, &value))
            break;
        int r = set_member(p, name, value);
        if (r)
            return r;
        more = take_char(&text, ',');
        if (!more && take_char(&text, '}') && str_trim(text).len == 0)
            return PIPEPOLL_OK;
    }
    return explain(p->why, PIPEPOLL_EINVAL,
                   "the action type must be one JSON object of plain strings");
}

int action_type_parse(struct pipepoll_action_type *out, str text, struct pipepoll_error *why)
{
    struct pipepoll_action_type a = { 0 };
    struct parse p = { .members = { { STR_INIT("category"), &a.category },
                                    { STR_INIT("owner"), &a.owner },
                                    { STR_INIT("provider"), &a.provider },
                                    { STR_INIT("version"), &a.version } },
                       .why = why };
    text = str_trim(text);
    int r = str_starts(text, STR("{")) ? parse_object(&p, text) : parse_shorthand(&p, text);
    if (r)
        return r;
    if (!a.owner.ptr)
        a.owner = STR("ThirdParty");
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (!p.members[i].value->ptr)
            return explain(why, PIPEPOLL_EINVAL, "the action type has no %.*s",
                           STR_ARG(p.members[i].name));
    *out = a;
    return PIPEPOLL_OK;
}
