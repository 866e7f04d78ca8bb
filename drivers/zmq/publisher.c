/* A publisher is an XPUB that connects to the SUBs of ports, and so learns of each subscription as it
 * arrives. */
#include "drivers/zmq/zmq_driver.h"

#include "src/error.h"

#include <errno.h>
#include <stdlib.h>

#define NEWS_SIZE (1 + GODWIT__KEY_SIZE)
/* libzmq's default back-off, but growing: a port that went away may never come back. */
#define RECONNECT_FIRST_MS 100
#define RECONNECT_LAST_MS 5000

typedef struct zmq_publisher {
    godwit__zmq_channel_t base;
    godwit__load_t *load; /* until the last subscriber's connection took it */
} zmq_publisher_t;

static godwit__io_t
send_publisher (godwit__channel_t *channel, godwit__origin_t origin, const godwit__message_t *message)
{
    (void) channel;
    (void) origin;
    (void) message;
    return GODWIT__IO_REFUSED; /* a publisher publishes */
}

static godwit__io_t
recv_publisher (godwit__channel_t *channel, godwit__frame_t *frame, godwit__origin_t *origin)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) channel;
    godwit__io_t result = GODWIT__IO_OK;
    if (origin)
        *origin = 0;
    godwit__guard_lock (&self->guard);
    while (godwit__frame_receive (frame, self->guard.socket, ZMQ_DONTWAIT) == 0) {
        godwit__guard_received (&self->guard);
        if (frame->size == NEWS_SIZE && frame->data[0] <= 1 && !godwit__frame_has_more (frame))
            goto done;
        godwit__zmq_count (&self->driver->counters.malformed);
        godwit__frame_discard (frame, self->guard.socket);
    }
    godwit__guard_quiet (&self->guard);
    result = GODWIT__IO_AGAIN;
done:
    godwit__guard_unlock (&self->guard);
    return result;
}

godwit__io_t
godwit__zmq_publish (godwit__channel_t *publisher, const godwit__message_t *message)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) publisher;
    godwit__load_t *load = ((zmq_publisher_t *) publisher)->load;
    godwit__outgoing_t outgoing;
    if (message->size > GODWIT__LIGHT && godwit__load_is_full (load, self->driver->options.max_queue_size))
        return GODWIT__IO_AGAIN;
    if (message->size > self->driver->options.max_message_size ||
        !godwit__outgoing_init (&outgoing, message, load))
        return GODWIT__IO_REFUSED;

    godwit__guard_lock (&self->guard);
    int failure = godwit__outgoing_send (&outgoing, self->guard.socket);
    if (failure == EAGAIN) {
        /* libzmq looks for room at most every millisecond or so when it sends, but always when it is asked.
         */
        godwit__guard_events (&self->guard);
        failure = godwit__outgoing_send (&outgoing, self->guard.socket);
    }
    if (failure == EAGAIN)
        godwit__guard_full (&self->guard);
    godwit__guard_touched (&self->guard);
    godwit__guard_unlock (&self->guard);

    if (failure)
        godwit__outgoing_cancel (&outgoing);
    else
        godwit__outgoing_sent (&outgoing, message);
    return godwit__zmq_io (failure);
}

godwit_status_t
godwit__zmq_publisher_connect (godwit__channel_t *publisher, const char *fanout_address,
                               godwit_error_t **error)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) publisher;
    godwit__guard_lock (&self->guard);
    const int failure = zmq_connect (self->guard.socket, fanout_address) < 0 ? errno : 0;
    godwit__guard_touched (&self->guard);
    godwit__guard_unlock (&self->guard);
    if (!failure)
        return GODWIT_OK;
    return godwit__error_set (error, GODWIT_ERR_SYSTEM, "cannot connect to %s: %s", fanout_address,
                              zmq_strerror (failure));
}

void
godwit__zmq_publisher_disconnect (godwit__channel_t *publisher, const char *fanout_address)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) publisher;
    godwit__guard_lock (&self->guard);
    zmq_disconnect (self->guard.socket, fanout_address);
    godwit__guard_touched (&self->guard);
    godwit__guard_unlock (&self->guard);
}

static void
close_publisher (godwit__channel_t *channel)
{
    godwit__zmq_channel_t *self = (godwit__zmq_channel_t *) channel;
    godwit__guard_close (&self->guard, GODWIT__ZMQ_LINGER_MS);
    godwit__load_unref (((zmq_publisher_t *) channel)->load);
    free (channel);
}

static const godwit__channel_ops_t publisher_ops = {
    .send = send_publisher,
    .recv = recv_publisher,
    .wait = godwit__zmq_wait,
    .receive = godwit__channel_receive,
    .wake = godwit__zmq_wake,
    .fd = godwit__zmq_fd,
    .close = close_publisher,
};

godwit_status_t
godwit__zmq_open_publisher (godwit__driver_t *driver, godwit__channel_t **publisher, godwit_error_t **error)
{
    zmq_publisher_t *publisher_self = calloc (1, sizeof *publisher_self);
    if (!publisher_self)
        return godwit__error_no_memory (error);
    godwit__zmq_channel_t *self = &publisher_self->base;
    publisher_self->load = godwit__load_new ();
    if (!publisher_self->load) {
        free (publisher_self);
        return godwit__error_no_memory (error);
    }
    self->base.ops = &publisher_ops;
    self->driver = (godwit__zmq_t *) driver;
    void *socket = godwit__zmq_socket (self->driver, ZMQ_XPUB, error);
    godwit_status_t status = socket ? GODWIT_OK : GODWIT_ERR_SYSTEM;
    if (socket) {
        godwit__zmq_set (socket, ZMQ_XPUB_VERBOSER, 1);
        godwit__zmq_set (socket, ZMQ_XPUB_NODROP, 1);
        godwit__zmq_set (socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS);
        godwit__zmq_set (socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_LAST_MS);
        status = godwit__guard_init (&self->guard, socket, NULL, error);
    }
    if (status != GODWIT_OK) {
        godwit__load_unref (publisher_self->load);
        free (publisher_self);
        return status;
    }
    *publisher = &self->base;
    return GODWIT_OK;
}
