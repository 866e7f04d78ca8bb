/* SPDX-License-Identifier: Apache-2.0 */
/* Which topics the keys of publications belong to, for drivers that get a realm (name_topic): a key is a
 * hash, and says nothing to those who look at rights. The caller sees to it that one thread at a time uses
 * it. */
#ifndef GODWIT_SRC_INTERFACE_TOPICS_H
#define GODWIT_SRC_INTERFACE_TOPICS_H

#include "src/base/table.h"
#include "src/interface/driver.h"

typedef struct godwit__topic {
    uint8_t key[GODWIT__KEY_SIZE];
    godwit__table_node_t by_key;
    const char *name;
    char exchange[]; /* and behind it the name */
} godwit__topic_t;

typedef struct godwit__topics {
    godwit__table_t by_key;
} godwit__topics_t;

void godwit__topics_init (godwit__topics_t *topics);
void godwit__topics_release (godwit__topics_t *topics);

/* Adds a copy of the names. OK, also if the key is there; *added: the new one, or NULL. OUT_OF_MEMORY. */
godwit_status_t godwit__topics_add (godwit__topics_t *topics, const uint8_t key[GODWIT__KEY_SIZE],
                                    const char *exchange, const char *name, const godwit__topic_t **added);
/* NULL: nobody has named this key. */
const godwit__topic_t *godwit__topics_find (const godwit__topics_t *topics,
                                            const uint8_t key[GODWIT__KEY_SIZE]);

/* Whether a party, which is a subscriber, may have what is published to a topic. NULL topic: it may not. */
static inline bool
godwit__topic_is_for (const godwit__topic_t *topic, const godwit__party_t *party)
{
    return topic && godwit__party_may_topic (party, GODWIT__VERB_SERVE, topic->exchange, topic->name);
}

#endif
