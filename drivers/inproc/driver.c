/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the inproc driver, and its life. */
#include "drivers/inproc/inproc.h"

#include "src/error/error.h"

#include <stdlib.h>

/* ---- the realm ---- */

static void
on_renewed (godwit__task_t *task)
{
    const godwit__inproc_t *self = task->user;
    godwit__inproc_lock ();
    godwit__inproc_port_t *port = godwit__inproc_next_port (self, NULL);
    for (; port; port = godwit__inproc_next_port (self, port))
        for (size_t i = 0; i < port->slot_count; i++)
            if (port->slots[i].owner)
                godwit__inproc_link_renewed (port->slots[i].owner);
    godwit__inproc_unlock ();
}

static void
on_changed (godwit__realm_watch_t *watch, unsigned changes)
{
    godwit__inproc_t *self = watch->user;
    if (!(changes & GODWIT__REALM_CREDENTIAL))
        return;
    godwit__identity_renew (self->identity, self->options.realm);
    godwit__reactor_post (self->options.reactor, &self->renewed);
}

/* False: memory is short. */
static bool
begin_realm (godwit__inproc_t *self)
{
    if (!self->options.realm)
        return true;
    self->identity = godwit__identity_new (self->options.realm);
    if (!self->identity)
        return false;
    self->watch = (godwit__realm_watch_t){.changed = on_changed, .user = self};
    self->renewed = (godwit__task_t){.run = on_renewed, .user = self};
    godwit__realm_watch (self->options.realm, &self->watch);
    godwit__identity_renew (self->identity, self->options.realm); /* it may have changed just before */
    return true;
}

static void
end_realm (godwit__inproc_t *self)
{
    if (!self->identity)
        return;
    godwit__realm_unwatch (self->options.realm, &self->watch);
    godwit__reactor_unpost (self->options.reactor, &self->renewed);
    godwit__identity_unref (self->identity);
}

/* ---- life ---- */

static godwit_status_t
open_driver (godwit__driver_t **driver, const godwit__driver_options_t *options, godwit_error_t **error)
{
    godwit__inproc_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__inproc_driver;
    self->options = *options;
    self->options.host = NULL;
    self->virtual_host = strdup (options->virtual_host ? options->virtual_host : "");
    if (!self->virtual_host || !begin_realm (self)) {
        free (self->virtual_host);
        free (self);
        return godwit__error_no_memory (error);
    }
    self->options.virtual_host = self->virtual_host;
    *driver = &self->base;
    return GODWIT_OK;
}

static void
close_driver (godwit__driver_t *driver)
{
    godwit__inproc_t *self = (godwit__inproc_t *) driver;
    end_realm (self);
    free (self->virtual_host);
    free (self);
}

static bool
speaks (const godwit__driver_t *driver, const char *address)
{
    (void) driver;
    return strncmp (address, GODWIT__INPROC_SCHEME, strlen (GODWIT__INPROC_SCHEME)) == 0;
}

static const godwit__driver_counters_t *
counters (const godwit__driver_t *driver)
{
    return &((const godwit__inproc_t *) driver)->counters;
}

const godwit__driver_ops_t godwit__inproc_driver = {
    .name = "inproc",
    .open = open_driver,
    .close = close_driver,
    .speaks = speaks,
    .open_link = godwit__inproc_open_link,
    .open_port = godwit__inproc_open_port,
    .watch_port = godwit__inproc_watch_port,
    .subscribe = godwit__inproc_subscribe,
    .unsubscribe = godwit__inproc_unsubscribe,
    .open_publisher = godwit__inproc_open_publisher,
    .publisher_connect = godwit__inproc_publisher_connect,
    .publisher_disconnect = godwit__inproc_publisher_disconnect,
    .publish = godwit__inproc_publish,
    .name_topic = godwit__inproc_name_topic,
    .counters = counters,
};
