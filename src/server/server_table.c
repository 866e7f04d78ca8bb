#include "src/server/server_table.h"

#include <stdlib.h>

#define SLOT_COUNT_MIN 8

/* Numbers that differ by the old count differ by the new one, too: nobody is in another's way. */
static bool
grow (godwit__server_table_t *table)
{
    const size_t slot_count = table->slot_count ? 2 * table->slot_count : SLOT_COUNT_MIN;
    godwit__server_table_slot_t *const slots = calloc (slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].server)
            slots[table->slots[i].id & (slot_count - 1)] = table->slots[i];
    free (table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return true;
}

uint32_t
godwit__server_table_add (godwit__server_table_t *table, godwit_server_t *server)
{
    if (2 * (table->count + 1) > table->slot_count && !grow (table))
        return 0;
    godwit__server_table_slot_t *slot;
    do
        slot = &table->slots[++table->last_id & (table->slot_count - 1)];
    while (slot->server || !table->last_id);
    *slot = (godwit__server_table_slot_t){server, table->last_id};
    table->count++;
    return table->last_id;
}

void
godwit__server_table_remove (godwit__server_table_t *table, uint32_t id)
{
    if (!godwit__server_table_find (table, id))
        return;
    table->slots[id & (table->slot_count - 1)] = (godwit__server_table_slot_t){NULL, 0};
    table->count--;
}

void
godwit__server_table_release (godwit__server_table_t *table)
{
    free (table->slots);
    *table = (godwit__server_table_t){NULL, 0, 0, 0};
}
