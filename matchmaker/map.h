/* A hash table of nodes that are embedded in what it holds. Keys are the caller's: it hashes them, and
 * compares what find gives. Nodes are never allocated here, and an insertion into a table that cannot grow
 * only makes it slower. */
#ifndef GODWIT_MATCHMAKER_MAP_H
#define GODWIT_MATCHMAKER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct godwit__map_node {
    struct godwit__map_node *next;
    uint64_t hash;
} godwit__map_node_t;

typedef struct godwit__map {
    godwit__map_node_t **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
} godwit__map_t;

/* What embeds the node; NULL stays NULL. */
#define GODWIT__MAP_ITEM(node_, type_, member_)                                                              \
    ((node_) ? (type_ *) (void *) ((char *) (node_) -offsetof (type_, member_)) : NULL)

/* False: out of memory. */
bool godwit__map_open (godwit__map_t *map);
/* Leaves the nodes alone. */
void godwit__map_close (godwit__map_t *map);
void godwit__map_insert (godwit__map_t *map, godwit__map_node_t *node, uint64_t hash);
void godwit__map_remove (godwit__map_t *map, godwit__map_node_t *node);
/* The first node with this hash after `after` (NULL: from the start); NULL if there is none. */
godwit__map_node_t *godwit__map_find (const godwit__map_t *map, uint64_t hash,
                                      const godwit__map_node_t *after);
/* Walks all nodes in no order; `after` NULL starts. To remove while walking, ask for the next one first. */
godwit__map_node_t *godwit__map_next (const godwit__map_t *map, const godwit__map_node_t *after);

/* The keys come from outside: the seed keeps a peer from choosing keys that collide. */
uint64_t godwit__map_hash (uint64_t seed, const void *data, size_t size);

#endif
