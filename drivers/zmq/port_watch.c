/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/port_watch.h"

#include "drivers/zmq/monitor.h"

#define EVENTS                                                                                               \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                    \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

/* Takes all events: the descriptor becomes readable again only after the monitor said that there is none. */
static void
on_monitor (godwit__source_t *source)
{
    const godwit__port_watch_t *watch = source->user;
    int fd = -1;
    for (unsigned event; (event = godwit__zmq_monitor_next (watch->monitor, &fd, NULL));) {
        if (watch->strangers)
            godwit__strangers_note (watch->strangers, event, fd);
        if (watch->lost && event == ZMQ_EVENT_DISCONNECTED)
            godwit__reactor_post (watch->reactor, watch->lost);
    }
}

godwit_status_t
godwit__port_watch_open (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                         godwit_error_t **error)
{
    if (watch->monitor)
        return GODWIT_OK;
    watch->monitor = godwit__zmq_monitor_open (driver, socket, EVENTS, &watch->source.fd, error);
    if (!watch->monitor)
        return GODWIT_ERR_SYSTEM;
    watch->reactor = driver->options.reactor;
    watch->source.ready = on_monitor;
    watch->source.user = watch;
    const godwit_status_t status = godwit__reactor_watch (watch->reactor, &watch->source, error);
    if (status) {
        godwit__zmq_monitor_close (watch->monitor, socket);
        watch->monitor = NULL;
    }
    return status;
}

void
godwit__port_watch_strangers (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                              const char *at)
{
    godwit__strangers_t *strangers = godwit__strangers_new (driver, at);
    if (strangers && godwit__port_watch_open (watch, driver, socket, NULL) == GODWIT_OK)
        watch->strangers = strangers;
    else
        godwit__strangers_destroy (&strangers);
}

void
godwit__port_watch_close (godwit__port_watch_t *watch, void *socket)
{
    if (!watch->monitor)
        return;
    godwit__reactor_unwatch (watch->reactor, &watch->source);
    if (watch->lost)
        godwit__reactor_unpost (watch->reactor, watch->lost);
    godwit__zmq_monitor_close (watch->monitor, socket);
    watch->monitor = NULL;
    godwit__strangers_destroy (&watch->strangers);
}
