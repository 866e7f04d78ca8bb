/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of a pool by their numbers. A number is given only once: a frame for a server that is gone, or
 * for its life before a restart, reaches no other server. Servers are walked in the order of their numbers.
 *
 * Guarded by the lock of its owner (pool.lock).
 */
#ifndef GODWIT_SRC_SERVER_SERVER_TABLE_H
#define GODWIT_SRC_SERVER_SERVER_TABLE_H

#include "src/server/server.h"

void godwit__server_table_init (godwit__server_table_t *table);
/* The servers are left as they are. */
void godwit__server_table_release (godwit__server_table_t *table);
/* Gives the server a number; a new one, if it has one already. */
void godwit__server_table_add (godwit__server_table_t *table, godwit_server_t *server);
/* The server need not be in the table. */
void godwit__server_table_remove (godwit__server_table_t *table, godwit_server_t *server);

/* The servers have changed: who remembers what was in the table has to look again. With the lock. */
static inline void
godwit__server_table_changed (godwit__server_table_t *table)
{
    atomic_fetch_add_explicit (&table->change_count, 1, memory_order_release);
}

/* NULL: there is none of that number. */
static inline godwit_server_t *
godwit__server_table_find (const godwit__server_table_t *table, uint32_t id)
{
    return GODWIT__TABLE_FIND (&table->by_id, id, godwit_server_t, by_id);
}

/* To walk all of them. */
static inline godwit_server_t *
godwit__server_table_first (const godwit__server_table_t *table)
{
    return GODWIT__TABLE_FIRST (&table->by_id, godwit_server_t, by_id);
}

static inline godwit_server_t *
godwit__server_table_next (const godwit__server_table_t *table, const godwit_server_t *server)
{
    return GODWIT__TABLE_NEXT (&table->by_id, server, godwit_server_t, by_id);
}

#endif
