/* SPDX-License-Identifier: Apache-2.0 */
/* Static stability: whatever rendezvous points answer, every live server that was known is called.
 *
 * All three rendezvous of a simulated cluster lie, by a seed: nothing, a part, old news, wrong addresses and
 * names, servers that do not exist, "all is gone", gaps, repetitions, another order, garbage, EXPELLED,
 * restarts, silence. After each lie, each client calls each server by its name. One client keeps its
 * connections; the other has given them up each time, and has to connect by what it remembers. In the end the
 * rendezvous are honest again, and a newcomer is found: nobody has gone blind.
 *
 * A run is repeated by GODWIT_SEED=n; GODWIT_SEEDS says how many are run (default: SEEDS). */
#include "matchmaker/rendezvous_wire.h"
#include "src/runtime/transport.h"
#include "src/wire/header.h"
#include "tests/support/must.h"

#include <criterion/criterion.h>
#include <godwit/godwit.h>
#include <godwit/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 3
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEEDS 3
#endif
#endif
#ifndef SEEDS
#define SEEDS 10
#endif
#define STEPS 60
#define LIARS 3
#define SERVERS 4
#define CLIENTS 2
#define MEMBERS 16
#define TRUTHS 16
#define IDLE_MS 1000

struct world;

/* A host of a rendezvous, spoken by hand on a node whose transport has no matchmaker. */
typedef struct liar {
    struct world *world;
    godwit_transport_t *transport;
    godwit__channel_t *port; /* NULL: nobody listens */
    godwit__source_t source;
    char name[16];
    uint64_t epoch;
    uint64_t sequence;
    bool is_silent;
    godwit__routing_id_t members[MEMBERS];
    size_t member_count;
    godwit__record_t *truths[TRUTHS]; /* what was registered */
    size_t truth_count;
    uint8_t buffer[GODWIT__RENDEZVOUS_FRAME_SIZE];
} liar_t;

typedef struct node {
    char name[16];
    godwit_transport_t *transport;
    godwit_server_t *server;
    godwit_client_t *client;
} node_t;

typedef struct world {
    uint64_t seed;
    unsigned step;
    const char *lie; /* the latest */
    godwit_cluster_t *cluster;
    liar_t liars[LIARS];
    node_t servers[SERVERS + 1];
    node_t clients[CLIENTS]; /* the second one idles */
    bool may_withdraw;       /* liars may also say that servers go by their own word */
} world_t;

static uint64_t
any (const liar_t *liar, uint64_t limit)
{
    return godwit_cluster_random (liar->world->cluster, limit);
}

/* ---- what a host says ---- */

static void
say (liar_t *liar, godwit__message_t message)
{
    for (size_t i = 0; i < liar->member_count && liar->port; i++)
        liar->port->ops->send (liar->port, liar->members[i], &message);
}

static void
snapshot (liar_t *liar, godwit__record_list_t records, bool first, bool last)
{
    say (liar,
         godwit__rendezvous_snapshot (liar->buffer, liar->epoch, liar->sequence, first, last, 0, records));
}

static void
seen (liar_t *liar, godwit__record_t *record, uint64_t sequence)
{
    const godwit__record_list_t one = {&record, 1};
    say (liar, godwit__rendezvous_delta (liar->buffer, liar->epoch, sequence, one, NULL, 0, false));
}

static void
gone (liar_t *liar, size_t first, size_t count, bool withdrawn)
{
    godwit__record_key_t keys[TRUTHS];
    for (size_t i = 0; i < count; i++) {
        memcpy (keys[i].instance, liar->truths[first + i]->instance, GODWIT__UUID_SIZE);
        keys[i].server_id = liar->truths[first + i]->server_id;
    }
    say (liar, godwit__rendezvous_delta (liar->buffer, liar->epoch, ++liar->sequence,
                                         (godwit__record_list_t){NULL, 0}, keys, count, withdrawn));
}

static void
truth (liar_t *liar)
{
    snapshot (liar, (godwit__record_list_t){liar->truths, liar->truth_count}, true, true);
}

