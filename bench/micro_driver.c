/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver costs by itself: round trips through its channels beside the same on bare libzmq sockets.
 *
 *   micro_driver inproc|tcp|ipc [bytes [rounds [in flight [bare|driver]]]]
 *
 * Two servers echo, one on a bare ROUTER and one on a driver's port, each on one thread (of another process,
 * but for inproc). The clients take turns of a few milliseconds, so that whatever else the machine does hits
 * both. With one in flight the medians of the round trips are compared, with more the rates. */
#include "src/interface/driver.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { BURST = 1000, MAX_BYTES = 1 << 20 };

static size_t bytes = 64;
static size_t in_flight = 1;
static char payload[MAX_BYTES];

static void
die (const char *what)
{
    fprintf (stderr, "micro_driver: %s: %s\n", what, zmq_strerror (errno));
    exit (1);
}

static uint64_t
now_ns (void)
{
    return (uint64_t) godwit__clock_now (&godwit__clock_system);
}

/* --- bare ------------------------------------------------------------------------------------ */

static void *bare_context;

static void *
bare_open (int type, const char *bind_to, const char *connect_to)
{
    if (!bare_context && !(bare_context = zmq_ctx_new ()))
        die ("zmq_ctx_new");
    void *socket = zmq_socket (bare_context, type);
    if (!socket || (bind_to && zmq_bind (socket, bind_to)) ||
        (connect_to && zmq_connect (socket, connect_to)))
        die (bind_to ? bind_to : connect_to);
    return socket;
}

static void *
bare_echo (void *socket)
{
    for (;;) {
        zmq_msg_t routing_id, message;
        zmq_msg_init (&routing_id);
        zmq_msg_init (&message);
        if (zmq_msg_recv (&routing_id, socket, 0) < 0 || zmq_msg_recv (&message, socket, 0) < 0)
            die ("echo");
        zmq_msg_send (&routing_id, socket, ZMQ_SNDMORE);
        zmq_msg_send (&message, socket, 0);
    }
    return NULL;
}

static void
bare_send (void *socket)
{
    if (zmq_send (socket, payload, bytes, 0) < 0)
        die ("send");
}

static void
bare_recv (void *socket)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    if (zmq_msg_recv (&message, socket, 0) != (int) bytes)
        die ("recv");
    zmq_msg_close (&message);
}

/* --- the driver ------------------------------------------------------------------------------ */

static godwit__reactor_t *reactor;
static godwit__driver_t *driver;
static int up_or_down;

static void
on_up (void *user)
{
    (void) user;
    up_or_down = 1;
}

static void
on_down (void *user, const char *reason)
{
    (void) user;
    fprintf (stderr, "micro_driver: the link went down: %s\n", reason);
    exit (1);
}

static void
driver_open (bool inproc)
{
    const godwit__driver_ops_t *ops = inproc ? &godwit__inproc_driver : &godwit__zmq_driver;
    if (godwit__reactor_new (&reactor, &godwit__clock_system, NULL))
        die ("reactor");
    const godwit__driver_options_t options = {.reactor = reactor,
                                              .max_message_size = 64u << 20,
                                              .queue_limit = 1000,
                                              .connect_timeout_ms = 5000,
                                              .heartbeat_ms = 5000,
                                              .heartbeat_timeout_ms = 15000,
                                              .insecure = true};
    if (ops->open (&driver, &options, NULL))
        die ("driver");
}

static void *
driver_echo (void *argument)
{
    godwit__channel_t *port = argument;
    for (;;) {
        godwit__frame_t frame;
        godwit__routing_id_t routing_id;
        if (port->ops->recv (port, &frame, &routing_id) == GODWIT__IO_OK) {
            const godwit__message_t message = {.data = frame.data, .size = frame.size};
            if (port->ops->send (port, routing_id, &message) != GODWIT__IO_OK)
                die ("echo");
            godwit__frame_release (&frame);
        } else {
            port->ops->wait (port, false, GODWIT__NEVER);
        }
    }
    return NULL;
}

static godwit__channel_t *
driver_link (const char *address)
{
    static const godwit__link_events_t events = {.up = on_up, .down = on_down};
    godwit__channel_t *link;
    if (driver->ops->open_link (driver, address, &events, NULL, &link, NULL))
        die (address);
    while (!up_or_down)
        godwit__reactor_run_once (reactor, GODWIT__NEVER);
    return link;
}

static void
driver_send (void *link)
{
    godwit__channel_t *channel = link;
    const godwit__message_t message = {.data = payload, .size = bytes};
    if (channel->ops->send (channel, 0, &message) != GODWIT__IO_OK)
        die ("send");
}

static void
driver_recv (void *link)
{
    godwit__channel_t *channel = link;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    godwit__io_t io;
    while ((io = channel->ops->recv (channel, &frame, &routing_id)) == GODWIT__IO_AGAIN)
        channel->ops->wait (channel, false, GODWIT__NEVER);
    if (io != GODWIT__IO_OK || frame.size != bytes)
        die ("recv");
    godwit__frame_release (&frame);
}

/* --- measuring ------------------------------------------------------------------------------- */

