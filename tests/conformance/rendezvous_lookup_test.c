/* SPDX-License-Identifier: Apache-2.0 */
/* A rendezvous point that is given by name: all addresses of the name are tried, and nothing waits for the
 * lookup. */
#include "matchmaker/rendezvous_reach.h"
#include "src/interface/lookup.h"
#include "tests/conformance/matchmaker_world.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const world_kind_t over_zmq = {&godwit__matchmaker_rendezvous, &godwit__zmtp_driver};

/* What the name "somewhere" stands for. */
static const char *addresses[GODWIT__FOUND_MAX];
static atomic_uint lookups;

static size_t
look_up (const char *name, const char *port, char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE])
{
    size_t count = 0;
    if (strcmp (name, "somewhere") != 0)
        return 0;
    while (count < GODWIT__FOUND_MAX && addresses[count]) {
        snprintf (found[count], GODWIT__ADDRESS_SIZE, "tcp://%s:%s", addresses[count], port);
        count++;
    }
    atomic_fetch_add (&lookups, 1);
    return count;
}

/* A member finds the host at one of the addresses, and again when the host has returned. */
static void
join_by_name (const char *listens_at)
{
    world_t world;
    char hosts[64], name[64];
    world_open (&world, &over_zmq);
    world.look_up = look_up;
    snprintf (hosts, sizeof hosts, "%s:%d", listens_at, world.ports[0]);
    snprintf (name, sizeof name, "somewhere:%d", world.ports[0]);
    peer_t *host = peer_open (&world, 0, hosts, "", "host_rendezvous=true");
    EVENTUALLY (&world, host->gauges.rendezvous_hosted == 1);
    peer_t *member = peer_open (&world, 1, name, "", NULL);
    EVENTUALLY (&world, member->gauges.rendezvous_joined == 1);
    peer_announce (member, 1, GODWIT__RECORD_UP);
    EVENTUALLY (&world, peer_knows (host, member, 1));
    peer_close (host);
    EVENTUALLY (&world, member->gauges.rendezvous_joined == 0);
    const unsigned before = atomic_load (&lookups);
    host = peer_open (&world, 2, hosts, "", "host_rendezvous=true");
    EVENTUALLY (&world, member->gauges.rendezvous_joined == 1);
    cr_assert_gt (atomic_load (&lookups), before, "a name is looked up for each connection");
    world_close (&world);
}

Test (rendezvous_lookup, the_second_address_is_tried, .timeout = 60)
{
    addresses[0] = "[::1]"; /* refused: nobody listens there */
    addresses[1] = "127.0.0.1";
    join_by_name ("127.0.0.1");
}

Test (rendezvous_lookup, ipv6_is_tried_after_ipv4, .timeout = 60)
{
    char host[GODWIT__ADDRESS_SIZE];
    if (godwit__route_to ("tcp://[::1]:9573", host) == GODWIT__ROUTE_NONE)
        cr_skip_test ("this machine has no IPv6");
    addresses[0] = "127.0.0.1";
    addresses[1] = "[::1]";
    join_by_name ("[::1]");
}

Test (rendezvous_lookup, many_addresses_are_tried, .timeout = 60)
{
    addresses[0] = "[::1]";
    addresses[1] = "127.0.0.2";
    addresses[2] = "127.0.0.3";
    addresses[3] = "127.0.0.1";
    join_by_name ("127.0.0.1");
}

/* ---- a lookup that takes long ---- */

static sem_t began, may_end, has_ended;
static char thread_name[16];
static sigset_t blocked; /* in the lookup's thread */

static size_t
look_up_slowly (const char *name, const char *port, char found[GODWIT__FOUND_MAX][GODWIT__ADDRESS_SIZE])
{
    (void) name, (void) port, (void) found;
    pthread_getname_np (pthread_self (), thread_name, sizeof thread_name);
    pthread_sigmask (SIG_BLOCK, NULL, &blocked);
    sem_post (&began);
    sem_wait (&may_end);
    sem_post (&has_ended);
    return 0;
}

Test (rendezvous_lookup, nothing_waits_for_a_lookup, .timeout = 60)
{
    world_t world;
    sem_init (&began, 0, 0);
    sem_init (&may_end, 0, 0);
    sem_init (&has_ended, 0, 0);
    world_open (&world, &over_zmq);
    world.look_up = look_up_slowly;
    peer_t *peer = peer_open (&world, 0, "somewhere", "", NULL);
    EVENTUALLY (&world, sem_trywait (&began) == 0);
    cr_assert_str_eq (thread_name, "godwit-lookup");
    cr_assert (sigismember (&blocked, SIGTERM) && !sigismember (&blocked, SIGSEGV));
    peer_close (peer); /* returns */
    world_close (&world);
    sem_post (&may_end);
    sem_wait (&has_ended);
}

/* ---- what an address is ---- */

Test (rendezvous_lookup, numbers_are_not_looked_up)
{
    cr_assert (godwit__lookup_is_needed ("tcp://somewhere:9573"));
    cr_assert (godwit__lookup_is_needed ("tcp://10.0.0:9573"));
    cr_assert (!godwit__lookup_is_needed ("tcp://10.0.0.1:9573"));
    cr_assert (!godwit__lookup_is_needed ("tcp://[fd00::1]:9573"));
    cr_assert (!godwit__lookup_is_needed ("inproc://somewhere:9573"));
    cr_assert (!godwit__lookup_is_needed ("sim://somewhere:9573"));
}

static void
note_done (void *user)
{
    *(bool *) user = true;
}

Test (rendezvous_lookup, the_system_knows_localhost, .timeout = 60)
{
    world_t world;
    bool is_done = false;
    world_open (&world, &over_zmq);
    godwit__lookup_t names = {.reactor = world.reactor, .done = note_done, .user = &is_done};
    cr_assert (godwit__lookup_begin (&names, "tcp://localhost:9573"));
    EVENTUALLY (&world, is_done);
    cr_assert_geq (names.count, 1u);
    for (const char *at; (at = godwit__lookup_next (&names));)
        cr_assert (strcmp (at, "tcp://127.0.0.1:9573") == 0 || strcmp (at, "tcp://[::1]:9573") == 0, "%s",
                   at);
    godwit__lookup_close (&names);
    world_close (&world);
}

Test (rendezvous_lookup, the_loopback_is_here)
{
    char host[GODWIT__ADDRESS_SIZE];
    cr_assert_eq (godwit__route_to ("tcp://127.0.0.1:9573", host), GODWIT__ROUTE_HERE);
    cr_assert_eq (godwit__route_to ("sim://node:9573", host), GODWIT__ROUTE_HERE);
    cr_assert_eq (godwit__route_to ("tcp://somewhere:9573", host), GODWIT__ROUTE_NONE);
}