/* ---- what it hears ---- */

static void
learn (liar_t *liar, godwit__record_t *record)
{
    size_t i = 0;
    while (i < liar->truth_count &&
           (liar->truths[i]->server_id != record->server_id ||
            memcmp (liar->truths[i]->instance, record->instance, GODWIT__UUID_SIZE) != 0))
        i++;
    if (i == TRUTHS)
        return;
    if (i == liar->truth_count)
        liar->truth_count++;
    else
        godwit__record_unref (&liar->truths[i]);
    liar->truths[i] = godwit__record_ref (record);
}

static void
remember (liar_t *liar, godwit__routing_id_t routing_id)
{
    for (size_t i = 0; i < liar->member_count; i++)
        if (liar->members[i] == routing_id)
            return;
    if (liar->member_count == MEMBERS) /* the oldest connection is over */
        memmove (liar->members, liar->members + 1, --liar->member_count * sizeof *liar->members);
    liar->members[liar->member_count++] = routing_id;
}

static void
hear (liar_t *liar, godwit__routing_id_t routing_id, const godwit__rendezvous_message_t *message)
{
    if (message->type == GODWIT__RENDEZVOUS_JOIN)
        remember (liar, routing_id);
    for (size_t i = 0; i < message->record_count; i++)
        learn (liar, message->records[i]);
    if (liar->is_silent)
        return;
    if (message->type == GODWIT__RENDEZVOUS_JOIN || message->type == GODWIT__RENDEZVOUS_RESYNC)
        truth (liar);
    for (size_t i = 0; i < message->record_count; i++)
        seen (liar, message->records[i], ++liar->sequence);
    if (message->type == GODWIT__RENDEZVOUS_REFRESH)
        say (liar, godwit__rendezvous_current (liar->buffer, liar->epoch, liar->sequence));
}

static void
on_ready (godwit__source_t *source)
{
    liar_t *liar = source->user;
    godwit__frame_t frame = {.data = NULL};
    godwit__routing_id_t routing_id = 0;
    while (liar->port->ops->recv (liar->port, &frame, &routing_id) == GODWIT__IO_OK) {
        godwit__rendezvous_message_t message;
        if (godwit__rendezvous_read (&message, &frame, NULL) != GODWIT_OK)
            continue;
        hear (liar, routing_id, &message);
        godwit__rendezvous_clear (&message);
    }
}

static void
listen_here (liar_t *liar)
{
    char address[64];
    godwit__port_addresses_t addresses;
    godwit__driver_t *driver = liar->transport->drivers[liar->transport->driver_count - 1];
    snprintf (address, sizeof address, "sim://%s:9573", liar->name);
    liar->epoch = any (liar, INT64_MAX);
    liar->sequence = any (liar, 100);
    liar->member_count = 0;
    MUST (driver->ops->open_port (driver, address, &liar->port, &addresses, &error));
    liar->source = (godwit__source_t){.ready = on_ready, .user = liar};
    MUST (liar->port->ops->attach (liar->port, liar->transport->control, &liar->source, &error));
}

static void
hang_up (liar_t *liar)
{
    liar->port->ops->detach (liar->port);
    liar->port->ops->close (liar->port);
    liar->port = NULL;
}

static void
forget_truths (liar_t *liar)
{
    while (liar->truth_count > 0)
        godwit__record_unref (&liar->truths[--liar->truth_count]);
}

static void
restart (liar_t *liar)
{
    hang_up (liar);
    forget_truths (liar);
    liar->is_silent = false;
    listen_here (liar);
}

/* ---- lies ---- */

/* A record that is newer than the truth, and wrong. */
typedef enum wrong {
    WRONG_OLD,
    WRONG_ADDRESS,
    WRONG_OTHERS_ADDRESS,
    WRONG_NAME,
    WRONG_TOPIC,
    WRONG_STATE,
    WRONGS
} wrong_t;

