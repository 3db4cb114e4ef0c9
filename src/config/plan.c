/* SPDX-License-Identifier: MIT */
/* Entries are gathered in the order of the file and then sorted by what makes a target another one
 * for the service. So those that are there twice are neighbours, and the later of them in the file,
 * which comes second, is the one complained of; and two plans are compared by merging them, in one
 * pass. Pace and batch are no part of the order: a target with another pace meets its old self
 * there, and is replaced. */
#include "config/plan.h"

#include <stdlib.h>

#include "base/order.h"
#include "config/region.h"
#include "config/target_config.h"
#include "config/value.h"

enum { TARGETS_MAX = 100000 };

static int compare_action_type(const struct pipepoll_action_type *a,
                               const struct pipepoll_action_type *b)
{
    int r = order_str(a->category, b->category);
    r = r ? r : order_str(a->owner, b->owner);
    r = r ? r : order_str(a->provider, b->provider);
    return r ? r : order_str(a->version, b->version);
}

/* What makes a target another one for the service. */
static int compare_targets(const struct plan_target *a, const struct plan_target *b)
{
    const struct pipepoll_target_options *x = &a->options, *y = &b->options;
    int r = compare_action_type(&x->action_type, &y->action_type);
    r = r ? r : order_str(x->query_param.key, y->query_param.key);
    r = r ? r : order_str(x->query_param.value, y->query_param.value);
    r = r ? r : identity_config_compare(&a->identity, &b->identity);
    r = r ? r : order_str(x->endpoint_url, y->endpoint_url);
    r = r ? r : x->fips - y->fips;
    r = r ? r : x->dualstack - y->dualstack;
    return r ? r : order_str(x->region, y->region);
}

static bool same_options(const struct plan_target *a, const struct plan_target *b)
{
    const struct pipepoll_target_options *x = &a->options, *y = &b->options;
    return x->interval_ms == y->interval_ms && x->pickup_goal_ms == y->pickup_goal_ms &&
           x->slowest_interval_ms == y->slowest_interval_ms &&
           x->max_batch_size == y->max_batch_size;
}

static int compare_places(const void *a, const void *b)
{
    const struct plan_target *x = a, *y = b;
    int r = compare_targets(x, y);
    r = r ? r : order_size(x->section, y->section);
    return r ? r : order_size(x->named_at.column, y->named_at.column);
}

static int add_entry(struct plan *p, const struct target_config *config, str region,
                     struct location named_at)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        struct plan_target *grown = realloc(p->targets, cap * sizeof *grown);
        if (!grown)
            return PIPEPOLL_ENOMEM;
        p->targets = grown;
        p->cap = cap;
    }
    struct plan_target *added = &p->targets[p->count++];
    *added = (struct plan_target) { .options = config->options,
                                    .identity = config->identity,
                                    .settings = config->ambient,
                                    .in_force = config->in_force,
                                    .name = config->section->name,
                                    .handler = config->handler,
                                    .at = config->section->at,
                                    .named_at = named_at,
                                    .section = (size_t)(config->section -
                                                        config->sections->targets.list) };
    added->options.region = region;
    return PIPEPOLL_OK;
}

/* A region must be spelled as one. Whether the service is there, it knows better than our list; but
 * what looks like a slip of the pen is refused until the file says that it is none. */
static bool check_region(const struct target_config *config, str region, struct location at)
{
    struct pipepoll_target_options sample = target_config_sample();
    struct pipepoll_error why;
    char hint[96], text[256];
    sample.region = region;
    if (pipepoll_target_check(&sample, &why)) {
        complain(config->diagnostics, PIPEPOLL_ERROR, at, "%s%s", why.text,
                 region_hint(region, hint, sizeof hint));
        return false;
    }
    bool elsewhere =
        config->options.endpoint_url.len || target_config_is_misspelt(config, KEY_ENDPOINT_URL);
    enum region_doubt doubt = region_doubt(region, elsewhere, text, sizeof text);
    if (doubt == REGION_LOOKS_MISSPELT && !config->allow_unknown_regions)
        complain(config->diagnostics, PIPEPOLL_ERROR, at, "%s; %s = yes polls there all the same",
                 text, key_name(KEY_ALLOW_UNKNOWN_REGIONS));
    else if (doubt)
        complain(config->diagnostics, PIPEPOLL_WARNING, at, "%s", text);
    return true;
}

static int add_regions(struct plan *p, const struct target_config *config, str word,
                       struct location at)
{
    char hint[96];
    str region = region_expand(word, 0);
    if (region_is_all(word) && !region.len)
        complain(config->diagnostics, PIPEPOLL_ERROR, at, "unknown partition in \"%.*s\"%s",
                 STR_ARG(word), region_hint(word, hint, sizeof hint));
    else if (!region_is_all(word) && !check_region(config, word, at))
        return PIPEPOLL_OK;
    int r = PIPEPOLL_OK;
    for (size_t i = 0; !r && region.len; region = region_expand(word, ++i))
        r = add_entry(p, config, region, at);
    return r;
}

