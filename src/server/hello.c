/* SPDX-License-Identifier: Apache-2.0 */
/* HELLO from clients, and links that send malformed frames. */
#include "src/server/hello.h"

#include "src/runtime/warnings.h"
#include "src/server/drain.h"
#include "src/server/pool.h"
#include "src/server/port_rights.h"
#include "src/server/port_send.h"
#include "src/wire/wire.h"

#include <string.h>

/* Clients say something every few seconds on connections that are idle. */
#define SILENT_NS (60000 * GODWIT__NS_PER_MS)
enum { KEY_CLIENTS = 0x636c, KEY_FORGED = 0x6667 };
/* Malformed frames that a routing id may send before nothing of it is read any more. */
#define MALFORMED_MAX 3

void
godwit__port_count_malformed (godwit__port_t *port, godwit__routing_id_t routing_id)
{
    godwit__session_t *const session =
        godwit__sessions_add (&port->sessions, routing_id, godwit__clock_now (&port->pool->clock));
    if (!session || ++session->malformed_count < MALFORMED_MAX)
        return;
    session->known = false;
    session->banned = true;
    godwit__guest_leave (session, "it sent malformed frames");
}

void
godwit__port_malformed (godwit__port_t *port, godwit__routing_id_t routing_id)
{
    GODWIT__COUNT (port->pool->transport, frames_malformed);
    if (routing_id != GODWIT__ROUTING_ID_FANOUT)
        godwit__port_count_malformed (port, routing_id);
}

static bool
is_zero (const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Clients that are forgotten lose nothing, but each has to say HELLO again, and repeats a call for that. */
static void
warn_if_forgotten (godwit__port_t *port)
{
    if (!port->sessions.has_forgotten && !port->connections.has_forgotten)
        return;
    port->sessions.has_forgotten = port->connections.has_forgotten = false;
    godwit__warn (
        port->pool->transport, KEY_CLIENTS,
        "more than %zu connections have said HELLO within a minute: those that were silent the longest "
        "are forgotten, and have to say it again",
        port->connections.limit);
}

static const char *
name_of_sender (const godwit__port_t *port)
{
    const godwit__party_t *const party = port->has_realm ? godwit__channel_sender (port->channel) : NULL;
    return party ? party->certificate.name : "";
}

/* With a realm the instance is that of the certified keys: nobody says HELLO as somebody else. */
static bool
is_forged (const godwit__port_t *port, const godwit__identity_t *peer)
{
    if (!port->has_realm || godwit__port_is_from (port, peer->instance))
        return false;
    const godwit__party_t *const party = godwit__channel_sender (port->channel);
    godwit__warn (
        port->pool->transport, KEY_FORGED,
        "a client was refused: its certificate \"%s\" is void, or it says that it is another process",
        party ? party->certificate.name : "");
    return true;
}

void
godwit__port_hello (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
                    godwit__frame_t *frame)
{
    const godwit_transport_t *const transport = port->pool->transport;
    const int64_t now_ns = godwit__clock_now (&port->pool->clock);
    godwit__identity_t peer;
    memset (&peer, 0, sizeof peer);
    godwit__sessions_expire (&port->sessions, now_ns - SILENT_NS);
    godwit__sessions_expire (&port->connections, now_ns - SILENT_NS);
    if (godwit__identity_read (&peer, frame, NULL)) {
        godwit__port_malformed (port, routing_id);
        return;
    }
    if ((!is_zero (peer.expect, sizeof peer.expect) &&
         memcmp (peer.expect, transport->instance, sizeof peer.expect) != 0) ||
        strcmp (peer.virtual_host, transport->virtual_host) != 0 || is_forged (port, &peer)) {
        godwit__port_send_header (port, routing_id, GODWIT__NACK, 0, header->id, GODWIT__NACK_IDENTITY);
        return;
    }
    godwit__session_t *const session = godwit__sessions_add (&port->sessions, routing_id, now_ns);
    if (!session)
        return; /* no memory: the client will try again */
    if (header->aux &&
        !godwit__sessions_join (
            &port->connections,
            godwit__session_key_of_connection (&port->secret, peer.instance, peer.incarnation, header->aux),
            session, header->id, now_ns))
        return;
    warn_if_forgotten (port);
    if (!header->aux)
        godwit__replay_window_skip (&session->window, header->id);
    if (!session->known)
        session->box_peer = godwit__box_add_peer (port->pool->box, peer.instance, NULL, now_ns);
    session->known = true;
    godwit__guest_enter (&port->pool->guests, session, peer.instance, name_of_sender (port),
                         port->driver->ops->name);
    session->answers = peer.features & GODWIT__FEATURE_ANSWERS_GOODBYE;
    godwit__drain_greet (port, routing_id);
    godwit__identity_t self = {.incarnation = transport->incarnation, .features = GODWIT__FEATURES};
    if (transport->introspector)
        self.features |= GODWIT__FEATURE_INTROSPECTION;
    memcpy (self.instance, transport->instance, sizeof self.instance);
    uint8_t data[GODWIT__IDENTITY_FRAME_MAX];
    const size_t size = godwit__identity_write (data, GODWIT__WELCOME, &self);
    godwit__port_send (port, routing_id, data, size, false);
}
