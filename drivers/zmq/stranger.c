/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/stranger.h"

#include "drivers/zmq/monitor.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Connections whose addresses are remembered, by their descriptor modulo this number. libzmq says that a
 * handshake failed, and then which descriptor is closed. */
#define PEERS 256
#define PEER_SIZE 64

struct godwit__strangers {
    godwit__zmq_t *driver;
    void *socket;
    void *monitor;
    godwit__source_t source;
    bool has_failed; /* a handshake; the descriptor comes next */
    char at[GODWIT__ADDRESS_SIZE];
    struct {
        int fd;
        char address[PEER_SIZE];
    } peers[PEERS];
};

static void
print_peer (char text[PEER_SIZE], int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;
    if (getpeername (fd, (struct sockaddr *) &address, &size) == 0) {
        if (address.ss_family == AF_INET) {
            const struct sockaddr_in *const in = (const struct sockaddr_in *) &address;
            inet_ntop (AF_INET, &in->sin_addr, host, sizeof host);
            port = ntohs (in->sin_port);
        } else if (address.ss_family == AF_INET6) {
            const struct sockaddr_in6 *const in6 = (const struct sockaddr_in6 *) &address;
            inet_ntop (AF_INET6, &in6->sin6_addr, host, sizeof host);
            port = ntohs (in6->sin6_port);
        }
    }
    const char *const shown = strncmp (host, "::ffff:", 7) == 0 ? host + 7 : host;
    snprintf (text, PEER_SIZE, strchr (shown, ':') ? "[%s]:%u" : "%s:%u", *shown ? shown : "?", port);
}

/* Takes all events: the descriptor becomes readable again only after the monitor said that there is none. */
static void
on_events (godwit__source_t *source)
{
    godwit__strangers_t *const self = source->user;
    const godwit__driver_options_t *const options = &self->driver->options;
    int fd = -1;
    for (unsigned event; (event = godwit__zmq_monitor_next (self->monitor, &fd, NULL));) {
        const size_t index = (size_t) (fd < 0 ? 0 : fd) % PEERS;
        if (event == ZMQ_EVENT_ACCEPTED) {
            self->peers[index].fd = fd;
            print_peer (self->peers[index].address, fd);
        } else if (event != ZMQ_EVENT_DISCONNECTED) {
            self->has_failed = true;
        } else if (self->has_failed) {
            self->has_failed = false;
            options->stranger (options->stranger_user, self->at,
                               self->peers[index].fd == fd ? self->peers[index].address : "?");
        }
    }
}

godwit__strangers_t *
godwit__strangers_new (godwit__zmq_t *driver, void *socket, const char *at)
{
    const int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    godwit__strangers_t *self = driver->options.stranger ? calloc (1, sizeof *self) : NULL;
    if (!self)
        return NULL;
    self->driver = driver;
    self->socket = socket;
    self->source.ready = on_events;
    self->source.user = self;
    snprintf (self->at, sizeof self->at, "%s", at);
    self->monitor = godwit__zmq_monitor_open (driver, socket, events, &self->source.fd, NULL);
    if (!self->monitor || godwit__reactor_watch (driver->options.reactor, &self->source, NULL) != GODWIT_OK)
        godwit__strangers_destroy (&self);
    return self;
}

void
godwit__strangers_destroy (godwit__strangers_t **strangers)
{
    godwit__strangers_t *const self = *strangers;
    if (!self)
        return;
    *strangers = NULL;
    godwit__reactor_unwatch (self->driver->options.reactor, &self->source);
    godwit__zmq_monitor_close (self->monitor, self->socket);
    free (self);
}
