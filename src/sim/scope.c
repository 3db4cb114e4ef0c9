/* SPDX-License-Identifier: MIT */
/* Members are numbered, and scope_at() alone knows where each lies; everything else is a walk over
 * them. */
#include "sim/scope.h"

#include "base/log.h"
#include "base/table.h"
#include "sim/pattern.h"

const struct scope_rule scope_rules[SCOPE_MEMBERS] = {
    [SCOPE_REGION] = { .name = "region", .max = 63, .pattern = "[0-9a-z-]+" },
    [SCOPE_CATEGORY] = { .name = "category",
                         .max = 16,
                         .values = { "Source", "Build", "Deploy", "Test", "Invoke", "Approval",
                                     "Compute" } },
    [SCOPE_OWNER] = { .name = "owner", .max = 16, .values = { "AWS", "ThirdParty", "Custom" } },
    [SCOPE_PROVIDER] = { .name = "provider", .max = 35, .pattern = "[0-9A-Za-z_-]+" },
    [SCOPE_VERSION] = { .name = "version", .max = 9, .pattern = "[0-9A-Za-z_-]+" },
};

str *scope_at(struct sim_scope *scope, size_t member)
{
    str *at[SCOPE_MEMBERS] = {
        [SCOPE_REGION] = &scope->region,
        [SCOPE_CATEGORY] = &scope->action_type.category,
        [SCOPE_OWNER] = &scope->action_type.owner,
        [SCOPE_PROVIDER] = &scope->action_type.provider,
        [SCOPE_VERSION] = &scope->action_type.version,
    };
    return at[member];
}

str scope_get(const struct sim_scope *scope, size_t member)
{
    struct sim_scope copy = *scope;
    return *scope_at(&copy, member);
}

bool scope_rule_allows(const struct scope_rule *rule, str text)
{
    if (rule->pattern)
        return pattern_matches(rule->pattern, text);
    for (size_t i = 0; rule->values[i]; i++)
        if (str_eq(text, str_of(rule->values[i])))
            return true;
    return false;
}

struct sim_scope scope_default(const struct sim_scope *scope)
{
    static const str defaults[SCOPE_MEMBERS] = {
        STR_INIT("us-east-1"), STR_INIT("Build"), STR_INIT("ThirdParty"),
        STR_INIT("Acme"),      STR_INIT("1"),
    };
    struct sim_scope full = *scope;
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        if (scope_at(&full, i)->len == 0)
            *scope_at(&full, i) = defaults[i];
    return full;
}

int scope_check(const struct sim_scope *scope, bool any_if_empty, struct pipepoll_error *why)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        str text = scope_get(scope, i);
        const struct scope_rule *rule = &scope_rules[i];
        if (text.len == 0 && any_if_empty)
            continue;
        if (text.len > rule->max)
            return explain(why, PIPEPOLL_EINVAL,
                           "%s is %zu characters long, at most %zu are allowed", rule->name,
                           text.len, rule->max);
        if (!scope_rule_allows(rule, text))
            return explain(why, PIPEPOLL_EINVAL, "%s \"%.*s\" is not %s%s", rule->name,
                           STR_ARG(text),
                           rule->pattern ? "of the form " : "one that CodePipeline has",
                           rule->pattern ? rule->pattern : "");
    }
    return 0;
}

bool scope_eq(const struct sim_scope *a, const struct sim_scope *b)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        if (!str_eq(scope_get(a, i), scope_get(b, i)))
            return false;
    return true;
}

uint64_t scope_hash(uint64_t seed, const struct sim_scope *scope)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        hash = table_hash(hash, scope_get(scope, i));
    return hash;
}

bool scope_matches(const struct sim_scope *rule, const struct sim_scope *scope)
{
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        str wanted = scope_get(rule, i);
        if (wanted.len && !str_eq(wanted, scope_get(scope, i)))
            return false;
    }
    return true;
}

unsigned scope_weight(const struct sim_scope *rule)
{
    unsigned weight = 0;
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        weight += scope_get(rule, i).len > 0;
    return weight;
}

size_t scope_size(const struct sim_scope *scope)
{
    size_t size = 0;
    for (size_t i = 0; i < SCOPE_MEMBERS; i++)
        size += scope_get(scope, i).len;
    return size;
}

struct sim_scope scope_copy(const struct sim_scope *scope, char *memory)
{
    struct sim_scope copy = *scope;
    for (size_t i = 0; i < SCOPE_MEMBERS; i++) {
        str *text = scope_at(&copy, i);
        if (text->len)
            memcpy(memory, text->ptr, text->len);
        text->ptr = memory;
        memory += text->len;
    }
    return copy;
}
