/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/liar.h"

#include "drivers/sim/sim.h"
#include "matchmaker/rendezvous_wire.h"
#include "tests/support/must.h"

#include <stdlib.h>
#include <string.h>

godwit__record_t *
told_record (const told_t *told)
{
    godwit__record_t fields = {.incarnation = 1,
                               .server_id = told->server_id,
                               .revision = 1,
                               .state = GODWIT__RECORD_UP,
                               .weight = 1,
                               .exchange = "godwit",
                               .topic = told->topic,
                               .server = told->server,
                               .address_count = 1,
                               .addresses = {told->address},
                               .fanout_address = "",
                               .host = "simulated",
                               .versions =
                                   strncmp (told->topic, "notify:", 7) == 0 ? "pool.=1.8.1048576" : ""};
    memcpy (fields.instance, told->instance, sizeof fields.instance);
    godwit__record_t *const record = godwit__record_new (&fields);
    cr_assert (record);
    return record;
}

/* Sends from a reactor: time does not pass. */
static void
say (godwit__channel_t *port, godwit__routing_id_t routing_id, godwit__message_t message)
{
    port->ops->send (port, routing_id, &message);
}

/* ---- the host ---- */

static void
on_member (liar_host_t *host, godwit__routing_id_t routing_id, godwit__frame_t *frame)
{
    uint8_t *const buffer = host->rogue->buffer;
    const uint8_t type = frame->size > 2 ? frame->data[2] : 0;
    godwit__frame_release (frame);
    if (type == GODWIT__RENDEZVOUS_JOIN) {
        host->joins++;
        cr_assert_lt (host->member_count, 8u);
        host->members[host->member_count++] = routing_id;
        say (host->port, routing_id,
             godwit__rendezvous_snapshot (buffer, 1, host->sequence, true, true, 0,
                                          (godwit__record_list_t){host->records, host->record_count}));
    } else if (type == GODWIT__RENDEZVOUS_REFRESH) {
        say (host->port, routing_id, godwit__rendezvous_current (buffer, 1, host->sequence));
    }
}

static void
host_ready (godwit__source_t *source)
{
    liar_host_t *const host = source->user;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    while (host->port->ops->recv (host->port, &frame, &routing_id) == GODWIT__IO_OK)
        on_member (host, routing_id, &frame);
}

void
liar_host_open (liar_host_t *host, rights_world_t *world, const char *rights)
{
    *host = (liar_host_t){.rogue = rogue_open (world, "meet-1", rights)};
    godwit__sim_node_t *node = NULL;
    MUST (godwit__sim_add_node (&node, world->cluster, "meet-2", &error)); /* nothing runs there */
    MUST (godwit__sim_add_node (&node, world->cluster, "meet-3", &error));
    host->port = rogue_listen (host->rogue, "sim://meet-1:9573", NULL);
    host->source = (godwit__source_t){.ready = host_ready, .user = host};
    MUST (host->port->ops->attach (host->port, host->rogue->reactor, &host->source, &error));
}

void
liar_host_close (liar_host_t *host)
{
    for (size_t i = 0; i < host->record_count; i++)
        godwit__record_unref (&host->records[i]);
    rogue_close (&host->rogue);
}

void
liar_host_tell (liar_host_t *host, const told_t *told)
{
    cr_assert_lt (host->record_count, (size_t) LIAR_RECORDS_MAX);
    godwit__record_t **const record = &host->records[host->record_count++];
    *record = told_record (told);
    host->sequence++;
    for (size_t i = 0; i < host->member_count; i++)
        say (host->port, host->members[i],
             godwit__rendezvous_delta (host->rogue->buffer, 1, host->sequence,
                                       (godwit__record_list_t){record, 1}, NULL, 0, false));
    godwit_cluster_run (host->rogue->world->cluster, 100);
}

/* ---- the server ---- */

void
liar_server_welcome (liar_server_t *server)
{
    godwit__identity_t identity = {.incarnation = 1, .features = GODWIT__FEATURES};
    memcpy (identity.instance, server->instance, sizeof identity.instance);
    const size_t size = godwit__identity_write (server->rogue->buffer, GODWIT__WELCOME, &identity);
    say (server->port, server->greeted, (godwit__message_t){.data = server->rogue->buffer, .size = size});
    server->greeted = 0;
}

static void
say_resolved (liar_server_t *server, godwit__routing_id_t routing_id, uint64_t id)
{
    godwit__record_t *record =
        told_record (&(told_t){server->instance, server->server_id, server->topic, "evil", server->address});
    uint8_t *data = NULL;
    const size_t size = godwit__resolved_write (&data, id, record);
    server->resolves++;
    say (server->port, routing_id, (godwit__message_t){.data = data, .size = size});
    godwit__record_unref (&record);
    free (data);
}

static void
on_client (liar_server_t *server, godwit__routing_id_t routing_id, godwit__frame_t *frame)
{
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    godwit__header_t header = {.type = 0};
    cr_assert_eq (godwit__header_read (&header, frame->data, frame->size), GODWIT__HEADER_OK);
    godwit__frame_release (frame);
    size_t size = GODWIT__HEADER_SIZE;
    switch (header.type) {
    case GODWIT__HELLO:
        server->greeted = routing_id;
        if (!server->is_slow)
            liar_server_welcome (server);
        return;
    case GODWIT__RESOLVE:
        say_resolved (server, routing_id, header.id);
        return;
    case GODWIT__REQUEST:
        server->requests++;
        godwit__header_write (data, &(godwit__header_t){.type = GODWIT__REPLY, .id = header.id});
        data[size++] = 0xc0; /* nil */
        break;
    case GODWIT__NOTIFY:
        server->notifies++;
        if (server->nack)
            size = godwit__refusal_write (data, header.id, (godwit__nack_t) server->nack, "not from you");
        else
            godwit__header_write (data, &(godwit__header_t){.type = GODWIT__SETTLED, .id = header.id});
        break;
    case GODWIT__PING:
        godwit__header_write (
            data, &(godwit__header_t){.type = GODWIT__PONG, .target = header.target, .id = header.id});
        break;
    default:
        return;
    }
    say (server->port, routing_id, (godwit__message_t){.data = data, .size = size});
}

static void
server_ready (godwit__source_t *source)
{
    liar_server_t *const server = source->user;
    godwit__frame_t frame;
    godwit__routing_id_t routing_id;
    while (server->port->ops->recv (server->port, &frame, &routing_id) == GODWIT__IO_OK)
        on_client (server, routing_id, &frame);
}

void
liar_server_open (liar_server_t *server, rights_world_t *world, const char *rights, const char *topic)
{
    *server = (liar_server_t){.rogue = rogue_open (world, "evil", rights), .server_id = 1, .topic = topic};
    server->instance = rogue_instance (server->rogue);
    server->port = rogue_listen (server->rogue, NULL, server->address);
    server->source = (godwit__source_t){.ready = server_ready, .user = server};
    MUST (server->port->ops->attach (server->port, server->rogue->reactor, &server->source, &error));
}

void
liar_server_close (liar_server_t *server)
{
    rogue_close (&server->rogue);
}
