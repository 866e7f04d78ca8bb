/* SPDX-License-Identifier: Apache-2.0 */
/* How a table begins, grows and ends; the rest is inline. */
#include "src/base/table.h"

#include <stdlib.h>
#include <string.h>

void
godwit__table_init (godwit__table_t *table)
{
    memset (table, 0, sizeof *table);
    table->buckets = table->first_buckets;
    table->mask = GODWIT__TABLE_FIRST_BUCKETS - 1;
    godwit__list_init (&table->order);
}

void
godwit__table_release (godwit__table_t *table)
{
    if (table->buckets != table->first_buckets)
        free (table->buckets);
    godwit__table_init (table);
}

void
godwit__table_reserve (godwit__table_t *table, size_t count)
{
    size_t bucket_count = table->mask + 1;
    while (bucket_count < count && bucket_count <= SIZE_MAX / 2)
        bucket_count *= 2;
    if (bucket_count == table->mask + 1)
        return;
    godwit__table_node_t **const buckets = calloc (bucket_count, sizeof (godwit__table_node_t *));
    if (!buckets)
        return;
    if (table->buckets != table->first_buckets)
        free (table->buckets);
    table->buckets = buckets;
    table->mask = bucket_count - 1;
    for (godwit__table_node_t *node = GODWIT__FIRST (&table->order, godwit__table_node_t, order); node;
         node = GODWIT__NEXT (&table->order, node, godwit__table_node_t, order)) {
        godwit__table_node_t **const bucket = &buckets[node->hash & table->mask];
        node->chain = *bucket;
        *bucket = node;
    }
}
