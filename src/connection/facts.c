/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/facts.h"

godwit__facts_t
godwit__connection_facts (godwit__connection_t *connection, const godwit__pending_t *pending)
{
    const int64_t now_ns = godwit__transport_now (connection->transport);
    godwit__facts_t facts = {NULL, -1, -1};
    pthread_mutex_lock (&connection->lock);
    const int64_t heard_ns = connection->heard ? connection->look_ns : connection->heard_ns;
    if (atomic_load (&connection->state) == GODWIT__CONNECTION_DOWN)
        facts.ended = connection->ended;
    pthread_mutex_unlock (&connection->lock);
    if (heard_ns)
        facts.heard_ago_ns = now_ns - heard_ns;
    if (pending->sign_ns)
        facts.sign_ago_ns = now_ns - pending->sign_ns;
    return facts;
}
