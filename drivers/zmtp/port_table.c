/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/zmtp/port_table.h"

#include <stdlib.h>

#define FIRST_CAPACITY 8

/* The place in the upper half, the number in the lower one: logs show the lower one. */
static inline uint32_t
place_of (godwit__routing_id_t id)
{
    return (uint32_t) (id >> 32);
}

void
godwit__zmtp_table_init (godwit__zmtp_table_t *table)
{
    *table = (godwit__zmtp_table_t){.places = NULL};
    godwit__list_init (&table->arrivals);
}

void
godwit__zmtp_table_release (godwit__zmtp_table_t *table)
{
    free (table->places);
    free (table->free_places);
}

/* Lock held. */
static bool
grow (godwit__zmtp_table_t *table)
{
    const uint32_t capacity = table->capacity ? 2 * table->capacity : FIRST_CAPACITY;
    if (capacity > GODWIT__ZMTP_TABLE_MAX)
        return false;
    godwit__zmtp_stream_t **places = realloc (table->places, capacity * sizeof (godwit__zmtp_stream_t *));
    if (places)
        table->places = places;
    uint32_t *free_places = realloc (table->free_places, capacity * sizeof *free_places);
    if (free_places)
        table->free_places = free_places;
    if (!places || !free_places)
        return false;
    for (uint32_t place = capacity; place-- > table->capacity;) {
        table->places[place] = NULL;
        table->free_places[table->free_count++] = place;
    }
    table->capacity = capacity;
    return true;
}

bool
godwit__zmtp_table_add (godwit__zmtp_table_t *table, godwit__zmtp_stream_t *stream)
{
    godwit__light_lock (&table->lock);
    const bool has_place = table->free_count || grow (table);
    if (has_place) {
        const uint32_t place = table->free_places[--table->free_count];
        if (++table->last_number == 0)
            table->last_number = 1;
        stream->routing_id = (godwit__routing_id_t) place << 32 | table->last_number;
        table->places[place] = godwit__zmtp_stream_ref (stream);
        table->count++;
    }
    godwit__light_unlock (&table->lock);
    return has_place;
}

void
godwit__zmtp_table_remove (godwit__zmtp_table_t *table, godwit__zmtp_stream_t *stream)
{
    const uint32_t place = place_of (stream->routing_id);
    godwit__light_lock (&table->lock);
    table->places[place] = NULL;
    table->free_places[table->free_count++] = place;
    table->count--;
    godwit__light_unlock (&table->lock);
    godwit__zmtp_stream_unref (stream);
}

/* Lock held. */
static godwit__zmtp_stream_t *
find (const godwit__zmtp_table_t *table, godwit__routing_id_t id)
{
    const uint32_t place = place_of (id);
    godwit__zmtp_stream_t *stream = place < table->capacity ? table->places[place] : NULL;
    return stream && stream->routing_id == id ? stream : NULL;
}

godwit__zmtp_stream_t *
godwit__zmtp_table_find (godwit__zmtp_table_t *table, godwit__routing_id_t id)
{
    godwit__light_lock (&table->lock);
    godwit__zmtp_stream_t *stream = find (table, id);
    if (stream)
        godwit__zmtp_stream_ref (stream);
    godwit__light_unlock (&table->lock);
    return stream;
}

godwit__zmtp_stream_t *
godwit__zmtp_table_look (godwit__zmtp_table_t *table, godwit__routing_id_t id)
{
    godwit__light_lock (&table->lock);
    godwit__zmtp_stream_t *stream = find (table, id);
    godwit__light_unlock (&table->lock);
    return stream;
}

godwit__zmtp_stream_t *
godwit__zmtp_table_any (godwit__zmtp_table_t *table)
{
    godwit__light_lock (&table->lock);
    godwit__zmtp_stream_t *stream = NULL;
    for (uint32_t place = 0; table->count && !stream; place++)
        stream = table->places[place];
    godwit__light_unlock (&table->lock);
    return stream;
}
