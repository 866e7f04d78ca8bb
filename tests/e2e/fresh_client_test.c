/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh process that asks once and exits is right the first time: it waits until it was told which servers
 * there are, and does not take "not told yet" for "nobody". */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/must.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAMS GODWIT_BUILD_DIR "/tests/e2e/programs/"
#define SERVER_COUNT 3

static const char *const names[SERVER_COUNT] = {"one", "two", "three"};

typedef struct world {
    int port; /* of the rendezvous */
    char url[64];
    process_t servers[SERVER_COUNT]; /* the first hosts the rendezvous */
} world_t;

static void
start (world_t *world, size_t i)
{
    process_start (&world->servers[i], PROGRAMS "core_server", world->url, names[i]);
    process_expect (&world->servers[i], "up");
}

/* Until each of the servers is known to whoever asks: a process that was told of it has called it. */
static void
wait_for_servers (const world_t *world, size_t count)
{
    godwit_transport_t *transport = NULL;
    godwit_client_t *client = NULL;
    MUST (godwit_transport_new (&transport, world->url, NULL, &error));
    MUST (godwit_client_new (&client, transport, GODWIT_TARGET (.topic = "work"), NULL, &error));
    MUST (godwit_client_wait_servers (client, count, PROCESS_WAIT_LIMIT_MS, &error));
    godwit_client_destroy (&client);
    godwit_transport_destroy (&transport);
}

static void
open_world (world_t *world, const char *host, const char *query)
{
    world->port = free_port ();
    snprintf (world->url, sizeof world->url, "zmq://%s:%d/%s", host, world->port, query);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        start (world, i);
    wait_for_servers (world, SERVER_COUNT);
}

static void
close_world (world_t *world)
{
    for (size_t i = SERVER_COUNT; i-- > 0;)
        process_finish (&world->servers[i], 0);
}

/* What a fresh process says. */
static void
ask (const world_t *world, const char *what, const char *expected)
{
    static process_t fresh;
    process_start (&fresh, PROGRAMS "fresh_client", world->url, what);
    process_expect (&fresh, expected);
    process_finish (&fresh, 0);
}

Test (fresh_client, is_right_the_first_time, .timeout = 120)
{
    static world_t world;
    static const char *const rows[][2] = {
        {"fanout", "reached 3, missing 0"},
        {"fanout_call", "3 rows, 3 replied"},
        {"mandatory_fanout", "reached 3, missing 0"},
        {"mandatory_call", "called"},
        {"mandatory_named", "called"},
        {"mandatory_cast", "cast"},
        {"mandatory_future", "called"},
        {"no_retry_call", "called"},
        {"no_retry_cast", "cast"},
        {"no_retry_future", "called"},
    };
    open_world (&world, "", "");
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            ask (&world, rows[i][0], rows[i][1]);
    close_world (&world);
}

/* The process that hosts the rendezvous is killed, and the fresh one may be the first to take the address: by
 * then nobody has told it anything. */
Test (fresh_client, is_right_while_the_rendezvous_changes_hands, .timeout = 120)
{
    static world_t world;
    open_world (&world, "", "");
    for (size_t round = 0; round < 6; round++) {
        const size_t victim = round % SERVER_COUNT;
        static process_t fresh;
        process_finish (&world.servers[victim], SIGKILL);
        process_start (&fresh, PROGRAMS "fresh_client", world.url, "fanout_call");
        process_wait (&fresh, 1, "rows");
        /* Of the one that was killed it may have been told: then there is a row that says so. */
        cr_assert (strstr (fresh.text, "rows, 2 replied"), "round %zu: %s", round, fresh.text);
        process_finish (&fresh, 0);
        start (&world, victim);
        wait_for_servers (&world, SERVER_COUNT);
    }
    close_world (&world);
}

static bool
is_listened_on (int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                        .sin_port = htons ((uint16_t) port)};
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) == 0;
    close (fd);
    return connected;
}

/* It takes the address, and hosts the rendezvous, before those who were there before can do anything. */
Test (fresh_client, is_right_when_it_takes_the_rendezvous_over, .timeout = 120)
{
    static world_t world;
    static process_t fresh;
    open_world (&world, "127.0.0.1", "?insecure=true&host_rendezvous=true");
    for (size_t i = 1; i < SERVER_COUNT; i++)
        process_stand_still (&world.servers[i]);
    process_finish (&world.servers[0], SIGKILL);
    process_start (&fresh, PROGRAMS "fresh_client", world.url, "fanout_call");
    const int64_t end_ms = process_now_ms () + PROCESS_WAIT_LIMIT_MS;
    while (!is_listened_on (world.port))
        cr_assert_lt (process_now_ms (), end_ms);
    for (size_t i = 1; i < SERVER_COUNT; i++)
        kill (world.servers[i].pid, SIGCONT);
    process_expect (&fresh, "2 rows, 2 replied");
    process_finish (&fresh, 0);
    start (&world, 0);
    close_world (&world);
}
