/* SPDX-License-Identifier: Apache-2.0 */
/* Fanout keys: publications carry them, ports subscribe to them. */
#ifndef GODWIT_SRC_WIRE_FANOUT_H
#define GODWIT_SRC_WIRE_FANOUT_H

#include "src/interface/matchmaker.h"

/* The key of a topic: servers subscribe to it, publishers publish with it. A key is a hash, so that no name
 * crosses the network and all keys have one size. Different virtual hosts and exchanges have different keys
 * (contract 5). Any thread. */
void godwit__fanout_key (uint8_t key[GODWIT__KEY_SIZE], const char *virtual_host, const char *exchange,
                         const char *topic);

/* The key of one server's marker. A server subscribes to it after the topic's key, so a publisher that gets
 * the news of the marker knows that its publications reach this server. Nothing is published with a marker.
 *
 * A publisher that connects later is told of all subscriptions in the order of their bytes (libzmq keeps them
 * in a trie), perhaps in several pieces. So that markers come after keys, the first bit is 0 in all keys and
 * 1 in all markers. */
void godwit__fanout_marker (uint8_t marker[GODWIT__KEY_SIZE], const uint8_t topic_key[GODWIT__KEY_SIZE],
                            const uint8_t instance[GODWIT__UUID_SIZE], uint32_t server_id);

#endif
