/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll poll`, completed from the machine's settings. */
#ifndef CLI_POLL_OPTIONS_H
#define CLI_POLL_OPTIONS_H

#include "cli/command.h"
#include "cli/format.h"
#include "cli/query.h"
#include "config/settings.h"

enum { POLL_REGIONS_MAX = 256 };

/* What is asked for, instead of a poll. */
enum poll_print { POLL_PRINT_NOTHING, POLL_PRINT_INPUT, POLL_PRINT_OUTPUT, POLL_PRINT_VERSION };

enum poll_color { POLL_COLOR_AUTO, POLL_COLOR_ON, POLL_COLOR_OFF };

struct poll_options {
    struct pipepoll_target_options target; /* without region and credentials */
    str profile;                           /* empty: the default chain */
    str ca_bundle, user_agent_app_id;
    uint32_t max_attempts;
    uint32_t timeout_ms; /* of the whole command; 0: not given, as the two below */
    uint32_t read_timeout_ms, connect_timeout_ms; /* of an attempt */
    str regions[POLL_REGIONS_MAX];
    size_t count;
    str region_from;           /* which setting named the one region; empty: the command line did */
    bool keyed;                /* print one object by region, as there may be several */
    bool allow_unknown_region; /* one that looks misspelt too */
    bool debug;
    bool is_unsigned;  /* by nobody's credentials */
    unsigned in_force; /* of the settings, a bit (1 << which) for each that chose the endpoint */
    struct settings settings;

    /* As they stand on the command line; ptr NULL: not given. */
    str action_type, max_batch_size, query_param, input_json, input_yaml, query_text;

    enum poll_print print;
    enum poll_color color;
    enum format format;
    bool has_format;
    const struct query *query; /* NULL: none */
    struct arena arena;        /* of the above, and of what is made of answers */
};

enum { POLL_FLAG_COUNT = 26 };
extern const struct flag poll_flags[POLL_FLAG_COUNT];

/* By PollForJobs, and not by PollForThirdPartyJobs? */
static inline bool poll_options_is_custom(const struct poll_options *o)
{
    return str_eq(o->target.action_type.owner, STR("Custom"));
}

/* true: *out is filled, and its slices lie in argv and its settings. false: *code is what to exit
 * with, and the user was told why. Deinit in either case. */
bool poll_options_read(struct poll_options *out, struct flags *f, int *code);

/* How long the whole command may take, each attempt within it, and what must be left of the whole
 * for another one. */
uint64_t poll_options_whole_ms(const struct poll_options *o);
uint32_t poll_options_attempt_ms(const struct poll_options *o);
uint32_t poll_options_margin_ms(const struct poll_options *o);

/* For doctor, which has some of these flags. Each returns EXIT_FINE, or what to exit with. */
/* A region, `all` or `all:PARTITION`. */
int poll_options_add_regions(struct poll_options *o, const struct command *c, str word);
/* Fill in what the command line leaves open, and check the whole. */
int poll_options_complete(struct poll_options *o, const struct command *c);

void poll_options_deinit(struct poll_options *o);

#endif
