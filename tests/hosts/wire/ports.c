/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hosts/wire/ports.h"
#include "tests/hosts/wire/lane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 8 << 20 }; /* the wire may not run for some milliseconds */

typedef struct outbox {
    struct mmsghdr headers[WIRE_BATCH];
    struct iovec parts[WIRE_BATCH];
    unsigned count;
} outbox_t;

struct ports {
    int fds[WIRE_PORTS + 1];
    outbox_t outboxes[WIRE_PORTS + 1];
    struct mmsghdr headers[WIRE_BATCH];
    struct iovec parts[WIRE_BATCH];
    uint8_t buffers[WIRE_BATCH][WIRE_FRAME_SIZE];
};

ports_t *
ports_new (void)
{
    ports_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    for (int i = 0; i <= WIRE_PORTS; i++)
        self->fds[i] = -1;
    for (int i = 0; i < WIRE_BATCH; i++) {
        self->parts[i] = (struct iovec){self->buffers[i], WIRE_FRAME_SIZE};
        self->headers[i].msg_hdr = (struct msghdr){.msg_iov = &self->parts[i], .msg_iovlen = 1};
    }
    for (int i = 1; i <= WIRE_PORTS; i++)
        for (int j = 0; j < WIRE_BATCH; j++)
            self->outboxes[i].headers[j].msg_hdr =
                (struct msghdr){.msg_iov = &self->outboxes[i].parts[j], .msg_iovlen = 1};
    return self;
}

void
ports_destroy (ports_t **ports)
{
    ports_t *self = *ports;
    *ports = NULL;
    if (!self)
        return;
    for (int i = 1; i <= WIRE_PORTS; i++)
        if (self->fds[i] >= 0)
            close (self->fds[i]);
    free (self);
}

/* Bound only at the end: before, a socket of this kind would get the frames of all interfaces. */
static bool
set_up (int fd, int interface)
{
    const int size = BUFFER_SIZE;
    const int yes = 1;
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons (ETH_P_ALL), .sll_ifindex = interface};
    return setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0 &&
           setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == 0 &&
           setsockopt (fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) == 0 &&
           bind (fd, (const struct sockaddr *) &address, sizeof address) == 0;
}

bool
ports_open (ports_t *self, int number, const char *interface, char *why, size_t why_size)
{
    const unsigned index = if_nametoindex (interface);
    if (number < 1 || number > WIRE_PORTS || self->fds[number] >= 0) {
        snprintf (why, why_size, "expected a port from 1 to %d that is not open, got %d", WIRE_PORTS, number);
        return false;
    }
    const int fd = socket (AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (index == 0 || fd < 0 || !set_up (fd, (int) index)) {
        snprintf (why, why_size, "cannot open interface \"%s\": %s", interface, strerror (errno));
        if (fd >= 0)
            close (fd);
        return false;
    }
    self->fds[number] = fd;
    return true;
}

int
ports_fd (const ports_t *self, int number)
{
    return self->fds[number];
}

int
ports_receive (ports_t *self, int number, port_frame_t frames[WIRE_BATCH])
{
    const int count = recvmmsg (self->fds[number], self->headers, WIRE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        frames[i] = (port_frame_t){
            self->buffers[i], self->headers[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : self->headers[i].msg_len};
    return count < 0 ? 0 : count; /* -1: nothing there, or the interface is down */
}

/* One by one where the batch stops: what cannot go now is lost, as on a wire. */
static unsigned
flush (int fd, outbox_t *outbox)
{
    unsigned at = 0;
    unsigned lost = 0;
    while (at < outbox->count) {
        const int sent = sendmmsg (fd, outbox->headers + at, outbox->count - at, MSG_DONTWAIT);
        if (sent <= 0)
            lost++;
        at += sent > 0 ? (unsigned) sent : 1;
    }
    outbox->count = 0;
    return lost;
}

bool
ports_send (ports_t *self, int number, const uint8_t *bytes, size_t size)
{
    outbox_t *outbox = &self->outboxes[number];
    if (self->fds[number] < 0 || outbox->count == WIRE_BATCH)
        return false;
    outbox->parts[outbox->count++] = (struct iovec){(void *) (uintptr_t) bytes, size};
    return true;
}

unsigned
ports_flush (ports_t *self)
{
    unsigned lost = 0;
    for (int i = 1; i <= WIRE_PORTS; i++)
        if (self->outboxes[i].count > 0)
            lost += flush (self->fds[i], &self->outboxes[i]);
    return lost;
}
