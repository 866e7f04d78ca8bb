/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/monitor.h"

#include "src/error/error.h"

#include <errno.h>
#include <stdio.h>

void *
godwit__zmq_monitor_open (godwit__zmq_t *driver, void *socket, int events, int *fd, godwit_error_t **error)
{
    char name[64];
    size_t size = sizeof *fd;
    snprintf (name, sizeof name, "inproc://monitor-%u", driver->monitor_count++);
    void *monitor = zmq_socket (driver->context, ZMQ_PAIR);
    /* Without a limit: libzmq would wait for room, and so stop all connections. */
    if (monitor && godwit__zmq_set (monitor, ZMQ_LINGER, 0) && godwit__zmq_set (monitor, ZMQ_RCVHWM, 0) &&
        zmq_socket_monitor (socket, name, events) == 0 && zmq_connect (monitor, name) == 0 &&
        zmq_getsockopt (monitor, ZMQ_FD, fd, &size) == 0) {
        godwit__zmq_monitor_next (monitor, NULL,
                                  NULL); /* there is no event yet; asking once arms the descriptor */
        return monitor;
    }
    godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot monitor a connection: %s", zmq_strerror (errno));
    godwit__zmq_monitor_close (monitor, socket);
    return NULL;
}

void
godwit__zmq_monitor_close (void *monitor, void *socket)
{
    if (!monitor)
        return;
    zmq_socket_monitor (socket, NULL, 0);
    zmq_close (monitor);
}

unsigned
godwit__zmq_monitor_next (void *monitor, int *value, char address[GODWIT__ADDRESS_SIZE])
{
    godwit__frame_t frame;
    uint16_t event = 0;
    int32_t number = -1;
    if (godwit__frame_receive (&frame, monitor, ZMQ_DONTWAIT))
        return 0;
    if (frame.size >= sizeof event + sizeof number) {
        memcpy (&event, frame.data, sizeof event);
        memcpy (&number, frame.data + sizeof event, sizeof number);
    }
    if (value)
        *value = number;
    if (address)
        address[0] = '\0';
    if (address && godwit__frame_has_more (&frame)) {
        godwit__frame_release (&frame);
        if (godwit__frame_receive (&frame, monitor, ZMQ_DONTWAIT))
            return event;
        snprintf (address, GODWIT__ADDRESS_SIZE, "%.*s", (int) frame.size, (const char *) frame.data);
    }
    godwit__frame_discard (&frame, monitor);
    return event;
}
