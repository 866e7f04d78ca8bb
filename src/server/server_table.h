/* The servers of a pool by their numbers. A number is given once only: what is under way to a server that is
 * gone, or to its life before a restart, reaches nobody else. Room is bounded by how many servers there are
 * at a time, not by how many there have been:
 *
 *     number    9   2   11   .   .   .   .   8         a number's slot is its rest by their count, so a
 *     slot      1   2    3   4   5   6   7   0         number whose slot is taken is left out
 *
 * Guarded by whoever has it (pool.lock).
 */
#ifndef GODWIT_SRC_SERVER_SERVER_TABLE_H
#define GODWIT_SRC_SERVER_SERVER_TABLE_H

#include <godwit/server.h>

#include <stdint.h>

typedef struct godwit__roster_slot {
    godwit_server_t *server; /* NULL: free */
    uint32_t id;
} godwit__roster_slot_t;

typedef struct godwit__roster {
    godwit__roster_slot_t *slots;
    size_t slot_count; /* a power of two, or 0; at least twice `count` */
    size_t count;
    uint32_t last_id;
} godwit__roster_t;

/* Returns its number; 0 when memory is short. A server may be in it several times. */
uint32_t godwit__roster_add (godwit__roster_t *roster, godwit_server_t *server);
/* 0, and numbers that are gone, are accepted. */
void godwit__roster_remove (godwit__roster_t *roster, uint32_t id);
void godwit__roster_release (godwit__roster_t *roster);

/* NULL: there is none of that number. */
static inline godwit_server_t *
godwit__roster_find (const godwit__roster_t *roster, uint32_t id)
{
    if (!roster->slot_count)
        return NULL;
    const godwit__roster_slot_t *const slot = &roster->slots[id & (roster->slot_count - 1)];
    return slot->id == id ? slot->server : NULL;
}

/* The servers in no particular order: for (size_t i = 0; (server = godwit__roster_next (roster, &i));) */
static inline godwit_server_t *
godwit__roster_next (const godwit__roster_t *roster, size_t *index)
{
    while (*index < roster->slot_count) {
        godwit_server_t *const server = roster->slots[(*index)++].server;
        if (server)
            return server;
    }
    return NULL;
}

#endif