static int read_regions(struct plan *p, struct target_config *config)
{
    const struct value *v = target_config_value(config, KEY_REGIONS);
    if (!v->text.ptr && !target_config_is_misspelt(config, KEY_REGIONS)) {
        str region = target_config_setting(config, PIPEPOLL_SETTING_REGION);
        if (region.len)
            return add_regions(p, config, region, config->section->at);
        /* A profile that is not understood was complained of, and might have named one. */
        if (config->settings && !config->ambient)
            return PIPEPOLL_OK;
        target_config_require(
            config, KEY_REGIONS,
            "a list such as us-east-1, eu-west-1, or all; AWS_REGION would do too");
    }
    str rest = v->text, word;
    struct location at;
    bool none = v->text.len > 0;
    int r = PIPEPOLL_OK;
    for (; !r && value_next(v, &rest, &word, &at); none = false)
        r = add_regions(p, config, word, at);
    if (none && !r)
        complain(config->diagnostics, PIPEPOLL_ERROR, v->at, "regions names no region");
    return r;
}

static int read_target(struct plan *p, struct target_config *config)
{
    size_t count = p->count;
    int r = target_config_read(config);
    if (!r)
        r = read_regions(p, config);
    /* What it polls is not known, so it is not compared with others. */
    if (config->section->has_misspelt)
        p->count = count;
    return r;
}

/* Once for a word that asks for several, such as a second `all`. */
static void complain_of_repeated_regions(const struct plan *p, struct diagnostics *diagnostics)
{
    const struct plan_target *last = NULL;
    for (size_t i = 1; i < p->count; i++) {
        const struct plan_target *a = &p->targets[i - 1], *b = &p->targets[i];
        if (compare_targets(a, b) || a->section != b->section ||
            (last && last->section == b->section && last->named_at.column == b->named_at.column))
            continue;
        complain(diagnostics, PIPEPOLL_ERROR, b->named_at, "%.*s is named twice",
                 STR_ARG(b->options.region));
        last = b;
    }
}

static void complain_of_twins(const struct plan *p, struct diagnostics *diagnostics)
{
    const struct plan_target *last = NULL; /* one sentence for each pair of sections */
    for (size_t i = 1; i < p->count; i++) {
        const struct plan_target *a = &p->targets[i - 1], *b = &p->targets[i];
        if (compare_targets(a, b) || a->section == b->section ||
            (last && last->section == b->section))
            continue;
        const struct pipepoll_action_type *t = &b->options.action_type;
        complain(
            diagnostics, PIPEPOLL_ERROR, b->at,
            "[target %.*s] polls %.*s/%.*s/%.*s/%.*s in %.*s, as [target %.*s] at line %u does",
            STR_ARG(b->name), STR_ARG(t->category), STR_ARG(t->owner), STR_ARG(t->provider),
            STR_ARG(t->version), STR_ARG(b->options.region), STR_ARG(a->name), a->at.line);
        last = b;
    }
}

/* What no single value shows: dualstack where a region's partition has none, and the like. */
static void check_whole(const struct plan *p, struct diagnostics *diagnostics)
{
    struct pipepoll_error why;
    for (size_t i = 0; i < p->count && diagnostics->errors == 0; i++)
        if (pipepoll_target_check(&p->targets[i].options, &why))
            complain(diagnostics, PIPEPOLL_ERROR, p->targets[i].at, "[target %.*s] in %.*s: %s",
                     STR_ARG(p->targets[i].name), STR_ARG(p->targets[i].options.region), why.text);
}

int plan_build(struct plan *out, const struct sections *s, const struct worker_config *worker,
               struct settings *settings, struct diagnostics *diagnostics)
{
    *out = (struct plan) { .section_count = s->targets.count };
    if (s->targets.count == 0 && diagnostics->errors == 0)
        complain(diagnostics, PIPEPOLL_ERROR, (struct location) { 1, 1 },
                 "there is no [target NAME] section: nothing to poll");
    struct target_config config = {
        .sections = s, .worker = worker, .settings = settings, .diagnostics = diagnostics
    };
    for (size_t i = 0; i < s->targets.count && out->count <= TARGETS_MAX; i++) {
        config.section = &s->targets.list[i];
        int r = read_target(out, &config);
        if (r)
            return r;
    }
    if (out->count > TARGETS_MAX)
        complain(diagnostics, PIPEPOLL_ERROR, out->targets[TARGETS_MAX].at, "more than %d targets",
                 TARGETS_MAX);
    if (out->count)
        qsort(out->targets, out->count, sizeof *out->targets, compare_places);
    complain_of_repeated_regions(out, diagnostics);
    complain_of_twins(out, diagnostics);
    check_whole(out, diagnostics);
    return PIPEPOLL_OK;
}

void plan_deinit(struct plan *p)
{
    free(p->targets);
    *p = (struct plan) { 0 };
}

bool plan_diff_next(struct plan_diff *d, struct plan_step *out)
{
    struct plan_target *a = d->i < d->old.count ? &d->old.targets[d->i] : NULL;
    struct plan_target *b = d->j < d->new.count ? &d->new.targets[d->j] : NULL;
    int order = !a ? 1 : !b ? -1 : compare_targets(a, b);
    if (!a && !b)
        return false;
    *out = (struct plan_step) { .old = order <= 0 ? a : NULL, .new = order >= 0 ? b : NULL };
    out->kept = order == 0 && same_options(a, b);
    d->i += order <= 0;
    d->j += order >= 0;
    return true;
}
