/* SPDX-License-Identifier: Apache-2.0 */
/* What all channels of the ZeroMQ driver share: making sockets, and waiting on them. */
#include "drivers/zmq/zmq_driver.h"

#include "src/error/error.h"

#include <errno.h>
#include <limits.h>

/* The most publications that were not received yet, for each publisher. */
#define RECEIVED_MAX 1000

/* --- sockets --------------------------------------------------------------------------------- */

bool
godwit__zmq_set (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value) == 0;
}

static int
as_ms (int64_t ms, int most)
{
    return ms < 0 ? 0 : ms > most ? most : (int) ms;
}

/* libzmq begins to count when it sends a PING, which is up to heartbeat_ms after the last answer. So
 * heartbeat_ms is subtracted, so that a silent peer is given up within the limit. A limit of two intervals or
 * less counts from the PING. */
static int
unanswered_ms (const godwit__driver_options_t *options)
{
    const int64_t limit = options->heartbeat_timeout_ms;
    const int64_t interval = options->heartbeat_ms;
    return as_ms (limit > 2 * interval ? limit - interval : limit, INT_MAX);
}

/* libzmq 4.3.4 stops reading a connection whose queue is full. If that connection is then lost, the next PING
 * that libzmq sends, or finds in what it had read, ends the process: "Assertion failed: !_io_error". So
 * sockets with PINGs never stop reading: the sender limits what arrives at them
 * (src/connection/connection.h). Sockets for publications limit what they receive, and have no PING. There
 * the system finds out that a host is gone; that a process has stalled shows on its link. */
static bool
set_liveness (void *socket, int type, const godwit__driver_options_t *options)
{
    if (type != ZMQ_SUB && type != ZMQ_XPUB)
        return godwit__zmq_set (socket, ZMQ_RCVHWM, options->unread_limit) &&
               godwit__zmq_set (socket, ZMQ_HEARTBEAT_IVL, as_ms (options->heartbeat_ms, INT_MAX)) &&
               godwit__zmq_set (socket, ZMQ_HEARTBEAT_TIMEOUT, unanswered_ms (options)) &&
               godwit__zmq_set (socket, ZMQ_HEARTBEAT_TTL, 0); /* each side has its own limit */
    const int limit = options->queue_limit < RECEIVED_MAX ? options->queue_limit : RECEIVED_MAX;
    return godwit__zmq_set (socket, ZMQ_RCVHWM, limit) && godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE_IDLE, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE_INTVL, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_MAXRT, as_ms (options->heartbeat_timeout_ms, INT_MAX));
}

void *
godwit__zmq_socket (godwit__zmq_t *driver, int type, godwit_error_t **error)
{
    void *socket = zmq_socket (driver->context, type);
    if (!socket) {
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a socket: %s", zmq_strerror (errno));
        return NULL;
    }
    const godwit__driver_options_t *options = &driver->options;
    const int64_t max_size =
        options->max_message_size > INT64_MAX ? INT64_MAX : (int64_t) options->max_message_size;
    const int connect_ms = as_ms (options->connect_timeout_ms, INT_MAX);
    const bool set = godwit__zmq_set (socket, ZMQ_SNDHWM, options->queue_limit) &&
                     set_liveness (socket, type, options) &&
                     zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &max_size, sizeof max_size) == 0 &&
                     godwit__zmq_set (socket, ZMQ_HANDSHAKE_IVL, connect_ms) &&
                     godwit__zmq_set (socket, ZMQ_CONNECT_TIMEOUT, connect_ms) &&
                     godwit__zmq_set (socket, ZMQ_IMMEDIATE, 1) && godwit__zmq_set (socket, ZMQ_IPV6, 1) &&
                     godwit__zmq_set (socket, ZMQ_LINGER, GODWIT__ZMQ_LINGER_MS);
    if (set)
        return socket;
    godwit__error_set (error, GODWIT_ERR_INVALID_ARGUMENT, "ZeroMQ does not accept an option: %s",
                       zmq_strerror (errno));
    zmq_close (socket);
    return NULL;
}

godwit__io_t
godwit__zmq_io (int socket_error)
{
    switch (socket_error) {
    case 0:
        return GODWIT__IO_OK;
    case EAGAIN:
        return GODWIT__IO_AGAIN;
    case EHOSTUNREACH:
        return GODWIT__IO_CLOSED;
    default:
        return GODWIT__IO_REFUSED;
    }
}

/* --- waiting --------------------------------------------------------------------------------- */

void
godwit__zmq_wait (godwit__channel_t *channel, bool for_room, int64_t timeout_ns)
{
    godwit__guard_wait (&((godwit__zmq_channel_t *) channel)->guard, for_room, timeout_ns);
}

void
godwit__zmq_wake (godwit__channel_t *channel)
{
    godwit__guard_wake (&((godwit__zmq_channel_t *) channel)->guard);
}

/* The descriptor is made at the first attach, and kept until close. */
godwit_status_t
godwit__zmq_attach (godwit__channel_t *channel, godwit__reactor_t *reactor, godwit__source_t *source,
                    godwit_error_t **error)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) channel;
    if (self->attachment.reactor)
        return GODWIT_OK;
    return godwit__attachment_begin (&self->attachment, godwit__guard_fd (&self->guard), reactor, source,
                                     error);
}

void
godwit__zmq_detach (godwit__channel_t *channel)
{
    godwit__attachment_end (&((godwit__zmq_channel_t *) channel)->attachment);
}
