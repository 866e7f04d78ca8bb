/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmq/stranger.h"

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

void
godwit__strangers_note (godwit__strangers_t *self, unsigned event, int fd)
{
    const godwit__driver_options_t *const options = &self->driver->options;
    const size_t index = (size_t) (fd < 0 ? 0 : fd) % PEERS;
    if (event == ZMQ_EVENT_ACCEPTED) {
        self->peers[index].fd = fd;
        print_peer (self->peers[index].address, fd);
    } else if (event != ZMQ_EVENT_DISCONNECTED) {
        self->has_failed = true;
    } else if (self->has_failed) {
        self->has_failed = false;
        options->stranger (options->stranger_user, self->at,
                           self->peers[index].fd == fd ? self->peers[index].address : "?", NULL);
    }
}

godwit__strangers_t *
godwit__strangers_new (godwit__zmq_t *driver, const char *at)
{
    godwit__strangers_t *self = driver->options.stranger ? calloc (1, sizeof *self) : NULL;
    if (!self)
        return NULL;
    self->driver = driver;
    snprintf (self->at, sizeof self->at, "%s", at);
    return self;
}

void
godwit__strangers_destroy (godwit__strangers_t **strangers)
{
    free (*strangers);
    *strangers = NULL;
}
