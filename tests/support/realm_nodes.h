/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of a realm, as far as a driver goes: each has a driver with a reactor, a realm of its own or
 * none, a port and a publisher. All of them run on the test's thread, whenever it waits for something
 * (NODES_AWAIT). What fails fails the test. */
#ifndef GODWIT_TESTS_SUPPORT_REALM_NODES_H
#define GODWIT_TESTS_SUPPORT_REALM_NODES_H

#include "src/interface/driver.h"
#include "tests/support/await.h"
#include "tests/support/realm_files.h"

typedef struct node {
    godwit__realm_t *realm; /* NULL: none */
    int64_t ahead_s;        /* of the system's clock; may be changed at any time */
    int64_t ahead_ns;       /* the same of the reactor's clock */
    godwit__clock_t clock;
    godwit__reactor_t *reactor;
    godwit__driver_t *driver;
    godwit__channel_t *port, *publisher;
    godwit__port_addresses_t at;
    char log[16384]; /* lines: what strangers, ends and warnings the driver has told */
    /* What the port has received. */
    size_t received;
    char last[64];   /* the last message */
    char sender[64]; /* the name of the certificate of whoever sent it; "": nobody's */
    uint64_t serial; /* of that */
    int64_t until;   /* of its process proof */
    godwit__routing_id_t from;
    size_t news; /* of subscriptions, of the publisher */
    struct node *next;
} node_t;

typedef struct node_link {
    godwit__channel_t *channel;
    int ups, downs, voids, renewals;
    char reason[512]; /* of the last of these */
    int64_t voided_ns, down_ns;
    size_t received;
    char last[64];
    struct node_link *next;
} node_link_t;

/* All nodes of a test: before the first, and after the last one is closed. */
void nodes_begin (void);
void nodes_end (void);

/* member: the path of a member file; NULL: no realm. host: of the port; NULL: this host only. The struct
 * stays in place. */
void node_open (node_t *node, const godwit__driver_ops_t *ops, const char *member, const char *host);
void node_close (node_t *node);
/* Looks at its files. */
void node_look (node_t *node);
/* Whether a line of its log has this text. */
bool node_says (const node_t *node, const char *text);
/* The value of a counter. */
#define NODE_COUNTER(node_, name_) atomic_load (&(node_)->driver->ops->counters ((node_)->driver)->name_)

void node_link_open (node_link_t *link, node_t *node, const char *address);
/* The same; false: memory is short. */
bool node_link_try (node_link_t *link, node_t *node, const char *address);
void node_link_close (node_link_t *link);
/* The name of the certificate at the other end; "": there is none. Static memory. */
const char *node_link_party (const node_link_t *link);

/* Sends a text of less than 64 bytes. */
void node_send (godwit__channel_t *channel, godwit__routing_id_t to, const char *text);
/* The same as a publication with the key of a number; returns whether it was accepted. */
bool node_publish (node_t *node, unsigned key, const char *text);
void node_subscribe (node_t *node, unsigned key);
void node_name (node_t *node, unsigned key, const char *exchange, const char *topic);

/* Lets all of them run once. */
void nodes_turn (void);
int64_t nodes_now_ns (void);
#define NODES_AWAIT(condition_)                                                                              \
    for (const time_t end_ = await_now_s () + AWAIT_LIMIT_S; !(condition_); nodes_turn ())                   \
    cr_assert (await_now_s () < end_, "waited in vain: %s", #condition_)

#endif
