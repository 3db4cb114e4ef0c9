/* Which libraries this build stands on: asked here because their headers end at this floor. */
#include <curl/curl.h>
#include <uv.h>

#include "pipepoll.h"

struct pipepoll_versions pipepoll_versions(void)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    return (struct pipepoll_versions) {
        .pipepoll = PIPEPOLL_VERSION,
        .libcurl = curl->version,
        .tls = curl->ssl_version ? curl->ssl_version : "none",
        .libuv = uv_version_string(),
    };
}