static void
tell_wrong (liar_t *liar, wrong_t wrong)
{
    if (liar->truth_count == 0)
        return;
    const godwit__record_t *about = liar->truths[any (liar, liar->truth_count)];
    const godwit__record_t *other = liar->truths[any (liar, liar->truth_count)];
    godwit__record_t lie = *about;
    lie.revision += (uint32_t) (wrong == WRONG_OLD ? -1 : 1 + (int) any (liar, 1000));
    if (wrong == WRONG_OLD)
        lie.incarnation -= any (liar, 2);
    if (wrong == WRONG_ADDRESS || wrong == WRONG_OLD)
        lie.addresses[0] = "sim://nowhere:1", lie.address_count = 1;
    else if (wrong == WRONG_OTHERS_ADDRESS)
        lie.addresses[0] = other->addresses[0], lie.address_count = 1;
    else if (wrong == WRONG_NAME)
        lie.server = other->server == about->server ? "nobody" : other->server;
    else if (wrong == WRONG_TOPIC)
        lie.topic = "elsewhere";
    else if (wrong == WRONG_STATE)
        lie.state = GODWIT__RECORD_DRAINING;
    godwit__record_t *record = godwit__record_new (&lie);
    cr_assert (record);
    seen (liar, record, ++liar->sequence);
    godwit__record_unref (&record);
}

/* A server that there is not, with the names and maybe the address of one that there is. */
static void
tell_foreign (liar_t *liar)
{
    if (liar->truth_count == 0)
        return;
    godwit__record_t lie = *liar->truths[any (liar, liar->truth_count)];
    for (size_t i = 0; i < sizeof lie.instance; i++)
        lie.instance[i] = (uint8_t) any (liar, 256);
    if (any (liar, 2))
        lie.addresses[0] = "sim://nowhere:1", lie.address_count = 1;
    godwit__record_t *record = godwit__record_new (&lie);
    cr_assert (record);
    seen (liar, record, ++liar->sequence);
    godwit__record_unref (&record);
}

static void
tell_part (liar_t *liar)
{
    godwit__record_t *part[TRUTHS];
    godwit__record_list_t list = {part, 0};
    for (size_t i = 0; i < liar->truth_count; i++)
        if (any (liar, 2))
            part[list.count++] = liar->truths[i];
    snapshot (liar, list, true, any (liar, 3) > 0);
}

static void
tell_garbage (liar_t *liar)
{
    const godwit__header_t header = {.type = (uint8_t) (GODWIT__RENDEZVOUS_JOIN + any (liar, 16))};
    const size_t size = GODWIT__HEADER_SIZE + 1 + (size_t) any (liar, 60);
    godwit__header_write (liar->buffer, &header);
    for (size_t i = GODWIT__HEADER_SIZE; i < size; i++)
        liar->buffer[i] = (uint8_t) any (liar, 256);
    say (liar, (godwit__message_t){.data = liar->buffer, .size = size});
}

/* The same twice, or later ones before earlier ones. */
static void
tell_out_of_order (liar_t *liar, bool twice)
{
    if (liar->truth_count == 0)
        return;
    godwit__record_t *record = liar->truths[any (liar, liar->truth_count)];
    seen (liar, record, liar->sequence + 2);
    seen (liar, record, twice ? liar->sequence + 2 : liar->sequence + 1);
    liar->sequence += 2;
}

static void
tell_nothing (liar_t *liar, bool new_epoch)
{
    if (new_epoch)
        liar->epoch = any (liar, INT64_MAX);
    snapshot (liar, (godwit__record_list_t){NULL, 0}, true, true);
}

static void
tell_gone (liar_t *liar, bool withdrawn)
{
    if (liar->truth_count == 0)
        return;
    if (any (liar, 2))
        gone (liar, 0, liar->truth_count, withdrawn);
    else
        gone (liar, (size_t) any (liar, liar->truth_count), 1, withdrawn);
}

