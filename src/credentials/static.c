#include "credentials/provider.h"

int pipepoll_credentials_static(struct pipepoll_credentials **out, str access_key_id,
                                str secret_access_key, str session_token,
                                struct pipepoll_error *why)
{
    return provider_fixed(out, "static",
                          (str[]) { access_key_id, secret_access_key, session_token }, why);
}
