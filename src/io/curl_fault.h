/* SPDX-License-Identifier: MIT */
/* libcurl's result codes to faults: once, here. */
#ifndef IO_CURL_FAULT_H
#define IO_CURL_FAULT_H

#include <curl/curl.h>

#include "base/fault.h"

enum fault curl_fault(CURLcode code);

#endif
