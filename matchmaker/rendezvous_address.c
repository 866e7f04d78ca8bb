/* SPDX-License-Identifier: Apache-2.0 */
#include "matchmaker/rendezvous_address.h"

#include "src/error/error.h"
#include "src/folder/folder_sweep.h"

#include <stdio.h>
#include <string.h>

/* Drivers within one process use their name as the scheme of addresses. */
static bool
has_network (const char *driver_name)
{
    return strncmp (driver_name, "zmq", 3) == 0;
}

static size_t
places_in_folders (godwit__place_t *places, const godwit__folders_t *folders, int port)
{
    for (size_t i = 0; i < folders->count; i++) {
        places[i] = (godwit__place_t){.is_here = true, .folder_index = (int) i};
        snprintf (places[i].address, sizeof places[i].address, "ipc://%s/" GODWIT__FOLDER_MEET "%d",
                  folders->list[i].path, port);
    }
    return folders->count;
}

size_t
godwit__rendezvous_places (godwit__place_t places[GODWIT__FOLDER_MAX], const godwit__folders_t *folders,
                           const char *driver_name, const godwit_url_host_t *host, godwit_error_t **error)
{
    const char *name = host && host->hostname ? host->hostname : "";
    const int port = host && host->port ? host->port : GODWIT__RENDEZVOUS_PORT;
    const bool is_here = name[0] == '\0';
    if (is_here && has_network (driver_name))
        return places_in_folders (places, folders, port);
    /* Listening needs an address, not a name; and "localhost" may be IPv4 or IPv6. */
    if (is_here || strcmp (name, "localhost") == 0)
        name = "127.0.0.1";
    const bool is_v6 = strchr (name, ':') != NULL;
    places[0] = (godwit__place_t){.is_here = is_here, .folder_index = -1};
    const int size = snprintf (places[0].address, sizeof places[0].address, "%s://%s%s%s:%d",
                               has_network (driver_name) ? "tcp" : driver_name, is_v6 ? "[" : "", name,
                               is_v6 ? "]" : "", port);
    if (size >= 0 && (size_t) size < sizeof places[0].address)
        return 1;
    godwit__error_set (error, GODWIT_ERR_INVALID_URL, "the name of a host is too long");
    return 0;
}
