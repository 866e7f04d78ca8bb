/* SPDX-License-Identifier: Apache-2.0 */
/* Where a rendezvous is: the driver's address for a host of the URL. */
#ifndef GODWIT_MATCHMAKER_RENDEZVOUS_ADDRESS_H
#define GODWIT_MATCHMAKER_RENDEZVOUS_ADDRESS_H

#include <godwit/url.h>

#include "src/folder/folder.h"
#include "src/interface/driver.h"

#define GODWIT__RENDEZVOUS_PORT 9573

/* One rendezvous point. */
typedef struct godwit__place {
    char address[GODWIT__ADDRESS_SIZE];
    bool is_here;     /* no host was named: the processes that meet there host it themselves */
    bool may_host;    /* that, or the option host_rendezvous */
    int folder_index; /* the private folder that it is in; -1: none */
} godwit__place_t;

/* Writes the points of a host, GODWIT__FOLDER_MAX at most, and returns how many: one, or if no host name was
 * given one in each of the private folders (for drivers without a network: one). host NULL: no host in the
 * URL. 0: INVALID_URL, the name is too long. */
size_t godwit__rendezvous_places (godwit__place_t places[GODWIT__FOLDER_MAX],
                                  const godwit__folders_t *folders, const char *driver_name,
                                  const godwit_url_host_t *host, godwit_error_t **error);

#endif
