/* Members are numbered, and place_at() alone knows where each lies; everything else is a walk over
 * them. The patterns are to be read by people: of one, only whether it has capitals is looked
 * at. */
#include "sim/scope.h"

#include "base/log.h"
#include "base/table.h"

const struct place_rule place_rules[PLACE_MEMBERS] = {
    [PLACE_REGION] = { .name = "region", .max = 63, .pattern = "[0-9a-z-]+" },
    [PLACE_CATEGORY] = { .name = "category",
                         .max = 16,
                         .values = { "Source", "Build", "Deploy", "Test", "Invoke", "Approval",
                                     "Compute" } },
    [PLACE_OWNER] = { .name = "owner", .max = 16, .values = { "AWS", "ThirdParty", "Custom" } },
    [PLACE_PROVIDER] = { .name = "provider", .max = 35, .pattern = "[0-9A-Za-z_-]+" },
    [PLACE_VERSION] = { .name = "version", .max = 9, .pattern = "[0-9A-Za-z_-]+" },
};

str *place_at(struct sim_place *place, size_t member)
{
    str *at[PLACE_MEMBERS] = {
        [PLACE_REGION] = &place->region,
        [PLACE_CATEGORY] = &place->action_type.category,
        [PLACE_OWNER] = &place->action_type.owner,
        [PLACE_PROVIDER] = &place->action_type.provider,
        [PLACE_VERSION] = &place->action_type.version,
    };
    return at[member];
}

str place_get(const struct sim_place *place, size_t member)
{
    struct sim_place copy = *place;
    return *place_at(&copy, member);
}

static bool matches_pattern(const char *pattern, str text)
{
    bool capitals = strstr(pattern, "A-Z") != NULL; /* and with them, the underscore */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        bool large = (c >= 'A' && c <= 'Z') || c == '_';
        if (!small && !(capitals && large))
            return false;
    }
    return text.len > 0;
}

bool place_rule_allows(const struct place_rule *rule, str text)
{
    if (rule->pattern)
        return matches_pattern(rule->pattern, text);
    for (size_t i = 0; rule->values[i]; i++)
        if (str_eq(text, str_of(rule->values[i])))
            return true;
    return false;
}

struct sim_place place_default(const struct sim_place *place)
{
    static const str defaults[PLACE_MEMBERS] = {
        STR_INIT("us-east-1"), STR_INIT("Build"), STR_INIT("ThirdParty"),
        STR_INIT("Acme"),      STR_INIT("1"),
    };
    struct sim_place full = *place;
    for (size_t i = 0; i < PLACE_MEMBERS; i++)
        if (place_at(&full, i)->len == 0)
            *place_at(&full, i) = defaults[i];
    return full;
}

int place_check(const struct sim_place *place, bool any_if_empty, struct pipepoll_error *why)
{
    for (size_t i = 0; i < PLACE_MEMBERS; i++) {
        str text = place_get(place, i);
        const struct place_rule *rule = &place_rules[i];
        if (text.len == 0 && any_if_empty)
            continue;
        if (text.len > rule->max)
            return explain(why, PIPEPOLL_EINVAL,
                           "%s is %zu characters long, at most %zu are allowed", rule->name,
                           text.len, rule->max);
        if (!place_rule_allows(rule, text))
            return explain(why, PIPEPOLL_EINVAL, "%s '%.*s' is not %s%s", rule->name, STR_ARG(text),
                           rule->pattern ? "of the form " : "one that CodePipeline has",
                           rule->pattern ? rule->pattern : "");
    }
    return 0;
}

bool place_eq(const struct sim_place *a, const struct sim_place *b)
{
    for (size_t i = 0; i < PLACE_MEMBERS; i++)
        if (!str_eq(place_get(a, i), place_get(b, i)))
            return false;
    return true;
}

uint64_t place_hash(uint64_t seed, const struct sim_place *place)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < PLACE_MEMBERS; i++)
        hash = table_hash(hash, place_get(place, i));
    return hash;
}

bool place_matches(const struct sim_place *rule, const struct sim_place *place)
{
    for (size_t i = 0; i < PLACE_MEMBERS; i++) {
        str wanted = place_get(rule, i);
        if (wanted.len && !str_eq(wanted, place_get(place, i)))
            return false;
    }
    return true;
}

unsigned place_weight(const struct sim_place *rule)
{
    unsigned weight = 0;
    for (size_t i = 0; i < PLACE_MEMBERS; i++)
        weight += place_get(rule, i).len > 0;
    return weight;
}

size_t place_size(const struct sim_place *place)
{
    size_t size = 0;
    for (size_t i = 0; i < PLACE_MEMBERS; i++)
        size += place_get(place, i).len;
    return size;
}

struct sim_place place_copy(const struct sim_place *place, char *memory)
{
    struct sim_place copy = *place;
    for (size_t i = 0; i < PLACE_MEMBERS; i++) {
        str *text = place_at(&copy, i);
        if (text->len)
            memcpy(memory, text->ptr, text->len);
        text->ptr = memory;
        memory += text->len;
    }
    return copy;
}
