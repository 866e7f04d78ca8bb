/* The servers of a pool by their numbers. A number is given once only: what is under way to a server that is
 * gone, or to its life before a restart, reaches nobody else. Room is bounded by how many servers there are
 * at a time, not by how many there have been:
 *
 *     number    9   2   11   .   .   .   .   8         a number's slot is its remainder by their count, so a
 *     slot      1   2    3   4   5   6   7   0         number whose slot is taken is left out
 *
 * Guarded by whoever has it (pool.lock).
 */
#ifndef GODWIT_SRC_SERVER_SERVER_TABLE_H
#define GODWIT_SRC_SERVER_SERVER_TABLE_H

#include <godwit/server.h>

#include <stdint.h>

typedef struct godwit__server_table_slot {
    godwit_server_t *server; /* NULL: free */
    uint32_t id;
} godwit__server_table_slot_t;

typedef struct godwit__server_table {
    godwit__server_table_slot_t *slots;
    size_t slot_count; /* a power of two, or 0; at least twice `count` */
    size_t count;
    uint32_t last_id;
} godwit__server_table_t;

/* Returns its number; 0 when memory is short. A server may be in it several times. */
uint32_t godwit__server_table_add (godwit__server_table_t *table, godwit_server_t *server);
/* 0, and numbers that are gone, are accepted. */
void godwit__server_table_remove (godwit__server_table_t *table, uint32_t id);
void godwit__server_table_release (godwit__server_table_t *table);

/* NULL: there is none of that number. */
static inline godwit_server_t *
godwit__server_table_find (const godwit__server_table_t *table, uint32_t id)
{
    if (!table->slot_count)
        return NULL;
    const godwit__server_table_slot_t *const slot = &table->slots[id & (table->slot_count - 1)];
    return slot->id == id ? slot->server : NULL;
}

/* The servers in no particular order: for (size_t i = 0; (server = godwit__server_table_next (table, &i));)
 */
static inline godwit_server_t *
godwit__server_table_next (const godwit__server_table_t *table, size_t *index)
{
    while (*index < table->slot_count) {
        godwit_server_t *const server = table->slots[(*index)++].server;
        if (server)
            return server;
    }
    return NULL;
}

#endif
