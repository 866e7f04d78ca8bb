/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/strangers.h"

#include "src/base/hash.h"
#include "src/realm/realm.h"
#include "src/runtime/warnings.h"

#define MINUTE_NS (60000 * GODWIT__NS_PER_MS)
#define FEW 2

enum { KEY_STRANGER = 0x7374, KEY_FRAMES, KEY_ENDED };

void
godwit__stranger_came (godwit_transport_t *transport, const char *at, const char *peer, const char *reason)
{
    const char *const colon = reason ? ": " : "";
    const int64_t now_ns = godwit__transport_now (transport);
    if (now_ns - transport->strangers.since_ns >= MINUTE_NS) {
        transport->strangers.since_ns = now_ns;
        transport->strangers.count = 0;
    }
    if (++transport->strangers.count > FEW)
        godwit__warn (transport, godwit__hash_text (KEY_STRANGER, at),
                      "%s connected to the rendezvous at %s, and does not speak the protocol of Godwit: "
                      "another realm, or another program, uses this port%s%s",
                      peer, at, colon, reason ? reason : "");
    else if (godwit__logs (transport, GODWIT_LOG_INFO))
        godwit__log (transport, GODWIT_LOG_INFO,
                     "A connection of %s to the rendezvous at %s ended before its handshake was over%s%s",
                     peer, at, colon, reason ? reason : "");
}

/* One line a minute for each address, whatever the reasons: these are the peer's choice. But who was a member
 * is named, however many strangers came before it: there are no more such lines than certificates. */
static uint64_t
key_of_end (const char *at, const char *reason)
{
    const uint64_t key = godwit__hash_text (KEY_ENDED, at);
    return godwit__no_entry_names_member (reason) ? godwit__hash_text (key, reason) : key;
}

void
godwit__stranger_ended (godwit_transport_t *transport, const char *at, const char *peer, const char *reason)
{
    const uint64_t key = key_of_end (at, reason);
    if (peer)
        godwit__warn (transport, key, "A connection of %s to %s was ended: %s", peer, at, reason);
    else
        godwit__warn (transport, key, "The connection to %s was ended: %s", at, reason);
}

void
godwit__strange_frames_look (godwit_transport_t *transport)
{
    uint64_t count = atomic_load_explicit (&transport->counters.frames_malformed, memory_order_relaxed);
    for (size_t i = 0; i < transport->driver_count; i++)
        count += atomic_load_explicit (
            &transport->drivers[i]->ops->counters (transport->drivers[i])->malformed, memory_order_relaxed);
    const uint64_t more = count - transport->strangers.frames;
    transport->strangers.frames = count;
    if (more)
        godwit__warn (
            transport, KEY_FRAMES,
            "%lu frames came that no peer of Godwit sends: another program has connected to a port of this "
            "process, or a peer is broken (frames_malformed is %lu)",
            (unsigned long) more, (unsigned long) count);
}
