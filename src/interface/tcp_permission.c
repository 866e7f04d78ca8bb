/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/tcp_permission.h"

#include "src/error/error.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define TCP "tcp://"
#define IPC "ipc://"
#define ABSTRACT "ipc://@"
#define WHAT_TO_DO "run `godwit realm init`, or say insecure=true"

bool
godwit__host_is_loopback (const char *host)
{
    char bare[INET6_ADDRSTRLEN];
    struct in_addr in;
    struct in6_addr in6;
    const size_t size = strcspn (host + (*host == '['), "]");
    if (size >= sizeof bare)
        return false;
    memcpy (bare, host + (*host == '['), size);
    bare[size] = '\0';
    if (inet_pton (AF_INET, bare, &in) == 1)
        return ntohl (in.s_addr) >> 24 == 127;
    if (inet_pton (AF_INET6, bare, &in6) == 1)
        return IN6_IS_ADDR_LOOPBACK (&in6);
    return strcmp (bare, "localhost") == 0;
}

bool
godwit__address_is_loopback (const char *address)
{
    char host[GODWIT__ADDRESS_SIZE];
    const char *const colon = strrchr (address, ':');
    if (strncmp (address, TCP, strlen (TCP)) != 0 || colon < address + strlen (TCP))
        return false;
    snprintf (host, sizeof host, "%.*s", (int) (colon - address - (long) strlen (TCP)),
              address + strlen (TCP));
    return godwit__host_is_loopback (host);
}

const char *
godwit__tcp_refusal (bool is_loopback)
{
    return is_loopback
               ? "tcp at the loopback, which every user of this machine reaches, needs a realm: " WHAT_TO_DO
               : "tcp beyond this host needs a realm: " WHAT_TO_DO;
}

bool
godwit__address_is_abstract (const char *address)
{
    return strncmp (address, ABSTRACT, strlen (ABSTRACT)) == 0;
}

godwit_status_t
godwit__driver_permits (const godwit__driver_options_t *options, const char *address, godwit_error_t **error)
{
    if (godwit__address_is_abstract (address) && !options->insecure)
        return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: " GODWIT__ABSTRACT_REFUSAL, address);
    if (options->realm || options->insecure || strncmp (address, IPC, strlen (IPC)) == 0)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "%s: %s", address,
                              godwit__tcp_refusal (godwit__address_is_loopback (address)));
}

godwit_status_t
godwit__driver_without_folder (const godwit__driver_options_t *options, godwit_error_t *why,
                               godwit_error_t **error)
{
    godwit_status_t status = GODWIT_OK;
    if (options->realm || options->insecure)
        godwit__driver_warn (options, "Processes of this machine reach this one by TCP alone. %s",
                             godwit_error_message (why));
    else
        status = godwit__error_set (error, GODWIT_ERR_SYSTEM,
                                    "%s; tcp in its place needs a realm, or insecure=true",
                                    godwit_error_message (why));
    godwit_error_destroy (&why);
    return status;
}
