#include "src/server/server_table.h"

#include <stdlib.h>

#define SLOT_COUNT_MIN 8

/* Numbers that differ by the old count differ by the new one, too: nobody is in another's way. */
static bool
grow (godwit__roster_t *roster)
{
    const size_t slot_count = roster->slot_count ? 2 * roster->slot_count : SLOT_COUNT_MIN;
    godwit__roster_slot_t *const slots = calloc (slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < roster->slot_count; i++)
        if (roster->slots[i].server)
            slots[roster->slots[i].id & (slot_count - 1)] = roster->slots[i];
    free (roster->slots);
    roster->slots = slots;
    roster->slot_count = slot_count;
    return true;
}

uint32_t
godwit__roster_add (godwit__roster_t *roster, godwit_server_t *server)
{
    if (2 * (roster->count + 1) > roster->slot_count && !grow (roster))
        return 0;
    godwit__roster_slot_t *slot;
    do
        slot = &roster->slots[++roster->last_id & (roster->slot_count - 1)];
    while (slot->server || !roster->last_id);
    *slot = (godwit__roster_slot_t){server, roster->last_id};
    roster->count++;
    return roster->last_id;
}

void
godwit__roster_remove (godwit__roster_t *roster, uint32_t id)
{
    if (!godwit__roster_find (roster, id))
        return;
    roster->slots[id & (roster->slot_count - 1)] = (godwit__roster_slot_t){NULL, 0};
    roster->count--;
}

void
godwit__roster_release (godwit__roster_t *roster)
{
    free (roster->slots);
    *roster = (godwit__roster_t){NULL, 0, 0, 0};
}
