/* SPDX-License-Identifier: Apache-2.0 */
/* What all channels of the ZeroMQ driver share: making sockets, and waiting on them. */
#include "drivers/zmq/probe.h"
#include "drivers/zmq/zmq_driver.h"

#include "src/error/error.h"

#include <errno.h>
#include <limits.h>

/* The most publications that were not received yet, for each publisher. */
#define RECEIVED_MAX 1000
/* A publisher receives subscriptions (of up to 26 bytes), and READY, with up to 255 bytes of identity. */
#define SUBSCRIPTION_SIZE_MAX 512

/* --- sockets --------------------------------------------------------------------------------- */

bool
godwit__zmq_set (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value) == 0;
}

static int
as_ms (int64_t ms)
{
    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int) ms;
}

/* libzmq 4.3.4 stops reading a connection whose queue is full. If that connection is then lost, a PING in
 * what it had read ends the process, as one of its own would: "Assertion failed: !_io_error". So libzmq's
 * heartbeats are off everywhere (drivers/zmq/pulse.h has ours), and no socket stops reading but a SUB, which
 * has to bound what it receives from publishers. At DEALER and ROUTER the sender limits what arrives
 * (src/connection/connection.h).
 *
 * A ROUTER cannot end one of its connections. So the system tells that a host is gone, for all sockets. That
 * a process has stalled shows on the links to it. */
static bool
set_liveness (void *socket, int type, const godwit__driver_options_t *options)
{
    const int most = options->queue_limit < RECEIVED_MAX ? options->queue_limit : RECEIVED_MAX;
    const int unread = type == ZMQ_SUB ? most : type == ZMQ_XPUB ? 0 : options->unread_limit;
    return godwit__zmq_set (socket, ZMQ_RCVHWM, unread) && godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE_IDLE, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_KEEPALIVE_INTVL, 1) &&
           godwit__zmq_set (socket, ZMQ_TCP_MAXRT, as_ms (options->heartbeat_timeout_ms));
}

void *
godwit__zmq_socket (godwit__zmq_t *driver, int type, godwit_error_t **error)
{
    if (godwit__probe_socket (error))
        return NULL;
    void *socket = zmq_socket (driver->context, type);
    if (!socket) {
        godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot make a socket: %s", zmq_strerror (errno));
        return NULL;
    }
    const godwit__driver_options_t *options = &driver->options;
    const int64_t max_size = type == ZMQ_XPUB                        ? SUBSCRIPTION_SIZE_MAX
                             : options->max_message_size > INT64_MAX ? INT64_MAX
                                                                     : (int64_t) options->max_message_size;
    const int connect_ms = as_ms (options->connect_timeout_ms);
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
