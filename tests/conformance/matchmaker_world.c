/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/matchmaker_world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the threads of a driver may take on a busy machine; with those of inproc there is nothing to wait for.
 */
#define WORLD_MOMENT_MS (strcmp (world->kind->driver->name, "inproc") ? 100 : 0)

/* --- time --- */

int64_t
world_real_ns (void)
{
    return godwit__clock_now (&godwit__clock_system);
}

static int64_t
world_now (void *user)
{
    const world_t *world = user;
    return world_real_ns () + world->skew_ns;
}

void
world_run (world_t *world)
{
    godwit__reactor_run_once (world->reactor, 2 * GODWIT__NS_PER_MS);
}

void
world_pass (world_t *world, int64_t refreshes)
{
    for (int64_t i = 0; i < refreshes; i++) {
        world->skew_ns += WORLD_REFRESH_MS * GODWIT__NS_PER_MS;
        /* What one sends is read in the next turn, and answered in the one after it. But it passes through
         * threads that get their turn in real time, however fast the test's own clock runs: a lease is three
         * refreshes. */
        const int64_t until_ns = world_real_ns () + WORLD_MOMENT_MS * GODWIT__NS_PER_MS;
        for (int turn = 0; turn < 20 || world_real_ns () < until_ns; turn++)
            world_run (world);
    }
}

/* --- the world --- */

/* One that nobody listens on, below those that the kernel gives to connections: a port that is looked for by
 * connecting to it must not become the source of such a connection. Tests that run at the same time look in
 * different places. */
static int
free_port (void)
{
    static unsigned looked;
    for (;;) {
        const int port = 10000 + (int) (((unsigned) getpid () * 7919u + looked++) % 20000u);
        const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
                                            .sin_port = htons ((uint16_t) port)};
        cr_assert (fd >= 0);
        const bool is_free = bind (fd, (const struct sockaddr *) &address, sizeof address) == 0;
        close (fd);
        if (is_free)
            return port;
    }
}

void
world_open (world_t *world, const world_kind_t *kind)
{
    memset (world, 0, sizeof *world);
    world->kind = kind;
    world->queue_limit = 1000;
    world->clock = (godwit__clock_t){world_now, world, NULL};
    for (size_t i = 0; i < sizeof world->ports / sizeof world->ports[0]; i++)
        world->ports[i] = free_port ();
    cr_assert_eq (godwit__reactor_new (&world->reactor, &world->clock, NULL), GODWIT_OK);
}

void
world_close (world_t *world)
{
    for (size_t i = 0; i < WORLD_PEERS; i++) {
        peer_t *peer = &world->peers[i];
        if (peer->matchmaker)
            peer_close (peer);
        for (size_t at = 0; at < peer->sighting_count; at++)
            godwit__record_unref (&peer->sightings[at].record);
        free (peer->sightings);
    }
    godwit__reactor_destroy (&world->reactor);
}

/* --- what a peer is told --- */

static sighting_t *
find_sighting (const peer_t *peer, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id)
{
    for (size_t i = 0; i < peer->sighting_count; i++) {
        sighting_t *at = &peer->sightings[i];
        if (at->server_id == server_id && memcmp (at->instance, instance, GODWIT__UUID_SIZE) == 0)
            return at;
    }
    return NULL;
}

static void
count_event (peer_t *peer)
{
    cr_assert (peer->matchmaker, "an event of a matchmaker that is closed, or not open yet");
    peer->event_count++;
}

static void
on_seen (void *user, godwit__record_t *record)
{
    peer_t *peer = user;
    count_event (peer);
    sighting_t *at = find_sighting (peer, record->instance, record->server_id);
    if (!at) {
        peer->sightings = realloc (peer->sightings, (peer->sighting_count + 1) * sizeof *at);
        cr_assert (peer->sightings);
        at = &peer->sightings[peer->sighting_count++];
        memset (at, 0, sizeof *at);
        memcpy (at->instance, record->instance, GODWIT__UUID_SIZE);
        at->server_id = record->server_id;
    }
    cr_assert (!at->record || at->record->revision <= record->revision, "an old revision came back");
    godwit__record_unref (&at->record);
    at->record = godwit__record_ref (record);
}

static void
on_gone (void *user, const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id, bool withdrawn)
{
    peer_t *peer = user;
    count_event (peer);
    sighting_t *at = find_sighting (peer, instance, server_id);
    cr_assert (at, "gone, but never seen");
    godwit__record_unref (&at->record);
    at->gone_count++;
    at->withdrawn = withdrawn;
}

static void
on_synced (void *user)
{
    peer_t *peer = user;
    count_event (peer);
    peer->synced_count++;
}

