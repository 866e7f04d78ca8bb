/* SPDX-License-Identifier: Apache-2.0 */
#include "src/interface/topics.h"

#include "src/base/hash.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
hash_key (const godwit__topics_t *topics, const uint8_t *key)
{
    return godwit__hash ((uintptr_t) topics, key, GODWIT__KEY_SIZE);
}

const godwit__topic_t *
godwit__topics_find (const godwit__topics_t *topics, const uint8_t key[GODWIT__KEY_SIZE])
{
    const godwit__topic_t *at =
        GODWIT__TABLE_FIND (&topics->by_key, hash_key (topics, key), godwit__topic_t, by_key);
    while (at && memcmp (at->key, key, GODWIT__KEY_SIZE) != 0)
        at = GODWIT__TABLE_FIND_NEXT (at, godwit__topic_t, by_key);
    return at;
}

godwit_status_t
godwit__topics_add (godwit__topics_t *topics, const uint8_t key[GODWIT__KEY_SIZE], const char *exchange,
                    const char *name, const godwit__topic_t **added)
{
    *added = NULL;
    if (godwit__topics_find (topics, key))
        return GODWIT_OK;
    const size_t exchange_size = strlen (exchange) + 1;
    const size_t name_size = strlen (name) + 1;
    godwit__topic_t *topic = calloc (1, sizeof *topic + exchange_size + name_size);
    if (!topic)
        return GODWIT_ERR_OUT_OF_MEMORY;
    memcpy (topic->key, key, GODWIT__KEY_SIZE);
    memcpy (topic->exchange, exchange, exchange_size);
    topic->name = memcpy (topic->exchange + exchange_size, name, name_size);
    godwit__table_insert (&topics->by_key, &topic->by_key, hash_key (topics, key));
    *added = topic;
    return GODWIT_OK;
}

void
godwit__topics_init (godwit__topics_t *topics)
{
    godwit__table_init (&topics->by_key);
}

void
godwit__topics_release (godwit__topics_t *topics)
{
    for (godwit__topic_t *at; (at = GODWIT__TABLE_FIRST (&topics->by_key, godwit__topic_t, by_key));) {
        godwit__table_remove (&topics->by_key, &at->by_key);
        free (at);
    }
    godwit__table_release (&topics->by_key);
}
