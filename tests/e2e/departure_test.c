/* SPDX-License-Identifier: Apache-2.0 */
/* How soon a server is forgotten: one that was killed, and many that leave in good order while the machine is
 * busy. What is measured is printed. GODWIT_DEPARTURES: how many leave. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "tests/support/life.h"
#include "tests/support/must.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_LIMIT_MS 2000
#define FORGOTTEN_MS 5000

/* Whether the client knows this server (NULL: any), or is connected to it. */
static bool
knows (godwit_client_t *client, const char *name, bool connected)
{
    godwit_value_t *list = NULL;
    bool found = false;
    MUST (godwit_client_servers (client, &list, &error));
    for (size_t i = 0; i < godwit_value_count (list); i++) {
        const godwit_value_t *const server = godwit_value_at (list, i);
        if (name && strcmp (godwit_value_as_str (godwit_value_get (server, "server"), ""), name) != 0)
            continue;
        found |= !connected || godwit_value_as_bool (godwit_value_get (server, "connected"), false);
    }
    godwit_value_unref (&list);
    return found;
}

static size_t
count_of (godwit_client_t *client)
{
    godwit_value_t *list = NULL;
    MUST (godwit_client_servers (client, &list, &error));
    const size_t count = godwit_value_count (list);
    godwit_value_unref (&list);
    return count;
}

/* How long it takes, from then on, until the client knows the server no more. */
static int64_t
forget_ms (godwit_client_t *client, const char *name, bool connected, int64_t since_ms)
{
    while (knows (client, name, connected)) {
        cr_assert_lt (process_now_ms () - since_ms, PROCESS_WAIT_LIMIT_MS, "%s is still %s", name,
                      connected ? "connected" : "known");
        sched_yield ();
    }
    return process_now_ms () - since_ms;
}

Test (departure, a_killed_server_is_forgotten, .timeout = 100)
{
    static const char *const names[] = {"one", "two", "three"};
    process_t servers[3];
    life_t life;
    godwit_transport_t *other = NULL;
    godwit_client_t *stranger = NULL;
    life_open (&life, "", NULL);
    MUST (godwit_transport_new (&other, life.url, NULL, &error));
    MUST (godwit_client_new (&stranger, other, GODWIT_TARGET (.topic = "life"), NULL, &error));
    for (int i = 0; i < 3; i++)
        life_start (&servers[i], life.url, names[i]);
    MUST (godwit_client_wait_servers (life.client, 3, PROCESS_WAIT_LIMIT_MS, &error));
    while (count_of (stranger) < 3)
        sched_yield ();
    cr_assert (knows (life.client, "one", true) && !knows (stranger, "one", true));

    const int64_t killed_ms = process_now_ms ();
    kill (servers[0].pid, SIGKILL);
    const int64_t lost_ms = forget_ms (life.client, "one", true, killed_ms);
    const int64_t far_ms = forget_ms (stranger, "one", false, killed_ms);
    const int64_t near_ms = forget_ms (life.client, "one", false, killed_ms);
    fprintf (stderr,
             "killed: its connection ended after %d ms, it is forgotten after %d ms, and by one that "
             "was not connected after %d ms\n",
             (int) lost_ms, (int) near_ms, (int) far_ms);
    if (!life_is_sanitized ()) {
        cr_assert_leq (lost_ms, HEARTBEAT_LIMIT_MS);
        cr_assert_leq (far_ms, FORGOTTEN_MS);
        cr_assert_leq (near_ms, FORGOTTEN_MS);
    }
    cr_assert_eq (count_of (stranger), 2u);
    cr_assert_eq (count_of (life.client), 2u);
    process_finish (&servers[0], SIGKILL);
    process_finish (&servers[1], SIGTERM);
    process_finish (&servers[2], SIGTERM);
    godwit_client_destroy (&stranger);
    godwit_transport_destroy (&other);
    life_close (&life);
}

/* ---- many that leave ---- */

enum { BATCH = 20, LEAVERS = 4, BUSY = 2, DEPARTURES = 200 };

typedef struct node {
    godwit_transport_t *transport;
    godwit_server_t *server;
} node_t;

