/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/port_rights.h"

#include "src/base/hash.h"
#include "src/runtime/warnings.h"
#include "src/server/port_send.h"
#include "src/server/server_table.h"
#include "src/wire/wire.h"

#include <stdio.h>
#include <string.h>

enum { KEY_FORBIDDEN = 0x666f };

bool
godwit__port_is_from (const godwit__port_t *port, const uint8_t instance[GODWIT__UUID_SIZE])
{
    const godwit__party_t *const party = godwit__channel_sender (port->channel);
    return party && memcmp (party->instance, instance, sizeof party->instance) == 0;
}

uint32_t
godwit__port_meet (godwit__port_t *port, godwit__session_t *session)
{
    godwit__party_t *const party = godwit__channel_sender (port->channel);
    port->caller = NULL;
    if (!party)
        return GODWIT__NACK_FORBIDDEN;
    if (!godwit__caller_become (&session->caller, party))
        return GODWIT__NACK_OVERLOADED;
    port->caller = session->caller;
    return 0;
}

/* ---- what is refused ---- */

static const char *
name_of (const godwit__session_t *session)
{
    return godwit__caller_name (session ? session->caller : NULL);
}

/* Why nothing was taken of what came for this server. It may end meanwhile, so its names are copied. */
static void
describe (const godwit__port_t *port, const char *name, bool is_void, uint32_t server_id,
          char text[GODWIT__DEED_TEXT])
{
    godwit__pool_t *const pool = port->pool;
    if (is_void) {
        godwit__caller_void_text (text, name);
        return;
    }
    snprintf (text, GODWIT__DEED_TEXT, "\"%s\" may not publish here", name);
    godwit__pool_lock (pool);
    const godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    if (server)
        godwit__deed_refusal (text, name,
                              &(godwit__deed_t){.verb = GODWIT__VERB_PUBLISH,
                                                .exchange = godwit__server_exchange (server),
                                                .topic = server->target.topic});
    godwit__pool_unlock (pool);
}

static void
warn (const godwit__port_t *port, const char *name, const char *what, const char *text)
{
    godwit__warn (port->pool->transport, godwit__hash_text (KEY_FORBIDDEN, name), "%s was refused: %s", what,
                  text);
}

void
godwit__port_forbid (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
                     const godwit__session_t *session)
{
    char text[GODWIT__DEED_TEXT];
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    const char *const name = name_of (session);
    describe (port, name, !port->caller, header->target, text);
    warn (port, name, header->type == GODWIT__NOTIFY ? "a notification" : "a request", text);
    const size_t size = godwit__refusal_write (data, header->id, GODWIT__NACK_FORBIDDEN, text);
    godwit__port_send (port, routing_id, data, size, false);
}

/* ---- publications ---- */

/* *is_there: the server is. */
static bool
may_publish_some (godwit__port_t *port, const godwit__party_t *party, uint32_t server_id, bool *is_there)
{
    godwit__pool_t *const pool = port->pool;
    godwit__pool_lock (pool);
    const godwit_server_t *const server = godwit__server_table_find (&pool->servers, server_id);
    const bool may = server && godwit__party_may (party, &(godwit__deed_t){
                                                             .verb = GODWIT__VERB_PUBLISH,
                                                             .exchange = godwit__server_exchange (server),
                                                             .topic = server->target.topic,
                                                             .any_method = true,
                                                         });
    *is_there = server != NULL;
    godwit__pool_unlock (pool);
    return may;
}

static void
drop_publication (const godwit__port_t *port, const godwit__party_t *party, uint32_t server_id)
{
    char text[GODWIT__DEED_TEXT];
    const char *const name = party ? party->certificate.name : "";
    GODWIT__COUNT (port->pool->transport, requests_refused);
    describe (port, name, !party, server_id, text);
    warn (port, name, "a fanout", text);
}

/* Only those who may publish get a session, so that others push nobody out; and a no is not remembered: the
 * server may have ended while it was asked about. */
godwit__session_t *
godwit__port_meet_publisher (godwit__port_t *port, const uint8_t key[GODWIT__KEY_SIZE], uint32_t publisher,
                             uint32_t server_id, int64_t now_ns)
{
    godwit__party_t *const party = godwit__channel_sender (port->channel);
    port->caller = NULL;
    if (!party) {
        drop_publication (port, NULL, server_id);
        return NULL;
    }
    const uint64_t id = godwit__session_key_of_publisher (&port->secret, party->instance, key, publisher);
    godwit__session_t *session = godwit__sessions_find (&port->publications, id);
    bool is_there = true;
    if (!(session && session->caller && session->caller->party == party) &&
        !may_publish_some (port, party, server_id, &is_there)) {
        if (is_there)
            drop_publication (port, party, server_id);
        return NULL;
    }
    session = godwit__sessions_add (&port->publications, id, now_ns);
    if (!session || !godwit__caller_become (&session->caller, party))
        return NULL;
    port->caller = session->caller;
    return session;
}