static void
on_names (void *user, godwit__names_state_t state, const char *text)
{
    peer_t *peer = user;
    count_event (peer);
    cr_assert (state != peer->names || strcmp (text, peer->names_text) != 0, "told what it told before");
    cr_assert (state != GODWIT__NAMES_TOLD || peer->synced_count > 0, "told, but not synced");
    cr_assert_eq (text[0] == '\0', state == GODWIT__NAMES_TOLD, "%s", text);
    if (state == GODWIT__NAMES_TOLD) {
        peer->told_ns = world_now (peer->world);
        peer->known_when_told = 0;
        for (size_t i = 0; i < peer->sighting_count; i++)
            peer->known_when_told += peer->sightings[i].record != NULL;
    }
    peer->names = state;
    snprintf (peer->names_text, sizeof peer->names_text, "%s", text);
}

static const godwit__matchmaker_events_t events = {on_seen, on_gone, on_synced, on_names};

/* --- peers --- */

peer_t *
peer_open (world_t *world, unsigned index, const char *hosts, const char *virtual_host, const char *query)
{
    peer_t *peer = &world->peers[index];
    cr_assert (index < WORLD_PEERS && !peer->matchmaker);
    static uint8_t lives; /* a peer that comes back is another instance */
    peer->world = world;
    memset (peer->instance, 0x11 * (int) (index + 1), GODWIT__UUID_SIZE);
    peer->instance[0] = ++lives;

    const godwit__driver_options_t driver_options = {.reactor = world->reactor,
                                                     .max_message_size = 1 << 20,
                                                     .queue_limit = world->queue_limit,
                                                     .connect_timeout_ms = 5000,
                                                     .heartbeat_ms = 60000,
                                                     .heartbeat_timeout_ms = 600000,
                                                     .virtual_host = "",
                                                     .insecure = true};
    cr_assert_eq (world->kind->driver->open (&peer->driver, &driver_options, NULL), GODWIT_OK);

    world->is_unnamed |= !hosts;
    char own[32];
    snprintf (own, sizeof own, ":%d", world->ports[0]);
    char text[256];
    snprintf (text, sizeof text, "%s://%s/%s%s%s", world->kind->driver->name, hosts ? hosts : own,
              virtual_host, query ? "?" : "", query ? query : "");
    godwit_url_t *url = NULL;
    cr_assert_eq (godwit_url_parse (&url, text, NULL), GODWIT_OK, "%s", text);
    const char *const host_option = godwit_url_query_get (url, "host_rendezvous");
    const godwit__matchmaker_options_t options = {.reactor = world->reactor,
                                                  .driver = peer->driver,
                                                  .url = url,
                                                  .instance = peer->instance,
                                                  .virtual_host = virtual_host,
                                                  .refresh_ms = WORLD_REFRESH_MS,
                                                  .host_rendezvous =
                                                      host_option && !strcmp (host_option, "true"),
                                                  .seed = index + 1,
                                                  .look_up = world->look_up,
                                                  .gauges = &peer->gauges};
    godwit__matchmaker_t *matchmaker = NULL;
    cr_assert_eq (world->kind->matchmaker->open (&matchmaker, &options, &events, peer, NULL), GODWIT_OK);
    peer->matchmaker = matchmaker;
    godwit_url_destroy (&url);
    return peer;
}

void
peer_close (peer_t *peer)
{
    godwit__matchmaker_t *matchmaker = peer->matchmaker;
    peer->matchmaker = NULL;
    matchmaker->ops->close (matchmaker);
    peer->driver->ops->close (peer->driver);
}

godwit__record_t *
peer_record (const peer_t *peer, uint32_t server_id, uint32_t revision, godwit__record_state_t state)
{
    char server[32];
    snprintf (server, sizeof server, "server-%u", server_id);
    godwit__record_t from = {.incarnation = 7,
                             .server_id = server_id,
                             .revision = revision,
                             .state = state,
                             .weight = 1,
                             .exchange = "godwit",
                             .topic = "calc",
                             .server = server,
                             .address_count = 1,
                             .addresses = {"tcp://127.0.0.1:9000"},
                             .fanout_address = "",
                             .host = "here",
                             .versions = "calc=1.0"};
    memcpy (from.instance, peer->instance, GODWIT__UUID_SIZE);
    godwit__record_t *record = godwit__record_new (&from);
    cr_assert (record);
    return record;
}

void
peer_announce (peer_t *peer, uint32_t server_id, godwit__record_state_t state)
{
    godwit__record_t *record = peer_record (peer, server_id, ++peer->revision, state);
    cr_assert_eq (peer->matchmaker->ops->announce (peer->matchmaker, record, NULL), GODWIT_OK);
    godwit__record_unref (&record);
}

godwit__record_t *
peer_knows (const peer_t *peer, const peer_t *other, uint32_t server_id)
{
    const sighting_t *at = find_sighting (peer, other->instance, server_id);
    return at ? at->record : NULL;
}

unsigned
peer_gone_count (const peer_t *peer, const peer_t *other, uint32_t server_id)
{
    const sighting_t *at = find_sighting (peer, other->instance, server_id);
    return at ? at->gone_count : 0;
}

bool
peer_withdrew (const peer_t *peer, const peer_t *other, uint32_t server_id)
{
    const sighting_t *at = find_sighting (peer, other->instance, server_id);
    return at && at->withdrawn;
}
