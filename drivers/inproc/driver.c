/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the inproc driver, and its life. */
#include "drivers/inproc/inproc.h"

#include "src/error/error.h"

#include <stdlib.h>

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
    if (!self->virtual_host) {
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
    .counters = counters,
};
