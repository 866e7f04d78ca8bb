/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster whose nodes are of one realm: tests say what each may do. Three nodes host the
 * rendezvous points (meet-1 to meet-3), and may do nothing else.
 *
 *     rights_world_t *world = rights_world_open ();
 *     rights_node_t *billing = rights_node (world, "billing", "serve godwit/billing");
 *     rights_serve (billing, "billing", methods, 2, NULL);
 *     rights_node_t *web = rights_node (world, "web", "call godwit/billing/charge");
 *     ... calls of web->transport, lines in web->book ...
 *     rights_world_close (&world);
 *
 * What fails fails the test. */
#ifndef GODWIT_TESTS_SUPPORT_RIGHTS_WORLD_H
#define GODWIT_TESTS_SUPPORT_RIGHTS_WORLD_H

#include <godwit/godwit.h>
#include <godwit/testing.h>

#include "tests/support/log_book.h"
#include "tests/support/realm_files.h"

#define RIGHTS_NODES_MAX 12
#define RIGHTS_SERVERS_MAX 4

typedef struct rights_world rights_world_t;

typedef struct rights_node {
    rights_world_t *world;
    const char *name; /* of the node, and of its certificate */
    const char *member_file;
    godwit_transport_t *transport;
    godwit_server_t *servers[RIGHTS_SERVERS_MAX];
    size_t server_count;
    log_book_t book;
} rights_node_t;

struct rights_world {
    godwit_cluster_t *cluster;
    godwit__test_realm_t *realm;
    rights_node_t *meets[3];
    rights_node_t *nodes[RIGHTS_NODES_MAX];
    size_t node_count;
};

rights_world_t *rights_world_open (void);
/* The same, with a seed for its chance; rights_world_open has 1. */
rights_world_t *rights_world_open_seeded (uint64_t seed);
/* Without nodes: the first three are the test's. */
rights_world_t *rights_world_new (uint64_t seed);
void rights_world_close (rights_world_t **world);

/* Rights are one text, separated by ", ": "call godwit/billing, publish godwit/news". "": nothing is allowed.
 */

/* Adds a node with a certificate of its own. */
rights_node_t *rights_node (rights_world_t *world, const char *name, const char *rights);
/* The same, but its member file is given; NULL: it has no realm. */
rights_node_t *rights_node_of (rights_world_t *world, const char *name, const char *member_file);
/* Ends the node's servers and its transport; its log stays. */
void rights_node_end (rights_node_t *node);
/* Writes a member file NAME.member for the dates of simulated clusters. Returns its path. */
const char *rights_issue (rights_world_t *world, const char *name, const char *rights);
/* Gives the node another certificate, with these rights, and lets it read that, and others hear of it. */
void rights_renew (rights_node_t *node, const char *rights);
/* Revokes the node's certificate; another node reads the bulletin, and passes it on. */
void rights_revoke (rights_node_t *node, rights_node_t *reader);

/* Starts a server of the node; its name is that of the node. */
godwit_server_t *rights_serve (rights_node_t *node, const char *topic, const godwit_method_t *methods,
                               size_t method_count, void *self);
/* A client of the topic, with ten seconds for each call. */
godwit_client_t *rights_client (rights_node_t *node, const char *topic);
/* Calls a method without arguments. The caller destroys *error. */
godwit_status_t rights_call (godwit_client_t *client, const char *method, godwit_error_t **error);
/* How many lines of this level say this. */
size_t rights_logged (rights_node_t *node, godwit_log_level_t level, const char *says);
/* requests_refused of the node. */
uint64_t rights_refused (const rights_node_t *node);
/* Writes all that the node has logged to stderr: for tests that fail. */
void rights_show (const rights_node_t *node);

#endif
