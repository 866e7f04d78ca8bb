/* SPDX-License-Identifier: Apache-2.0 */
#include "src/server/request_rights.h"

#include "src/base/hash.h"
#include "src/runtime/warnings.h"
#include "src/server/reply.h"

#include <stdio.h>

enum { KEY_FORBIDDEN = 0x666f, KEY_POLICY = 0x706f };

static godwit__deed_t
deed_of (const godwit_request_t *request)
{
    const godwit_value_t *const method = godwit__request_part (request, 1);
    return (godwit__deed_t){.verb = request->is_fanout ? GODWIT__VERB_PUBLISH : GODWIT__VERB_CALL,
                            .exchange = godwit__server_exchange (request->server),
                            .topic = request->server->target.topic,
                            .method = godwit_value_as_str (method, ""),
                            .method_size = godwit_value_count (method)};
}

static const char *
kind_of (const godwit_request_t *request)
{
    return request->is_notify   ? "a notification"
           : request->is_fanout ? "a fanout"
           : request->is_cast   ? "a cast"
                                : "a call";
}

/* Once a minute for each name: the methods and topics that somebody tries are any number. */
static void
refuse_for_certificate (godwit_request_t *request, const char *text)
{
    const char *const name = godwit__caller_name (request->caller);
    godwit__warn (request->pool->transport, godwit__hash_text (KEY_FORBIDDEN, name), "%s was refused: %s",
                  kind_of (request), text);
    godwit__request_refuse_saying (request, GODWIT__NACK_FORBIDDEN, text);
}

static void
refuse_for_policy (godwit_request_t *request)
{
    const godwit_target_t *const target = &request->server->target;
    const char *const name = godwit__caller_name (request->caller);
    godwit__warn (
        request->pool->transport, godwit__hash_text (godwit__hash_text (KEY_POLICY, target->topic), name),
        "%s%s%s%s of the method %.64s was refused: the policy of the server %.64s of topic %.64s does "
        "not allow it",
        kind_of (request), *name ? " by \"" : "", name, *name ? "\"" : "", godwit_request_method (request),
        target->server, target->topic);
    godwit__request_refuse_saying (request, GODWIT__NACK_FORBIDDEN, "the server's policy does not allow it");
}

bool
godwit__request_sender_stays (godwit_request_t *request)
{
    char reason[GODWIT__ADMIT_TEXT], text[GODWIT__DEED_TEXT];
    if (!request->caller ||
        godwit__realm_judge (request->pool->transport->realm, godwit__caller_newest (request->caller)->party,
                             reason) == GODWIT__NO_ENTRY_NONE)
        return true;
    godwit__caller_void_text (text, godwit__caller_name (request->caller));
    refuse_for_certificate (request, text);
    return false;
}

bool
godwit__request_check_rights (godwit_request_t *request)
{
    const godwit_server_t *const server = request->server;
    const godwit__route_t *const route = request->route;
    if (request->caller) {
        const godwit__deed_t deed = deed_of (request);
        const uint64_t mark = route ? godwit__route_mark (route, request->is_fanout) : 0;
        if (!godwit__caller_may (request->caller, mark, &deed)) {
            char text[GODWIT__DEED_TEXT];
            godwit__deed_refusal (text, godwit__caller_name (request->caller), &deed);
            refuse_for_certificate (request, text);
            return false;
        }
    }
    if (route && server->authorize && !server->authorize (server->authorize_user, request)) {
        refuse_for_policy (request);
        return false;
    }
    return true;
}
