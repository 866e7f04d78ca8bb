/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/port_watch.h"

#include "drivers/zmq/monitor.h"

/* Takes all events: the descriptor becomes readable again only after the monitor said EAGAIN. */
static void
on_monitor (godwit__source_t *source)
{
    const godwit__port_watch_t *watch = source->user;
    while (godwit__zmq_monitor_next (watch->monitor, NULL, NULL))
        godwit__reactor_post (watch->reactor, watch->lost);
}

godwit_status_t
godwit__port_watch_open (godwit__port_watch_t *watch, godwit__zmq_t *driver, void *socket,
                         godwit__task_t *lost, godwit_error_t **error)
{
    watch->monitor =
        godwit__zmq_monitor_open (driver, socket, ZMQ_EVENT_DISCONNECTED, &watch->source.fd, error);
    if (!watch->monitor)
        return GODWIT_ERR_SYSTEM;
    watch->reactor = driver->options.reactor;
    watch->lost = lost;
    watch->source.ready = on_monitor;
    watch->source.user = watch;
    return godwit__reactor_watch (watch->reactor, &watch->source, error);
}

void
godwit__port_watch_close (godwit__port_watch_t *watch, void *socket)
{
    if (!watch->monitor)
        return;
    godwit__reactor_unwatch (watch->reactor, &watch->source);
    godwit__reactor_unpost (watch->reactor, watch->lost);
    godwit__zmq_monitor_close (watch->monitor, socket);
    watch->monitor = NULL;
}
