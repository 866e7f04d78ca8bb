/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the process's ports, and the structural lock. */
#include "drivers/inproc/inproc.h"

#include "src/base/shared_lock.h"

/* Process-wide; under godwit__inproc_lock. */
static godwit__inproc_port_t *ports;
static godwit__shared_lock_t lock = GODWIT__SHARED_LOCK;

void
godwit__inproc_lock (void)
{
    if (godwit__shared_lock (&lock))
        ports = NULL;
}

void
godwit__inproc_unlock (void)
{
    godwit__shared_unlock (&lock);
}

godwit__inproc_port_t *
godwit__inproc_find_port (const char *virtual_host, const char *address)
{
    godwit__inproc_port_t *port = ports;
    while (port && (strcmp (port->address, address) != 0 ||
                    strcmp (port->base.driver->virtual_host, virtual_host) != 0))
        port = port->next;
    return port;
}

godwit__inproc_port_t *
godwit__inproc_next_port (const godwit__inproc_t *driver, const godwit__inproc_port_t *at)
{
    godwit__inproc_port_t *port = at ? at->next : ports;
    while (port && port->base.driver != driver)
        port = port->next;
    return port;
}

void
godwit__inproc_add_port (godwit__inproc_port_t *port)
{
    port->next = ports;
    ports = port;
}

void
godwit__inproc_remove_port (godwit__inproc_port_t *port)
{
    godwit__inproc_port_t **at = &ports;
    while (*at && *at != port)
        at = &(*at)->next;
    if (*at)
        *at = port->next;
}
