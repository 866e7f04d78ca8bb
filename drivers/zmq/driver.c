/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the ZeroMQ driver, and its life. */
#include "drivers/zmq/probe.h"
#include "drivers/zmq/zmq_driver.h"

#include "src/error/error.h"
#include "src/folder/folder_connect.h"

#include <errno.h>
#include <stdlib.h>

#define TCP "tcp://"

/* A link takes three sockets: its own, and two for its monitor. libzmq allocates a table of this size at once
 * (12 bytes each). */
#define SOCKET_LIMIT 16383

/* libzmq starts its threads with the first socket: now, while there is enough for them. */
static void *
new_context (godwit_error_t **error)
{
    if (godwit__probe_context (error))
        return NULL;
    void *context = zmq_ctx_new ();
    const int limit = context ? zmq_ctx_get (context, ZMQ_SOCKET_LIMIT) : 0;
    if (context)
        zmq_ctx_set (context, ZMQ_MAX_SOCKETS, limit > 0 && limit < SOCKET_LIMIT ? limit : SOCKET_LIMIT);
    void *first = context ? zmq_socket (context, ZMQ_PAIR) : NULL;
    if (first) {
        zmq_close (first);
        return context;
    }
    godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a ZeroMQ context: %s", zmq_strerror (errno));
    if (context)
        zmq_ctx_term (context);
    return NULL;
}

static godwit_status_t
open_driver (godwit__driver_t **driver, const godwit__driver_options_t *options, godwit_error_t **error)
{
    if (options->realm)
        return godwit__error_set (
            error, GODWIT_ERR_SYSTEM,
            "the driver on libzmq can be in no realm: it could not tell members from others");
    godwit__zmq_t *self = calloc (1, sizeof *self);
    if (!self)
        return godwit__error_no_memory (error);
    self->base.ops = &godwit__zmq_driver;
    self->options = *options;
    self->options.host = NULL;
    self->options.virtual_host = NULL; /* borrowed, so not kept */
    self->options.runtime_dir = NULL;
    if (!self->options.max_queue_size)
        self->options.max_queue_size = SIZE_MAX;
    const godwit_status_t status = godwit__folders_init (&self->folders, options->runtime_dir, error);
    if (status != GODWIT_OK) {
        free (self);
        return status;
    }
    if (options->host && !(self->host = strdup (options->host))) {
        free (self);
        return godwit__error_no_memory (error);
    }
    self->context = new_context (error);
    if (!self->context) {
        free (self->host);
        free (self);
        return GODWIT_ERR_SYSTEM;
    }
    godwit__list_init (&self->links);
    self->look = (godwit__timer_t){.fire = godwit__zmq_look_at_links, .user = self};
    *driver = &self->base;
    return GODWIT_OK;
}

static void
close_driver (godwit__driver_t *driver)
{
    godwit__zmq_t *self = (godwit__zmq_t *) driver;
    godwit__reactor_disarm (self->options.reactor, &self->look);
    while (zmq_ctx_term (self->context) < 0 && errno == EINTR)
        ;
    godwit__folders_close (&self->folders);
    free (self->host);
    free (self);
}

/* Which folders there are never changes: so any thread may look. */
static bool
speaks (const godwit__driver_t *driver, const char *address)
{
    const godwit__zmq_t *self = (const godwit__zmq_t *) driver;
    return strncmp (address, TCP, strlen (TCP)) == 0 || godwit__folders_speak (&self->folders, address);
}

static const godwit__driver_counters_t *
counters (const godwit__driver_t *driver)
{
    return &((const godwit__zmq_t *) driver)->counters;
}

const godwit__driver_ops_t godwit__zmq_driver = {
    .name = "zmq+libzmq",
    .open = open_driver,
    .close = close_driver,
    .speaks = speaks,
    .open_link = godwit__zmq_open_link,
    .open_port = godwit__zmq_open_port,
    .add_host = godwit__zmq_add_host,
    .watch_port = godwit__zmq_watch_port,
    .subscribe = godwit__zmq_subscribe,
    .unsubscribe = godwit__zmq_unsubscribe,
    .open_publisher = godwit__zmq_open_publisher,
    .publisher_connect = godwit__zmq_publisher_connect,
    .publisher_disconnect = godwit__zmq_publisher_disconnect,
    .publish = godwit__zmq_publish,
    .counters = counters,
};
