/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that publications carry and that ports subscribe to. */
#ifndef GODWIT_SRC_WIRE_FANOUT_H
#define GODWIT_SRC_WIRE_FANOUT_H

#include "src/interface/matchmaker.h"

/* The key of a topic: servers subscribe to it, publishers publish with it. A hash, so that no name crosses
 * the network and all keys have one size; different virtual hosts and exchanges never meet (contract 5). Any
 * thread. */
void godwit__fanout_key (uint8_t key[GODWIT__KEY_SIZE], const char *virtual_host, const char *exchange,
                         const char *topic);

/* The key of one server's marker. A server subscribes to it after the topic's key, so a publisher that sees
 * the marker's news knows that this server will get what it publishes. Nothing is published with it.
 *
 * A publisher that connects later is told of all subscriptions in the order of their bytes (libzmq keeps them
 * in a trie), perhaps in several pieces: so the first bit is 0 in all keys and 1 in all markers. */
void godwit__fanout_marker (uint8_t marker[GODWIT__KEY_SIZE], const uint8_t topic_key[GODWIT__KEY_SIZE],
                            const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id);

#endif
