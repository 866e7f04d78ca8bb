/* SPDX-License-Identifier: Apache-2.0 */
#include "src/connection/renumber.h"

#include "src/base/hash.h"
#include "src/connection/send.h"
#include "src/runtime/warnings.h"

#define PAUSE_NS (100 * GODWIT__NS_PER_MS)

enum { KEY_DUPLICATE = 0x6475 };

uint32_t
godwit__connection_new_number (godwit_transport_t *transport)
{
    return 1 + (uint32_t) godwit__transport_random (transport, UINT32_MAX);
}

void
godwit__connection_renumber (godwit__connection_t *connection, uint64_t id)
{
    godwit_transport_t *const transport = connection->transport;
    const int64_t now_ns = godwit__transport_now (transport);
    const uint32_t number = godwit__connection_new_number (transport);
    pthread_mutex_lock (&connection->lock);
    const bool is_due = id > connection->renumbered_id &&
                        (!connection->renumbered_ns || now_ns - connection->renumbered_ns >= PAUSE_NS);
    if (is_due) {
        connection->number = number;
        connection->renumbered_id = connection->sent_id;
        connection->renumbered_ns = now_ns | 1;
    }
    pthread_mutex_unlock (&connection->lock);
    if (is_due)
        godwit__connection_say_hello (connection);
    GODWIT__COUNT (transport, calls_duplicate); /* who sees it can send under the new number */
    godwit__warn (
        transport, godwit__hash_text (KEY_DUPLICATE, connection->address),
        "The server at %s refused a request as DUPLICATE that was sent once: another process states the "
        "identity of this one. The connection goes on under another number (stats: calls_duplicate)",
        connection->address);
}
