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

/* Why nothing was taken of what came for this server. It may end meanwhile, so its names are copied. */
static void
describe (const godwit__port_t *port, const godwit__session_t *session, uint32_t server_id,
          char text[GODWIT__DEED_TEXT])
{
    godwit__pool_t *const pool = port->pool;
    const char *const name = godwit__caller_name (session ? session->caller : NULL);
    if (!port->caller) {
        snprintf (text, GODWIT__DEED_TEXT, "the certificate%s%s%s is void: it was revoked, or has ended",
                  *name ? " \"" : "", name, *name ? "\"" : "");
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
warn (const godwit__port_t *port, const godwit__session_t *session, const char *what, const char *text)
{
    const char *const name = godwit__caller_name (session ? session->caller : NULL);
    godwit__warn (port->pool->transport, godwit__hash_text (KEY_FORBIDDEN, name), "%s was refused: %s", what,
                  text);
}

void
godwit__port_forbid (godwit__port_t *port, godwit__routing_id_t routing_id, const godwit__header_t *header,
                     const godwit__session_t *session)
{
    char text[GODWIT__DEED_TEXT];
    uint8_t data[GODWIT__REFUSAL_FRAME_MAX];
    describe (port, session, header->target, text);
    warn (port, session, header->type == GODWIT__NOTIFY ? "a notification" : "a request", text);
    const size_t size = godwit__refusal_write (data, header->id, GODWIT__NACK_FORBIDDEN, text);
    godwit__port_send (port, routing_id, data, size, false);
}

/* ---- publications ---- */

uint64_t
godwit__port_publisher (const godwit__port_t *port)
{
    const godwit__party_t *const party = godwit__channel_sender (port->channel);
    return party ? godwit__get_u64 (party->instance) : 0;
}

static bool
may_publish_some (godwit__port_t *port, const godwit__party_t *party, uint32_t server_id)
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
    godwit__pool_unlock (pool);
    return may;
}

static void
drop_publication (const godwit__port_t *port, const godwit__session_t *session, uint32_t server_id)
{
    char text[GODWIT__DEED_TEXT];
    GODWIT__COUNT (port->pool->transport, requests_refused);
    describe (port, session, server_id, text);
    warn (port, session, "a fanout", text);
}

bool
godwit__port_meet_publisher (godwit__port_t *port, godwit__session_t *session, uint32_t server_id)
{
    godwit__party_t *const party = godwit__channel_sender (port->channel);
    const bool is_same = session->caller && session->caller->party == party;
    port->caller = NULL;
    if (party && !godwit__caller_become (&session->caller, party))
        return false;
    if (party && !is_same)
        session->may_publish = may_publish_some (port, party, server_id);
    port->caller = party ? session->caller : NULL;
    if (party && session->may_publish)
        return true;
    drop_publication (port, session, server_id);
    return false;
}
