/* SPDX-License-Identifier: MIT */
/* The effective configuration: a config file with all defaults and settings filled in, printed on
 * stdout as a config file that asks for the same. */
#ifndef CLI_PRINT_CONFIG_H
#define CLI_PRINT_CONFIG_H

#include "config/config.h"

/* Comments say where a value comes from that is not the file's own. No secrets: credentials are
 * named, and a proxy is shown without its password. PIPEPOLL_ENOMEM. */
int print_config_print(const struct config *config, const char *file);

#endif