static const char *
lie (liar_t *liar)
{
    const unsigned kind = (unsigned) any (liar, 13);
    switch (kind) {
    case 0:
        tell_nothing (liar, false);
        return "nothing";
    case 1:
        tell_nothing (liar, true);
        return "nothing, in another epoch";
    case 2:
        tell_part (liar);
        return "a part";
    case 3:
    case 4:
        tell_wrong (liar, (wrong_t) any (liar, WRONGS));
        return "a wrong record";
    case 5:
        tell_foreign (liar);
        return "a server that there is not";
    case 6:
        tell_gone (liar, liar->world->may_withdraw && any (liar, 2));
        return "gone";
    case 7:
        tell_out_of_order (liar, any (liar, 2));
        return "deltas in disorder";
    case 8:
        tell_garbage (liar);
        return "garbage";
    case 9:
        say (liar, godwit__rendezvous_expelled (liar->buffer, "no reason"));
        return "EXPELLED";
    case 10:
        restart (liar);
        return "a restart";
    case 11:
        liar->is_silent = !liar->is_silent;
        return "silence, or its end";
    default:
        liar->sequence += any (liar, 3);
        truth (liar);
        return "the truth";
    }
}

/* ---- the cluster ---- */

static godwit_status_t
whoami (godwit_request_t *request, void *self)
{
    return godwit_request_reply (request, GODWIT_STR (NULL, ((node_t *) self)->name));
}

static const godwit_method_t methods[] = {GODWIT_METHOD ("whoami", whoami, 0)};

static void
open_server (world_t *world, int index)
{
    node_t *node = &world->servers[index];
    snprintf (node->name, sizeof node->name, "server-%d", index);
    MUST (godwit_cluster_add (&node->transport, world->cluster, node->name, NULL, &error));
    const godwit_endpoint_t endpoint = GODWIT_ENDPOINT (methods, .self = node);
    MUST (godwit_server_new (&node->server, node->transport,
                             GODWIT_TARGET (.topic = "work", .server = node->name), &endpoint, 1, NULL,
                             &error));
    MUST (godwit_server_start (node->server, NULL, &error));
}

static void
open_client (world_t *world, int index)
{
    node_t *node = &world->clients[index];
    snprintf (node->name, sizeof node->name, "client-%d", index);
    MUST (godwit_cluster_add (&node->transport, world->cluster, node->name,
                              GODWIT_TRANSPORT_OPTIONS (.idle_timeout_ms = index ? IDLE_MS : 0), &error));
    MUST (godwit_client_new (&node->client, node->transport, GODWIT_TARGET (.topic = "work"),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = 10000), &error));
}

static void
open_liar (world_t *world, int index)
{
    liar_t *liar = &world->liars[index];
    liar->world = world;
    snprintf (liar->name, sizeof liar->name, "liar-%d", index);
    MUST (godwit_cluster_add (&liar->transport, world->cluster, liar->name, NULL, &error));
    liar->transport->matchmaker->ops->close (liar->transport->matchmaker);
    liar->transport->matchmaker = NULL;
    listen_here (liar);
}

static void
open_world (world_t *world, uint64_t seed, bool may_withdraw)
{
    memset (world, 0, sizeof *world);
    world->seed = seed;
    world->may_withdraw = may_withdraw;
    world->lie = "none yet";
    MUST (godwit_cluster_new (&world->cluster, seed, &error));
    for (int i = 0; i < LIARS; i++)
        open_liar (world, i);
    for (int i = 0; i < SERVERS; i++)
        open_server (world, i);
    for (int i = 0; i < CLIENTS; i++)
        open_client (world, i);
    godwit_cluster_run (world->cluster, 2000);
}

static void
close_world (world_t *world)
{
    for (int i = 0; i < CLIENTS; i++) {
        godwit_client_destroy (&world->clients[i].client);
        godwit_transport_destroy (&world->clients[i].transport);
    }
    for (int i = 0; i <= SERVERS; i++) {
        godwit_server_destroy (&world->servers[i].server);
        godwit_transport_destroy (&world->servers[i].transport);
    }
    for (int i = 0; i < LIARS; i++) {
        hang_up (&world->liars[i]);
        forget_truths (&world->liars[i]);
        godwit_transport_destroy (&world->liars[i].transport);
    }
    godwit_cluster_destroy (&world->cluster);
}

