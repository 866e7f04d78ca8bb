/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/driver_conformance.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port that the system just gave and got back. */
static void
make_address (char address[GODWIT__ADDRESS_SIZE])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert (fd >= 0 && bind (fd, (struct sockaddr *) &name, size) == 0);
    cr_assert_eq (getsockname (fd, (struct sockaddr *) &name, &size), 0);
    close (fd);
    snprintf (address, GODWIT__ADDRESS_SIZE, "tcp://127.0.0.1:%u", ntohs (name.sin_port));
}

static const driver_conformance_t zmtp = {.ops = &godwit__zmtp_driver,
                                          .make_address = make_address,
                                          .dead_address = "tcp://127.0.0.1:1",
                                          .address_count = 2,
                                          .needs_reactor = true};
DRIVER_CONFORMANCE (zmtp)
