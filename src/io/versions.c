/* SPDX-License-Identifier: MIT */
/* Which libraries this build stands on: asked here because their headers end at this floor. */
#include <curl/curl.h>
#include <uv.h>

#include "base/sized.h"

void pipepoll_versions(struct pipepoll_versions *out)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const struct pipepoll_versions now = {
        .pipepoll = PIPEPOLL_VERSION,
        .libcurl = curl->version,
        .tls = curl->ssl_version ? curl->ssl_version : "none",
        .libuv = uv_version_string(),
    };
    sized_write(out, &now, sizeof now);
}
