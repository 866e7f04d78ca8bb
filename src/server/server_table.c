/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of a pool by their numbers. */
#include "src/server/server_table.h"

void
godwit__server_table_init (godwit__server_table_t *table)
{
    godwit__table_init (&table->by_id);
    table->last_id = 0;
    atomic_init (&table->change_count, 0);
}

void
godwit__server_table_release (godwit__server_table_t *table)
{
    godwit__table_release (&table->by_id);
}

void
godwit__server_table_add (godwit__server_table_t *table, godwit_server_t *server)
{
    godwit__server_table_remove (table, server);
    do /* after 4 billion numbers they begin again */
        server->id = ++table->last_id;
    while (!server->id || godwit__server_table_find (table, server->id));
    /* A number is its own hash: neighbouring numbers are in different buckets. */
    godwit__table_insert (&table->by_id, &server->by_id, server->id);
    godwit__server_table_changed (table);
}

void
godwit__server_table_remove (godwit__server_table_t *table, godwit_server_t *server)
{
    if (!godwit__in_table (&server->by_id))
        return;
    godwit__table_remove (&table->by_id, &server->by_id);
    godwit__server_table_changed (table);
}
