/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the hosts does what it is told: it forwards, loses, delays, cuts one way, has cables that
 * can be pulled out, and hosts that are added; and nothing is left of it. network_test WIRE; 77: not possible
 * here. */
#include "tests/hosts/child.h"
#include "tests/hosts/fail.h"
#include "tests/hosts/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 9000, WAIT_LIMIT_MS = 20000, SILENCE_MS = 300, MANY = 1000, SKIPPED = 77, LIMIT_S = 100 };

static int sockets[NETWORK_HOSTS + 1];

static struct sockaddr_in
address_of (int host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (PORT)};
    inet_pton (AF_INET, network_address (host), &address.sin_addr);
    return address;
}

static void
add_host (void)
{
    const int host = network_add_host ();
    const struct sockaddr_in address = address_of (host);
    const int room = 8 << 20; /* all that is sent at once; by force: more than others may have */
    sockets[host] = network_socket (host, SOCK_DGRAM);
    if (setsockopt (sockets[host], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        bind (sockets[host], (const struct sockaddr *) &address, sizeof address) != 0)
        hosts_fail ("host %d has no address", host);
}

static void
send_number (int from, int to, unsigned number)
{
    const struct sockaddr_in address = address_of (to);
    sendto (sockets[from], &number, sizeof number, 0, (const struct sockaddr *) &address, sizeof address);
}

/* False: nothing came. */
static bool
receive_number (int host, unsigned *number, int wait_limit_ms)
{
    return hosts_wait (sockets[host], wait_limit_ms) &&
           recv (sockets[host], number, sizeof *number, 0) == sizeof *number;
}

/* Whether that datagram arrives; older ones are passed over. */
static bool
arrives (int from, int to, unsigned number, int wait_limit_ms)
{
    unsigned got = number + 1;
    send_number (from, to, number);
    while (got != number)
        if (!receive_number (to, &got, wait_limit_ms))
            return false;
    return true;
}

/* Until the hosts have found out each other's hardware addresses; what is sent before may be lost. */
static void
meet (int a, int b, unsigned number)
{
    const int64_t end_ms = hosts_now_ms () + WAIT_LIMIT_MS;
    while (!arrives (a, b, number, SILENCE_MS) || !arrives (b, a, number + 1, SILENCE_MS)) {
        if (hosts_now_ms () > end_ms)
            hosts_fail ("hosts %d and %d do not reach each other", a, b);
        number += 2;
    }
}

static void
must (bool is_true, const char *what)
{
    if (!is_true)
        hosts_fail ("not true: %s", what);
}

static void
check_calm (void)
{
    for (unsigned i = 0; i < MANY; i++)
        must (arrives (1, 2, 100000 + i, WAIT_LIMIT_MS), "every frame arrives");
}

static void
check_loss (void)
{
    unsigned got = 0;
    unsigned number;
    network_set (1, 2, (network_fault_t){.loss_permille = 300});
    for (unsigned i = 0; i < MANY; i++) {
        send_number (1, 2, 200000 + i);
        while (receive_number (2, &number, 0))
            got++;
    }
    while (receive_number (2, &number, SILENCE_MS))
        got++;
    network_heal ();
    printf ("30 %% loss: %u of %d arrived\n", got, MANY);
    must (got > 600 && got < 800, "about 700 of 1000 frames arrive");
    must (arrives (2, 1, 300000, WAIT_LIMIT_MS), "the other way loses nothing");
}

static void
check_delay (void)
{
    network_set_host (1, (network_fault_t){.delay_ms = 200});
    const int64_t start_ms = hosts_now_ms ();
    must (arrives (1, 2, 400000, WAIT_LIMIT_MS) && arrives (2, 1, 400001, WAIT_LIMIT_MS),
          "late frames arrive");
    const int64_t took_ms = hosts_now_ms () - start_ms;
    printf ("200 ms delay: there and back in %d ms\n", (int) took_ms);
    must (took_ms >= 400, "each way takes 200 ms");
    for (unsigned i = 0; i < 100; i++)
        send_number (1, 2, 500000 + i);
    network_heal ();
    send_number (1, 2, 500100);
    for (unsigned i = 0; i <= 100; i++) {
        unsigned number = 0;
        must (receive_number (2, &number, WAIT_LIMIT_MS) && number == 500000 + i,
              "nobody overtakes late frames");
    }
}

static void
check_cut (void)
{
    network_set (1, 2, (network_fault_t){.is_cut = true});
    must (!arrives (1, 2, 600000, SILENCE_MS), "nothing arrives the way that is cut");
    must (arrives (2, 1, 600001, WAIT_LIMIT_MS), "the other way is as before");
    must (arrives (1, 3, 600002, WAIT_LIMIT_MS), "so are other hosts");
    network_heal ();
    must (arrives (1, 2, 600003, WAIT_LIMIT_MS), "it can be undone");
}

static void
check_link (void)
{
    network_link (1, false);
    must (!arrives (2, 1, 700000, SILENCE_MS), "nothing arrives without a cable");
    must (arrives (2, 3, 700001, WAIT_LIMIT_MS), "others have theirs");
    network_heal ();
    meet (1, 2, 710000);
}

static void
check_stats (void)
{
    char line[256];
    network_stats (line, sizeof line);
    printf ("wire: %s\n", line);
    must (strstr (line, " too_long=0") != NULL, "no frame is longer than Ethernet's");
}

static bool
is_left (const char *name)
{
    char path[128];
    snprintf (path, sizeof path, "/run/netns/%s", name);
    return access (path, F_OK) == 0;
}

int
main (int argc, char **argv)
{
    char why[256];
    if (argc != 2)
        return 2;
    hosts_watch (LIMIT_S);
    if (!network_is_possible (why, sizeof why)) {
        printf ("skipped: %s\n", why);
        return SKIPPED;
    }
    network_open (argv[1], 1);
    for (int i = 0; i < 3; i++)
        add_host ();
    must (is_left (network_name (1)), "namespaces have names");
    meet (1, 2, 0);
    meet (1, 3, 10000);
    meet (2, 3, 20000);
    check_calm ();
    check_loss ();
    check_delay ();
    check_cut ();
    check_link ();
    add_host ();
    meet (1, 4, 30000);
    check_stats ();
    network_close ();
    for (int i = 0; i <= 4; i++)
        must (!is_left (network_name (i)), "nothing is left");
    return 0;
}