static void
call_all (const world_t *world, const node_t *from, int count)
{
    for (int i = 0; i < count; i++) {
        const node_t *to = &world->servers[i];
        godwit_client_t *client = NULL;
        godwit_value_t *result = NULL;
        godwit_error_t *told = NULL;
        MUST (godwit_client_prepare (&client, from->client, GODWIT_OVERRIDES (.server = to->name), &error));
        const godwit_status_t status =
            godwit_client_call (client, NULL, "whoami", GODWIT_NO_ARGS, &result, &told);
        cr_assert (status == GODWIT_OK, "GODWIT_SEED=%llu%s: %s cannot call %s after step %u (%s): %s",
                   (unsigned long long) world->seed, world->may_withdraw ? " with withdrawals" : "",
                   from->name, to->name, world->step, world->lie, godwit_error_print (told));
        cr_assert_str_eq (godwit_value_as_str (result, ""), to->name);
        godwit_value_unref (&result);
        godwit_client_destroy (&client);
    }
}

/* Who lies now, how long it lasts, and that everybody is called all the same. */
static void
step (world_t *world)
{
    static const unsigned waits_ms[] = {0, 10, 1000, 3000, 20000, 0, 10, 250000};
    world->step++;
    if (godwit_cluster_random (world->cluster, 2)) /* some lies meet who is not connected */
        godwit_cluster_run (world->cluster, 3 * IDLE_MS);
    for (uint64_t lies = 1 + godwit_cluster_random (world->cluster, 4); lies > 0; lies--) {
        world->lie = lie (&world->liars[godwit_cluster_random (world->cluster, LIARS)]);
        godwit_cluster_run (world->cluster, (int64_t) godwit_cluster_random (world->cluster, 50));
    }
    godwit_cluster_run (world->cluster, waits_ms[godwit_cluster_random (world->cluster, 8)]);
    call_all (world, &world->clients[0], SERVERS);
    if (world->may_withdraw) /* what nobody is connected to may go by its own word: that is no lie to be seen
                                through */
        return;
    godwit_cluster_run (world->cluster, 3 * IDLE_MS); /* so that the connections are given up */
    call_all (world, &world->clients[1], SERVERS);
}

static void
run_world (uint64_t seed, bool may_withdraw)
{
    world_t *world = calloc (1, sizeof *world);
    open_world (world, seed, may_withdraw);
    for (int i = 0; i < CLIENTS; i++)
        call_all (world, &world->clients[i], SERVERS);
    for (unsigned i = 0; i < STEPS; i++)
        step (world);
    for (int i = 0; i < LIARS; i++)
        restart (&world->liars[i]);
    open_server (world, SERVERS);
    godwit_cluster_run (world->cluster, 2000);
    world->lie = "all are honest again";
    for (int i = 0; i < (may_withdraw ? 1 : CLIENTS); i++)
        call_all (world, &world->clients[i], SERVERS + 1);
    close_world (world);
    free (world);
}

static void
run_seeds (bool may_withdraw)
{
    const char *one = getenv ("GODWIT_SEED"), *many = getenv ("GODWIT_SEEDS");
    const uint64_t first = one ? strtoull (one, NULL, 10) : 1;
    const uint64_t count = one ? 1 : many ? strtoull (many, NULL, 10) : SEEDS;
    for (uint64_t seed = first; seed < first + count; seed++)
        run_world (seed, may_withdraw);
}

Test (static_stability, no_answer_of_a_rendezvous_removes_a_live_server, .timeout = 110)
{
    run_seeds (false);
}

/* Not even "it said itself that it goes", while it is connected. */
Test (static_stability, nor_does_one_that_forges_a_withdrawal, .timeout = 110)
{
    run_seeds (true);
}