static void
burst (void *channel, void (*send) (void *), void (*recv) (void *), uint64_t *samples)
{
    for (size_t i = 0; i < in_flight - 1; i++)
        send (channel);
    for (size_t i = 0; i < BURST; i++) {
        const uint64_t start = now_ns ();
        send (channel);
        recv (channel);
        samples[i] = now_ns () - start;
    }
    for (size_t i = 0; i < in_flight - 1; i++)
        recv (channel);
}

static int
compare (const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *) left, b = *(const uint64_t *) right;
    return (a > b) - (a < b);
}

static void
report (const char *name, uint64_t *samples, size_t count, double elapsed_s)
{
    qsort (samples, count, sizeof *samples, compare);
    printf ("%-8s p50 %7.2f us  p99 %7.2f us  %9.0f /s\n", name, (double) samples[count / 2] / 1000,
            (double) samples[count * 99 / 100] / 1000, (double) count / elapsed_s);
}

/* Starts this program again as the server; writes the two addresses. */
static FILE *
start_server (const char *transport, char where[2][256])
{
    int pipe_fds[2];
    if (pipe (pipe_fds))
        die ("pipe");
    const pid_t parent = getpid ();
    if (fork () == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (getppid () != parent)
            _exit (1);
        dup2 (pipe_fds[1], STDOUT_FILENO);
        execl ("/proc/self/exe", "micro_driver", "serve", transport, (char *) NULL);
        _exit (1);
    }
    close (pipe_fds[1]);
    FILE *output = fdopen (pipe_fds[0], "r");
    if (!output || fscanf (output, "%255s %255s", where[0], where[1]) != 2)
        die ("no server");
    return output;
}

static void
serve (const char *transport, bool inproc, char where[2][256])
{
    void *router = bare_open (ZMQ_ROUTER,
                              inproc                           ? "inproc://bare"
                              : strcmp (transport, "ipc") == 0 ? "ipc://*"
                                                               : "tcp://127.0.0.1:*",
                              NULL);
    size_t size = 256;
    zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, where[0], &size);
    driver_open (inproc);
    godwit__channel_t *port;
    godwit__port_addresses_t addresses;
    if (driver->ops->open_port (driver, NULL, &port, &addresses, NULL))
        die ("port");
    for (size_t i = 0; i < addresses.link_count; i++) {
        if (strncmp (addresses.links[i], transport, strlen (transport)) == 0)
            snprintf (where[1], 256, "%s", addresses.links[i]);
    }
    pthread_t threads[2];
    if (pthread_create (&threads[0], NULL, bare_echo, router) ||
        pthread_create (&threads[1], NULL, driver_echo, port))
        die ("threads");
}

/* A process that wanders between processors, or shares one with the other, differs by more than what is
 * measured. */
static void
pin (size_t processor)
{
    cpu_set_t set;
    CPU_ZERO (&set);
    CPU_SET (processor, &set);
    sched_setaffinity (0, sizeof set, &set);
}

int
main (int argc, char **argv)
{
    char where[2][256];
    if (argc == 3 && strcmp (argv[1], "serve") == 0) {
        pin (1);
        serve (argv[2], false, where);
        printf ("%s %s\n", where[0], where[1]);
        fflush (stdout);
        for (;;)
            pause ();
    }
    const char *transport = argc > 1 ? argv[1] : "inproc";
    if (argc > 2)
        bytes = (size_t) atol (argv[2]);
    const size_t rounds = argc > 3 ? (size_t) atol (argv[3]) : 40;
    if (argc > 4)
        in_flight = (size_t) atol (argv[4]);
    static const char *const names[] = {"bare", "driver"};
    const char *only = argc > 5 ? argv[5] : NULL;
    if (bytes > MAX_BYTES || !rounds || !in_flight)
        die ("arguments");

    const bool inproc = strcmp (transport, "inproc") == 0;
    if (inproc) {
        serve (transport, true, where);
    } else {
        start_server (transport, where);
        pin (0);
        driver_open (false);
    }
    void *bare = bare_open (ZMQ_DEALER, NULL, where[0]);
    void *link = driver_link (where[1]);

    uint64_t *samples[2], elapsed[2] = {0, 0};
    for (int half = 0; half < 2; half++)
        samples[half] = calloc (rounds * BURST, sizeof (uint64_t));
    for (size_t round = 0; round < rounds + 2; round++) {
        /* The first two warm up and are written over. */
        const size_t at = (round < 2 ? 0 : round - 2) * BURST;
        for (int half = 0; half < 2; half++) {
            if (only && strcmp (only, names[half]) != 0)
                continue;
            const uint64_t start = now_ns ();
            if (half)
                burst (link, driver_send, driver_recv, samples[1] + at);
            else
                burst (bare, bare_send, bare_recv, samples[0] + at);
            if (round >= 2)
                elapsed[half] += now_ns () - start;
        }
    }
    const size_t count = rounds * BURST;
    report ("bare", samples[0], count, (double) elapsed[0] / 1e9);
    report ("driver", samples[1], count, (double) elapsed[1] / 1e9);
    if (in_flight == 1)
        printf ("p50 ratio %.3f\n", (double) samples[1][count / 2] / (double) samples[0][count / 2]);
    else
        printf ("rate ratio %.3f\n", (double) elapsed[0] / (double) elapsed[1]);
    fflush (stdout);
    _exit (0); /* the server's threads have no end */
}
