/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of a port by their routing ids. An id is a place in the table and a number that no other
 * connection of the port gets: so an id of a connection that is gone finds nothing, and nobody can choose
 * his. Any thread. */
#ifndef GODWIT_DRIVERS_ZMTP_PORT_TABLE_H
#define GODWIT_DRIVERS_ZMTP_PORT_TABLE_H

#include "drivers/zmtp/stream.h"

#include "src/base/light_lock.h"

/* Connections of one port. */
#define GODWIT__ZMTP_TABLE_MAX 65536

typedef struct godwit__zmtp_table {
    godwit__light_lock_t lock;
    godwit__zmtp_stream_t **places; /* each with a reference; NULL: free */
    uint32_t *free_places;          /* a stack */
    uint32_t count, free_count, capacity;
    uint32_t last_number;
    godwit__list_t arrivals; /* by in_ready: connections with bytes that came behind their handshake */
} godwit__zmtp_table_t;

void godwit__zmtp_table_init (godwit__zmtp_table_t *table);
/* It is empty. */
void godwit__zmtp_table_release (godwit__zmtp_table_t *table);

/* Adds a connection, with a reference, and gives it its id. False: no memory, or the table is full. */
bool godwit__zmtp_table_add (godwit__zmtp_table_t *table, godwit__zmtp_stream_t *stream);
/* Takes it out, and returns the table's reference to it. */
void godwit__zmtp_table_remove (godwit__zmtp_table_t *table, godwit__zmtp_stream_t *stream);
/* A reference; NULL: it is gone. */
godwit__zmtp_stream_t *godwit__zmtp_table_find (godwit__zmtp_table_t *table, godwit__routing_id_t id);
/* The same, borrowed: for the leader, who alone takes connections out. */
godwit__zmtp_stream_t *godwit__zmtp_table_look (godwit__zmtp_table_t *table, godwit__routing_id_t id);
/* Any of them, borrowed; NULL: it is empty. */
godwit__zmtp_stream_t *godwit__zmtp_table_any (godwit__zmtp_table_t *table);

#endif
