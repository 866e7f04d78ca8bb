/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/secure_defaults.h"

#include "src/error/error.h"
#include "src/interface/tcp_permission.h"

#include <stdio.h>

static godwit_status_t
refuse (const char *what, const char *where, bool is_loopback, godwit_error_t **error)
{
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "Option %s (%s): %s", what, where,
                              godwit__tcp_refusal (is_loopback));
}

/* Without a name, a rendezvous is in the private folders. */
godwit_status_t
godwit__secure_defaults_check_host (const godwit_transport_t *transport, const godwit_url_host_t *host,
                                    const char *name, godwit_error_t **error)
{
    if (!transport->refuses_tcp || !host->hostname || !*host->hostname)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "%s: %s", name,
                              godwit__tcp_refusal (godwit__host_is_loopback (host->hostname)));
}

static godwit_status_t
check_rendezvous (const godwit_transport_t *transport, const char *url_where, godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    for (size_t i = 0; i < godwit_url_host_count (transport->url) && status == GODWIT_OK; i++) {
        const godwit_url_host_t *const host = godwit_url_host (transport->url, i);
        char name[512];
        snprintf (name, sizeof name, "Rendezvous %.255s (%.200s)", host->hostname ? host->hostname : "",
                  url_where);
        status = godwit__secure_defaults_check_host (transport, host, name, error);
    }
    return status;
}

godwit_status_t
godwit__secure_defaults_check (const godwit_transport_t *transport, const godwit__settings_t *settings,
                               const char *url_where, godwit_error_t **error)
{
    const bool listed = settings->static_list || settings->static_file;
    if (!transport->refuses_tcp)
        return GODWIT_OK;
    const godwit_status_t status = listed ? GODWIT_OK : check_rendezvous (transport, url_where, error);
    if (status != GODWIT_OK)
        return status;
    if (transport->host)
        return refuse ("host", godwit__settings_where (settings, "host"),
                       godwit__host_is_loopback (transport->host), error);
    if (transport->options.port)
        return refuse ("port", godwit__settings_where (settings, "port"), true, error);
    if (!(transport->paths & GODWIT__PATH_IPC))
        return refuse ("paths", godwit__settings_where (settings, "paths"), true, error);
    return GODWIT_OK;
}
