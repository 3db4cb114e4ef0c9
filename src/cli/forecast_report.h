/* A config and its forecast, printed on stdout: what `pipepoll check` says. */
#ifndef CLI_FORECAST_REPORT_H
#define CLI_FORECAST_REPORT_H

#include "config/config.h"
#include "config/route.h"

struct forecast_report {
    const struct config *config;
    struct forecast forecast;
    struct routes routes;
    struct pipepoll_footprint footprint;
    size_t memory_bytes; /* at most */
};

/* PIPEPOLL_ENOMEM; deinit in either case. */
int forecast_report_make(struct forecast_report *out, const struct config *config);
void forecast_report_deinit(struct forecast_report *r);

void forecast_report_text(const struct forecast_report *r);
void forecast_report_json(const struct forecast_report *r);

#endif
