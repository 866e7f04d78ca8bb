/* SPDX-License-Identifier: Apache-2.0 */
/* A port's table of slots: how it finds the way back to its links. */
#include "drivers/inproc/inproc.h"

#include <stdlib.h>

/* A routing id: the low bits are the slot's number, the high bits count all links that the port ever had. */
#define SLOT_BITS 20
#define SLOT_MAX (UINT64_C (1) << SLOT_BITS)

/* Port's inbox lock held. */
static bool
slots_grow (godwit__inproc_port_t *self)
{
    const size_t count = self->slot_count ? 2 * self->slot_count : 4;
    if (count > SLOT_MAX)
        return false;
    godwit__inproc_slot_t *slots = realloc (self->slots, count * sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = self->slot_count; i < count; i++)
        slots[i] = (godwit__inproc_slot_t){.next_free = i + 1};
    self->first_free = self->slot_count;
    self->slots = slots;
    self->slot_count = count;
    return true;
}

bool
godwit__inproc_port_attach (godwit__inproc_port_t *port, godwit__inproc_link_t *link)
{
    const godwit__driver_options_t *mine = &port->base.driver->options, *theirs = &link->base.driver->options;
    const size_t max =
        mine->max_message_size < theirs->max_message_size ? mine->max_message_size : theirs->max_message_size;
    pthread_mutex_lock (&port->base.inbox->lock);
    const bool grown = port->first_free < port->slot_count || slots_grow (port);
    const size_t number = port->first_free;
    const godwit__routing_id_t routing_id = (port->links_ever + 1) << SLOT_BITS | number;
    godwit__lane_t *up = NULL, *down = NULL;
    if (grown) {
        up = godwit__lane_new (port->base.inbox, link->base.inbox, godwit__inproc_identity (&link->base),
                               routing_id, theirs, max);
        down = godwit__lane_new (link->base.inbox, port->base.inbox, godwit__inproc_identity (&port->base), 0,
                                 mine, max);
    }
    if (up && down) {
        godwit__inproc_slot_t *slot = &port->slots[number];
        port->first_free = slot->next_free;
        port->links_ever++;
        slot->down = down;
        slot->routing_id = routing_id;
        slot->owner = link;
        link->up = up;
        link->slot = number;
        link->peer = godwit__identity_ref (godwit__inproc_identity (&port->base));
    }
    pthread_mutex_unlock (&port->base.inbox->lock);
    if (up && down)
        return true;
    if (up)
        godwit__lane_abandon (up);
    if (down)
        godwit__lane_abandon (down);
    return false;
}

void
godwit__inproc_port_detach (godwit__inproc_port_t *port, godwit__inproc_link_t *link)
{
    godwit__inproc_slot_t *slot = &port->slots[link->slot];
    /* While this thread holds the port's lock, no send of the port uses the lane. */
    pthread_mutex_lock (&port->base.inbox->lock);
    godwit__lane_t *down = slot->down;
    slot->down = NULL;
    slot->routing_id = 0;
    slot->owner = NULL;
    slot->next_free = port->first_free;
    port->first_free = link->slot;
    pthread_mutex_unlock (&port->base.inbox->lock);
    godwit__lane_abandon (down);
    if (port->lost)
        godwit__reactor_post (port->base.driver->options.reactor, port->lost);
}

godwit__lane_t *
godwit__inproc_port_lane (const godwit__inproc_port_t *port, godwit__routing_id_t routing_id)
{
    const uint64_t number = routing_id & (SLOT_MAX - 1);
    const bool found =
        routing_id && number < port->slot_count && port->slots[number].routing_id == routing_id;
    return found ? port->slots[number].down : NULL;
}
