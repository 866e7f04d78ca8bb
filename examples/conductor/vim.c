/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for a VIM (a Virtualized Infrastructure Manager, the OpenStack or Kubernetes of a site): something
 * at an address that takes connections. SIGUSR1 makes it go, and come back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket on the loopback; port 0: any, and *port is which. */
static int
bound_socket (in_port_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = *port};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof (int));
    if (bind (fd, (struct sockaddr *) &address, size) ||
        getsockname (fd, (struct sockaddr *) &address, &size)) {
        close (fd);
        return -1;
    }
    *port = address.sin_port;
    return fd;
}

static int
listen_on (in_port_t port)
{
    const int fd = bound_socket (&port);
    if (fd < 0 || listen (fd, 16)) {
        perror ("vim");
        exit (EXIT_FAILURE);
    }
    printf ("at 127.0.0.1:%d\n", ntohs (port));
    return fd;
}

/* Takes connections, if it listens, until there is a signal. */
static int
next_signal (int signals, int listener)
{
    struct signalfd_siginfo signal_info;
    struct pollfd sources[] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    while (poll (sources, 2, -1) >= 0 && !sources[0].revents)
        close (accept (listener, NULL, NULL));
    return read (signals, &signal_info, sizeof signal_info) == sizeof signal_info
               ? (int) signal_info.ssi_signo
               : SIGTERM;
}

int
main (void)
{
    sigset_t signals;
    in_port_t port = 0;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    sigaddset (&signals, SIGUSR1);
    sigprocmask (SIG_BLOCK, &signals, NULL);
    setvbuf (stdout, NULL, _IOLBF, 0);
    const int end = signalfd (-1, &signals, SFD_CLOEXEC);
    /* Keeps the port while nobody listens on it. */
    const int holder = bound_socket (&port);
    if (end < 0 || holder < 0) {
        perror ("vim");
        return EXIT_FAILURE;
    }
    int listener = listen_on (port);
    while (next_signal (end, listener) == SIGUSR1) {
        if (listener < 0) {
            listener = listen_on (port);
        } else {
            close (listener);
            listener = -1; /* which poll ignores */
            puts ("gone");
        }
    }
    return EXIT_SUCCESS;
}
