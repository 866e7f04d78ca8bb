/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody states the identity of a client in a HELLO of his own, with the number of its connection, and says
 * that all ids were used: the client's calls go on. */
#include <criterion/criterion.h>
#include <godwit/godwit.h>

#include "src/discovery/directory.h"
#include "src/server/pool.h"
#include "tests/support/log_book.h"
#include "tests/support/must.h"
#include "tests/support/process.h"
#include "tests/support/raw_peer.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define WARNING "another process states the identity"

typedef struct world {
    godwit_transport_t *serving, *calling;
    godwit_server_t *server;
    godwit_client_t *client;
    atomic_uint ran;
    log_book_t book;
} world_t;

static world_t world;

static godwit_status_t
count (godwit_request_t *request, void *self)
{
    (void) request, (void) self;
    atomic_fetch_add (&world.ran, 1);
    return GODWIT_OK;
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("count", count, 0)};

static void
open_world (const char *driver, const char *query)
{
    char url[64];
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods);
    snprintf (url, sizeof url, "%s://:%d/%s", driver, free_port (), query);
    log_book_open (&world.book);
    MUST (godwit_transport_new (&world.serving, url, NULL, &error));
    MUST (godwit_transport_new (&world.calling, url,
                                GODWIT_TRANSPORT_OPTIONS (.log = log_book_write, .log_user = &world.book),
                                &error));
    MUST (godwit_server_new (&world.server, world.serving, GODWIT_TARGET (.topic = "work", .server = "one"),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (world.server, NULL, &error));
    MUST (godwit_client_new (&world.client, world.calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = PROCESS_WAIT_LIMIT_MS), &error));
    MUST (godwit_client_call (world.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
}

static void
close_world (void)
{
    godwit_client_destroy (&world.client);
    godwit_server_destroy (&world.server);
    godwit_transport_destroy (&world.calling);
    godwit_transport_destroy (&world.serving);
    log_book_close (&world.book);
}

/* Of the client's only connection, as somebody would know it who had read its HELLO. */
static uint32_t
number_of_connection (void)
{
    pthread_mutex_lock (&world.calling->lock);
    const godwit__peer_t *const peer = GODWIT__PEERS_FIRST (world.calling->directory);
    cr_assert (peer && peer->connection);
    godwit__connection_t *const connection = peer->connection;
    pthread_mutex_lock (&connection->lock);
    const uint32_t number = connection->number;
    pthread_mutex_unlock (&connection->lock);
    pthread_mutex_unlock (&world.calling->lock);
    return number;
}

/* Returns when the port has read it. */
static void
forge (uint64_t last_id)
{
    const godwit__port_t *const port = &world.serving->pool->ports[world.serving->pool->port_count - 1];
    godwit__identity_t identity = {.incarnation = world.calling->incarnation};
    uint8_t frame[GODWIT__IDENTITY_FRAME_MAX];
    raw_peer_t peer;
    cr_assert (raw_open (&peer, port->driver->ops, port->addresses.links[0], ""));
    memcpy (identity.instance, world.calling->instance, sizeof identity.instance);
    const size_t size = godwit__identity_write (frame, GODWIT__HELLO, &identity);
    godwit__put_u64 (frame + GODWIT__HEADER_ID_OFFSET, last_id);
    godwit__put_u32 (frame + GODWIT__HEADER_AUX_OFFSET, number_of_connection ());
    raw_send (&peer, frame, size);
    cr_assert (raw_expect (&peer, GODWIT__WELCOME, 0));
    raw_close (&peer);
}

static godwit_transport_stats_t
stats_of (const godwit_transport_t *transport)
{
    godwit_transport_stats_t stats;
    godwit_transport_stats (transport, &stats, sizeof stats);
    return stats;
}

static godwit_status_t
call (godwit_outcome_t *outcome)
{
    godwit_error_t *error = NULL;
    const godwit_status_t status =
        godwit_client_call (world.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error);
    *outcome = godwit_error_outcome (error);
    godwit_error_destroy (&error);
    return status;
}

static void
go_on (const char *driver, const char *query)
{
    enum { CALLS = 50 };
    godwit_outcome_t outcome;
    open_world (driver, query);
    const uint32_t number = number_of_connection ();
    forge (UINT64_C (1) << 62);
    cr_assert_neq (call (&outcome), GODWIT_OK);
    cr_assert_eq (outcome, GODWIT_OUTCOME_MAYBE_RUN, "nobody can know: it may have been sent before, too");
    cr_assert_eq (atomic_load (&world.ran), 1u);
    for (unsigned i = 0; i < CALLS; i++)
        MUST (godwit_client_call (world.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (atomic_load (&world.ran), 1u + CALLS);
    cr_assert_neq (number_of_connection (), number);
    cr_assert_eq (stats_of (world.calling).calls_duplicate, 1u);
    cr_assert_eq (stats_of (world.calling).peers, 1u, "no other link was needed");
    cr_assert_eq (log_book_count (&world.book, GODWIT_LOG_WARNING, WARNING), 1u);
    close_world ();
}

Test (forged_hello, calls_go_on_over_inproc, .timeout = 60)
{
    go_on ("inproc", "");
}

Test (forged_hello, calls_go_on_over_zmq, .timeout = 60)
{
    go_on ("zmq", "?paths=tcp&insecure=true");
}

/* Nobody waits for a cast: what shows is that the next ones run. */
Test (forged_hello, casts_go_on, .timeout = 60)
{
    open_world ("inproc", "");
    forge (UINT64_C (1) << 62);
    MUST (godwit_client_cast (world.client, NULL, "count", GODWIT_NO_ARGS, &error));
    while (stats_of (world.calling).calls_duplicate == 0)
        sched_yield ();
    MUST (godwit_client_cast (world.client, NULL, "count", GODWIT_NO_ARGS, &error));
    MUST (godwit_client_call (world.client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    while (atomic_load (&world.ran) < 3)
        sched_yield ();
    cr_assert_eq (atomic_load (&world.ran), 3u);
    close_world ();
}

/* An idempotent client tries again by itself: nothing shows but the count. */
Test (forged_hello, idempotent_calls_do_not_notice, .timeout = 60)
{
    godwit_client_t *client = NULL;
    open_world ("inproc", "");
    MUST (godwit_client_new (&client, world.calling, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = PROCESS_WAIT_LIMIT_MS, .idempotent = true),
                             &error));
    forge (UINT64_C (1) << 62);
    MUST (godwit_client_call (client, NULL, "count", GODWIT_NO_ARGS, NULL, &error));
    cr_assert_eq (stats_of (world.calling).calls_duplicate, 1u);
    godwit_client_destroy (&client);
    close_world ();
}

/* Somebody who learns each number at once makes calls fail, and costs ten HELLOs a second. */
Test (forged_hello, a_storm_is_bounded, .timeout = 60)
{
    enum { ROUNDS = 200 };
    unsigned changes = 0, failed = 0;
    open_world ("inproc", "");
    const int64_t began_ms = process_now_ms ();
    uint32_t number = number_of_connection ();
    for (unsigned i = 0; i < ROUNDS; i++) {
        godwit_outcome_t outcome;
        forge ((UINT64_C (1) << 40) + i);
        failed += call (&outcome) != GODWIT_OK;
        changes += number_of_connection () != number;
        number = number_of_connection ();
    }
    const int64_t took_ms = process_now_ms () - began_ms;
    cr_assert_eq (failed, (unsigned) ROUNDS);
    cr_assert_eq (stats_of (world.calling).calls_duplicate, (uint64_t) ROUNDS);
    cr_assert_leq (changes, (unsigned) (took_ms / 100 + 2), "%u in %d ms", changes, (int) took_ms);
    cr_assert_eq (log_book_count (&world.book, GODWIT_LOG_WARNING, WARNING), 1u);
    cr_assert_eq (atomic_load (&world.ran), 1u);
    close_world ();
}
