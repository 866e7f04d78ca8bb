/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_address.h"

#include "src/error/error.h"

#include <stdio.h>
#include <string.h>

/* Drivers within one process use their name as the scheme of addresses. */
static const char *
scheme_of (const char *driver_name)
{
    return strncmp (driver_name, "zmq", 3) == 0 ? "tcp" : driver_name;
}

godwit_status_t
godwit__rendezvous_address (char address[GODWIT__ADDRESS_SIZE], bool *is_here, const char *driver_name,
                            const godwit_url_host_t *host, godwit_error_t **error)
{
    const char *name = host && host->hostname ? host->hostname : "";
    const bool here = name[0] == '\0';
    /* Listening needs an address, not a name; and "localhost" may be IPv4 or IPv6. */
    if (here || strcmp (name, "localhost") == 0)
        name = "127.0.0.1";
    const int port = host && host->port ? host->port : GODWIT__RENDEZVOUS_PORT;
    const bool is_v6 = strchr (name, ':') != NULL;
    const int size = snprintf (address, GODWIT__ADDRESS_SIZE, "%s://%s%s%s:%d", scheme_of (driver_name),
                               is_v6 ? "[" : "", name, is_v6 ? "]" : "", port);
    if (size < 0 || size >= GODWIT__ADDRESS_SIZE)
        return godwit__error_set (error, GODWIT_ERR_INVALID_URL, "the name of a host is too long");
    *is_here = here;
    return GODWIT_OK;
}
