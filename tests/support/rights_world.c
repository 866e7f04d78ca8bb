/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rights_world.h"

#include "src/runtime/transport.h"
#include "tests/support/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-01-01, when simulated clusters begin. */
#define BEGIN_S 1767225600
#define DAY_S (24 * 60 * 60)
#define TIMEOUT_MS 10000

/* ---- certificates ---- */

/* Splits a text at ", ", in place. */
static void
split (char *text, const char *rights[GODWIT__TEST_RIGHTS_MAX])
{
    size_t count = 0;
    for (char *at = text; at && *at; count++) {
        char *const comma = strstr (at, ", ");
        cr_assert_lt (count, (size_t) GODWIT__TEST_RIGHTS_MAX);
        rights[count] = at;
        if (comma)
            *comma = '\0';
        at = comma ? comma + 2 : NULL;
    }
}

const char *
rights_issue (rights_world_t *world, const char *name, const char *rights)
{
    char text[1024];
    godwit__test_member_t member = {.name = name, .from = BEGIN_S - DAY_S, .until = BEGIN_S + 300 * DAY_S};
    snprintf (text, sizeof text, "%s", *rights ? rights : "nothing");
    split (text, member.rights);
    return godwit__test_realm_issue (world->realm, &member);
}

void
rights_renew (rights_node_t *node, const char *rights)
{
    node->member_file = rights_issue (node->world, node->name, rights);
    MUST (godwit__realm_look (node->transport->realm, true, &error));
    godwit_cluster_run (node->world->cluster, 100);
}

void
rights_revoke (rights_node_t *node, rights_node_t *reader)
{
    godwit__test_realm_revoke (node->world->realm, node->name);
    godwit__test_realm_put_bulletin (node->world->realm, reader->name);
    MUST (godwit__realm_look (reader->transport->realm, true, &error));
}

/* ---- nodes ---- */

rights_node_t *
rights_node_of (rights_world_t *world, const char *name, const char *member_file)
{
    rights_node_t *const node = calloc (1, sizeof *node);
    cr_assert (node && world->node_count < RIGHTS_NODES_MAX);
    world->nodes[world->node_count++] = node;
    node->world = world;
    node->name = name;
    node->member_file = member_file;
    log_book_open (&node->book);
    MUST (godwit_cluster_add (&node->transport, world->cluster, name,
                              GODWIT_TRANSPORT_OPTIONS (.realm = member_file ? member_file : "none",
                                                        .log = log_book_write, .log_user = &node->book,
                                                        .log_level = GODWIT_LOG_DEBUG),
                              &error));
    return node;
}

rights_node_t *
rights_node (rights_world_t *world, const char *name, const char *rights)
{
    return rights_node_of (world, name, rights_issue (world, name, rights));
}

void
rights_node_end (rights_node_t *node)
{
    while (node->server_count)
        godwit_server_destroy (&node->servers[--node->server_count]);
    godwit_transport_destroy (&node->transport);
}

/* ---- the world ---- */

rights_world_t *
rights_world_new (uint64_t seed)
{
    rights_world_t *const world = calloc (1, sizeof *world);
    cr_assert (world);
    world->realm = godwit__test_realm_new (1);
    MUST (godwit_cluster_new (&world->cluster, seed, &error));
    return world;
}

rights_world_t *
rights_world_open (void)
{
    return rights_world_open_seeded (1);
}

rights_world_t *
rights_world_open_seeded (uint64_t seed)
{
    static const char *const names[] = {"meet-1", "meet-2", "meet-3"};
    rights_world_t *const world = rights_world_new (seed);
    for (size_t i = 0; i < 3; i++)
        world->meets[i] = rights_node (world, names[i], "host */*");
    godwit_cluster_run (world->cluster, 1000);
    return world;
}

void
rights_world_close (rights_world_t **world)
{
    rights_world_t *const self = *world;
    *world = NULL;
    for (size_t i = self->node_count; i-- > 0;) {
        rights_node_end (self->nodes[i]);
        log_book_close (&self->nodes[i]->book);
        free (self->nodes[i]);
    }
    godwit_cluster_destroy (&self->cluster);
    godwit__test_realm_destroy (&self->realm);
    free (self);
}

/* ---- what nodes do ---- */

godwit_server_t *
rights_serve (rights_node_t *node, const char *topic, const godwit_method_t *methods, size_t method_count,
              void *self)
{
    const godwit_endpoint_t endpoint = {.struct_size = sizeof endpoint,
                                        .methods = methods,
                                        .method_count = method_count,
                                        .method_size = sizeof (godwit_method_t),
                                        .self = self};
    godwit_server_t *server = NULL;
    cr_assert_lt (node->server_count, (size_t) RIGHTS_SERVERS_MAX);
    MUST (godwit_server_new (&server, node->transport, GODWIT_TARGET (.topic = topic, .server = node->name),
                             &endpoint, 1, NULL, &error));
    MUST (godwit_server_start (server, NULL, &error));
    node->servers[node->server_count++] = server;
    return server;
}

godwit_client_t *
rights_client (rights_node_t *node, const char *topic)
{
    godwit_client_t *client = NULL;
    MUST (godwit_client_new (&client, node->transport, GODWIT_TARGET (.topic = topic),
                             GODWIT_CLIENT_OPTIONS (.timeout_ms = TIMEOUT_MS), &error));
    return client;
}

godwit_status_t
rights_call (godwit_client_t *client, const char *method, godwit_error_t **error)
{
    godwit_value_t *result = NULL;
    const godwit_status_t status = godwit_client_call (client, NULL, method, GODWIT_NO_ARGS, &result, error);
    godwit_value_unref (&result);
    return status;
}

/* ---- what came of it ---- */

size_t
rights_logged (rights_node_t *node, godwit_log_level_t level, const char *says)
{
    return log_book_count (&node->book, level, says);
}

uint64_t
rights_refused (const rights_node_t *node)
{
    return atomic_load (&node->transport->counters.requests_refused);
}

void
rights_show (const rights_node_t *node)
{
    for (size_t i = 0; i < node->book.count; i++)
        fprintf (stderr, "%s: %s\n", node->name, node->book.lines[i].text);
}