static godwit_status_t
nothing (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("nothing", nothing, 0)};
static atomic_bool is_over;
static atomic_uint next_leaver;
static node_t nodes[BATCH];
static char url[32];

static void
node_open (node_t *node, const char *topic, int number)
{
    char name[16];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    snprintf (name, sizeof name, "%d", number);
    MUST (godwit_transport_new (&node->transport, url, NULL, &error));
    MUST (godwit_server_new (&node->server, node->transport, GODWIT_TARGET (.topic = topic, .server = name),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (node->server, NULL, &error));
}

static void
node_close (node_t *node)
{
    godwit_server_destroy (&node->server);
    godwit_transport_destroy (&node->transport);
}

static void *
be_busy (void *argument)
{
    (void) argument;
    while (!atomic_load (&is_over))
        ;
    return NULL;
}

/* Gives the rendezvous something to tell everybody all the time. */
static void *
come_and_go (void *argument)
{
    node_t *const node = argument;
    while (!atomic_load (&is_over)) {
        godwit_server_stop (node->server, NULL, NULL);
        godwit_server_start (node->server, NULL, NULL);
    }
    return NULL;
}

static void *
leave (void *argument)
{
    unsigned at;
    (void) argument;
    while ((at = atomic_fetch_add (&next_leaver, 1)) < BATCH)
        node_close (&nodes[at]);
    return NULL;
}

/* How many are still known some time afterwards, but before the rendezvous makes up for what got lost. */
static size_t
leave_at_once (godwit_client_t *const clients[2])
{
    pthread_t threads[LEAVERS];
    atomic_store (&next_leaver, 0);
    for (int i = 0; i < LEAVERS; i++)
        pthread_create (&threads[i], NULL, leave, NULL);
    for (int i = 0; i < LEAVERS; i++)
        pthread_join (threads[i], NULL);
    const int64_t end_ms = process_now_ms () + HEARTBEAT_LIMIT_MS;
    while ((count_of (clients[0]) || count_of (clients[1])) && process_now_ms () < end_ms)
        sched_yield ();
    const size_t left = count_of (clients[0]);
    return left > count_of (clients[1]) ? left : count_of (clients[1]);
}

Test (departure, nobody_who_leaves_is_forgotten_late, .timeout = 600)
{
    const char *const wanted = getenv ("GODWIT_DEPARTURES");
    const int count = wanted ? atoi (wanted) : DEPARTURES;
    godwit_transport_t *transports[2] = {NULL, NULL};
    godwit_client_t *clients[2] = {NULL, NULL};
    node_t restless[BUSY];
    pthread_t busy[2 * BUSY];
    snprintf (url, sizeof url, "zmq://:%d/", free_port ());
    for (int i = 0; i < 2; i++) { /* the first hosts the rendezvous, the second is told */
        MUST (godwit_transport_new (&transports[i], url, NULL, &error));
        MUST (
            godwit_client_new (&clients[i], transports[i], GODWIT_TARGET (.topic = "leavers"), NULL, &error));
    }
    for (int i = 0; i < BUSY; i++) {
        node_open (&restless[i], "restless", i);
        pthread_create (&busy[i], NULL, come_and_go, &restless[i]);
        pthread_create (&busy[BUSY + i], NULL, be_busy, NULL);
    }
    for (int done = 0; done < count; done += BATCH) {
        for (int i = 0; i < BATCH; i++)
            node_open (&nodes[i], "leavers", done + i);
        while (count_of (clients[0]) < BATCH || count_of (clients[1]) < BATCH)
            sched_yield ();
        const size_t lost = leave_at_once (clients);
        cr_assert_eq (lost, 0u, "of %d that left in good order, %d got lost", done + BATCH, (int) lost);
    }
    atomic_store (&is_over, true);
    for (int i = 0; i < 2 * BUSY; i++)
        pthread_join (busy[i], NULL);
    fprintf (stderr, "%d servers left in good order\n", count);
    for (int i = 0; i < BUSY; i++)
        node_close (&restless[i]);
    for (int i = 2; i-- > 0;) {
        godwit_client_destroy (&clients[i]);
        godwit_transport_destroy (&transports[i]);
    }
}
