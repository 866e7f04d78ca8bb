/* SPDX-License-Identifier: Apache-2.0 */
/* What libzmq connects to: addresses of this machine lead to processes of this user only. */
#include "drivers/zmq/zmq_driver.h"

#include "src/folder/folder_connect.h"
#include "src/interface/tcp_permission.h"

#include <stdio.h>

#define IPC "ipc://"

bool
godwit__zmq_is_local (const char *address)
{
    return strncmp (address, IPC, strlen (IPC)) == 0;
}

bool
godwit__zmq_endpoint (godwit__zmq_t *driver, const char *address, char endpoint[GODWIT__ADDRESS_SIZE],
                      godwit_error_t **error)
{
    char path[GODWIT__FOLDER_SHORT_SIZE];
    if (godwit__driver_permits (&driver->options, address, error) != GODWIT_OK)
        return false;
    snprintf (endpoint, GODWIT__ADDRESS_SIZE, "%s", address);
    if (!godwit__zmq_is_local (address) || address[strlen (IPC)] == '@')
        return true;
    if (!godwit__folders_short_path (&driver->folders, address, path, error))
        return false;
    snprintf (endpoint, GODWIT__ADDRESS_SIZE, IPC "%s", path);
    return true;
}
