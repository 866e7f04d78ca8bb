/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive hash table: each element embeds its node. Keys are the caller's: the caller hashes them, and
 * compares the key of each element that find returns. Elements are walked in the order of insertion.
 *
 * Inserting needs no memory: a table that cannot grow works on with longer chains, and tries again to grow at
 * the next insertion. So nothing here fails, and nothing ends the process.
 *
 *     typedef struct user {
 *         godwit__table_node_t by_name;
 *         char name[32];
 *     } user_t;
 *
 *     user_t *
 *     find_user (const godwit__table_t *users, const char *name)
 *     {
 *         const uint64_t hash = godwit__hash_text (0, name);
 *         user_t *at = GODWIT__TABLE_FIND (users, hash, user_t, by_name);
 *         while (at && strcmp (at->name, name) != 0)
 *             at = GODWIT__TABLE_FIND_NEXT (at, user_t, by_name);
 *         return at;
 *     }
 */
#ifndef GODWIT_SRC_BASE_TABLE_H
#define GODWIT_SRC_BASE_TABLE_H

#include "src/base/list.h"

#include <stdint.h>

/* All zero: in no table. */
typedef struct godwit__table_node {
    struct godwit__table_node *chain; /* the next one in its bucket */
    uint64_t hash;
    godwit__list_node_t order;
} godwit__table_node_t;

#define GODWIT__TABLE_FIRST_BUCKETS 8

/* Must not be moved in memory. */
typedef struct godwit__table {
    godwit__table_node_t **buckets;
    size_t mask; /* number of buckets (a power of two) minus 1 */
    size_t count;
    godwit__list_t order;
    godwit__table_node_t *first_buckets[GODWIT__TABLE_FIRST_BUCKETS];
} godwit__table_t;

/* For a table in static memory: `static godwit__table_t users = GODWIT__TABLE (users);`. */
#define GODWIT__TABLE(table_)                                                                                \
    {                                                                                                        \
        .buckets = (table_).first_buckets, .mask = GODWIT__TABLE_FIRST_BUCKETS - 1, .order.end = {           \
            &(table_).order.end,                                                                             \
            &(table_).order.end                                                                              \
        }                                                                                                    \
    }

/* The first element with this hash (its key may differ), and the next with the same hash; NULL if there is
 * none. */
#define GODWIT__TABLE_FIND(table_, hash_, type_, member_)                                                    \
    GODWIT__NODE_CONTAINER (godwit__table_find (table_, hash_), type_, member_)
#define GODWIT__TABLE_FIND_NEXT(element_, type_, member_)                                                    \
    GODWIT__NODE_CONTAINER (godwit__table_find_next (&(element_)->member_), type_, member_)

/* Walk all elements, as in list.h. */
#define GODWIT__TABLE_FIRST(table_, type_, member_) GODWIT__FIRST (&(table_)->order, type_, member_.order)
#define GODWIT__TABLE_NEXT(table_, element_, type_, member_)                                                 \
    GODWIT__NEXT (&(table_)->order, element_, type_, member_.order)

/* The element that embeds the node; NULL for NULL. */
#define GODWIT__NODE_CONTAINER(node_, type_, member_)                                                        \
    ((type_ *) godwit__node_container (node_, offsetof (type_, member_)))

static inline void *
godwit__node_container (godwit__table_node_t *node, size_t offset)
{
    return node ? (char *) node - offset : NULL;
}

void godwit__table_init (godwit__table_t *table);
/* Frees the table's own memory, not its elements. The table is empty afterwards, and can be used again.
 */
void godwit__table_release (godwit__table_t *table);
/* Makes room for count elements, if there is memory. */
void godwit__table_reserve (godwit__table_t *table, size_t count);

static inline void
godwit__table_insert (godwit__table_t *table, godwit__table_node_t *node, uint64_t hash)
{
    if (table->count > table->mask)
        godwit__table_reserve (table, 2 * table->count);
    godwit__table_node_t **const bucket = &table->buckets[hash & table->mask];
    node->hash = hash;
    node->chain = *bucket;
    *bucket = node;
    table->count++;
    godwit__list_append (&table->order, &node->order);
}

static inline void
godwit__table_remove (godwit__table_t *table, godwit__table_node_t *node)
{
    godwit__table_node_t **at = &table->buckets[node->hash & table->mask];
    while (*at && *at != node)
        at = &(*at)->chain;
    *at = node->chain;
    node->chain = NULL;
    table->count--;
    godwit__list_remove (&node->order);
}

/* Finds and removes the first element with this hash, in one walk; NULL if there is none. For tables whose
 * hash is the key itself.
 */
static inline godwit__table_node_t *
godwit__table_take (godwit__table_t *table, uint64_t hash)
{
    godwit__table_node_t **at = &table->buckets[hash & table->mask];
    while (*at && (*at)->hash != hash)
        at = &(*at)->chain;
    godwit__table_node_t *const node = *at;
    if (!node)
        return NULL;
    *at = node->chain;
    node->chain = NULL;
    table->count--;
    godwit__list_remove (&node->order);
    return node;
}

static inline bool
godwit__in_table (const godwit__table_node_t *node)
{
    return godwit__in_list (&node->order);
}

static inline godwit__table_node_t *
godwit__table_find (const godwit__table_t *table, uint64_t hash)
{
    godwit__table_node_t *node = table->buckets[hash & table->mask];
    while (node && node->hash != hash)
        node = node->chain;
    return node;
}

static inline godwit__table_node_t *
godwit__table_find_next (const godwit__table_node_t *node)
{
    const uint64_t hash = node->hash;
    godwit__table_node_t *next = node->chain;
    while (next && next->hash != hash)
        next = next->chain;
    return next;
}

#endif
