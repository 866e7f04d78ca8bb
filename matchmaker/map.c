#include "matchmaker/map.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKET_COUNT 16

bool
godwit__map_open (godwit__map_t *map)
{
    map->buckets = calloc (FIRST_BUCKET_COUNT, sizeof *map->buckets);
    map->bucket_count = map->buckets ? FIRST_BUCKET_COUNT : 0;
    map->count = 0;
    return map->buckets != NULL;
}

void
godwit__map_close (godwit__map_t *map)
{
    free (map->buckets);
    memset (map, 0, sizeof *map);
}

static godwit__map_node_t **
bucket_of (const godwit__map_t *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static void
grow (godwit__map_t *map)
{
    godwit__map_t larger = {NULL, 2 * map->bucket_count, map->count};
    larger.buckets = calloc (larger.bucket_count, sizeof *larger.buckets);
    if (!larger.buckets)
        return;
    for (size_t i = 0; i < map->bucket_count; i++) {
        for (godwit__map_node_t *node = map->buckets[i], *next; node; node = next) {
            next = node->next;
            godwit__map_node_t **bucket = bucket_of (&larger, node->hash);
            node->next = *bucket;
            *bucket = node;
        }
    }
    free (map->buckets);
    *map = larger;
}

void
godwit__map_insert (godwit__map_t *map, godwit__map_node_t *node, uint64_t hash)
{
    if (map->count >= map->bucket_count)
        grow (map);
    godwit__map_node_t **bucket = bucket_of (map, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

void
godwit__map_remove (godwit__map_t *map, godwit__map_node_t *node)
{
    godwit__map_node_t **at = bucket_of (map, node->hash);
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    map->count--;
}

godwit__map_node_t *
godwit__map_find (const godwit__map_t *map, uint64_t hash, const godwit__map_node_t *after)
{
    godwit__map_node_t *node = after ? after->next : *bucket_of (map, hash);
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

godwit__map_node_t *
godwit__map_next (const godwit__map_t *map, const godwit__map_node_t *after)
{
    if (after && after->next)
        return after->next;
    size_t i = after ? (after->hash & (map->bucket_count - 1)) + 1 : 0;
    while (i < map->bucket_count && !map->buckets[i])
        i++;
    return i < map->bucket_count ? map->buckets[i] : NULL;
}

static uint64_t
mix (uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t
godwit__map_hash (uint64_t seed, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = mix (seed ^ (uint64_t) size);
    while (size > 0) {
        uint64_t word = 0;
        const size_t step = size < sizeof word ? size : sizeof word;
        memcpy (&word, bytes, step);
        hash = mix ((hash ^ word) + seed);
        bytes += step;
        size -= step;
    }
    return hash;
}
